"""Trainings that fail or are interrupted, and the models that they leave."""

import json
import os
import subprocess
import sys

import numpy as np
import pytest
from training_kit import X, Y, fit, layers, press

import kerasplug.training as kt

pytestmark = [
    pytest.mark.engine,
    pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning"),
]


class BangError(Exception):
    """An error of the test's own."""


def test_a_failed_training_leaves_the_model_as_it_was(keras):
    """Weights and optimizer, to the bit; the error is the same one, with a note."""
    model = layers(keras)
    fit(model, 1)
    before = [np.array(one) for one in model.get_weights()]
    slots = [keras.ops.convert_to_numpy(one) for one in model.optimizer.variables]

    def fail(epoch, logs):
        if epoch == 2:
            raise BangError

    failing = kt.callback_lambda(on_epoch_begin=fail)
    with pytest.raises(BangError) as caught:
        kt.safe_fit(model, X, Y, epochs=4, verbose=0, callbacks=[failing])

    assert "2 epochs ago" in caught.value.__notes__[0]
    for one, other in zip(before, model.get_weights(), strict=True):
        np.testing.assert_array_equal(one, other)
    for one, other in zip(slots, model.optimizer.variables, strict=True):
        np.testing.assert_array_equal(one, keras.ops.convert_to_numpy(other))
    assert np.isfinite(fit(model, 1).history["loss"]).all()


def test_after_ctrl_c_the_history_so_far_comes_back(keras):
    """And the weights are those that were learned."""
    model = layers(keras)
    before = model.get_weights()
    history = kt.safe_fit(
        model, X, Y, batch_size=8, epochs=9, verbose=0, callbacks=[press(at=2)]
    )

    assert history.epoch == [0, 1]
    assert len(history.history["loss"]) == 2
    assert not np.array_equal(before[0], model.get_weights()[0])


def test_ctrl_c_before_the_first_epoch_is_an_empty_history(keras):
    """Not the history of the training before."""
    model = layers(keras)
    fit(model, 3)

    def begin(logs):
        raise KeyboardInterrupt

    listed = [kt.callback_lambda(on_train_begin=begin)]
    history = kt.safe_fit(model, X, Y, verbose=0, callbacks=listed)

    assert history.epoch == []
    assert history.history == {}


def test_a_good_training_is_that_of_fit(keras):
    """The same numbers to the bit."""
    losses = []
    for train in (
        kt.safe_fit,
        lambda model, *args, **options: model.fit(*args, **options),
    ):
        model = layers(keras)
        options = {"epochs": 2, "shuffle": False, "verbose": 0}
        losses.append(train(model, X, Y, **options).history["loss"])

    assert losses[0] == losses[1]


_JAX = """
import json, signal, sys, numpy as np
import kerasplug, kerasplug.training as kt
sys.path.insert(0, "tests")
from training_kit import X, Y, fit, layers

keras = kerasplug.implementation("keras")
assert keras.backend.backend() == "jax"

def broken(train):
    "A first step that fails: the optimizer was built for other weights."
    model = keras.Sequential([keras.Input((3,)), keras.layers.Dense(1)])
    model.compile("adam", "mse")
    model.fit(X, Y, verbose=0)
    before = model.get_weights()
    model.layers[0].trainable = False
    model.layers[0].kernel.trainable = True
    failed = None
    try:
        train(model)
    except Exception as error:
        failed = type(error).__name__
    model.layers[0].trainable = True
    try:
        pairs = zip(before, model.get_weights())
        same = all(np.array_equal(*pair) for pair in pairs)
        model.predict(X, verbose=0)
        model.fit(X, Y, verbose=0)
    except Exception:
        return {"failed": failed, "usable": False}
    return {"failed": failed, "usable": True, "same": same}

told = {
    "plain": broken(lambda model: model.fit(X, Y, verbose=0)),
    "safe": broken(lambda model: kt.safe_fit(model, X, Y, verbose=0)),
}

early = kt.callback_early_stopping("loss", patience=0)
model = layers(keras)
model.optimizer.learning_rate = 0.0
told["stopped"] = fit(model, 5, [early]).epoch

def press(batch, logs):
    if batch == 0:
        signal.raise_signal(signal.SIGINT)

graceful = kt.GracefulInterrupt()
pressing = kt.callback_lambda(on_train_batch_begin=press)
history = fit(layers(keras), 5, [graceful, pressing])
told["graceful"] = [graceful.interrupted, history.epoch]

def interrupt(batch, logs):
    if batch == 1:
        raise KeyboardInterrupt

model = layers(keras)
listed = [kt.callback_lambda(on_train_batch_begin=interrupt)]
history = kt.safe_fit(model, X, Y, batch_size=8, verbose=0, callbacks=listed)
finite = np.isfinite(model.predict(X, verbose=0)).all()
told["interrupted"] = [history.epoch, bool(finite)]

steps = kt.StepCosts()
wrapped, costs = kt.callback_costs([steps, early])
fit(layers(keras), 2, wrapped)
calls = {(one.callback, one.hook): one.calls for one in costs}
told["steps"] = [steps.report.steps, calls["EarlyStopping", "on_epoch_end"]]
print(json.dumps(told))
"""


def test_the_same_on_jax():
    """A first step that fails leaves plain Keras without weights, not `safe_fit`."""
    environment = {**os.environ, "KERAS_BACKEND": "jax"}
    environment["KERASPLUG_IMPLEMENTATION"] = "keras"
    done = subprocess.run(
        [sys.executable, "-c", _JAX],
        env=environment,
        cwd=os.path.dirname(os.path.dirname(os.path.abspath(__file__))),
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    told = json.loads(done.stdout.splitlines()[-1])

    assert told["plain"]["failed"]
    assert not told["plain"]["usable"], "Keras has mended it: say so in the docs"
    assert told["safe"]["failed"] == told["plain"]["failed"]
    assert told["safe"]["same"]
    assert told["safe"]["usable"]
    assert told["stopped"] == [0, 1]
    assert told["graceful"] == [True, [0]]
    assert told["interrupted"] == [[], True]
    assert told["steps"] == [4, 2]
