"""Carrying states on JAX: where it refuses, and what is easily got wrong.

The cases run in one process on JAX, which prints what came of each; each test looks at
one of them.
"""

import functools

import numpy as np
import pytest
from states_kit import (
    BATCH,
    case_in,
    data,
    made,
    refused,
    run_cases,
    told,
)

from kerasplug.models.state_carrying import carried_states, carry_states, is_uncarried
from kerasplug.models.state_checking import check_stateful
from kerasplug.models.state_resetting import ResetStates
from kerasplug.models.states import get_states, reset_states, set_states

pytestmark = pytest.mark.engine

X, Y = data((3, 2))
ASK = {"batch_size": BATCH, "verbose": 0}
FIT = {**ASK, "shuffle": False}
CASES = {}
of = functools.partial(told, __file__)
case = case_in(CASES)


@case
def not_built(keras, folder):
    layer = keras.layers.LSTM(3, stateful=True, name="late")
    model = keras.Sequential([layer, keras.layers.Dense(1)])
    model.compile("sgd", "mse")
    seen = {"says": refused(carry_states, model)}
    seen["says in fit"] = refused(ResetStates().set_model, model)
    try:
        model.fit(X, Y, **FIT)
    except ValueError as error:
        seen["keras"] = str(error)
    model(X[:BATCH])
    carry_states(model)
    seen["then"] = is_uncarried(model)
    return seen


def test_a_model_has_to_be_built_first():
    """Keras can't build it in `fit` on JAX, so the error says what to begin with."""
    found = of("not_built")

    for name in ("says", "says in fit"):
        assert "not built: late" in found[name]
        assert "batch_shape" in found[name]
    assert "stateless scope" in found["keras"]
    assert found["then"] is False


@case
def impossible(keras, folder):
    class Closed(keras.layers.LSTM):
        @property
        def variables(self):
            return self.weights

    class Silent(keras.layers.Layer):
        stateful = True

        def call(self, inputs):
            return inputs

        def reset_states(self):
            self.count = 0

    inputs = keras.Input(batch_shape=(BATCH, 3, 2))
    closed = keras.Model(inputs, Closed(3, stateful=True, name="closed")(inputs))
    rnn = keras.layers.GRU(3, stateful=True)
    silent = keras.Model(inputs, rnn(Silent(name="silent")(inputs)))
    seen = {"closed": refused(carry_states, closed)}
    seen["closed is as before"] = not carried_states(closed)
    seen["silent"] = refused(carry_states, silent)
    seen["silent is as before"] = not carried_states(silent)
    enabled, keras.config.is_nnx_enabled = keras.config.is_nnx_enabled, lambda: True
    model = made(keras, carried=False)
    seen["nnx"] = refused(carry_states, model)
    keras.config.is_nnx_enabled = enabled
    backend, keras.backend.backend = keras.backend.backend, lambda: "openvino"
    seen["backend"] = refused(carry_states, model)
    keras.backend.backend = backend
    return seen


def test_where_states_cannot_be_carried_it_is_an_error():
    """Better an error than wrong numbers, and then the model is as it was."""
    found = of("impossible")

    assert "can't make this Keras carry states" in found["closed"]
    assert "silent" in found["silent"]
    assert "attribute `states`" in found["silent"]
    assert "NNX" in found["nnx"]
    assert "on 'openvino'" in found["backend"]
    assert found["closed is as before"]
    assert found["silent is as before"]


@case
def within(keras, folder):
    """Resets from a callback of the user's, in the middle of an epoch."""
    ends, said = [], []

    class Mine(keras.callbacks.Callback):
        def on_train_batch_begin(self, batch, logs=None):
            if batch:  # `self.model` would bring the values home
                said.append(refused(reset_states, layer))
                said.append(refused(get_states, layer))
                said.append(refused(set_states, layer, {}))
            reset_states(model)

    for callback in (Mine(), ResetStates("batch")):
        model = made(keras, carried=False)
        layer = model.layers[0]
        history = model.fit(X, Y, epochs=2, callbacks=[callback], **FIT)
        ends.append([history.history["loss"], *model.get_weights()])
    difference = max(
        float(np.abs(np.asarray(a) - np.asarray(b)).max())
        for a, b in zip(*ends, strict=True)
    )
    return {"difference": difference, "said": said}


def test_resets_in_the_middle_of_an_epoch_count():
    """A callback of one's own resets the model as ResetStates does, to the bit."""
    assert of("within")["difference"] == 0


def test_a_part_of_a_model_in_training_is_out_of_reach():
    """In an epoch only the model itself can be read and reset: an error says so."""
    said = of("within")["said"]

    assert said
    assert all("give the whole model that trains" in one for one in said)


@case
def failed(keras, folder):
    model = made(keras)
    seen = {"before": refused(check_stateful, model, len(X), 3)}
    try:
        model.predict(X, batch_size=3, verbose=0)
    except ValueError as error:
        seen["keras"] = str(error)
    try:
        model.get_weights()
    except TypeError as error:
        seen["weights"] = str(error)
    seen["after"] = refused(reset_states, model)
    return seen


def test_a_failed_prediction_loses_the_weights_in_plain_keras():
    """Keras takes the weights away and does not bring them back; we say so, before."""
    found = of("failed")

    assert "batch_size=2" in found["before"]
    assert "Expected batch size: 2" in found["keras"]
    assert "NoneType" in found["weights"]
    assert "load it again" in found["after"]


@case
def wrapped(keras, folder):
    """A layer of one's own that lists its part's states as its own."""

    class Holder(keras.layers.Layer):
        stateful = True

        def __init__(self):
            super().__init__(name="holder")
            self.rnn = keras.layers.GRU(3, stateful=True, name="rnn")

        def build(self, shape):
            self.rnn.build(shape)

        def call(self, inputs):
            return self.rnn(inputs)

        def reset_states(self):
            self.rnn.reset_states()

        @property
        def states(self):
            return self.rnn.states

    inputs = keras.Input(batch_shape=(BATCH, 3, 2))
    model = keras.Model(inputs, Holder()(inputs))
    carry_states(model)
    first, second = model.predict(X, **ASK), model.predict(X, **ASK)
    return {
        "paths": [*get_states(model)],
        "carried": len(carried_states(model)),
        "differs": float(np.abs(first - second).max()),
    }


def test_states_that_two_layers_list_are_carried_once():
    """A wrapper of one's own may list the states of what it wraps."""
    found = of("wrapped")

    assert found["paths"] == ["holder/rnn"]
    assert found["carried"] == 1
    assert found["differs"] > 1e-3


@case
def one_buffer(keras, folder):
    """States that are one and the same array: of the cell, or of whoever sets them."""
    model = made(keras, "one zero")
    first = model.predict(X, **ASK)
    reset_states(model)
    second = model.predict(X, **ASK)
    same = np.zeros((BATCH, 2), "float32")
    set_states(model, {path: [same, same] for path in get_states(model)})
    third = model.predict(X, **ASK)
    return [float(np.abs(first - one).max()) for one in (second, third)]


def test_two_states_may_be_one_array():
    """JAX gives buffers away, and refuses to give one away twice: each has its own."""
    assert of("one_buffer") == [0, 0]


if __name__ == "__main__":
    run_cases(CASES)
