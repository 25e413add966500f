"""Models of every sort that the proof is about, and the engine that they run on."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from plaidml_kit import shared_python

__all__ = ["MODELS", "inputs_of", "plaidml", "randomised"]


@pytest.fixture(scope="module")
def plaidml(request: pytest.FixtureRequest) -> Iterator[None]:
    """`to_backend(model, "plaidml")` works in this module's tests."""
    base = request.getfixturevalue("tmp_path_factory").getbasetemp()
    worker = getattr(request.config, "workerinput", {}).get("workerid", "master")
    with _named(shared_python(base, worker)):
        yield


@contextmanager
def _named(python: Path) -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("KERASPLUG_PLAIDML_PYTHON", str(python))
        yield


def randomised(model: Any) -> Any:
    """The same model with weights that no initializer gives; variances positive."""
    rng = np.random.default_rng(7)
    for variable in model.weights:
        value = np.asarray(variable)
        variable.assign(value + rng.uniform(0.02, 0.2, value.shape))
    return model


def inputs_of(model: Any, rows: int = 40) -> list[Any]:
    """Made-up rows: whole numbers below 10 for integer inputs."""
    rng = np.random.default_rng(8)
    return [
        rng.integers(0, 10, (rows, *one.shape[1:])).astype(one.dtype)
        if "int" in one.dtype
        else rng.normal(size=(rows, *one.shape[1:])).astype(one.dtype)
        for one in model.inputs
    ]


def _dense(keras: Any) -> Any:
    layers = keras.layers
    return keras.Sequential(
        [
            keras.Input((20,)),
            layers.Dense(16, activation="relu"),
            layers.Dropout(0.3),
            layers.Dense(8, activation="tanh", use_bias=False),
            layers.Dense(4, activation="softmax"),
        ]
    )


def _convolutional(keras: Any) -> Any:
    layers = keras.layers
    return keras.Sequential(
        [
            keras.Input((12, 12, 2)),
            layers.Conv2D(6, 3, padding="same", activation="relu"),
            layers.MaxPooling2D(),
            layers.BatchNormalization(),
            layers.Conv2D(8, 3, strides=2),
            layers.Flatten(),
            layers.Dense(5),
        ]
    )


def _residual(keras: Any) -> Any:
    layers = keras.layers
    image = keras.Input((8, 8, 4))
    x = layers.Conv2D(4, 3, padding="same")(image)
    x = layers.BatchNormalization()(x)
    x = layers.Activation("relu")(x)
    x = layers.Add()([x, image])
    return keras.Model(image, layers.GlobalAveragePooling2D()(x))


def _lstm(keras: Any) -> Any:
    layers = [keras.Input((5, 3)), keras.layers.LSTM(6), keras.layers.Dense(2)]
    return keras.Sequential(layers)


def _gru(keras: Any, *, reset_after: bool) -> Any:
    gru = keras.layers.GRU(6, reset_after=reset_after, return_sequences=True)
    return keras.Sequential([keras.Input((5, 3)), gru, keras.layers.Dense(2)])


def _embedding(keras: Any) -> Any:
    layers = keras.layers
    return keras.Sequential(
        [
            keras.Input((7,), dtype="int32"),
            layers.Embedding(10, 4),
            layers.Conv1D(6, 3, activation="relu"),
            layers.GlobalMaxPooling1D(),
            layers.Dense(3),
        ]
    )


def _several_inputs(keras: Any) -> Any:
    layers = keras.layers
    left, right = keras.Input((6,), name="left"), keras.Input((4,), name="right")
    shared = layers.Dense(5, activation="relu")
    x = layers.Concatenate()([layers.Dense(4)(left), right])
    both = layers.Add()([shared(layers.Dense(4)(left)), shared(right)])
    return keras.Model([left, right], [layers.Dense(3, name="a")(x), both])


MODELS: dict[str, Callable[[Any], Any]] = {
    "dense": _dense,
    "convolutional": _convolutional,
    "residual": _residual,
    "lstm": _lstm,
    "gru": lambda keras: _gru(keras, reset_after=True),
    "gru of Keras 2": lambda keras: _gru(keras, reset_after=False),
    "embedding": _embedding,
    "several inputs": _several_inputs,
}
