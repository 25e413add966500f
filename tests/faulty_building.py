"""Layers that make their weights wrongly; otherwise as they should be."""

from faulty_base import Same

import kerasplug

keras = kerasplug.implementation()
registered = keras.saving.register_keras_serializable(package="faulty_building")


@registered
class NoBuild(Same):
    """Its sublayer is built by the first call, and only by it."""

    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        self.inner = keras.layers.LayerNormalization(dtype=self.dtype_policy)

    def call(self, inputs):
        return self.inner(inputs)


@registered
class BuildsLater(Same):
    """What it uses in training only is built by the first call in training."""

    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        self.inner = keras.layers.LayerNormalization(dtype=self.dtype_policy)
        self.second = keras.layers.LayerNormalization(dtype=self.dtype_policy)

    def build(self, input_shape):
        self.inner.build(input_shape)

    def call(self, inputs, training=False):
        outputs = self.inner(inputs)
        return self.second(outputs) if training else outputs


@registered
class StartsAnew(Same):
    """Building it again resets its weight."""

    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        self.scale = None

    def build(self, input_shape):
        if self.scale is None:
            self.scale = self.add_weight(shape=(input_shape[-1],), name="scale")
        self.scale.assign(keras.ops.ones((input_shape[-1],)))

    def call(self, inputs):
        return inputs * self.scale


@registered
class BuiltOnce(StartsAnew):
    """As it should be: a second build() leaves all as it is."""

    def build(self, input_shape):
        if not self.built:
            super().build(input_shape)


@registered
class Composed(NoBuild):
    """As it should be: build() builds its sublayer."""

    def build(self, input_shape):
        self.inner.build(input_shape)
