"""Scripted numbers for callbacks that watch one, and small models to train."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np

X = np.linspace(-1, 1, 16 * 3, dtype="float32").reshape(16, 3)
Y = X.sum(axis=1, keepdims=True) ** 2
NAMES = ("a", "b", "c")


def layers(keras, seed=3):
    """Three dense layers, compiled; the same weights each time."""
    keras.utils.set_random_seed(seed)
    parts = [keras.layers.Dense(3, name=name) for name in NAMES[:-1]]
    model = keras.Sequential(
        [keras.Input((3,)), *parts, keras.layers.Dense(1, name="c")]
    )
    model.compile("adam", "mse")
    return model


def fit(model, epochs=1, callbacks=(), **options):
    """Train a little, always alike."""
    given = {"batch_size": 8, "shuffle": False, "verbose": 0} | options
    return model.fit(X, Y, epochs=epochs, callbacks=[*callbacks], **given)


def script(keras, values, name="score"):
    """A callback that puts a number of ours into the logs of each epoch."""

    class Script(keras.callbacks.Callback):
        def on_epoch_end(self, epoch, logs=None):
            value = values[min(epoch, len(values) - 1)]
            if value is not None:
                logs[name] = value

    return Script()


def scripted(keras, values, callbacks, *, epochs=None, **options):
    """The epochs that a training with these numbers has."""
    model = options.pop("model", None) or layers(keras)
    listed = [script(keras, values), *callbacks]
    history = fit(model, epochs or len(values), listed, **options)
    return history.epoch


def press(*, at):
    """A callback that presses Ctrl-C once, in the second batch of an epoch."""
    import kerasplug.training as kt

    places = []

    def on_batch(batch, logs):
        if (places[-1], batch) == (at, 1):
            signal.raise_signal(signal.SIGINT)

    return kt.callback_lambda(
        on_epoch_begin=lambda epoch, logs: places.append(epoch),
        on_train_batch_begin=on_batch,
    )


def again_on_jax(*names, without):
    """What pytest says of these files of tests on JAX, once each test has passed.

    Args:
        *names: `"own"` is `test_training_own.py`.
        without: parts of the names of tests that start a backend of their own.
    """
    here = Path(__file__).parent
    options = ["-q", "--no-header", "-p", "no:cacheprovider"]
    options += ["-k", " and ".join(f"not {one}" for one in without)]
    files = [here / f"test_training_{name}.py" for name in names]
    done = subprocess.run(
        [sys.executable, "-m", "pytest", *options, *files],
        env={
            **os.environ,
            "KERAS_BACKEND": "jax",
            "KERASPLUG_IMPLEMENTATION": "keras",
        },
        cwd=here.parent,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-1000:]
    assert " passed" in done.stdout
    return done.stdout
