"""Layers that share something with their copies, or lose it; correct in all else."""

import kerasplug

keras = kerasplug.implementation()
registered = keras.saving.register_keras_serializable(package="faulty_copies")


class _Composed(keras.layers.Layer):
    def __init__(self, inner=None, **kwargs):
        super().__init__(**kwargs)
        self.supports_masking = True
        if isinstance(inner, dict):
            inner = keras.saving.deserialize_keras_object(inner)
        self.inner = inner or keras.layers.LayerNormalization(dtype=self.dtype_policy)

    def build(self, input_shape):
        if not self.inner.built:
            self.inner.build(input_shape)

    def call(self, inputs):
        return self.inner(inputs)

    def compute_output_shape(self, input_shape):
        return input_shape


@registered
class HandsOverItsPart(_Composed):
    """The configuration holds the sublayer itself: clones share it."""

    def get_config(self):
        return {**super().get_config(), "inner": self.inner}


@registered
class CopiesItsPart(_Composed):
    """As it should be: the configuration holds that of the sublayer."""

    def get_config(self):
        stored = keras.saving.serialize_keras_object(self.inner)
        return {**super().get_config(), "inner": stored}


@registered
class CopiesItself(CopiesItsPart):
    """A deep copy of it is the layer itself."""

    def __deepcopy__(self, memo):
        return self


@registered
class CopiesWell(CopiesItsPart):
    """As it should be: it makes a new layer, and gives it its weights."""

    def __deepcopy__(self, memo):
        return _with_weights(type(self), self.get_config(), self.get_weights())

    def __reduce__(self):
        return _with_weights, (type(self), self.get_config(), self.get_weights())


def _with_weights(cls, config, weights):
    made = cls.from_config(config)
    if weights:
        made.build((None, *weights[0].shape))
        made.set_weights(weights)
    return made


@registered
class PicklesNoWeights(CopiesWell):
    """What comes out of a pickle has its first weights again."""

    def __reduce__(self):
        return _with_weights, (type(self), self.get_config(), [])
