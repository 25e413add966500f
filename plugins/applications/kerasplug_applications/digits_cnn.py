"""A small model that reads handwritten digits. Importing this module loads no Keras."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import kerasplug

if TYPE_CHECKING:
    from kerasplug.typing import keras
else:
    keras = kerasplug.implementation()

__all__ = ["MIN_SIZE", "digits_cnn"]

#: The smallest side of an image, in pixels: what the model was made for.
MIN_SIZE: Final = 8

_SHAPE: Final = (MIN_SIZE, MIN_SIZE, 1)
#: A pixel of the data set counts the black dots of a 4x4 block.
_BLACK: Final = 16
#: Filters of the two convolutions of each block.
_BLOCKS: Final = ((16, 16), (32, 48))


def digits_cnn(
    include_top: bool = True,  # noqa: FBT001, FBT002 -- the signature of keras.applications
    input_shape: tuple[int | None, ...] | None = None,
    pooling: str | None = None,
    classes: int = 10,
    classifier_activation: str | None = "softmax",
    name: str = "digits_cnn",
) -> Any:
    """A new convolutional model with 22 000 weights, for the digits of `kerasplug`.

    Two blocks of two 3x3 convolutions, each with batch normalization and ReLU, and a
    2x2 maximum between the blocks; then, with the top, the mean over all places and
    one dense layer. The names of the layers are the same whatever the arguments are.

    Args:
        include_top: whether the pooling and the dense layer are there.
        input_shape: height, width and channels of one image; None: `(8, 8, 1)`.
            Height and width are at least 8, or None for any. The packaged weights
            want 1 channel.
        pooling: without the top: None for features of shape `(batch, height / 2,
            width / 2, 48)`; "avg" or "max" for their mean or maximum, `(batch, 48)`.
            With the top it is not looked at.
        classes: number of classes; the packaged weights have 10.
        classifier_activation: of the dense layer; None for logits.
        name: of the model.

    Returns:
        A model that is not compiled, with random weights. It takes pixels as the data
        set has them, 0 (white) to 16 (black), of any number type: the scaling is
        inside.

    Raises:
        ValueError: `input_shape` or `pooling` is not of its form.

    Example:
        >>> digits_cnn().count_params()
        21818
        >>> digits_cnn(include_top=False, pooling="avg").output_shape
        (None, 48)

    Source: none, own definition.
    """
    shape = _checked(input_shape, pooling)
    inputs = keras.Input(shape, name="pixels")
    x = keras.layers.Rescaling(1 / _BLACK, name="rescaling")(inputs)
    x = _block(x, 1)
    x = keras.layers.MaxPooling2D(2, name="block1_pool")(x)
    x = _block(x, 2)
    if include_top:
        x = keras.layers.GlobalAveragePooling2D(name="avg_pool")(x)
        top = keras.layers.Dense(
            classes, activation=classifier_activation, name="predictions"
        )
        x = top(x)
    elif pooling == "avg":
        x = keras.layers.GlobalAveragePooling2D(name="avg_pool")(x)
    elif pooling == "max":
        x = keras.layers.GlobalMaxPooling2D(name="max_pool")(x)
    return keras.Model(inputs, x, name=name)


def _checked(input_shape: Any, pooling: object) -> tuple[int | None, ...]:
    """The shape of one image, when both are of their form."""
    _demand(pooling in (None, "avg", "max"), "pooling", pooling, "None, 'avg' or 'max'")
    shape = _SHAPE if input_shape is None else tuple(input_shape)
    good = len(shape) == len(_SHAPE) and shape[-1] is not None
    good = good and all(side is None or side >= MIN_SIZE for side in shape[:-1])
    rule = f"(height, width, channels), with sides of at least {MIN_SIZE}"
    _demand(good, "input_shape", input_shape, rule)
    return shape


def _demand(good: bool, name: str, value: object, rule: str) -> None:  # noqa: FBT001 -- what is demanded comes first
    if not good:
        message = (
            f"Invalid value received for argument `{name}`. "
            f"Expected {rule}. Received: {name}={value!r}"
        )
        raise ValueError(message)


def _block(x: Any, number: int) -> Any:
    """Two convolutions over `x`, with what comes after each."""
    for place, filters in enumerate(_BLOCKS[number - 1], 1):
        # Batch normalization has an offset; one in the convolution would do nothing.
        convolution = keras.layers.Conv2D(
            filters,
            3,
            padding="same",
            use_bias=False,
            kernel_initializer="he_normal",
            name=f"block{number}_conv{place}",
        )
        # Keras' default momentum, 0.99, is for more steps than few data give.
        norm = keras.layers.BatchNormalization(
            momentum=0.9, name=f"block{number}_bn{place}"
        )
        relu = keras.layers.ReLU(name=f"block{number}_relu{place}")
        x = kerasplug.pipe(x, convolution, norm, relu)
    return x
