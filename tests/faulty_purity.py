"""Layers with side effects; otherwise as they should be."""

from typing import ClassVar

import numpy as np

import kerasplug

keras = kerasplug.implementation()
registered = keras.saving.register_keras_serializable(package="faulty_purity")
ops = keras.ops


class _Same(keras.layers.Layer):
    def build(self, input_shape):
        self.built = True

    def compute_output_shape(self, input_shape):
        return input_shape


@registered
class Converts(keras.layers.Layer):
    """It puts tensors in place of the arrays in the caller's list."""

    def __call__(self, inputs, **kwargs):
        for number, one in enumerate(inputs):
            if isinstance(one, np.ndarray):
                inputs[number] = ops.convert_to_tensor(one)
        return super().__call__(inputs, **kwargs)

    def build(self, input_shape):
        self.built = True

    def compute_output_shape(self, input_shape):
        return (*input_shape[0][:-1], sum(one[-1] for one in input_shape))

    def call(self, inputs):
        return ops.concatenate(inputs, axis=-1)


@registered
class InPlace(_Same):
    """It adds to its inputs where a backend lets it."""

    def call(self, inputs):
        inputs += 1.0
        return inputs


@registered
class Remembers(_Same):
    """It remembers the largest number of all calls, in inference too."""

    def build(self, input_shape):
        self.largest = self.add_weight(
            shape=(), initializer="zeros", trainable=False, name="largest"
        )
        self.built = True

    def call(self, inputs):
        now = ops.cast(ops.max(ops.abs(inputs)), self.largest.dtype)
        self.largest.assign(ops.maximum(self.largest, now))
        return inputs / ops.cast(1.0 + self.largest, inputs.dtype)


@registered
class SharesWeights(_Same):
    """All its instances have one weight."""

    shared: ClassVar = {}

    def build(self, input_shape):
        key = (input_shape[-1], self.variable_dtype)
        if key not in self.shared:
            self.shared[key] = self.add_weight(
                shape=(input_shape[-1],), initializer="ones", name="scale"
            )
        self.scale = self.shared[key]
        self.built = True

    def call(self, inputs):
        return inputs * self.scale


@registered
class PassesByAttribute(_Same):
    """What one method computes on lies in an attribute."""

    def build(self, input_shape):
        self.scale = self.add_weight(shape=(input_shape[-1],), name="scale")
        self.held = None
        self.built = True

    def call(self, inputs):
        self.held = inputs
        outputs = self.scaled()
        self.held = None
        return outputs

    def scaled(self):
        return ops.tanh(ops.tanh(ops.tanh(self.held) * self.scale)) + self.held


@registered
class Notes(_Same):
    """It notes shapes and times of calls in attributes, which decide nothing."""

    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        self.calls = 0
        self.last_shape = None

    def call(self, inputs):
        self.calls += 1
        self.last_shape = tuple(inputs.shape)
        return ops.tanh(inputs)


@registered
class CopiesFirst(_Same):
    """It works on its list of inputs in place: on a copy."""

    def compute_output_shape(self, input_shape):
        return input_shape[0]

    def call(self, inputs):
        rest = list(inputs)
        total = rest.pop()
        while rest:
            total = total + rest.pop()
        return total
