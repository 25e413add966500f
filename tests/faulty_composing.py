"""Layers that work alone, and not inside something; otherwise as they should be."""

from faulty_base import Scale

import kerasplug

keras = kerasplug.implementation()
registered = keras.saving.register_keras_serializable(package="faulty_composing")


@registered
class KnownRows(Scale):
    """Can't say what it gives for an unknown number of rows."""

    def compute_output_spec(self, inputs):
        if inputs.shape[0] is None:
            message = "how many rows?"
            raise ValueError(message)
        return keras.KerasTensor(inputs.shape, dtype=self.compute_dtype)


@registered
class KeepsAShape(Scale):
    """Has an attribute of a name by which Keras finds out what a model begins with."""

    def build(self, input_shape):
        if input_shape[-1] == 1:
            message = "one feature is too few"
            raise ValueError(message)
        super().build(input_shape)

    @property
    def input_shape(self):
        return (None, 1)


@registered
class KeepsATensor(Scale):
    """Keeps a tensor that is made in `build`: that of a scope, if there is one."""

    def build(self, input_shape):
        if not self.built:
            self.shift = keras.ops.ones((input_shape[-1],)) / 2
        super().build(input_shape)

    def call(self, inputs):
        shift = keras.ops.cast(self.shift, self.compute_dtype)
        return inputs * self.scale + shift


@registered
class UsedOnce(Scale):
    """Thinks that it is in one place of a model only."""

    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        self.place = None

    def __call__(self, inputs, **kwargs):
        if isinstance(inputs, keras.KerasTensor):
            if self.place not in (None, inputs.name):
                message = "it is in a model already"
                raise ValueError(message)
            self.place = inputs.name
        return super().__call__(inputs, **kwargs)


@registered
class WorksOutside(Scale):
    """Does half of its work before `call`, which is not always called through it."""

    def __call__(self, inputs, **kwargs):
        symbolic = isinstance(inputs, keras.KerasTensor)
        return super().__call__(inputs if symbolic else inputs / 2, **kwargs)


@registered
class CountsOutside(Scale):
    """Counts its training steps before `call`."""

    def build(self, input_shape):
        if not self.built:
            self.steps = self.add_weight(
                shape=(), name="steps", initializer="zeros", trainable=False
            )
        super().build(input_shape)

    def __call__(self, inputs, training=None, **kwargs):
        if self.built and training and not isinstance(inputs, keras.KerasTensor):
            self.steps.assign(self.steps + 1)
        return super().__call__(inputs, training=training, **kwargs)

    def call(self, inputs, training=None):
        return inputs * self.scale


@registered
class Unsaid(keras.layers.Layer):
    """Says nothing of its shapes: Keras finds them out."""

    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        self.inner = keras.layers.Dense(3, dtype=self.dtype_policy)

    def build(self, input_shape):
        self.inner.build(input_shape)

    def call(self, inputs):
        return self.inner(inputs)


@registered
class TwoInputs(Scale):
    """Takes two inputs by name, and gives both back."""

    def build(self, left_shape, right_shape):
        super().build(left_shape)

    def call(self, left, right):
        return left * self.scale, right * self.scale

    def compute_output_shape(self, left_shape, right_shape):
        return left_shape, right_shape
