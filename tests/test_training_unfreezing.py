"""Stages of a training in which more and more layers learn."""

import itertools
import os
import subprocess
import sys

import numpy as np
import pytest
from training_kit import NAMES, X, Y, layers, script

import kerasplug.training as kt
from kerasplug import freeze_weights
from kerasplug.errors import LayerIndexError, ModelError, RecordError, UnknownNameError

pytestmark = [
    pytest.mark.engine,
    pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning"),
]

FIT = {"batch_size": 8, "shuffle": False, "verbose": 0}


@pytest.fixture
def model(keras):
    """Three layers, of which only the last learns."""
    made = layers(keras)
    freeze_weights(made, to="b")
    made.compile("adam", "mse")
    return made


def watching(model):
    """Kernels by layer after each epoch, and a callback that takes them."""
    seen = [kernels(model)]
    return seen, kt.callback_lambda(
        on_epoch_end=lambda epoch, logs: seen.append(kernels(model))
    )


def kernels(model):
    return {name: np.array(model.get_layer(name).get_weights()[0]) for name in NAMES}


def moved(before, after):
    return "".join(
        name for name in NAMES if not np.array_equal(before[name], after[name])
    )


def test_layers_learn_from_their_epoch_on(model):
    """Frozen weights do not move by a bit; the others do."""
    seen, watch = watching(model)
    schedule = {2: "b", 4: 0}
    history = kt.fit_gradually(
        model, schedule, X, Y, epochs=6, callbacks=[watch], **FIT
    )

    pairs = itertools.pairwise(seen)
    assert [moved(*pair) for pair in pairs] == ["c", "c", "bc", "bc", "abc", "abc"]
    assert history.epoch == [*range(6)]
    assert len(history.history["loss"]) == 6
    assert history.params["epochs"] == 6
    assert model.history is history


def test_the_optimizer_keeps_what_it_has_learned(keras, model):
    """Its moments of the last layer, and its count of steps, at the next stage."""

    def slots():
        optimizer = model.optimizer
        found = {
            one.path.partition("/")[2]: keras.ops.convert_to_numpy(one).copy()
            for one in optimizer.variables
        }
        return {name: value for name, value in found.items() if "learning" not in name}

    told = []
    take = kt.callback_lambda(
        on_epoch_end=lambda epoch, logs: told.append(slots()),
        on_epoch_begin=lambda epoch, logs: told.append(slots()),
    )
    kt.fit_gradually(model, {1: "b"}, X, Y, epochs=2, callbacks=[take], **FIT)
    end, begin = told[1], told[2]

    assert len(end) == 1 + 2 * 2, "steps, and two moments of two weights"
    assert len(begin) == 1 + 2 * 4
    for name, value in end.items():
        assert np.any(value), name
        np.testing.assert_array_equal(value, begin[name])
    new = begin.keys() - end.keys()
    assert new
    assert not any(np.any(begin[name]) for name in new)


def test_stages_of_nothing_new_are_one_training(keras):
    """The same numbers to the bit as one `fit`."""
    losses = []
    for gradually in (False, True):
        model = layers(keras)
        if gradually:
            schedule = {1: "a", 3: "b"}
            history = kt.fit_gradually(model, schedule, X, Y, epochs=4, **FIT)
        else:
            history = model.fit(X, Y, epochs=4, **FIT)
        losses.append(history.history["loss"])

    assert losses[0] == losses[1]


def test_callbacks_see_one_training(keras, model, tmp_path):
    """They begin once, end once, and count over the stages."""
    seen = []
    look = kt.callback_lambda(
        on_train_begin=lambda logs: seen.append("begin"),
        on_train_end=lambda logs: seen.append("end"),
        on_epoch_begin=lambda epoch, logs: seen.append(epoch),
        on_test_begin=lambda logs: seen.append("test"),
    )
    path = tmp_path / "log.csv"
    early = kt.callback_early_stopping("score", mode="min", patience=3)
    kt.fit_gradually(
        model,
        {2: "b"},
        X,
        Y,
        epochs=9,
        callbacks=[script(keras, [1]), look, early, kt.callback_csv_logger(path)],
        validation_data=(X, Y),
        **FIT,
    )

    assert seen == ["begin", 0, "test", 1, "test", 2, "test", 3, "test", "end"]
    assert len(path.read_text().splitlines()) == 1 + 4
    assert early.stopped_epoch == 3


