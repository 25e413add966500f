"""Layers that Keras 2.2.4 has not, or has otherwise, in few lines of it: their sources.

They run in the worker. None of them mixes the rows of a batch.
"""

from collections.abc import Mapping
from typing import Final

__all__ = ["MASKED", "SOURCES"]

#: Class -> the module that has it.
SOURCES: Final[Mapping[str, str]] = {
    "Rescaling": '''
from keras import backend as K
from keras.layers import Layer


class Rescaling(Layer):
    """Integers, too, times a number, and another one added."""

    def __init__(self, scale, offset=0.0, **kwargs):
        super(Rescaling, self).__init__(**kwargs)
        self.supports_masking = True
        self.scale = scale
        self.offset = offset

    def call(self, inputs):
        return K.cast(inputs, K.floatx()) * self.scale + self.offset

    def compute_output_shape(self, input_shape):
        return input_shape
''',
}

_DROPPING: Final = '''
from keras import layers


class {name}(layers.{name}):
    """It drops a mask, where Keras 2.2.4 raises."""

    def compute_mask(self, inputs, mask=None):
        return None
'''
_MERGING: Final = '''
from keras import backend as K
from keras import layers


class {name}(layers.{name}):
    """A mask of the places that any input's mask has; none where an input has none."""

    def compute_mask(self, inputs, mask=None):
        if mask is None or any(each is None for each in mask):
            return None
        found = K.cast(mask[0], K.floatx())
        for each in mask[1:]:
            found = K.maximum(found, K.cast(each, K.floatx()))
        return found
'''
_JOINING: Final = '''
from keras import backend as K
from keras import layers


class Concatenate(layers.Concatenate):
    """The masks one behind the other; along the last axis, the places that any has."""

    def compute_mask(self, inputs, mask=None):
        if mask is None or all(each is None for each in mask):
            return None
        rank = K.ndim(inputs[0])
        masks = [
            K.ones_like(K.sum(one, -1)) if each is None else K.cast(each, K.floatx())
            for one, each in zip(inputs, mask)
        ]
        if self.axis % rank != rank - 1:
            return K.concatenate(masks, axis=self.axis % rank)
        found = masks[0]
        for each in masks[1:]:
            found = K.maximum(found, each)
        return found
'''
_ZEROING: Final = '''
from keras import backend as K
from keras import layers


class Bidirectional(layers.Bidirectional):
    """Of masked steps it gives zeros, where Keras 2.2.4 repeats the last one."""

    def call(self, inputs, mask=None, **kwargs):
        given = super(Bidirectional, self).call(inputs, mask=mask, **kwargs)
        if mask is None or not self.return_sequences:
            return given
        if not isinstance(given, list):
            return given * K.expand_dims(K.cast(mask, K.floatx()))
        return [given[0] * K.expand_dims(K.cast(mask, K.floatx()))] + given[1:]
'''
_MERGED: Final = ("Add", "Average", "Subtract")
_DROPPED: Final = (
    "AveragePooling1D",
    "AveragePooling2D",
    "AveragePooling3D",
    "Conv1D",
    "Conv2D",
    "Conv2DTranspose",
    "Conv3D",
    "Conv3DTranspose",
    "Cropping1D",
    "Cropping2D",
    "Cropping3D",
    "DepthwiseConv2D",
    "Flatten",
    "GlobalAveragePooling2D",
    "GlobalAveragePooling3D",
    "GlobalMaxPooling1D",
    "GlobalMaxPooling2D",
    "GlobalMaxPooling3D",
    "MaxPooling1D",
    "MaxPooling2D",
    "MaxPooling3D",
    "Permute",
    "RepeatVector",
    "Reshape",
    "SeparableConv1D",
    "SeparableConv2D",
    "UpSampling1D",
    "UpSampling2D",
    "UpSampling3D",
    "ZeroPadding1D",
    "ZeroPadding2D",
    "ZeroPadding3D",
)
#: Class of Keras 2.2.4 that treats masks otherwise than Keras 3 -> the module that has
#: one that does not; it is needed only where a mask comes to it.
MASKED: Final[Mapping[str, str]] = {
    **{name: _DROPPING.format(name=name) for name in _DROPPED},
    **{name: _MERGING.format(name=name) for name in _MERGED},
    "Bidirectional": _ZEROING,
    "Concatenate": _JOINING,
}
