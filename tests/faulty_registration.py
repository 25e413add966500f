"""Layers that a file does not name as it should; correct in all else."""

import base64
import marshal
import types

import kerasplug

keras = kerasplug.implementation()
registered = keras.saving.register_keras_serializable(package="faulty_registration")


class _Scaled(keras.layers.Layer):
    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        self.supports_masking = True

    def build(self, input_shape):
        if not self.built:
            self.scale = self.add_weight(
                shape=(input_shape[-1],), name="scale", initializer="ones"
            )

    def call(self, inputs):
        return inputs * self.scale

    def compute_output_shape(self, input_shape):
        return input_shape


@keras.saving.register_keras_serializable()
class EverybodysPackage(_Scaled):
    """It is registered under the package that Keras takes by default."""


@registered
class StoresBytecode(_Scaled):
    """The configuration holds a function as bytecode, and runs it."""

    def __init__(self, code="", **kwargs):
        super().__init__(**kwargs)
        self.code = code or _text_of(lambda values: values + 1)
        self.function = _function_of(self.code)

    def call(self, inputs):
        return self.function(super().call(inputs))

    def get_config(self):
        return {**super().get_config(), "code": self.code}


def _text_of(function):
    return base64.b64encode(marshal.dumps(function.__code__)).decode()


def _function_of(text):
    code = marshal.loads(base64.b64decode(text))  # noqa: S302 -- the fault in question
    return types.FunctionType(code, {})


@keras.saving.register_keras_serializable(package="faulty_registration")
def plus_one(values):
    """A function that a file names."""
    return values + 1


@registered
class NamesItsFunction(_Scaled):
    """As it should be: a function is registered, and stored by its name."""

    def __init__(self, function=plus_one, **kwargs):
        super().__init__(**kwargs)
        if isinstance(function, dict):
            function = keras.saving.deserialize_keras_object(function)
        self.function = function

    def call(self, inputs):
        return self.function(super().call(inputs))

    def get_config(self):
        stored = keras.saving.serialize_keras_object(self.function)
        return {**super().get_config(), "function": stored}


@registered
class LongText(_Scaled):
    """As it should be: a long text is no code because it looks strange."""

    def __init__(self, checksum="", **kwargs):
        super().__init__(**kwargs)
        self.checksum = checksum

    def get_config(self):
        return {**super().get_config(), "checksum": self.checksum}
