"""The layers. Importing this module loads Keras; importing the package does not."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import kerasplug

if TYPE_CHECKING:
    from kerasplug.typing import keras
else:
    keras = kerasplug.implementation()

__all__ = ["GatedDense", "RunningNorm"]


# Registered: a file holds the name "downstream_pkg>GatedDense", which stays the same
# when the class moves to another module.
@keras.saving.register_keras_serializable(package="downstream_pkg")
class GatedDense(keras.layers.Layer):
    """A dense layer whose outputs are scaled by a second, sigmoid one: a GLU.

    `y = f(x W + b) * sigmoid(x V + c)`, where `*` multiplies element by element, `W`
    and `V` have the shape `(features, units)`, `b` and `c` `(units,)`, and `f` is
    `activation`. One `Dense` layer holds `W` and `V` side by side in its kernel, `b`
    and `c` in its bias, so it is one matrix product, and runs on every Keras.

    Args:
        units: number of outputs, >= 1.
        activation: `f`; None is the identity, as in the paper. Default: None.
        kwargs: `name`, `dtype` and `trainable`, as for any Keras layer.

    Call arguments:
        inputs: float tensor.

    Input shape: `(batch, ..., features)`.
    Output shape: `(batch, ..., units)`.

    Raises:
        ValueError: `units` is not an int >= 1.

    Example:
        >>> import numpy as np
        >>> GatedDense(3)(np.ones((2, 5), "float32")).shape == (2, 3)
        True

    Source: Y. Dauphin, A. Fan, M. Auli, D. Grangier (2017), Language Modeling with
    Gated Convolutional Networks, https://arxiv.org/abs/1612.08083, equation (1), with
    a matrix product in place of the convolution.
    """

    def __init__(self, units: int, activation: Any = None, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        if not isinstance(units, int) or isinstance(units, bool) or units < 1:
            message = (
                "Invalid value received for argument `units`. "
                f"Expected an int >= 1. Received: units={units!r}"
            )
            raise ValueError(message)
        self.supports_masking = True  # each step of a sequence is for itself
        self.units = units
        self.activation = keras.activations.get(activation)
        self.both = keras.layers.Dense(2 * units, dtype=self.dtype_policy)

    def build(self, input_shape: Any) -> None:
        """Make `W`, `b`, `V` and `c` for inputs of this shape."""
        self.both.build(input_shape)
        super().build(input_shape)

    def call(self, inputs: Any) -> Any:
        """The gated outputs, of shape `(batch, ..., units)`."""
        both = self.both(inputs)
        linear, gate = both[..., : self.units], both[..., self.units :]
        return self.activation(linear) * keras.activations.sigmoid(gate)

    def compute_output_shape(self, input_shape: Any) -> tuple[int | None, ...]:
        """`input_shape` with `units` in place of the number of features."""
        return (*tuple(input_shape)[:-1], self.units)

    def get_config(self) -> dict[str, Any]:
        """Every argument of the constructor, so that saved models load."""
        own = {
            "units": self.units,
            "activation": keras.activations.serialize(self.activation),
        }
        return {**super().get_config(), **own}


# Not registered, on purpose: a `.keras` file names its module and class, an `.h5` file
# the bare class; kerasplug finds it by either, since the hook module declares it.
class RunningNorm(keras.layers.Layer):
    """A layer that normalises each feature by its running mean and variance.

    While training `y = (x - m) / sqrt(v + epsilon)`, where `m` and `v` are the batch's
    own mean and (biased) variance, and the running ones move towards them:
    `mean = momentum * mean + (1 - momentum) * m`, and alike `variance`. Otherwise the
    running ones take the place of `m` and `v`. They are weights that no optimizer
    changes, and they are saved with the model.

    Args:
        momentum: how much of the old values stays at each step, in [0, 1).
            Default: 0.9.
        epsilon: added to the variance, > 0. Default: 1e-3.
        kwargs: `name`, `dtype` and `trainable`, as for any Keras layer.

    Call arguments:
        inputs: float tensor.
        training: whether to use the batch's statistics and to update the running ones.
            Default: False.

    Input shape: `(batch, ..., features)`.
    Output shape: the same as the input shape.

    Raises:
        ValueError: `momentum` or `epsilon` is out of its range.

    Example:
        >>> import numpy as np
        >>> layer = RunningNorm(momentum=0.0)
        >>> _ = layer(np.array([[1.0], [3.0]], "float32"), training=True)
        >>> [float(keras.ops.squeeze(weight)) for weight in layer.weights]
        [2.0, 1.0]

    Source: S. Ioffe, C. Szegedy (2015), Batch Normalization,
    https://arxiv.org/abs/1502.03167, algorithms 1 and 2, without scale and shift.
    """

    def __init__(
        self, momentum: float = 0.9, epsilon: float = 1e-3, **kwargs: Any
    ) -> None:
        super().__init__(**kwargs)
        if not (0 <= momentum < 1 and epsilon > 0):
            message = (
                "Invalid value received for arguments `momentum` and `epsilon`. "
                "Expected momentum in [0, 1) and epsilon > 0. "
                f"Received: momentum={momentum!r}, epsilon={epsilon!r}"
            )
            raise ValueError(message)
        self.momentum = momentum
        self.epsilon = epsilon

    def build(self, input_shape: Any) -> None:
        """Make the running mean and variance, one number a feature."""
        shape = (input_shape[-1],)
        self.mean = self._state("mean", shape, "zeros")
        self.variance = self._state("variance", shape, "ones")
        super().build(input_shape)

    def _state(self, name: str, shape: tuple[int, ...], start: str) -> Any:
        # float32 under mixed precision as well: half precision would not see small
        # steps, and a policy may not cast what is read back.
        return self.add_weight(
            name=name,
            shape=shape,
            initializer=start,
            dtype="float32",
            trainable=False,
            autocast=False,
        )

    def call(self, inputs: Any, training: bool = False) -> Any:  # noqa: FBT001, FBT002 -- Keras' own signature
        """The normalised inputs, in their shape and in the layer's compute dtype."""
        x = keras.ops.cast(inputs, "float32")
        mean, variance = self.mean, self.variance
        if training:
            axes = list(range(len(x.shape) - 1))
            mean, variance = keras.ops.moments(x, axes=axes)
            self._move(self.mean, mean)
            self._move(self.variance, variance)
        y = (x - mean) / keras.ops.sqrt(variance + self.epsilon)
        return keras.ops.cast(y, self.compute_dtype)

    def _move(self, running: Any, batch: Any) -> None:
        running.assign(running * self.momentum + batch * (1.0 - self.momentum))

    def compute_output_shape(self, input_shape: Any) -> Any:
        """`input_shape`: normalising changes no shape."""
        return input_shape

    def get_config(self) -> dict[str, Any]:
        """Every argument of the constructor, so that saved models load."""
        own = {"momentum": self.momentum, "epsilon": self.epsilon}
        return {**super().get_config(), **own}
