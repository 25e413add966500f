"""Layers that draw random numbers wrongly; otherwise as they should be."""

import random

import numpy as np

import kerasplug

keras = kerasplug.implementation()
registered = keras.saving.register_keras_serializable(package="faulty_randomness")


class _Same(keras.layers.Layer):
    def build(self, input_shape):
        self.built = True

    def compute_output_shape(self, input_shape):
        return input_shape


class _Seeded(_Same):
    def __init__(self, seed=None, **kwargs):
        super().__init__(**kwargs)
        self.seed = seed
        self.generator = keras.random.SeedGenerator(seed)

    def get_config(self):
        return {**super().get_config(), "seed": self.seed}

    def noise(self, inputs, seed):
        return keras.random.normal(
            keras.ops.shape(inputs), dtype=inputs.dtype, seed=seed
        )


@registered
class DrawsTheSame(_Seeded):
    """With a seed, it draws the same noise in each call."""

    def call(self, inputs, training=False):
        if not training:
            return inputs
        seed = self.generator if self.seed is None else self.seed
        return inputs + self.noise(inputs, seed)


@registered
class IgnoresSeed(_Seeded):
    """Its argument `seed` is without effect."""

    def __init__(self, seed=None, **kwargs):
        super().__init__(seed=seed, **kwargs)
        self.generator = keras.random.SeedGenerator()

    def call(self, inputs, training=False):
        return inputs + self.noise(inputs, self.generator) if training else inputs


@registered
class Unseeded(_Same):
    """Its weight begins with numbers that no seed fixes."""

    def build(self, input_shape):
        self.shift = self.add_weight(
            shape=(input_shape[-1],), initializer="zeros", name="shift"
        )
        self.shift.assign(np.random.default_rng().normal(size=self.shift.shape))
        self.built = True

    def call(self, inputs):
        return inputs + self.shift


@registered
class DrawsElsewhere(_Same):
    """Its noise comes from Python, whose state no model has."""

    def call(self, inputs, training=False):
        return inputs + float(random.gauss()) if training else inputs


@registered
class CountsInPython(_Same):
    """Its noise depends on how often this object was called."""

    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        self.calls = 0

    def call(self, inputs, training=False):
        if not training:
            return inputs
        self.calls += 1
        shape = keras.ops.shape(inputs)
        return inputs + keras.random.normal(shape, dtype=inputs.dtype, seed=self.calls)


@registered
class Rarely(_Seeded):
    """It seldom does anything: no seed looks as if it had no effect."""

    def call(self, inputs, training=False):
        if not training:
            return inputs
        shape = (keras.ops.shape(inputs)[0], 1)
        drawn = keras.random.uniform(shape, dtype=inputs.dtype, seed=self.generator)
        return keras.ops.where(drawn < 0.05, -inputs, inputs)
