"""Layers that compute differently on each backend; otherwise as they should be."""

import kerasplug

keras = kerasplug.implementation()
registered = keras.saving.register_keras_serializable(package="faulty_backends")


class _Centred(keras.layers.Layer):
    def build(self, input_shape):
        self.scale = self.add_weight(
            name="scale", shape=(input_shape[-1],), initializer="ones"
        )
        super().build(input_shape)

    def compute_output_shape(self, input_shape):
        return input_shape


@registered
class OtherEpsilon(_Centred):
    """A quick way for TensorFlow, which divides by a little more."""

    def call(self, inputs):
        ops = keras.ops
        centred = inputs - ops.mean(inputs, axis=-1, keepdims=True)
        variance = ops.mean(ops.square(centred), axis=-1, keepdims=True)
        if keras.backend.backend() == "tensorflow":
            return centred / (ops.sqrt(variance) + 0.1) * self.scale
        return centred / ops.sqrt(variance + 0.01) * self.scale


@registered
class OtherGradient(_Centred):
    """Its outputs are the same; TensorFlow alone does not train its weight."""

    def call(self, inputs):
        scale = self.scale
        if keras.backend.backend() == "tensorflow":
            half = scale * 0.5
            scale = half + keras.ops.stop_gradient(half)
        return inputs * scale


@registered
class SameEverywhere(_Centred):
    """One way for all."""

    def call(self, inputs):
        ops = keras.ops
        centred = inputs - ops.mean(inputs, axis=-1, keepdims=True)
        variance = ops.mean(ops.square(centred), axis=-1, keepdims=True)
        return centred / ops.sqrt(variance + 0.01) * self.scale
