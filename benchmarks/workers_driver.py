"""Keras 3 with a worker on the one side, PlaidML alone or tf.keras on the other.

Run by `workers.measure`; prints samples, in seconds of wall time, as JSON: the work is
done in two processes, so that the CPU time of one says nothing.
"""

import json
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

import kerasplug as kp
from kerasplug import WorkerEngine
from kerasplug.engines.workers.locating import interpreter_of
from kerasplug.engines.workers.process import Worker

HERE = Path(__file__).parent
BATCH = 32
#: Bytes that are carried: 64 MB, more than any cache of a processor.
LARGE = 64_000_000
#: Calls in a row, where one is too short to be told by itself.
CALLS = 20


class Echo(WorkerEngine):
    """A program that takes arrays and gives them back."""

    name = "echo"
    program = str(HERE / "workers_echo.py")


def main(repeats: int) -> None:
    """Print all samples."""
    keras = kp.implementation()
    keras.utils.set_random_seed(3)
    samples = {**_transport(repeats), **_against_plaidml(keras, repeats)}
    samples |= _against_keras(keras, repeats)
    print(json.dumps(samples))


def _timed(work: Callable[[], Any]) -> float:
    before = time.perf_counter()
    work()
    return time.perf_counter() - before


def _each(work: Callable[[], Any]) -> float:
    """Seconds of one call among many in a row."""
    return _timed(lambda: [work() for _ in range(CALLS)]) / CALLS


def _in_turn(
    tasks: dict[str, Callable[[], float]], repeats: int
) -> dict[str, list[float]]:
    for task in tasks.values():
        task()
    samples: dict[str, list[float]] = {name: [] for name in tasks}
    for _ in range(repeats):
        for name, task in tasks.items():
            samples[name].append(task())
    return samples


# --- carrying arrays ---


def _transport(repeats: int) -> dict[str, list[float]]:
    data = np.random.default_rng(0).random(LARGE // 8)
    with_worker = Worker.start(Echo(), sys.executable)
    try:
        tasks = {
            "there": lambda: _timed(lambda: with_worker.ask("take", {"x": data})),
            "both": lambda: _timed(lambda: with_worker.ask("echo", {"x": data})),
        }
        return _in_turn(tasks, repeats)
    finally:
        with_worker.close()


# --- the same inside a PlaidML process ---


def _dense(keras: Any) -> Any:
    layers = keras.layers
    return keras.Sequential(
        [
            keras.Input((784,)),
            layers.Dense(64, activation="relu"),
            layers.Dense(10, activation="softmax"),
        ]
    )


def _against_plaidml(keras: Any, repeats: int) -> dict[str, list[float]]:
    x = np.random.default_rng(1).random((1000, 784), dtype="float32")
    model = _dense(keras)
    peer = _peer(model, x)
    with kp.to_backend(model, "plaidml", batch_size=BATCH) as remote:
        tasks = {
            "worker many": lambda: _timed(lambda: remote.predict(x, verbose=0)),
            "peer many": lambda: peer("many"),
            "worker one": lambda: _timed(lambda: remote.predict(x[:1], verbose=0)),
            "peer one": lambda: peer("1"),
            "worker row": lambda: _each(lambda: remote.predict(x[:1], verbose=0)),
            "peer row": lambda: peer(str(CALLS)) / CALLS,
        }
        return _in_turn(tasks, repeats)


def _peer(model: Any, x: Any) -> Callable[[str], float]:
    """A process of PlaidML's that predicts with the same weights when it is told to."""
    from kerasplug_plaidml import compat
    from kerasplug_plaidml.engine import PlaidML

    engine = PlaidML()
    weights = {f"w{n}": array for n, array in enumerate(model.get_weights())}
    np.savez("peer.npz", x=x, **weights)
    command = [interpreter_of(engine).python, "-W", "ignore", HERE / "workers_peer.py"]
    variables = {k: v for k, v in engine.variables(()).items() if v is not None}
    process = subprocess.Popen(
        [*map(str, command), str(compat.__file__), "peer.npz", str(BATCH)],
        env={"KERAS_HOME": str(Path("peer-home").resolve()), **variables},
        stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    )

    def seconds(what: str) -> float:
        assert process.stdin is not None
        assert process.stderr is not None
        print(what, file=process.stdin, flush=True)
        for line in process.stderr:  # what PlaidML logs comes the same way
            try:
                return float(line)
            except ValueError:
                continue
        message = "the process of PlaidML ended"
        raise RuntimeError(message)

    return seconds


# --- tf.keras on the same processor ---


def _conv(keras: Any) -> Any:
    layers = keras.layers
    return keras.Sequential(
        [
            keras.Input((28, 28, 1)),
            layers.Conv2D(16, 3, activation="relu"),
            layers.MaxPooling2D(),
            layers.Conv2D(32, 3, activation="relu"),
            layers.Flatten(),
            layers.Dense(10, activation="softmax"),
        ]
    )


def _against_keras(keras: Any, repeats: int) -> dict[str, list[float]]:
    samples: dict[str, list[float]] = {}
    for name, build in {"dense": _dense, "conv": _conv}.items():
        model = build(keras)
        model.compile("sgd", "sparse_categorical_crossentropy")
        samples |= _both(name, model, repeats)
    return samples


def _both(name: str, model: Any, repeats: int) -> dict[str, list[float]]:
    """Predicting and training 512 rows, once with PlaidML and once here."""
    rng = np.random.default_rng(2)
    x = rng.random((512, *model.input_shape[1:]), dtype="float32")
    y = rng.integers(0, 10, 512)
    usual: dict[str, Any] = {"batch_size": BATCH, "verbose": 0}
    with kp.to_backend(model, "plaidml", batch_size=BATCH) as remote:
        tasks = {
            f"{name} predict plaidml": lambda: _timed(
                lambda: remote.predict(x, **usual)
            ),
            f"{name} predict keras": lambda: _timed(lambda: model.predict(x, **usual)),
            f"{name} train plaidml": lambda: _timed(lambda: remote.fit(x, y, **usual)),
            f"{name} train keras": lambda: _timed(lambda: model.fit(x, y, **usual)),
        }
        return _in_turn(tasks, repeats)


if __name__ == "__main__":
    main(int(sys.argv[1]))
