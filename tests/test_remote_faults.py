"""Workers that die, hang, fail or are interrupted: what the model of Keras has then."""

import os
import signal
import threading

import numpy as np
import pytest
import remote_kit as kit

from kerasplug import to_backend
from kerasplug.engines.workers import session
from kerasplug.errors import ModelError, WorkerError

pytestmark = pytest.mark.engine

ONCE = {"batch_size": 16, "shuffle": False, "verbose": 0}


@pytest.fixture
def make(keras, monkeypatch):
    """A remote model whose worker does some harm, and gives signs each second."""
    opened = []
    with kit.toy(monkeypatch):

        def opening(fault="", **options):
            monkeypatch.setattr(kit.ToyEngine, "fault", fault)
            options = {"patience": 3.0} | options
            remote = to_backend(kit.classifier(keras), "toyengine", **options)
            opened.append(remote)
            return remote

        yield opening
    for remote in opened:
        remote.close()


def copies(model):
    return [array.copy() for array in model.get_weights()]


def noted(keras, remote, into):
    return keras.callbacks.LambdaCallback(
        on_epoch_end=lambda epoch, logs: into.append(copies(remote.host))
    )


@pytest.mark.parametrize("fault", ["kill:train:6", "hang:train:6", "kill:get:3"])
def test_after_a_death_in_training_the_model_has_its_last_epoch(keras, make, fault):
    """The worker dies or hangs in the second epoch: the first's weights are there."""
    remote, seen = make(fault), []
    with pytest.raises(WorkerError) as caught:
        remote.fit(
            kit.X, kit.CLASSES, epochs=3, callbacks=[noted(keras, remote, seen)], **ONCE
        )

    assert "killed" in str(caught.value) or "SIGKILL" in str(caught.value)
    assert len(seen) == 1
    assert kit.same_weights(remote.host, seen[0], exactly=True)
    assert remote.closed
    assert "ended" in repr(remote)


CALLS = {
    "fit": lambda remote: remote.fit(kit.X, kit.CLASSES, verbose=0),
    "evaluate": lambda remote: remote.evaluate(kit.X, kit.CLASSES, verbose=0),
    "predict": lambda remote: remote.predict(kit.X, verbose=0),
    "train_on_batch": lambda remote: remote.train_on_batch(kit.X, kit.CLASSES),
    "test_on_batch": lambda remote: remote.test_on_batch(kit.X, kit.CLASSES),
    "predict_on_batch": lambda remote: remote.predict_on_batch(kit.X),
    "sync": lambda remote: remote.sync(),
    "get_weights": lambda remote: remote.get_weights(),
    "set_weights": lambda remote: remote.set_weights(
        [array + 1 for array in remote.host.get_weights()]
    ),
}


@pytest.mark.parametrize("name", CALLS)
def test_a_model_that_has_ended_says_so(make, name):
    """Each call tells that there is no worker any more, and changes nothing."""
    remote = make()
    remote.close()
    before = copies(remote.host)
    with pytest.raises(WorkerError, match="has ended") as caught:
        CALLS[name](remote)

    assert 'to_backend(model, "toyengine")' in caught.value.mend
    assert kit.same_weights(remote.host, before, exactly=True)


@pytest.mark.parametrize(
    ("name", "fault"),
    [
        ("evaluate", "kill:test"),
        ("predict", "kill:predict:2"),
        ("test_on_batch", "kill:test"),
        ("predict_on_batch", "hang:predict:2"),
        ("set_weights", "kill:set:3"),
        ("set_weights", "raise:set:3"),
    ],
)
def test_a_death_in_a_call_changes_nothing_here(make, name, fault):
    """The error tells of the death, and the weights are those of before, bit by bit."""
    remote = make(fault)
    before = copies(remote.host)
    with pytest.raises(WorkerError):
        CALLS[name](remote)

    assert kit.same_weights(remote.host, before, exactly=True)
    assert remote.closed == (not fault.startswith("raise"))


