"""Layers that say wrong shapes, or count on sizes; otherwise as they should be."""

from faulty_base import Scale

import kerasplug

keras = kerasplug.implementation()
registered = keras.saving.register_keras_serializable(package="faulty_shapes")


@registered
class SaysFloat(keras.layers.Layer):
    """Gives integers; by its shape alone Keras takes them for floats."""

    def call(self, inputs):
        return keras.ops.argmax(inputs, axis=-1)

    def compute_output_shape(self, input_shape):
        return input_shape[:-1]


@registered
class WrongShape(Scale):
    """`compute_output_shape` forgets an axis that `compute_output_spec` knows."""

    def compute_output_shape(self, input_shape):
        return (*input_shape[:-1], 2 * input_shape[-1])

    def compute_output_spec(self, inputs):
        return keras.KerasTensor(inputs.shape, dtype=self.compute_dtype)


@registered
class WrongSpec(Scale):
    """`compute_output_spec` says one more feature than there is."""

    def compute_output_spec(self, inputs):
        shape = (*inputs.shape[:-1], inputs.shape[-1] + 1)
        return keras.KerasTensor(shape, dtype=self.compute_dtype)


@registered
class KeepsRows(Scale):
    """Shapes its outputs by the number of rows that it was built with."""

    def build(self, input_shape):
        if not self.built:
            self.rows = input_shape[0] or -1
        super().build(input_shape)

    def call(self, inputs):
        return keras.ops.reshape(inputs * self.scale, (self.rows, *inputs.shape[1:]))


@registered
class MixesRows(Scale):
    """Takes the mean of the batch, in inference as well."""

    def call(self, inputs):
        scaled = inputs * self.scale
        return scaled - keras.ops.mean(inputs, axis=0, keepdims=True) / 2


@registered
class SaysTwoRows(Scale):
    """Says two rows where their number is not known."""

    def compute_output_shape(self, input_shape):
        return (input_shape[0] or 2, *input_shape[1:])


@registered
class KeepsSteps(Scale):
    """Divides by the number of steps that it was built for, or by one."""

    def build(self, input_shape):
        if not self.built:
            self.steps = input_shape[1] or 1
        super().build(input_shape)

    def call(self, inputs):
        return inputs * self.scale / self.steps


@registered
class MergesRows(Scale):
    """All steps of all rows as rows: as many rows as there are, times the steps."""

    def call(self, inputs):
        return keras.ops.reshape(inputs * self.scale, (-1, inputs.shape[-1]))

    def compute_output_shape(self, input_shape):
        rows, steps, features = input_shape
        known = rows is not None and steps is not None
        return (rows * steps if known else None, features)


@registered
class KnownSteps(Scale):
    """Needs to know the number of steps, and says so in time."""

    def build(self, input_shape):
        if input_shape[1] is None:
            message = "the number of steps has to be known"
            raise ValueError(message)
        self.steps = input_shape[1]
        super().build(input_shape)

    def call(self, inputs):
        return inputs * self.scale / self.steps


@registered
class Several(keras.layers.Layer):
    """Gives two outputs by name, one of them integers; says nothing of shapes."""

    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        self.inner = keras.layers.Dense(3, dtype=self.dtype_policy)

    def build(self, input_shape):
        self.inner.build(input_shape)

    def call(self, inputs):
        values = self.inner(inputs)
        return {"values": values, "best": keras.ops.argmax(values, axis=-1)}
