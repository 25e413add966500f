"""The callback that resets states, and the check of what a stateful model takes."""

import copy
import pickle

import numpy as np
import pytest
from fakes import python
from states_kit import BATCH, MODELS, SAMPLES, data, give, states_of, weigh

from kerasplug.errors import ModelError, RecordError
from kerasplug.models.state_checking import check_stateful
from kerasplug.models.state_resetting import ResetStates

pytestmark = pytest.mark.engine

X, Y = data((3, 2))
FIT = {"batch_size": BATCH, "shuffle": False, "verbose": 0}


@pytest.fixture
def model(keras):
    """A stateful model, compiled."""
    model = weigh(MODELS["lstm"][0](keras))
    model.compile("sgd", "mse")
    return model


def test_it_is_a_callback_of_the_keras_in_use(keras):
    """What is made is both: Keras' own callback, and a ResetStates."""
    callback = ResetStates()

    assert isinstance(callback, keras.callbacks.Callback)
    assert isinstance(callback, ResetStates)
    assert type(callback) is type(ResetStates(every=2))
    assert type(callback).__name__ == "ResetStates"


def test_it_is_a_callback_of_keras_2_where_that_is_in_use():
    """With tf_keras for an implementation it is one of tf_keras' callbacks."""
    code = """
        import tf_keras
        from kerasplug.models.state_resetting import ResetStates
        print(isinstance(ResetStates(), tf_keras.callbacks.Callback))
    """
    done = python(code, env={"KERASPLUG_IMPLEMENTATION": "tf_keras"})

    assert done.stdout.strip() == "True"


def test_it_can_be_copied_and_pickled(keras):
    """Copies, also from another process, reset as often as the first."""
    callback = ResetStates(every=3)

    for again in (copy.deepcopy(callback), pickle.loads(pickle.dumps(callback))):
        assert again.every == 3
        assert isinstance(again, keras.callbacks.Callback)


def test_it_can_be_a_base(keras, model):
    """A subclass of one's own is a callback, too."""

    class Counting(ResetStates):
        begun = 0

        def on_epoch_begin(self, epoch, logs=None):
            super().on_epoch_begin(epoch, logs)
            self.begun += 1

    callback = Counting("epoch")
    model.fit(X, Y, epochs=3, callbacks=[callback], **FIT)
    assert isinstance(callback, keras.callbacks.Callback)
    assert callback.begun == 3


@pytest.mark.parametrize("every", [0, -1, True, 2.0, "epochs", None])
def test_only_sensible_intervals_are_taken(every):
    """What is neither "epoch" nor "batch" nor a number of batches is refused."""
    with pytest.raises(RecordError, match="every"):
        ResetStates(every=every)


def first_losses(keras, model, **options):
    """The loss of each epoch of a training that changes no weights."""
    model.compile(keras.optimizers.SGD(0.0), "mse")
    return model.fit(X, Y, epochs=3, **FIT, **options).history["loss"]


def test_each_epoch_begins_anew(keras, model):
    """Without a change of weights each epoch has the same loss; plain Keras' differ."""
    plain = first_losses(keras, model)
    reset = first_losses(keras, model, callbacks=[ResetStates()])

    assert np.ptp(plain) > 1e-3
    assert np.ptp(reset) < 1e-6


def test_validation_within_fit_disturbs_training_in_plain_keras(keras, model):
    """In Keras training goes on with the validation's states; not with the callback."""
    new = data((3, 2), seed=5)
    states = {}
    for name, callbacks in (("plain", []), ("ours", [ResetStates()])):
        for validation in (None, new):
            give(keras, model, 0.0)
            model.compile(keras.optimizers.SGD(0.0), "mse")
            given = {"validation_data": validation, "callbacks": callbacks}
            model.fit(X, Y, epochs=1, **FIT, **given)
            states[name, validation is None] = states_of(keras, model)[0]

    assert np.abs(states["plain", True] - states["plain", False]).max() > 1e-2
    np.testing.assert_array_equal(states["ours", True], states["ours", False])