@pytest.mark.parametrize("fault", ["kill:get:2", "missing:get:2"])
def test_synchronising_is_all_or_nothing(make, fault):
    """A worker that dies, or gives fewer weights, leaves the model as it was."""
    remote = make(fault)
    before = copies(remote.host)
    remote.train_on_batch(kit.X, kit.CLASSES)
    with pytest.raises(WorkerError):
        remote.sync()

    assert kit.same_weights(remote.host, before, exactly=True)


def test_synchronising_that_is_interrupted_is_undone(make, monkeypatch):
    """Ctrl-C between two layers: the first has its old weights again."""
    remote = make()
    before = copies(remote.host)
    remote.train_on_batch(kit.X, kit.CLASSES)
    last = remote.host.layers[-1]
    own = last.set_weights
    presses = [signal.SIGINT]

    def pressed(weights):
        if presses:
            signal.raise_signal(presses.pop())
        own(weights)

    monkeypatch.setattr(last, "set_weights", pressed)
    with pytest.raises(KeyboardInterrupt):
        remote.sync()

    assert kit.same_weights(remote.host, before, exactly=True)
    assert not kit.same_weights(remote.sync(), before)


def test_a_step_that_failed_can_be_tried_again(make):
    """An error in the worker ends the call only: the model goes on from there."""
    remote = make("raise:train:3")
    with pytest.raises(WorkerError, match="no room"):
        remote.fit(kit.X, kit.CLASSES, **ONCE)
    assert not remote.closed
    remote.fit(kit.X, kit.CLASSES, **ONCE)

    assert len(kit.seen(remote)) == 7
    assert not remote._session.ahead


# --- Ctrl-C ---


def press_within(step, keras):
    """A callback that presses Ctrl-C while the worker computes a step."""

    def begin(batch, logs):
        if batch == step:
            pid = os.getpid()
            threading.Timer(0.1, os.kill, (pid, signal.SIGINT)).start()

    return keras.callbacks.LambdaCallback(on_train_batch_begin=begin)


def test_ctrl_c_leaves_the_weights_of_the_last_whole_step(keras, make):
    """The step that it came into is completed, and its weights are here."""
    remote = make("slow:train")
    with pytest.raises(KeyboardInterrupt):
        remote.fit(kit.X, kit.CLASSES, callbacks=[press_within(1, keras)], **ONCE)
    steps = len(kit.seen(remote))

    assert 1 <= steps < 4
    expected = kit.classifier(keras)
    for part in (slice(0, 16), slice(16, 32), slice(32, 48))[:steps]:
        expected.train_on_batch(kit.X[part], kit.CLASSES[part])
    assert kit.same_weights(remote.host, expected)
    assert not remote._session.ahead
    found = remote.evaluate(kit.X, kit.CLASSES, verbose=0)
    measured = expected.evaluate(kit.X, kit.CLASSES, verbose=0)
    np.testing.assert_allclose(found, measured, rtol=1e-5)


def test_ctrl_c_between_steps_is_the_same(keras, make):
    """In a callback, before a step, there is nothing to wait for."""
    remote = make()
    press = keras.callbacks.LambdaCallback(
        on_train_batch_begin=lambda batch, logs: (
            signal.raise_signal(signal.SIGINT) if batch == 2 else None
        )
    )
    with pytest.raises(KeyboardInterrupt):
        remote.fit(kit.X, kit.CLASSES, callbacks=[press], **ONCE)

    expected = kit.classifier(keras)
    expected.fit(kit.X[:32], kit.CLASSES[:32], **ONCE)
    assert kit.same_weights(remote.host, expected)
    remote.fit(kit.X, kit.CLASSES, **ONCE)


def test_ctrl_c_kills_a_worker_that_does_not_answer(keras, make, monkeypatch):
    """After the grace it is killed, and the model has the weights that came last."""
    monkeypatch.setattr(session, "_GRACE", 0.5)
    remote, seen = make("hang:train:6", patience=3600.0), []
    hooks = [noted(keras, remote, seen), press_in_second_epoch(keras)]
    with pytest.raises(KeyboardInterrupt):
        remote.fit(kit.X, kit.CLASSES, epochs=3, callbacks=hooks, **ONCE)

    assert remote.closed
    assert kit.same_weights(remote.host, seen[0], exactly=True)


