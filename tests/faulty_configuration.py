"""Layers whose configuration is not what it should be; correct in all else."""

import os

import kerasplug

keras = kerasplug.implementation()
registered = keras.saving.register_keras_serializable(package="faulty_configuration")


class _Scaled(keras.layers.Layer):
    """Multiplies by its weights and by a fixed number."""

    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        self.supports_masking = True
        self.factor = 1.0

    def build(self, input_shape):
        if not self.built:
            self.scale = self.add_weight(
                shape=(input_shape[-1],), name="scale", initializer="ones"
            )

    def call(self, inputs):
        return inputs * self.scale * self.factor

    def compute_output_shape(self, input_shape):
        return input_shape


@registered
class ForgetsArgument(_Scaled):
    """The configuration lacks `factor`."""

    def __init__(self, factor=1.0, **kwargs):
        super().__init__(**kwargs)
        self.factor = factor

    def get_config(self):
        return super().get_config()


@registered
class NumbersAsKeys(_Scaled):
    """A dict with numbers as keys, which JSON makes strings of."""

    def __init__(self, table=None, **kwargs):
        super().__init__(**kwargs)
        self.table = dict(table or {1: 2.0})

    def get_config(self):
        return {**super().get_config(), "table": dict(self.table)}


@registered
class GrowingTag(_Scaled):
    """An argument is stored as something else than what was given."""

    def __init__(self, tag="scaled", **kwargs):
        super().__init__(**kwargs)
        self.tag = tag + "_layer"

    def get_config(self):
        return {**super().get_config(), "tag": self.tag}


@registered
class ReadsEnvironment(_Scaled):
    """What it computes depends on an environment variable."""

    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        self.factor = float(os.environ.get("FAULTY_FACTOR", "1"))


@registered
class Complete(_Scaled):
    """As it should be: the configuration has all arguments, by whatever way."""

    def __init__(self, factor=1.0, axis=-1, mode=None, **kwargs):
        super().__init__(**kwargs)
        self.factor = factor
        self.axis = axis
        self.mode = mode

    def get_config(self):
        mine = {"factor": self.factor, "axis": self.axis}
        if self.mode is not None:
            mine["mode"] = self.mode
        return {**super().get_config(), **mine}


@registered
class MoreThanComplete(Complete):
    """As it should be: the base keeps what is handed on to it."""

    def __init__(self, shift=0, **kwargs):
        super().__init__(**kwargs)
        self.shift = shift

    def call(self, inputs):
        return super().call(inputs) + self.shift

    def get_config(self):
        return {**super().get_config(), "shift": self.shift}


@registered
class ByKeras(_Scaled):
    """As it should be: Keras makes the configuration of simple arguments by itself."""

    def __init__(self, factor=1.0, **kwargs):
        super().__init__(**kwargs)
        self.factor = factor


@registered
class MendsKeys(NumbersAsKeys):
    """As it should be: the strings that JSON makes of the keys become numbers again."""

    def __init__(self, table=None, **kwargs):
        given = table or {1: 2.0}
        super().__init__({int(key): one for key, one in given.items()}, **kwargs)


@registered
class Objects(_Scaled):
    """As it should be: Keras' objects are stored in Keras' way."""

    def __init__(self, activation="tanh", kernel_initializer="ones", **kwargs):
        super().__init__(**kwargs)
        self.activation = keras.activations.get(activation)
        self.kernel_initializer = keras.initializers.get(kernel_initializer)

    def build(self, input_shape):
        if not self.built:
            self.scale = self.add_weight(
                shape=(input_shape[-1],),
                name="scale",
                initializer=self.kernel_initializer,
            )

    def call(self, inputs):
        return self.activation(super().call(inputs))

    def get_config(self):
        return {
            **super().get_config(),
            "activation": keras.activations.serialize(self.activation),
            "kernel_initializer": keras.initializers.serialize(self.kernel_initializer),
        }


@registered
class Ignores(_Scaled):
    """As it should be: an argument that is there for old programs need not be kept."""

    def __init__(self, old_style=None, **kwargs):
        super().__init__(**kwargs)

    def get_config(self):
        return super().get_config()
