"""What several devices cost: trainings that take turns in one process.

Run by `devices.measure`, with Keras' backend chosen by KERAS_BACKEND; prints samples as
JSON. Virtual devices have to be there before the engine starts, so each comparison has
a process of its own.
"""

import importlib
import json
import random
import sys
import time
from collections.abc import Callable
from typing import Any

import numpy as np

import kerasplug as kp

#: Rows of a batch, so that a step takes more than 20 ms on one processor.
LARGE = 64
#: Steps that are timed together. One before them is not: it waits for the first batch.
STEPS = 32
#: Of the small network: 6 steps an epoch, the first epoch of each training not counted.
SMALL = 32
EPOCH = 6
EPOCHS = 20

#: (wall, CPU) seconds.
Sample = tuple[float, float]
Tasks = dict[str, Callable[[], Sample]]


def main(what: str, repeats: int) -> None:
    """Print the samples of a comparison: name of a task -> [wall, CPU] seconds."""
    tasks = {"share": _share, "mirrored": _mirrored, "mesh": _mesh}[what]()
    for task in tasks.values():
        task()
    samples: dict[str, list[Sample]] = {name: [] for name in tasks}
    chance = random.Random(0)  # noqa: S311 -- whose turn it is, no secret
    for _ in range(repeats):
        for name in chance.sample(list(tasks), len(tasks)):
            samples[name].append(tasks[name]())
    print(json.dumps(samples))


# --- what is trained ---


def _large(keras: Any) -> Any:
    """Three convolutions over small pictures in colour."""
    layers = keras.layers
    return keras.Sequential(
        [
            keras.Input((32, 32, 3)),
            layers.Conv2D(32, 3, padding="same", activation="relu"),
            layers.Conv2D(32, 3, padding="same", activation="relu"),
            layers.MaxPooling2D(),
            layers.Conv2D(64, 3, padding="same", activation="relu"),
            layers.GlobalAveragePooling2D(),
            layers.Dense(64, activation="relu"),
            layers.Dense(10, activation="softmax"),
        ]
    )


def _small(keras: Any) -> Any:
    layers = keras.layers
    return keras.Sequential(
        [
            keras.Input((28, 28, 1)),
            layers.Conv2D(16, 3, activation="relu"),
            layers.MaxPooling2D(),
            layers.Conv2D(32, 3, activation="relu"),
            layers.MaxPooling2D(),
            layers.Flatten(),
            layers.Dense(10, activation="softmax"),
        ]
    )


def _compiled(model: Any) -> Any:
    model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
    return model


def _data(rows: int, *shape: int) -> tuple[Any, Any]:
    rng = np.random.default_rng(1)
    return rng.random((rows, *shape), dtype="float32"), rng.integers(0, 10, rows)


def _steps(keras: Any, model: Any) -> Callable[[], Sample]:
    """A task that gives the seconds of a step of `fit`, without what `fit` sets up."""
    x, y = _data(LARGE * (STEPS + 1), 32, 32, 3)
    return _timed(keras, model, "on_train_batch_end", STEPS, x, y, batch_size=LARGE)


def _epochs(keras: Any, model: Any, batch: int) -> Callable[[], Sample]:
    """A task that gives the seconds of an epoch of `fit`, after the first one."""
    x, y = _data(batch * EPOCH, 28, 28, 1)
    options = {"batch_size": batch, "epochs": 1 + EPOCHS}
    return _timed(keras, model, "on_epoch_end", EPOCHS, x, y, **options)


def _timed(
    keras: Any, model: Any, hook: str, times: int, *data: Any, **options: Any
) -> Callable[[], Sample]:
    marks: list[Sample] = []

    def note(*_: Any, **__: Any) -> None:
        marks.append((time.perf_counter(), time.process_time()))

    clock = keras.callbacks.LambdaCallback(**{hook: note})

    def seconds() -> Sample:
        marks.clear()
        model.fit(*data, callbacks=[clock], verbose=0, shuffle=False, **options)
        assert len(marks) == 1 + times
        (begin, before), (end, after) = marks[0], marks[-1]
        return (end - begin) / times, (after - before) / times

    return seconds


# --- the comparisons ---


def _share() -> Tasks:
    """TensorFlow: all that we add to a step, when there is but one device."""
    from kerasplug.devices.on_tensorflow import PARALLEL
    from kerasplug.devices.parallel import parallel

    keras = kp.implementation()
    options: dict[str, Any] = {"merge_on": "cpu:0", "sync_batch_norm": False}
    models = {
        "ours": parallel(PARALLEL, _large(keras), ["cpu:0"], **options),
        "plain": _large(keras),
        "plain again": _large(keras),
    }
    return {name: _steps(keras, _compiled(model)) for name, model in models.items()}


def _mirrored() -> Tasks:
    """TensorFlow, two devices: ours, Keras under a strategy, and one device alone."""
    names = kp.virtual_devices(2)
    keras, tf = kp.implementation(), importlib.import_module("tensorflow")
    with tf.distribute.MirroredStrategy(list(names)).scope():
        mirrored = _compiled(_small(keras))
    models = {
        "ours": _compiled(kp.multi_gpu_model(_small(keras), names)),
        "mirrored": mirrored,
        "plain": _compiled(_small(keras)),
        "plain again": _compiled(_small(keras)),
    }
    return {name: _epochs(keras, model, SMALL) for name, model in models.items()}


def _mesh() -> Tasks:
    """JAX, eight devices: ours, Keras' own way twice, and one device alone."""
    names = kp.virtual_devices(8)
    keras = kp.implementation()
    bare = keras.distribution.DataParallel(
        devices=list(names), auto_shard_dataset=False
    )
    batch = 2 * SMALL
    tasks = {}
    for name in ("bare", "bare again"):
        with bare.scope():
            model = _compiled(_small(keras))
        tasks[name] = _within(bare, _epochs(keras, model, batch))
    ours = _compiled(kp.multi_gpu_model(_small(keras), names))
    tasks["ours"] = _epochs(keras, ours, batch)
    tasks["plain"] = _epochs(keras, _compiled(_small(keras)), batch)
    return tasks


def _within(distribution: Any, task: Callable[[], Sample]) -> Callable[[], Sample]:
    """The task while Keras has a distribution, as programs that use it leave it."""

    def run() -> Sample:
        with distribution.scope():
            return task()

    return run


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]))
