"""Layers that take inference for training, or else; otherwise as they should be."""

from faulty_base import Scale

import kerasplug

keras = kerasplug.implementation()
registered = keras.saving.register_keras_serializable(package="faulty_modes")


class _Dropping(Scale):
    def __init__(self, rate=0.4, seed=1, **kwargs):
        super().__init__(**kwargs)
        self.rate = rate
        self.seed = seed
        self.dropout = keras.layers.Dropout(rate, seed=seed, dtype=self.dtype_policy)

    def build(self, input_shape):
        self.dropout.build(input_shape)
        super().build(input_shape)

    def get_config(self):
        return {**super().get_config(), "rate": self.rate, "seed": self.seed}


@registered
class NeverDrops(_Dropping):
    """Its dropout is told that it is never in training."""

    def call(self, inputs, training=None):
        return self.dropout(inputs, training=False) * self.scale


@registered
class CountsAlways(Scale):
    """Counts calls, those in inference too."""

    def build(self, input_shape):
        if not self.built:
            self.calls = self.add_weight(
                shape=(), name="calls", initializer="zeros", trainable=False
            )
        super().build(input_shape)

    def call(self, inputs):
        self.calls.assign(self.calls + 1)
        return inputs * self.scale


@registered
class Drops(_Dropping):
    """Hands the flag on without a word: Keras does it."""

    def call(self, inputs):
        return self.dropout(inputs) * self.scale


@registered
class Frozen(Scale):
    """A part of it is not trained, and so kept in inference."""

    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        self.norm = keras.layers.BatchNormalization(dtype=self.dtype_policy)
        self.norm.trainable = False

    def build(self, input_shape):
        self.norm.build(input_shape)
        super().build(input_shape)

    def call(self, inputs, training=None):
        return self.norm(inputs, training=False) * self.scale


@registered
class Augments(Scale):
    """Is on unless it is told otherwise, as Keras' own augmentation is."""

    def call(self, inputs, training=True):
        scaled = inputs * self.scale
        return scaled * 2 if training else scaled