def test_evaluating_and_predicting_depend_on_nothing_before(keras, model):
    """With the callback they begin anew each time and leave the states as they were."""
    give(keras, model, 0.5)
    given = {"batch_size": BATCH, "verbose": 0, "callbacks": [ResetStates()]}
    losses = [model.evaluate(X, Y, **given) for _ in range(2)]
    first, second = (model.predict(X, **given) for _ in range(2))

    assert losses[0] == losses[1]
    np.testing.assert_array_equal(first, second)
    assert all((one == 0.5).all() for one in states_of(keras, model))
    del given["callbacks"]
    assert np.abs(model.predict(X, **given) - first).max() > 1e-3


def test_prediction_can_begin_anew_with_each_batch(keras, model):
    """With every="batch" each batch is answered as if it were the first."""
    given = {"batch_size": BATCH, "verbose": 0, "callbacks": [ResetStates("batch")]}
    answers = model.predict(X, **given)

    for begin in range(0, SAMPLES, BATCH):
        give(keras, model, 0.0)
        alone = model.predict_on_batch(X[begin : begin + BATCH])
        np.testing.assert_allclose(answers[begin : begin + BATCH], alone, atol=1e-6)


def test_a_failed_training_does_not_spoil_the_next(keras, model):
    """After an error within `fit` the same callback works as a new one."""
    callback = ResetStates()

    class Failing(keras.callbacks.Callback):
        def on_test_begin(self, logs=None):
            raise KeyError

    for _ in range(2):
        with pytest.raises(KeyError):
            failing = [callback, Failing()]
            model.fit(X, Y, validation_data=(X, Y), callbacks=failing, **FIT)
    give(keras, model, 0.25)
    model.evaluate(X, Y, batch_size=BATCH, verbose=0, callbacks=[callback])
    assert all((one == 0.25).all() for one in states_of(keras, model))


def test_several_batches_in_one_execution_need_a_fitting_interval(model):
    """Keras can't be interrupted within an execution: an error says so."""
    model.compile("sgd", "mse", steps_per_execution=3)

    with pytest.raises(ModelError, match="can't interrupt") as caught:
        model.fit(X, Y, callbacks=[ResetStates(2)], **FIT)
    assert "steps_per_execution=3" in caught.value.found
    for every in (3, 6, "epoch"):
        model.fit(X, Y, callbacks=[ResetStates(every)], **FIT)


def test_states_that_nobody_shows_are_not_mixed_up(keras):
    """A layer that hides its states can be reset in training, but not put back."""

    class Hidden(keras.layers.Layer):
        stateful = True
        resets = 0

        def call(self, inputs):
            return inputs

        def reset_states(self):
            self.resets += 1

    hidden = Hidden(name="hidden")
    model = keras.Sequential([keras.Input((2,)), hidden, keras.layers.Dense(1)])
    model.compile("sgd", "mse")
    x, y = np.ones((4, 2), "float32"), np.ones((4, 1), "float32")
    model.fit(x, y, epochs=2, verbose=0, callbacks=[ResetStates()])
    assert hidden.resets == 2

    with pytest.raises(ModelError, match="apart") as caught:
        model.fit(x, y, validation_data=(x, y), verbose=0, callbacks=[ResetStates()])
    assert "hidden" in caught.value.found


# --- what a stateful model takes ---


def test_all_is_well_says_nothing(either_model):
    """Whole batches of the right size, and any data for a stateless model."""
    stateful, stateless = either_model

    assert check_stateful(stateful, SAMPLES, BATCH) is None
    assert check_stateful(stateful, n=np.int64(SAMPLES), batch_size=BATCH) is None
    assert check_stateful(stateless, 7) is None


@pytest.fixture(params=["keras", "legacy"])
def either_model(request):
    """A stateful model and a stateless one, of Keras 3 and of Keras 2."""
    keras = request.getfixturevalue(request.param)
    stateless = keras.Sequential([keras.Input((3, 2)), keras.layers.LSTM(2)])
    return MODELS["lstm"][0](keras), stateless


