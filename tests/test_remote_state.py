"""What the optimizer has learned travels with the weights, and counts with them."""

import os
import signal
import threading

import numpy as np
import pytest
import remote_kit as kit

from kerasplug import to_backend
from kerasplug.errors import ModelError, WorkerError

pytestmark = pytest.mark.engine

ONCE = {"batch_size": 16, "shuffle": False, "verbose": 0}
STEPS = 4  # of an epoch


@pytest.fixture
def make(keras, monkeypatch):
    """A remote model of the toy, which carries what its optimizer has learned."""
    opened = []
    with kit.toy(monkeypatch, carries=True):

        def opening(model=None, fault=""):
            monkeypatch.setattr(kit.ToyEngine, "fault", fault)
            model = model or moving(keras)
            remote = to_backend(model, "toyengine", patience=3.0, probe=False)
            opened.append(remote)
            return remote

        yield opening
    for remote in opened:
        remote.close()


def moving(keras, **options):
    """The classifier, with momentum."""
    return kit.classifier(keras, optimizer=keras.optimizers.SGD(0.05, 0.9), **options)


def fit(one, epochs=1, **options):
    return one.fit(kit.X, kit.CLASSES, epochs=epochs, **(ONCE | options))


def steps(model):
    return int(model.optimizer.iterations)


def momenta(model):
    return [np.array(one) for one in model.optimizer.momentums]


def assert_alike(one, other, *, exactly=False):
    """The same weights, momenta and steps."""
    assert steps(one) == steps(other)
    assert kit.same_weights(one, other, exactly=exactly)
    assert kit.same_weights(momenta(one), momenta(other), exactly=exactly)


def test_training_goes_on_on_either_side(keras, make):
    """Epochs here and there, in one session, are as many epochs here."""
    model, expected = moving(keras), moving(keras)
    fit(expected, 8)
    fit(model, 2)
    remote = make(model)
    fit(remote, 2)
    fit(model, 1)
    fit(remote, 1)
    remote.close()
    fit(model, 2)

    assert steps(model) == 8 * STEPS
    assert np.abs(momenta(model)[0]).max() > 0
    assert_alike(model, expected)


def test_it_comes_once_an_epoch_and_goes_once(make):
    """An epoch fetches it once; single steps, and what is unchanged, cost nothing."""
    remote = make()
    fit(remote, 3)
    assert len(kit.seen(remote, "get_optimizer")) == 3
    assert len(kit.seen(remote, "set_optimizer")) == 1
    for _ in range(3):
        remote.train_on_batch(kit.X, kit.CLASSES)
    assert len(kit.seen(remote, "get_optimizer")) == 3
    remote.sync()
    remote.sync()

    assert len(kit.seen(remote, "get_optimizer")) == 4
    assert len(kit.seen(remote, "set_optimizer")) == 1
    assert len(kit.seen(remote, "compile")) == 1


def test_single_steps_bring_it_home_with_sync(keras, make):
    """`sync` after `train_on_batch` has the momenta and the steps of these batches."""
    remote, expected = make(), moving(keras)
    for one in (remote, expected):
        for part in (slice(0, 16), slice(16, 32), slice(32, 48)):
            one.train_on_batch(kit.X[part], kit.CLASSES[part])
    assert steps(remote.host) == 3
    assert not any(np.any(one) for one in momenta(remote.host))
    remote.sync()

    assert_alike(remote.host, expected)


def test_the_end_of_a_with_block_brings_it_home(keras, make):
    """Leaving it synchronises the optimizer with the weights."""
    expected = moving(keras)
    expected.train_on_batch(kit.X, kit.CLASSES)
    with make() as remote:
        remote.train_on_batch(kit.X, kit.CLASSES)

    assert_alike(remote.host, expected)


def test_evaluating_and_predicting_leave_the_optimizer_alone(make):
    """What does not train neither builds the optimizer nor sends it."""
    remote = make()
    remote.evaluate(kit.X, kit.CLASSES, verbose=0)
    remote.predict(kit.X, verbose=0)

    assert not remote.host.optimizer.built
    assert not kit.seen(remote, "set_optimizer")