def test_what_stops_a_stage_stops_all(keras, model):
    """No stage follows, and the layers of it stay frozen."""
    early = kt.callback_early_stopping("score", mode="min", patience=1)
    listed = [script(keras, [1]), early]
    history = kt.fit_gradually(model, {3: "a"}, X, Y, epochs=9, callbacks=listed, **FIT)

    assert history.epoch == [0, 1]
    assert not model.get_layer("a").trainable


def test_the_bar_shows_the_whole_training(model, capsys):
    """Not that of each stage."""
    options = FIT | {"verbose": 2}
    kt.fit_gradually(model, {1: "b"}, X, Y, epochs=2, **options)
    text = capsys.readouterr().out

    assert "Epoch 1/2" in text
    assert "Epoch 2/2" in text
    assert text.count("2/2 - ") == 2


def test_training_that_goes_on_does_what_is_due(model):
    """From a later epoch on, all that was to be unfrozen before is."""
    seen, watch = watching(model)
    schedule = {1: "b", 4: "a"}
    history = kt.fit_gradually(
        model, schedule, X, Y, epochs=5, initial_epoch=3, callbacks=watch, **FIT
    )

    assert history.epoch == [3, 4]
    assert [moved(*pair) for pair in itertools.pairwise(seen)] == ["bc", "abc"]


def test_layers_of_a_base_within_the_model(keras):
    """As in transfer learning: the schedule is for the base."""
    base = keras.Sequential(
        [
            keras.Input((3,)),
            keras.layers.Dense(3, name="one"),
            keras.layers.Dense(3, name="two"),
        ],
        name="base",
    )
    base.trainable = False
    model = keras.Sequential([keras.Input((3,)), base, keras.layers.Dense(1)])
    model.compile("sgd", "mse")
    before = base.get_weights()
    kt.fit_gradually(model, {1: "two"}, X, Y, epochs=2, base=base, **FIT)
    pairs = zip(before, base.get_weights(), strict=True)

    assert [np.array_equal(*pair) for pair in pairs] == [True, True, False, False]


def test_wrong_arguments_change_nothing(keras, model):
    """All is checked before the first stage."""
    before, flags = model.get_weights(), [one.trainable for one in model.layers]
    for schedule, error in (
        ({}, RecordError),
        ({5: "b"}, RecordError),
        ({-1: "b"}, RecordError),
        ({"1": "b"}, RecordError),
        ({0: "b", 1: "bb"}, UnknownNameError),
        ({0: "b", 1: 7}, LayerIndexError),
    ):
        with pytest.raises(error):
            kt.fit_gradually(model, schedule, X, Y, epochs=5, **FIT)
    for options in ({"epochs": 0}, {"epochs": 5, "callbacks": [print]}):
        with pytest.raises(RecordError):
            kt.fit_gradually(model, {0: "b"}, X, Y, **options, **FIT)

    assert [one.trainable for one in model.layers] == flags
    for one, other in zip(before, model.get_weights(), strict=True):
        np.testing.assert_array_equal(one, other)


def test_a_model_that_is_not_ready_is_refused(keras, legacy):
    """Not compiled, not built, of Keras 2."""
    bare = keras.Sequential([keras.Input((3,)), keras.layers.Dense(1, name="a")])
    unbuilt = keras.Sequential([keras.layers.Dense(1, name="a")])
    unbuilt.compile("sgd", "mse")
    old = legacy.Sequential([legacy.layers.Dense(1, name="a", input_shape=(3,))])
    old.compile("sgd", "mse")
    for one, why in ((bare, "not compiled"), (unbuilt, "not built"), (old, "Keras 2")):
        with pytest.raises(ModelError, match=why):
            kt.fit_gradually(one, {0: 0}, X, Y, epochs=1, **FIT)


def test_the_same_on_jax():
    """All tests of this file that need no Keras 2, in a process on JAX."""
    options = [
        "-q",
        "--no-header",
        "-p",
        "no:cacheprovider",
        "-k",
        "not not_ready and not on_jax",
    ]
    done = subprocess.run(
        [sys.executable, "-m", "pytest", *options, __file__],
        env={
            **os.environ,
            "KERAS_BACKEND": "jax",
            "KERASPLUG_IMPLEMENTATION": "keras",
        },
        cwd=os.path.dirname(os.path.dirname(os.path.abspath(__file__))),
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-1000:]
    assert "9 passed" in done.stdout
