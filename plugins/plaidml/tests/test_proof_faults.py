"""PlaidML's own process is killed at every stage: an error, and nothing is left."""

import contextlib
import os
import signal
import threading
import time
from pathlib import Path

import numpy as np
import proof_kit
import pytest

import kerasplug as kp

pytestmark = [pytest.mark.engine, pytest.mark.usefixtures("plaidml")]

plaidml = proof_kit.plaidml  # a fixture

ROWS = np.random.default_rng(4).normal(size=(96, 6, 5)).astype("float32")
CLASSES = np.arange(96) % 3


@pytest.fixture
def model():
    """One with a recurrent layer, so that each stage takes its time."""
    keras = kp.implementation()
    layers = [keras.Input((6, 5)), keras.layers.LSTM(8), keras.layers.Dense(3)]
    made = keras.Sequential(layers)
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    made.compile("adam", loss)
    return made


def workers():
    """The processes that this one has started and that serve an engine."""
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):  # it has just ended
            state, parent = (folder / "stat").read_text().rpartition(")")[2].split()[:2]
            command = (folder / "cmdline").read_bytes()
            if int(parent) == os.getpid() and state != "Z" and b"serving.py" in command:
                found.append(int(folder.name))
    return found


def remains():
    """What a worker could leave: processes, descriptors, shared memory."""
    shared = Path("/dev/shm")  # noqa: S108 -- it is looked at only
    named = sorted(one.name for one in shared.iterdir()) if shared.is_dir() else []
    return workers(), len(os.listdir("/proc/self/fd")), named


@contextlib.contextmanager
def killed_after(seconds):
    """Some worker of this process is killed, so long after it is there."""
    done = threading.Event()

    def kill():
        while not done.is_set() and not (found := workers()):
            time.sleep(0.02)
        time.sleep(seconds)
        for pid in () if done.is_set() else found:
            os.kill(pid, signal.SIGKILL)

    thread = threading.Thread(target=kill)
    thread.start()
    try:
        yield
    finally:
        done.set()
        thread.join()


@pytest.mark.parametrize("seconds", [0.0, 0.3, 2.5])
def test_killed_while_it_starts_imports_or_compiles(model, seconds):
    """Before there is a remote model: `to_backend` fails, the model is as it was."""
    before, weights = remains(), model.get_weights()

    with killed_after(seconds), pytest.raises(kp.WorkerError, match="SIGKILL"):
        remote = kp.to_backend(model, "plaidml", batch_size=32)
        for _ in range(1000):  # where the machine was faster than the killer
            remote.predict(ROWS, verbose=0)

    assert remains() == before
    for mine, other in zip(weights, model.get_weights(), strict=True):
        np.testing.assert_array_equal(mine, other)


@pytest.mark.parametrize("call", ["fit", "evaluate", "predict"])
def test_killed_in_a_call(model, call):
    """In the midst of work: an error, and the weights of the last synchronisation."""
    before = remains()
    remote = kp.to_backend(model, "plaidml", batch_size=32)
    remote.fit(ROWS, CLASSES, epochs=1, verbose=0)
    weights = model.get_weights()
    data = (ROWS,) if call == "predict" else (ROWS, CLASSES)

    with killed_after(0.3), pytest.raises(kp.WorkerError, match="SIGKILL"):
        for _ in range(10_000):
            remote.evaluate(ROWS, CLASSES, verbose=0)
            weights = model.get_weights()
            getattr(remote, call)(*data, verbose=0)

    assert remains()[0] == before[0]
    for mine, other in zip(weights, model.get_weights(), strict=True):
        np.testing.assert_array_equal(mine, other)
    with pytest.raises(kp.WorkerError, match="ended"):
        remote.predict(ROWS, verbose=0)
    remote.close()
    assert remains() == before


def test_without_memory_it_says_so(model):
    """Where it may have no more memory: an error with its words, and nothing left."""
    import resource

    before = remains()
    remote = kp.to_backend(model, "plaidml", batch_size=32)
    (pid,) = workers()
    used = int(Path(f"/proc/{pid}/statm").read_text().split()[0])
    limit = used * resource.getpagesize() + (8 << 20)
    resource.prlimit(pid, resource.RLIMIT_AS, (limit, limit))

    with pytest.raises(kp.WorkerError) as caught:
        remote.predict(np.zeros((200_000, 6, 5), "float32"), batch_size=100_000)

    assert "memory" in str(caught.value).lower()
    remote.close()
    assert remains() == before
