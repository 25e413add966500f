"""Layers with wrong gradients; their outputs are as they should be."""

from faulty_base import Same

import kerasplug

keras = kerasplug.implementation()
registered = keras.saving.register_keras_serializable(package="faulty_gradients")
ops = keras.ops


class _Affine(Same):
    def build(self, input_shape):
        for name in ("scale", "shift"):
            weight = self.add_weight(
                shape=(input_shape[-1],), initializer="random_normal", name=name
            )
            setattr(self, name, weight)
        self.built = True


@registered
class Cut(_Affine):
    """No gradient reaches its scale."""

    def call(self, inputs):
        return inputs * ops.stop_gradient(1.0 + self.scale) + self.shift


@registered
class Halved(_Affine):
    """The gradient of its scale is half of what it should be."""

    def call(self, inputs):
        half = inputs * self.scale / 2.0
        return half + ops.stop_gradient(half) + self.shift


@registered
class RootOfZero(Same):
    """Its gradient at zero is not a number, while its output is zero."""

    def build(self, input_shape):
        self.built = True

    def call(self, inputs):
        squares = ops.sum(ops.square(inputs), axis=-1, keepdims=True)
        return inputs + ops.sqrt(squares)


@registered
class Explodes(_Affine):
    """The gradient of its scale is infinite."""

    def call(self, inputs):
        nothing = self.scale - ops.stop_gradient(self.scale)
        return inputs + self.shift + inputs * ops.sqrt(nothing)


@registered
class Kinks(_Affine):
    """Kinks and steps: its gradients are right wherever there are any."""

    def call(self, inputs):
        outputs = ops.relu(inputs * self.scale) + ops.abs(inputs - 0.1) + self.shift
        return outputs + ops.sign(inputs)


@registered
class StraightThrough(Same):
    """It rounds, and passes gradients over that on purpose."""

    def build(self, input_shape):
        self.built = True

    def call(self, inputs):
        return inputs + ops.stop_gradient(ops.round(inputs * 8) / 8 - inputs)


@registered
class LearnsByLoss(_Affine):
    """One of its weights is trained by a loss of its own only."""

    def call(self, inputs):
        middle = self.scale * 1.0
        self.add_loss(ops.mean(ops.square(ops.stop_gradient(inputs) - middle)))
        return inputs + self.shift
