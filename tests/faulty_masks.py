"""Layers that lose masks, or what they are for; otherwise as they should be."""

from faulty_base import Scale

import kerasplug

keras = kerasplug.implementation()
registered = keras.saving.register_keras_serializable(package="faulty_masks")


class _Scale(Scale):
    """Multiplies by a weight for each feature, and lets masks through."""

    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        self.supports_masking = True


@registered
class DropsTheMask(_Scale):
    """Says that it supports masks, and has none for its output."""

    def compute_mask(self, inputs, mask=None):
        return None


@registered
class EachSecond(_Scale):
    """Gives each second step, with the mask of all of them."""

    def call(self, inputs):
        return (inputs * self.scale)[:, ::2]

    def compute_output_shape(self, input_shape):
        rows, steps, features = input_shape
        return (rows, None if steps is None else (steps + 1) // 2, features)


@registered
class Centres(_Scale):
    """Takes the mean over all steps, masked or not."""

    def call(self, inputs):
        scaled = inputs * self.scale
        return scaled - keras.ops.mean(scaled, axis=1, keepdims=True) / 2


@registered
class MaskedMean(_Scale):
    """Takes the mean over the steps that are not masked; its output needs no mask."""

    def call(self, inputs, mask=None):
        scaled = inputs * self.scale
        if mask is None:
            return keras.ops.mean(scaled, axis=1)
        weights = keras.ops.cast(mask, self.compute_dtype)[..., None]
        total = keras.ops.sum(scaled * weights, axis=1)
        return total / keras.ops.maximum(keras.ops.sum(weights, axis=1), 1)

    def compute_mask(self, inputs, mask=None):
        return None

    def compute_output_shape(self, input_shape):
        return (input_shape[0], input_shape[2])


@registered
class EachSecondMasked(EachSecond):
    """Gives each second step, with its mask."""

    def compute_mask(self, inputs, mask=None):
        return None if mask is None else mask[:, ::2]


@registered
class Convolves(_Scale):
    """Mixes steps, and does not say that it supports masks."""

    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        self.supports_masking = False

    def call(self, inputs):
        scaled = inputs * self.scale
        return scaled + keras.ops.roll(scaled, 1, axis=1)
