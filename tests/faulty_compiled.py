"""Layers that do something else once they are traced; otherwise as they should be."""

from faulty_base import Scale

import kerasplug

keras = kerasplug.implementation()
registered = keras.saving.register_keras_serializable(package="faulty_compiled")


@registered
class LooksAtValues(Scale):
    """Asks in Python how large its inputs are."""

    def call(self, inputs):
        largest = keras.ops.cast(keras.ops.max(inputs), "float32")
        largest = float(keras.ops.convert_to_numpy(largest))
        return inputs * self.scale / (2.0 if largest > 1e6 else 1.0)


@registered
class Gamma(Scale):
    """Shifts by numbers that XLA can't draw, the same ones each time."""

    def call(self, inputs):
        shift = keras.random.gamma((inputs.shape[-1],), 2.0, seed=1)
        return inputs * self.scale + keras.ops.cast(shift, self.compute_dtype)


@registered
class KnowsItsRows(Scale):
    """Does nothing where the number of rows is not known beforehand."""

    def call(self, inputs):
        return inputs if inputs.shape[0] is None else inputs * self.scale * 3.0


@registered
class NotCompiled(Gamma):
    """Says that XLA can't compile it."""

    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        self.supports_jit = False


@registered
class Branches(Scale):
    """Decides by values, in a way that can be traced."""

    def call(self, inputs):
        large = keras.ops.max(inputs, axis=-1, keepdims=True) > 0
        return keras.ops.where(large, inputs * self.scale, inputs / 2)
