"""Layers that Keras 2.2.4 has not, and that are few lines of it: their sources.

They run in the worker. None of them mixes the rows of a batch.
"""

from collections.abc import Mapping
from typing import Final

__all__ = ["SOURCES"]

#: Class -> the module that has it.
SOURCES: Final[Mapping[str, str]] = {
    "Rescaling": '''
from keras import backend as K
from keras.layers import Layer


class Rescaling(Layer):
    """Integers, too, times a number, and another one added."""

    def __init__(self, scale, offset=0.0, **kwargs):
        super(Rescaling, self).__init__(**kwargs)
        self.scale = scale
        self.offset = offset

    def call(self, inputs):
        return K.cast(inputs, K.floatx()) * self.scale + self.offset

    def compute_output_shape(self, input_shape):
        return input_shape
''',
}
