"""The networks that `gpu_scaling.py` trains: one of convolutions, one of attention.

Both are made here, so that nothing is downloaded and every backend has the same.
"""

from collections.abc import Callable
from typing import Any, Final, NamedTuple

import numpy as np

__all__ = ["NETWORKS", "Network"]

_CLASSES: Final = 100


class Network(NamedTuple):
    """A network, and made-up data for it.

    Args:
        build: takes Keras, whether it is a small one, and whether it has batch
            normalization where networks of its kind have; gives a model.
        data: takes a number of rows and whether it is a small one; gives inputs and
            labels.
    """

    build: Callable[..., Any]
    data: Callable[..., tuple[Any, Any]]


def _residual(keras: Any, *, small: bool, normalized: bool) -> Any:
    """What ResNet-18 is, for pictures of 128 x 128; or a tiny one of its kind."""
    layers = keras.layers
    size, widths, blocks = (16, (8, 16), 1) if small else (128, (64, 128, 256, 512), 2)

    def convolved(x: Any, width: int, kernel: int, stride: int) -> Any:
        options = {"padding": "same", "use_bias": not normalized}
        x = layers.Conv2D(width, kernel, stride, **options)(x)
        return layers.BatchNormalization()(x) if normalized else x

    def block(x: Any, width: int, stride: int) -> Any:
        beside = x
        if stride > 1 or x.shape[-1] != width:
            beside = convolved(x, width, 1, stride)
        x = layers.ReLU()(convolved(x, width, 3, stride))
        return layers.ReLU()(layers.Add()([convolved(x, width, 3, 1), beside]))

    inputs = keras.Input((size, size, 3))
    x = layers.ReLU()(convolved(inputs, widths[0], 3 if small else 7, 2))
    for width in widths:
        for number in range(blocks):
            x = block(x, width, 1 if number or width == widths[0] else 2)
    x = layers.GlobalAveragePooling2D()(x)
    return keras.Model(inputs, layers.Dense(_CLASSES)(x))


def _pictures(rows: int, *, small: bool) -> tuple[Any, Any]:
    rng, size = np.random.default_rng(1), 16 if small else 128
    pictures = rng.random((rows, size, size, 3), dtype="float32")
    return pictures, rng.integers(0, _CLASSES, rows)


#: Words that there are, words in a text, width, heads, blocks.
_LARGE_TEXT: Final = (20_000, 256, 512, 8, 6)
_SMALL_TEXT: Final = (50, 12, 16, 2, 1)


def _attention(keras: Any, *, small: bool, normalized: bool) -> Any:
    """An encoder of six blocks with 19 million weights besides its words'."""
    del normalized  # its normalization is that of each row
    layers = keras.layers
    words, length, width, heads, blocks = _SMALL_TEXT if small else _LARGE_TEXT
    inputs = keras.Input((length,), dtype="int32")
    x = layers.Embedding(words, width)(inputs)
    for _ in range(blocks):
        y = layers.LayerNormalization()(x)
        x = layers.Add()([x, layers.MultiHeadAttention(heads, width // heads)(y, y)])
        y = layers.Dense(4 * width, activation="relu")(layers.LayerNormalization()(x))
        x = layers.Add()([x, layers.Dense(width)(y)])
    x = layers.GlobalAveragePooling1D()(layers.LayerNormalization()(x))
    return keras.Model(inputs, layers.Dense(_CLASSES)(x))


def _texts(rows: int, *, small: bool) -> tuple[Any, Any]:
    rng = np.random.default_rng(1)
    words, length, *_ = _SMALL_TEXT if small else _LARGE_TEXT
    texts = rng.integers(0, words, (rows, length)).astype("int32")
    return texts, rng.integers(0, _CLASSES, rows)


NETWORKS: Final = {
    "residual": Network(_residual, _pictures),
    "attention": Network(_attention, _texts),
}