def test_what_a_callback_changes_goes_there(keras, make):
    """Momenta that are set at the end of an epoch are where the next one begins."""
    remote, expected = make(), moving(keras)
    for one, target in ((remote, remote.host), (expected, expected)):

        def rest(*_, target=target):
            for momentum in target.optimizer.momentums:
                momentum.assign(momentum * 0)

        hook = keras.callbacks.LambdaCallback(on_epoch_end=rest)
        fit(one, 2, callbacks=[hook])
        fit(one, 1)

    assert_alike(remote.host, expected)


def test_steps_that_are_set_here_are_those_there(make):
    """Who sets the number of steps between two calls finds it counted on from there."""
    remote = make()
    fit(remote)
    remote.host.optimizer.iterations.assign(100)
    fit(remote)

    assert steps(remote.host) == 100 + STEPS


@pytest.mark.parametrize("synchronised", [True, False])
def test_the_same_optimizer_goes_on_with_another_loss(keras, make, synchronised):
    """Compiled again with the optimizer that it had, it keeps what it has learned."""
    remote, expected = make(), moving(keras)
    for one, target in ((remote, remote.host), (expected, expected)):
        one.train_on_batch(kit.X, kit.CLASSES)
        if one is remote and synchronised:
            remote.sync()
        one.compile(
            target.optimizer, "sparse_categorical_crossentropy", loss_weights=[0.5]
        )
        one.train_on_batch(kit.X, kit.CLASSES)
    remote.sync()

    assert len(kit.seen(remote, "compile")) == 2
    assert_alike(remote.host, expected)


def test_a_new_optimizer_begins_at_nothing(keras, make):
    """As with Keras; the old one, whoever keeps it, has what it had learned."""
    remote, expected = make(), moving(keras)
    for one, target in ((remote, remote.host), (expected, expected)):
        fit(one)
        old = target.optimizer
        one.train_on_batch(kit.X, kit.CLASSES)
        one.compile(keras.optimizers.SGD(0.02, 0.5), "sparse_categorical_crossentropy")
        fit(one)
        assert int(old.iterations) == STEPS + 1

    assert steps(remote.host) == STEPS
    assert_alike(remote.host, expected)


def test_a_layer_that_is_frozen_later_keeps_its_momenta(keras, make):
    """The worker's model is built anew, and the others go on; as with Keras."""
    remote, expected = make(), moving(keras)
    for one, target in ((remote, remote.host), (expected, expected)):
        fit(one)
        target.get_layer("hidden").trainable = False
        one.compile(target.optimizer, "sparse_categorical_crossentropy")
        fit(one)

    assert np.any(momenta(remote.host)[0])
    assert_alike(remote.host, expected)


def test_weights_that_are_set_leave_the_momenta(keras, make):
    """`set_weights` is about weights: what the optimizer has learned is not lost."""
    remote, expected = make(), moving(keras)
    first = expected.get_weights()
    for one in (remote, expected):
        one.train_on_batch(kit.X, kit.CLASSES)
        one.set_weights(first)
    remote.sync()
    assert_alike(remote.host, expected)
    assert kit.same_weights(remote.host, first, exactly=True)
    fit(remote)
    fit(expected)

    assert_alike(remote.host, expected)


def test_an_optimizer_that_changed_on_both_sides_is_not_decided_silently(make):
    """Trained there and set here: an error tells to synchronise first."""
    remote = make()
    remote.train_on_batch(kit.X, kit.CLASSES)
    remote.host.optimizer.momentums[0].assign(remote.host.optimizer.momentums[0] + 1)
    with pytest.raises(ModelError, match="optimizer was changed here, and there") as no:
        fit(remote)

    assert "remote.sync()" in no.value.mend
    remote.sync()
    fit(remote)


# --- what goes wrong ---


@pytest.mark.parametrize(
    ("fault", "epochs"),
    [("kill:get_optimizer:2", 1), ("missing:get_optimizer:2", 1), ("kill:get:2", 0)],
)
def test_synchronising_both_is_all_or_nothing(make, fault, epochs):
    """A worker that dies, or gives less, leaves weights, momenta and steps alone."""
    remote = make(fault=fault)
    if epochs:
        fit(remote, epochs)
    remote.train_on_batch(kit.X, kit.CLASSES)
    before = remote.host.get_weights(), momenta(remote.host)
    with pytest.raises(WorkerError):
        remote.sync()

    assert kit.same_weights(remote.host, before[0], exactly=True)
    assert kit.same_weights(momenta(remote.host), before[1], exactly=True)
    lost = 1 if remote.closed else 0  # one that still runs has that step
    assert steps(remote.host) == epochs * STEPS + 1 - lost


