"""A callback that unfreezes layers: what it stands among, and what it refuses."""

import copy
import os
import pickle
import subprocess
import sys

import numpy as np
import pytest
from gradual_kit import FIT, SCHEDULE, moved, staged, weights
from training_kit import X, Y, again_on_jax, script

import kerasplug.training as kt
from kerasplug import (
    freeze_weights,
    snapshot_compile,
    stale_compile,
    unfreeze_weights,
    watch_compile,
)
from kerasplug.errors import (
    LayerIndexError,
    ModelError,
    RecordError,
    StaleCompileError,
    UnknownNameError,
)

pytestmark = [
    pytest.mark.engine,
    pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning"),
]


@pytest.fixture
def model(keras):
    """Layers of which only the last learns."""
    return staged(keras)


def train(model, schedule, *callbacks, epochs=3, first=(), **options):
    """A `fit` with the callback between others; the history."""
    listed = [*first, kt.GradualUnfreezing(schedule), *callbacks]
    given = FIT | options
    return model.fit(X, Y, epochs=epochs, callbacks=listed, **given)


def flags(model):
    return [layer.trainable for layer in model.layers]


def parts(metric):
    return getattr(metric, "metrics", None) or [metric]


def rate(model):
    return float(model.optimizer.learning_rate)


def test_what_sets_the_learning_rate_goes_on(keras, model):
    """A schedule and a plateau see, and set, that of the optimizer in use."""
    seen = []
    rates = kt.callback_learning_rate_scheduler(lambda epoch, rate: rate / 2)
    look = kt.callback_lambda(on_epoch_end=lambda epoch, logs: seen.append(rate(model)))
    train(model, {1: "b", 3: "a"}, look, first=[rates], epochs=4)
    train(model, {1: "b", 3: "a"}, rates, look, epochs=4)
    lower = kt.callback_reduce_lr_on_plateau("score", mode="min", patience=1)
    numbers = script(keras, [1])
    train(model, {1: "b", 2: "a"}, look, lower, first=[numbers], epochs=4)

    halves = [0.001 / 2**times for times in range(1, 9)]
    # The rate is a float32.
    np.testing.assert_allclose(seen[:8], halves, rtol=1e-6)
    np.testing.assert_allclose(seen[8:], [halves[-1] * 10**-n for n in (0, 0, 1, 2)])


def test_early_stopping_gives_back_the_best_of_another_stage(keras, model):
    """Its copy of the weights is of before, and it counts over the stages."""
    best = []
    keep = kt.callback_lambda(
        on_epoch_end=lambda epoch, logs: best.append(weights(model))
    )
    early = kt.callback_early_stopping(
        "score", mode="min", patience=3, restore_best_weights=True
    )
    numbers = script(keras, [2, 1, 3])
    listed = [numbers, keep, early]
    history = train(model, {2: "b", 3: "a"}, *listed, epochs=9)

    assert history.epoch == [0, 1, 2, 3, 4]
    assert moved(best[1], weights(model)) == []
    assert moved(best[1], best[-1]) == ["a", "norm", "b", "c"]


def test_a_stop_that_was_asked_for_is_kept(keras, model):
    """Compiling would take it back: `fit` ends after one batch of the epoch."""
    batches = []

    def stop(epoch, logs):
        model.stop_training = epoch == 1

    ask = kt.callback_lambda(
        on_epoch_begin=stop,
        on_train_batch_end=lambda batch, logs: batches.append(batch),
    )
    history = train(model, {1: "b"}, first=[ask], epochs=5)

    assert history.epoch == [0, 1]
    assert batches == [0, 1, 0]


def test_callbacks_behind_it_see_the_new_optimizer(model):
    """Those before it see the old one, when an epoch begins."""
    old = model.optimizer
    seen = []

    def look():
        note = lambda epoch, logs: seen.append(model.optimizer is old)  # noqa: E731 -- one for each place
        return kt.callback_lambda(on_epoch_begin=note)

    train(model, {1: "b"}, look(), first=[look()], epochs=2)

    assert seen == [True, True, True, False]


def test_training_that_begins_later_does_what_is_due(model):
    """At its first epoch, all up to it; then, what the schedule has for each."""
    seen = [weights(model)]
    note = kt.callback_lambda(
        on_epoch_end=lambda epoch, logs: seen.append(weights(model))
    )
    schedule = {0: "c", 1: "b", 4: "norm"}
    history = train(model, schedule, note, initial_epoch=3, epochs=5)

    assert history.epoch == [3, 4]
    assert moved(*seen[:2]) == ["b", "c"]
    assert moved(*seen[1:]) == ["norm", "b", "c"]


