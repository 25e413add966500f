"""Batch normalization as Keras 3 does it, over the real rows of a batch only."""

from __future__ import annotations

from typing import Any

import graphs
from keras import backend as K  # noqa: N812 -- as everybody calls it
from keras import layers

__all__ = ["BatchNormalization"]


class BatchNormalization(layers.BatchNormalization):  # type: ignore[misc]  # Keras has no types
    """Keras 2.2.4's with Keras 3's meaning.

    The moving variance takes the biased one; a layer that is not trainable is in
    inference mode; masked steps of time count for nothing. Keras 2.2.4's own has wrong
    gradients on PlaidML where the input has four axes.
    """

    def call(self, inputs: Any, training: Any = None, mask: Any = None) -> Any:
        """Normalize.

        Args:
            inputs: two axes or more.
            training: False: with the moving statistics.
            mask: of steps of time, one axis fewer than the inputs.
        """
        collected = graphs.collecting()
        if (
            collected is None
            or not collected.training
            or not self.trainable
            or training is False
        ):
            return self._normalized(
                inputs,
                self._wide(self.moving_mean, inputs),
                self._wide(self.moving_variance, inputs),
            )
        mean, variance = self._moments(inputs, _weights(inputs, collected.rows, mask))
        for variable, value in (
            (self.moving_mean, mean),
            (self.moving_variance, variance),
        ):
            flat = K.reshape(value, K.int_shape(variable))
            old = collected.latest(variable)
            collected.update(
                variable, old * self.momentum + flat * (1.0 - self.momentum)
            )
        return self._normalized(inputs, mean, variance)

    def _axis(self, inputs: Any) -> int:
        axis: int = self.axis % K.ndim(inputs)
        return axis

    def _wide(self, vector: Any, inputs: Any) -> Any:
        """A vector of the normalized axis as a tensor of the inputs' rank."""
        shape = [1] * K.ndim(inputs)
        shape[self._axis(inputs)] = K.int_shape(vector)[0]
        return K.reshape(vector, shape)

    def _normalized(self, inputs: Any, mean: Any, variance: Any) -> Any:
        factor = 1.0 / K.sqrt(variance + self.epsilon)
        if self.scale:
            factor = factor * self._wide(self.gamma, inputs)
        output = (inputs - mean) * factor
        return output + self._wide(self.beta, inputs) if self.center else output

    def _moments(self, inputs: Any, weights: Any) -> tuple[Any, Any]:
        """Mean and biased variance, of the inputs' rank, over what has weight."""
        axes = [at for at in range(K.ndim(inputs)) if at != self._axis(inputs)]
        count = K.sum(weights * K.ones_like(inputs), axis=axes, keepdims=True)
        count = K.maximum(count, 1.0)  # a mask may leave nothing
        mean = K.sum(inputs * weights, axis=axes, keepdims=True) / count
        off = (inputs - mean) * weights
        return mean, K.sum(off * off, axis=axes, keepdims=True) / count


def _weights(inputs: Any, rows: Any, mask: Any) -> Any:
    """1 for what counts, 0 for what doesn't, of the inputs' rank."""
    rank = K.ndim(inputs)
    weights = K.reshape(rows, (-1,) + (1,) * (rank - 1))
    if mask is None:
        return weights
    if K.ndim(mask) != rank - 1:
        message = "the mask of a BatchNormalization needs one axis fewer than its input"
        raise ValueError(message)
    return weights * K.expand_dims(K.cast(mask, K.floatx()))
