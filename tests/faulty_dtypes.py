"""Layers that are right in float32 only; otherwise as they should be."""

import kerasplug

keras = kerasplug.implementation()
registered = keras.saving.register_keras_serializable(package="faulty_dtypes")
ops = keras.ops


class _Same(keras.layers.Layer):
    def build(self, input_shape):
        self.built = True

    def compute_output_shape(self, input_shape):
        return input_shape


@registered
class TooLarge(_Same):
    """What it computes on the way is too large for float16."""

    def call(self, inputs):
        squares = ops.sum(ops.square(inputs * 300.0), axis=-1, keepdims=True)
        return inputs / (ops.sqrt(squares + 1.0) / 300.0)


#: The least number that 1 + it is not 1, of the dtypes that somebody thought of.
_EPSILONS = {"float16": 1e-3, "float32": 1e-7, "float64": 1e-15}


@registered
class NotInTheTable(_Same):
    """It has never heard of bfloat16."""

    def call(self, inputs):
        return inputs * (1.0 + _EPSILONS[self.compute_dtype])


@registered
class SingleWeight(_Same):
    """Its weight is a float32 whatever the policy."""

    def build(self, input_shape):
        self.scale = self.add_weight(
            shape=(input_shape[-1],),
            initializer="random_normal",
            dtype="float32",
            name="scale",
        )
        self.built = True

    def call(self, inputs):
        return inputs * ops.cast(self.scale, inputs.dtype)


@registered
class GivesSingle(_Same):
    """Its outputs are float32 in mixed precision, in training."""

    def call(self, inputs, training=False):
        outputs = ops.tanh(inputs)
        return ops.cast(outputs, "float32") if training else outputs


@registered
class OwnDefault(_Same):
    """Its dtype is float32 where it is given none."""

    def __init__(self, dtype="float32", **kwargs):
        super().__init__(dtype=dtype, **kwargs)

    def call(self, inputs):
        return ops.tanh(inputs)


@registered
class CountsInInts(_Same):
    """It gives integers beside floats, and holds a counter."""

    def build(self, input_shape):
        self.count = self.add_weight(
            shape=(), initializer="zeros", dtype="int32", trainable=False, name="count"
        )
        self.built = True

    def compute_output_shape(self, input_shape):
        return input_shape, input_shape[:-1]

    def compute_output_spec(self, inputs):
        return (
            keras.KerasTensor(inputs.shape, dtype=self.compute_dtype),
            keras.KerasTensor(inputs.shape[:-1], dtype="int32"),
        )

    def call(self, inputs):
        return ops.tanh(inputs), ops.cast(ops.argmax(inputs, axis=-1), "int32")


@registered
class ComputesWide(_Same):
    """It computes in float32 at least, since that is needed, and says what it gives."""

    def call(self, inputs):
        wide = inputs if inputs.dtype == "float64" else ops.cast(inputs, "float32")
        return ops.cast(wide / ops.sqrt(ops.square(wide) + 1.0), self.compute_dtype)