def test_the_same_object_serves_a_training_anew(keras):
    """It begins with its schedule's beginning, on another model too."""
    gradually = kt.GradualUnfreezing({1: "b"})
    for model in (staged(keras), staged(keras)):
        before = weights(model)
        model.fit(X, Y, epochs=2, callbacks=[gradually], **FIT)
        assert moved(before, weights(model)) == ["b", "c"]


def test_it_goes_on_after_a_backup(keras, tmp_path):
    """At the epoch that was due, with the weights; the optimizer's states are lost."""

    def die(epoch, logs):
        if epoch == 3:
            raise KeyboardInterrupt

    backup = kt.callback_backup_and_restore(tmp_path / "backup")
    killed = staged(keras)
    with pytest.raises(KeyboardInterrupt):
        train(
            killed, SCHEDULE, backup, kt.callback_lambda(on_epoch_begin=die), epochs=6
        )
    again = staged(keras)
    begun = []
    note = kt.callback_lambda(
        on_epoch_begin=lambda epoch, logs: begun.append(weights(again))
    )
    with pytest.warns(UserWarning, match="Skipping variable loading for optimizer"):
        history = train(again, SCHEDULE, backup, note, epochs=6)

    assert history.epoch == [3, 4, 5]
    assert moved(weights(killed), begun[0]) == []
    assert moved(begun[0], begun[1]) == ["b", "c"]
    assert moved(begun[1], begun[2]) == ["norm", "b", "c"]


def test_what_holds_a_metric_sees_its_numbers(model):
    """The metrics of all stages are the same objects; compiling makes new ones."""
    model.fit(X, Y, **FIT)
    held = {one.name: one for part in model.metrics for one in parts(part)}
    seen = []

    def look(epoch, logs):
        seen.append({name: float(held[name].result()) == logs[name] for name in logs})

    train(model, {1: "b"}, kt.callback_lambda(on_epoch_end=look))

    assert seen == [{"loss": True, "mae": True}] * 3


def test_layers_before_stay_as_they_are(keras, model):
    """One that learns from the beginning goes on."""
    unfreeze_weights(model, which="a", others="keep")
    seen = [weights(model)]
    note = kt.callback_lambda(
        on_epoch_end=lambda epoch, logs: seen.append(weights(model))
    )
    train(model, {1: "b"}, note, epochs=2)

    assert moved(*seen[:2]) == ["a", "c"]
    assert moved(*seen[1:]) == ["a", "b", "c"]


def test_a_watched_model_is_not_stale(model):
    """Within `fit` and after it: the compile fits the weights, watched or not."""
    train(model, {1: "b"})
    assert "fit" not in vars(model), "it watches where somebody asks for it"
    watch_compile(model)
    train(model, {1: "b"})
    assert stale_compile(model) is None
    train(model, {1: "b"})
    freeze_weights(model, which="b", others="keep")
    with pytest.raises(StaleCompileError):
        model.fit(X, Y, **FIT)


def test_a_snapshot_is_moved_on(model):
    """What trains only what was trainable at `compile` trains more from then on."""
    snapshot_compile(model)
    before = weights(model)
    train(model, {1: "b"})
    assert moved(before, weights(model)) == ["b", "c"]
    middle = weights(model)
    model.fit(X, Y, **FIT)

    assert moved(middle, weights(model)) == ["b", "c"]


def test_a_batch_that_fails_leaves_the_weights(keras, model):
    """Also the first one of a new stage, for which Keras on JAX keeps them apart."""

    class Data(keras.utils.PyDataset):
        broken = False

        def __len__(self):
            return 2

        def __getitem__(self, place):
            if self.broken:
                message = "the disk is gone"
                raise OSError(message)
            return X[place * 8 :][:8], Y[place * 8 :][:8]

    data, begins = Data(), []

    def begin(epoch, logs):
        begins.append(weights(model))
        data.broken = epoch == 2

    listed = [
        kt.GradualUnfreezing({1: "b", 2: "a"}),
        kt.callback_lambda(on_epoch_begin=begin),
    ]
    # TensorFlow wraps what its data raise.
    with pytest.raises(Exception, match="the disk is gone"):
        model.fit(data, epochs=4, callbacks=listed, shuffle=False, verbose=0)

    assert len(begins) == 3
    assert moved(begins[1], begins[2]) == ["b", "c"]
    assert moved(begins[2], weights(model)) == []


def test_an_optimizer_that_cannot_be_made_anew(keras):
    """The error comes from `fit`, nothing is unfrozen, and the model can be used."""

    class Odd(keras.optimizers.SGD):
        def __init__(self, secret, **kwargs):
            super().__init__(**kwargs)
            self.secret = secret

    model = staged(keras, Odd("x"))
    before = flags(model)
    with pytest.raises(ModelError, match="Odd: TypeError"):
        train(model, {1: "b"})

    assert flags(model) == before
    model.fit(X, Y, **FIT)