@pytest.mark.parametrize("fault", ["kill:train:7", "hang:train:7"])
def test_after_a_death_steps_and_momenta_are_those_of_the_weights(keras, make, fault):
    """Steps of the epoch that was lost do not count, and training goes on here."""
    remote, expected = make(fault=fault), moving(keras)
    with pytest.raises(WorkerError):
        fit(remote, 3)
    fit(expected)
    assert_alike(remote.host, expected)
    fit(remote.host)
    remote.close()
    fit(expected)

    assert_alike(remote.host, expected)


def test_closing_takes_back_the_steps_that_are_lost(make):
    """`close` is no synchronising; steps made here meanwhile stay."""
    remote = make()
    fit(remote)
    remote.train_on_batch(kit.X, kit.CLASSES)
    remote.host.optimizer.iterations.assign_add(10)
    remote.close()
    remote.close()

    assert steps(remote.host) == STEPS + 10


def test_synchronising_that_is_interrupted_is_undone(keras, make, monkeypatch):
    """Ctrl-C between two momenta: weights, momenta and steps are those of before."""
    remote, expected = make(), moving(keras)
    fit(remote)
    before = remote.host.get_weights(), momenta(remote.host)
    remote.train_on_batch(kit.X, kit.CLASSES)
    last = remote.host.optimizer.momentums[-1]
    own, presses = last.assign, [signal.SIGINT]

    def pressed(value):
        if presses:
            signal.raise_signal(presses.pop())
        own(value)

    with monkeypatch.context() as patch:
        patch.setattr(last, "assign", pressed)
        with pytest.raises(KeyboardInterrupt):
            remote.sync()
    assert kit.same_weights(remote.host, before[0], exactly=True)
    assert kit.same_weights(momenta(remote.host), before[1], exactly=True)
    remote.sync()

    fit(expected)
    expected.train_on_batch(kit.X, kit.CLASSES)
    assert_alike(remote.host, expected)


def test_a_step_that_ctrl_c_came_into_counts(keras, make):
    """The step is completed there: it counts here, as it does in the weights."""
    remote = make(fault="slow:train")

    def begin(batch, logs):
        if batch == 1:
            threading.Timer(0.1, os.kill, (os.getpid(), signal.SIGINT)).start()

    press = keras.callbacks.LambdaCallback(on_train_batch_begin=begin)
    with pytest.raises(KeyboardInterrupt):
        fit(remote, callbacks=[press])
    expected = moving(keras)
    for part in (slice(0, 16), slice(16, 32), slice(32, 48))[: steps(remote.host)]:
        expected.train_on_batch(kit.X[part], kit.CLASSES[part])

    assert 1 <= steps(remote.host) == len(kit.seen(remote)) < STEPS
    assert_alike(remote.host, expected)
    remote.close()
    assert_alike(remote.host, expected)


def test_a_saved_model_resumes_as_if_trained_here(keras, make, tmp_path):
    """Files that callbacks write after epochs, or batches, have what was learned."""
    remote, expected = make(), moving(keras)
    fit(expected, 2)
    epochs = keras.callbacks.ModelCheckpoint(tmp_path / "epoch{epoch}.keras")
    batches = keras.callbacks.ModelCheckpoint(
        tmp_path / "step{batch}.keras", save_freq=2
    )
    fit(remote, callbacks=[epochs])
    loaded = keras.models.load_model(tmp_path / "epoch1.keras")
    fit(loaded)
    assert_alike(loaded, expected)

    fit(remote, callbacks=[batches])
    loaded = keras.models.load_model(tmp_path / "step4.keras")
    assert_alike(loaded, expected)


def test_a_backup_brings_back_what_the_optimizer_knew(keras, make, tmp_path):
    """In a new worker, with a new model, training goes on as if nothing had been."""

    def fail(epoch, _):
        if epoch == 2:
            message = "the lights went out"
            raise OSError(message)

    backup = keras.callbacks.BackupAndRestore(tmp_path / "backup")
    broken = keras.callbacks.LambdaCallback(on_epoch_begin=fail)
    with pytest.raises(OSError, match="lights"):
        fit(make(), 4, callbacks=[backup, broken])
    anew, expected = make(), moving(keras)
    fit(anew, 4, callbacks=[backup])
    fit(expected, 4)

    assert_alike(anew.host, expected)