@pytest.mark.parametrize(
    ("n", "batch_size", "found", "mend"),
    [
        (6, None, "batches of 32", "batch_size=2, shuffle=False"),
        (6, 3, "batch_size=3", "batch_size=2, shuffle=False"),
        (5, 2, "5 samples: 2 batches of 2, and 1 left over", "use x[:4]"),
        (1, 2, "1 samples: 0 batches of 2", "use at least 2 samples"),
    ],
)
def test_what_does_not_fit_is_said_before(either_model, n, batch_size, found, mend):
    """The default of 32, another size and a rest get an error that mends them."""
    with pytest.raises(ModelError, match="A stateful model takes") as caught:
        check_stateful(either_model[0], n, batch_size)
    assert found in caught.value.found
    assert mend in caught.value.mend
    assert "shuffle=False" in caught.value.mend


def test_a_model_without_a_batch_size_is_said_before(keras, legacy):
    """A model that is not built does not know its batch size."""
    for each in (keras, legacy):
        model = each.Sequential([each.layers.LSTM(2, stateful=True, name="rnn")])
        with pytest.raises(ModelError, match="has to know") as caught:
            check_stateful(model, 6, 2)
        assert "rnn" in caught.value.found
        assert "batch_shape" in caught.value.mend


def test_the_size_is_that_of_the_models_input(keras):
    """Layers that fold time into the batch have another size, and that is right."""
    inputs = keras.Input(batch_shape=(2, 4, 3, 1))
    folded = keras.ops.reshape(inputs, (8, 3, 1))
    states = keras.layers.LSTM(2, stateful=True)(folded)
    model = keras.Model(inputs, keras.ops.reshape(states, (2, 8)))

    check_stateful(model, 6, 2)
    with pytest.raises(ModelError, match="one size only"):
        check_stateful(model, 8, 8)


def test_without_a_graph_the_layers_know_the_size(keras):
    """A model with a `call` of its own is checked by its layers' states."""
    model = MODELS["subclass"][0](keras)

    check_stateful(model, 6, 2)
    with pytest.raises(ModelError, match="one size only"):
        check_stateful(model, 6, 3)


@pytest.mark.parametrize("value", [0, -2, 2.0, "2", True])
def test_numbers_have_to_count(keras, model, value):
    """What is no number of samples, or of samples in a batch, is refused."""
    with pytest.raises(RecordError, match="`n`"):
        check_stateful(model, value, 2)
    with pytest.raises(RecordError, match="`batch_size`"):
        check_stateful(model, 6, value)
    with pytest.raises(ModelError, match="works on a Keras model"):
        check_stateful(keras.layers.LSTM(2), 6, 2)


# --- dead ends of Keras ---


def test_keras_takes_a_batch_size_from_the_input_only(keras):
    """What R's layers took, a batch size or shape, Keras 3 refuses on layers."""
    for wish in ({"batch_input_shape": (2, 3, 4)}, {"batch_size": 2}):
        with pytest.raises(ValueError, match="Unrecognized keyword"):
            keras.layers.LSTM(2, stateful=True, **wish)
    with pytest.raises(ValueError, match="batch size must be static"):
        keras.Sequential([keras.Input((3, 2)), keras.layers.LSTM(2, stateful=True)])


def test_keras_refuses_another_batch_size_late(model):
    """`predict` with its default of 32 fails in the middle; the check is before."""
    with pytest.raises(ValueError, match="Expected batch size: 2"):
        model.predict(X, verbose=0)
    with pytest.raises(ModelError, match="one size only"):
        check_stateful(model, len(X))


def test_keras_fills_up_a_last_batch_in_silence(model):
    """On TensorFlow 5 samples get 6 answers; the check says so before."""
    answers = model.predict(X[:5], batch_size=BATCH, verbose=0)

    assert len(answers) == 6
    with pytest.raises(ModelError, match="whole batches only"):
        check_stateful(model, 5, BATCH)