def press_in_second_epoch(keras):
    epochs = []

    def begin(batch, logs):
        if len(epochs) == 2 and batch == 1:
            pid = os.getpid()
            threading.Timer(0.3, os.kill, (pid, signal.SIGINT)).start()

    return keras.callbacks.LambdaCallback(
        on_epoch_begin=lambda epoch, logs: epochs.append(epoch),
        on_train_batch_begin=begin,
    )


# --- the end ---


def test_the_end_of_a_with_block_takes_the_weights_over(keras, make):
    """Without an error the weights are synchronised, then the process ends."""
    with make() as remote:
        remote.train_on_batch(kit.X, kit.CLASSES)
        before = copies(remote.host)

    expected = kit.classifier(keras)
    expected.train_on_batch(kit.X, kit.CLASSES)
    assert remote.closed
    assert kit.same_weights(remote.host, expected)
    assert not kit.same_weights(before, expected)


def test_after_an_error_a_with_block_closes_only(make):
    """The model keeps the weights that came last."""
    before = []
    with pytest.raises(LookupError), make() as remote:
        before += copies(remote.host)
        remote.train_on_batch(kit.X, kit.CLASSES)
        raise LookupError

    assert remote.closed
    assert kit.same_weights(remote.host, before, exactly=True)


def test_closing_is_no_synchronising(make):
    """`close` ends the process and lets the model be; twice is no error."""
    remote = make()
    before = copies(remote.host)
    remote.train_on_batch(kit.X, kit.CLASSES)
    remote.close()
    remote.close()

    assert kit.same_weights(remote.host, before, exactly=True)


# --- weights ---


def test_weights_go_to_both_sides(make):
    """`set_weights` sets them here and there, and ends what was trained meanwhile."""
    remote = make()
    remote.train_on_batch(kit.X, kit.CLASSES)
    weights = [array * 0 + 0.5 for array in remote.host.get_weights()]
    remote.set_weights(weights)

    assert kit.same_weights(remote.get_weights(), weights, exactly=True)
    assert kit.same_weights(remote.host, weights, exactly=True)
    outputs = remote.predict(kit.X, verbose=0)
    np.testing.assert_allclose(outputs, 1 / 3, rtol=1e-6)


@pytest.mark.parametrize("wrong", ["fewer", "shape"])
def test_weights_of_another_model_are_refused(make, wrong):
    """Before any of them is set: Keras itself would have set the first ones."""
    remote = make()
    before = copies(remote.host)
    weights = [array + 1 for array in before]
    weights = weights[:-1] if wrong == "fewer" else [*weights[:-1], np.ones(7)]
    with pytest.raises(ModelError, match="not the weights of this model"):
        remote.set_weights(weights)
    assert kit.same_weights(remote.host, before, exactly=True)

    with pytest.raises(ValueError, match=r"shape|weights"):
        remote.host.set_weights(weights)


def test_weights_that_are_changed_here_go_there(make):
    """What is loaded into the model of Keras is what is predicted with."""
    remote = make()
    remote.fit(kit.X, kit.CLASSES, **ONCE)
    remote.host.set_weights([array * 0 for array in remote.host.get_weights()])
    outputs = remote.predict(kit.X, verbose=0)

    np.testing.assert_allclose(outputs, 1 / 3, rtol=1e-6)


def test_changes_on_both_sides_are_not_decided_silently(make):
    """Trained there and changed here: an error tells how to say which is meant."""
    remote = make()
    remote.train_on_batch(kit.X, kit.CLASSES)
    remote.host.set_weights([array * 0 for array in remote.host.get_weights()])
    with pytest.raises(ModelError, match="changed here, and there") as caught:
        remote.predict(kit.X, verbose=0)
    assert "remote.sync()" in caught.value.mend

    remote.set_weights(remote.host.get_weights())
    np.testing.assert_allclose(remote.predict(kit.X, verbose=0), 1 / 3, rtol=1e-6)
