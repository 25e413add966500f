"""The model architecture, as a recipe. Importing this module loads Keras."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import kerasplug
from downstream_pkg.wrappers import layer_gated_dense

if TYPE_CHECKING:
    from kerasplug.typing import keras
else:
    keras = kerasplug.implementation()

__all__ = ["preprocess_input", "tiny_mlp"]

WHITE = 255.0


def tiny_mlp(
    input_shape: tuple[int, ...] = (8, 8),
    classes: int = 10,
    *,
    units: int = 64,
    weights: str | None = None,
) -> Any:
    """A new model with one gated dense layer between pixels and classes.

    Args:
        input_shape: of one image, without the batch. Default: `(8, 8)`.
        classes: number of classes, >= 2. Default: 10.
        units: outputs of the gated layer, >= 1. Default: 64.
        weights: path of a file that `save_weights` wrote; None: random weights.

    Returns:
        A model that is not compiled, from `(batch, *input_shape)` to probabilities of
        shape `(batch, classes)`. With the defaults it has 8970 weights.

    Example:
        >>> tiny_mlp().count_params()
        8970

    Source: none, own definition.
    """
    inputs = keras.Input(input_shape)
    outputs = kerasplug.pipe(
        inputs,
        keras.layers.Flatten(),
        layer_gated_dense(units=units),
        keras.layers.Dense(classes, activation="softmax"),
    )
    model = keras.Model(inputs, outputs, name="tiny_mlp")
    if weights is not None:
        model.load_weights(weights)
    return model


def preprocess_input(x: Any) -> Any:
    """Pixels in [0, 255] as `tiny_mlp` takes them: float32 in [0, 1].

    Args:
        x: array of any shape and number type.

    Returns:
        A new float32 array of the same shape.
    """
    return x.astype("float32") / WHITE