def test_layers_of_a_base_within_the_model(keras):
    """As in transfer learning: the schedule is for the base."""
    parts = [keras.layers.Dense(3, name=name) for name in ("one", "two")]
    base = keras.Sequential([keras.Input((3,)), *parts], name="base")
    freeze_weights(base)
    model = keras.Sequential([keras.Input((3,)), base, keras.layers.Dense(1)])
    model.compile("sgd", "mse")
    before = base.get_weights()
    listed = [kt.GradualUnfreezing({1: "two"}, base)]
    model.fit(X, Y, epochs=2, callbacks=listed, **FIT)
    pairs = zip(before, base.get_weights(), strict=True)

    assert [np.array_equal(*pair) for pair in pairs] == [True, True, False, False]


def test_what_a_schedule_may_be(keras):
    """All that can be known is said when it is made."""
    for schedule in ({}, [(1, "b")], {-1: "b"}, {"1": "b"}, {True: "b"}, {0.5: "b"}):
        with pytest.raises(RecordError, match="schedule"):
            kt.GradualUnfreezing(schedule)
    with pytest.raises(ModelError, match="works on a Keras model"):
        kt.GradualUnfreezing({1: "b"}, "base")


@pytest.mark.parametrize(
    ("schedule", "error"),
    [
        ({0: "b", 3: "a"}, RecordError),
        ({0: "b", 1: "bb"}, UnknownNameError),
        ({0: "b", 1: 7}, LayerIndexError),
        ({0: "b", 1: None}, RecordError),
    ],
    ids=["late", "name", "position", "nothing"],
)
def test_what_can_not_come_about_changes_nothing(model, schedule, error):
    """It is an error before the first epoch."""
    before = weights(model), flags(model), model.optimizer
    with pytest.raises(error):
        train(model, schedule)

    assert moved(before[0], weights(model)) == []
    assert (flags(model), model.optimizer) == before[1:]


def test_a_debugging_run_may_be_shorter(keras, model):
    """Where Keras limits the epochs, those of the schedule need not come."""
    keras.config.set_max_epochs(1)
    try:
        with pytest.warns(UserWarning, match="Limiting epochs"):
            history = train(model, {2: "b"})
    finally:
        keras.config.set_max_epochs(None)

    assert history.epoch == [0]


def test_a_base_of_another_model_is_refused(keras, model):
    """It would be unfrozen, and nothing trained."""
    other = staged(keras)
    with pytest.raises(ModelError, match="of which it holds no weight"):
        model.fit(X, Y, callbacks=[kt.GradualUnfreezing({0: "b"}, other)], **FIT)
    with pytest.raises(ModelError, match="of which it holds no weight"):
        kt.fit_gradually(model, {0: "b"}, X, Y, epochs=1, base=other, **FIT)

    assert not other.get_layer("b").trainable


def test_it_can_be_copied_and_asked_for_by_name(keras):
    """By pickle, by deepcopy, and from the catalog."""
    from kerasplug import callbacks

    made = callbacks["kerasplug/gradual_unfreezing"]({1: "b"})
    for one in (made, pickle.loads(pickle.dumps(made)), copy.deepcopy(made)):
        assert isinstance(one, keras.callbacks.Callback)
        assert (one.schedule, one.base) == ({1: "b"}, None)


def test_on_keras_2_it_is_refused():
    """In a process of its own, when `fit` begins: there it is `trainable` alone."""
    code = (
        "import kerasplug.training as kt, numpy as np, tf_keras\n"
        "from kerasplug.errors import ModelError\n"
        "model = tf_keras.Sequential([tf_keras.layers.Dense(1, name='a')])\n"
        "model.compile('sgd', 'mse')\n"
        "x = np.ones((4, 2))\n"
        "try:\n"
        "    model.fit(x, x[:, :1], callbacks=[kt.GradualUnfreezing({0: 'a'})])\n"
        "except ModelError as error:\n"
        "    assert 'a model of Keras 2' in str(error), error\n"
        "else:\n"
        "    raise AssertionError('it was trained')\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        env={**os.environ, "KERASPLUG_IMPLEMENTATION": "tf_keras"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-2000:]


@pytest.mark.parametrize("name", ["gradual", "gradual_numbers"])
def test_the_same_on_jax(name):
    """All tests that start no process of their own, once more."""
    said = again_on_jax(name, without=("keras_2", "on_jax", "several_devices"))

    assert "skipped" not in said
