"""What the faulty layers have in common: layers in which nothing is wrong."""

import kerasplug

__all__ = ["Same", "Scale"]

keras = kerasplug.implementation()


class Same(keras.layers.Layer):
    """Gives outputs of the shape of its inputs."""

    def compute_output_shape(self, input_shape):
        return input_shape


class Scale(Same):
    """Multiplies by a weight for each feature."""

    def build(self, input_shape):
        if self.built:
            return
        self.scale = self.add_weight(
            shape=(input_shape[-1],), name="scale", initializer="ones"
        )
        super().build(input_shape)

    def call(self, inputs):
        return inputs * self.scale
