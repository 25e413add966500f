"""One process of `seeding.measure`: a call that seeds, or trainings under measures.

`python seeding_driver.py call WHAT LOADED` prints the seconds of one call in a fresh
process; `python seeding_driver.py train MEASURES` trains each time it reads a line, and
prints the seconds, so that several processes can take turns. With Keras' backend in
KERAS_BACKEND. Seconds are (wall, CPU), as JSON.
"""

import contextlib
import importlib
import json
import sys
import time
from collections.abc import Callable
from typing import Any

#: (wall, CPU) seconds.
Sample = tuple[float, float]
#: Steps of 32 pictures.
STEPS = {"small": 12, "large": 4}


def main(what: str, *arguments: str) -> None:
    """Print a sample, or one for each line that comes."""
    if what == "call":
        print(json.dumps(_call(*arguments)))
    else:
        _take_turns(*arguments)


def _timed(work: Callable[[], object]) -> Sample:
    wall, cpu = time.perf_counter(), time.process_time()
    work()
    return time.perf_counter() - wall, time.process_time() - cpu


# --- one call ---


def _call(what: str, loaded: str) -> Sample:
    """A first call in this process, with its imports.

    Args:
        what: `ours`, `keras`, or `cleared`, which is `keras` with a cleared session.
        loaded: `keras`, where Keras has been imported before; else nothing has.
    """
    if loaded == "keras":
        # As programs have it: who uses Keras is told by the modules that refer to it.
        globals()["keras"] = importlib.import_module("keras")
        # Keras imports it to seed it, wherever it is installed.
        with contextlib.suppress(ImportError):
            importlib.import_module("tensorflow")
    return _timed({"ours": _ours, "keras": _keras, "cleared": _cleared}[what])


def _ours() -> None:
    import kerasplug

    kerasplug.use_session_with_seed(42, quiet=True, hash_seed="ignore")


def _keras() -> None:
    import keras

    keras.utils.set_random_seed(42)


def _cleared() -> None:
    import keras

    keras.utils.clear_session(free_memory=False)
    keras.utils.set_random_seed(42)


# --- trainings ---


def _take_turns(model: str, *measures: str) -> None:
    """A training for each line of standard input, seeded with these measures."""
    import kerasplug

    kerasplug.use_session_with_seed(
        42,
        disable_parallel_cpu="one thread" in measures,
        op_determinism="op determinism" in measures,
        quiet=True,
        hash_seed="ignore",
    )
    layers = {"small": _small, "large": _large}[model]
    train = _training(layers, STEPS[model])
    train()
    print("ready", flush=True)
    for _ in sys.stdin:
        print(json.dumps(_timed(train)), flush=True)


def _training(layers: Callable[[Any], list[Any]], steps: int) -> Callable[[], object]:
    """An epoch of `fit` with Adam, shuffled."""
    import numpy as np

    keras: Any = importlib.import_module("keras")
    model = keras.Sequential(layers(keras))
    model.compile("adam", "sparse_categorical_crossentropy")
    rng = np.random.default_rng(1)
    x = rng.random((32 * steps, *model.input_shape[1:]), dtype="float32")
    y = rng.integers(0, 10, len(x))
    return lambda: model.fit(x, y, batch_size=32, verbose=0)


def _small(keras: Any) -> list[Any]:
    """Two convolutions over small pictures, and dropout."""
    layers = keras.layers
    return [
        keras.Input((28, 28, 1)),
        layers.Conv2D(16, 3, activation="relu"),
        layers.MaxPooling2D(),
        layers.Conv2D(32, 3, activation="relu"),
        layers.MaxPooling2D(),
        layers.Flatten(),
        layers.Dropout(0.5),
        layers.Dense(10, activation="softmax"),
    ]


def _large(keras: Any) -> list[Any]:
    """Four convolutions over pictures in colour, and dropout."""
    layers = keras.layers
    options = {"padding": "same", "activation": "relu"}
    return [
        keras.Input((32, 32, 3)),
        layers.Conv2D(32, 3, **options),
        layers.Conv2D(32, 3, **options),
        layers.MaxPooling2D(),
        layers.Conv2D(64, 3, **options),
        layers.Conv2D(64, 3, **options),
        layers.GlobalAveragePooling2D(),
        layers.Dropout(0.5),
        layers.Dense(10, activation="softmax"),
    ]


if __name__ == "__main__":
    main(*sys.argv[1:])
