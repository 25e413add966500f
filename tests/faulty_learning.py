"""Layers that can be called, and not be trained; otherwise as they should be."""

from faulty_base import Same

import kerasplug

keras = kerasplug.implementation()
registered = keras.saving.register_keras_serializable(package="faulty_learning")
ops = keras.ops


class _Ones(keras.constraints.Constraint):
    def __call__(self, w):
        return ops.ones_like(w)


@registered
class Constrained(Same):
    """After each step its constraint takes back what was learnt."""

    def build(self, input_shape):
        self.scale = self.add_weight(
            shape=(input_shape[-1],),
            initializer="ones",
            constraint=_Ones(),
            name="scale",
        )
        self.built = True

    def call(self, inputs):
        return inputs * self.scale


@registered
class CountsSteps(Same):
    """A mean over all batches, by a number of calls that compiled steps don't count."""

    def build(self, input_shape):
        self.calls = 0
        self.mean = self.add_weight(
            shape=(input_shape[-1],), initializer="zeros", trainable=False, name="mean"
        )
        self.built = True

    def call(self, inputs, training=False):
        if training:
            self.calls += 1
            new = ops.cast(ops.mean(inputs, axis=0), self.mean.dtype)
            self.mean.assign(self.mean + (new - self.mean) / self.calls)
        return inputs - ops.cast(self.mean, inputs.dtype)


@registered
class NotInGraphs(Same):
    """In training it asks for a number that compiled steps don't have."""

    def build(self, input_shape):
        self.shift = self.add_weight(shape=(input_shape[-1],), name="shift")
        self.calls = self.add_weight(shape=(), trainable=False, name="calls")
        self.built = True

    def call(self, inputs, training=False):
        if training and keras.ops.convert_to_numpy(inputs).max() > 1e6:
            return inputs
        if training:
            self.calls.assign_add(1.0)
        return inputs + self.shift


@registered
class Bounded(Same):
    """Constraints keep some targets out of its reach; it learns all the same."""

    def build(self, input_shape):
        self.kernel = self.add_weight(
            shape=(input_shape[-1], input_shape[-1]),
            constraint=keras.constraints.NonNeg(),
            regularizer=keras.regularizers.L2(0.01),
            name="kernel",
        )
        self.built = True

    def call(self, inputs):
        return ops.matmul(inputs, self.kernel)


@registered
class Wide(Same):
    """So many inputs that large steps overshoot."""

    def build(self, input_shape):
        self.kernel = self.add_weight(shape=(input_shape[-1], 1), name="kernel")
        self.built = True

    def compute_output_shape(self, input_shape):
        return (*input_shape[:-1], 1)

    def call(self, inputs):
        return 100.0 * ops.matmul(inputs, self.kernel)
