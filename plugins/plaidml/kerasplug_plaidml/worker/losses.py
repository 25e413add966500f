"""Keras 3's losses in the words of PlaidML.

Source: the formulas, epsilons and clipping are those of `keras.losses` 3.15 on
TensorFlow, where a crossentropy takes the logits that went into a softmax or sigmoid.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from keras import backend as K  # noqa: N812 -- as everybody calls it

__all__ = ["LOSSES", "REDUCTIONS", "prepared", "values"]

_EPSILON = 1e-7

#: How the values of a loss may become one.
REDUCTIONS = ("sum_over_batch_size", "mean", "sum", "mean_with_sample_weight")


def _step(x: Any) -> Any:
    """1 from zero on, 0 below."""
    return K.switch(x < 0.0, K.zeros_like(x), K.ones_like(x))


def _absolute(x: Any) -> Any:
    """|x|, with the gradient 0 at 0."""
    return K.sign(x) * x


def _softplus(x: Any) -> Any:
    """log(1 + exp(x)) that doesn't overflow, and with the right gradient at 0."""
    step = _step(x)
    return step * x + K.log(1.0 + K.exp((1.0 - 2.0 * step) * x))


def _clipped(x: Any) -> Any:
    """A probability that has a logarithm, and so has what is missing to 1."""
    return K.clip(x, _EPSILON, 1.0 - _EPSILON)


def _log_softmax(x: Any, axis: int) -> Any:
    """Each logit less the logarithm of the sum of all exponentials.

    The maximum is used once: PlaidML's gradient of a value that is broadcast in one
    place and is not in another has the wrong size.
    """
    below = x - K.max(x, axis=axis, keepdims=True)
    return below - K.log(K.sum(K.exp(below), axis=axis, keepdims=True))


def _logits(output: Any, said: Any) -> Any:
    """The logits behind an output; None where it is a probability like another."""
    return (
        output if said.get("from_logits") else getattr(output, "kerasplug_logits", None)
    )


def _smoothed(target: Any, output: Any, said: Any, *, classes: Any) -> Any:
    smoothing = float(said.get("label_smoothing") or 0.0)
    del output
    return target * (1.0 - smoothing) + smoothing / classes if smoothing else target


def mean_squared_error(target: Any, output: Any, said: Any) -> Any:
    """The mean of the squared differences."""
    del said
    return K.mean(K.square(target - output), axis=-1)


def mean_absolute_error(target: Any, output: Any, said: Any) -> Any:
    """The mean of the differences without sign."""
    del said
    return K.mean(_absolute(target - output), axis=-1)


def mean_absolute_percentage_error(target: Any, output: Any, said: Any) -> Any:
    """The mean of the differences in percent of the target."""
    del said
    scale = K.maximum(_absolute(target), _EPSILON)
    return 100.0 * K.mean(_absolute((target - output) / scale), axis=-1)


def mean_squared_logarithmic_error(target: Any, output: Any, said: Any) -> Any:
    """The mean of the squared differences of logarithms."""
    del said
    first, second = (K.log(K.maximum(x, _EPSILON) + 1.0) for x in (output, target))
    return K.mean(K.square(first - second), axis=-1)


def binary_crossentropy(target: Any, output: Any, said: Any) -> Any:
    """The mean of the crossentropies of independent classes."""
    target = _smoothed(target, output, said, classes=2.0)
    logits = _logits(output, said)
    if logits is None:
        output = _clipped(output)
        value = -(target * K.log(output) + (1.0 - target) * K.log(1.0 - output))
    else:
        value = _softplus(logits) - target * logits
    return K.mean(value, axis=said.get("axis", -1))


def categorical_crossentropy(target: Any, output: Any, said: Any) -> Any:
    """The crossentropy of classes that exclude each other."""
    axis = said.get("axis", -1)
    target = _smoothed(target, output, said, classes=float(K.int_shape(output)[-1]))
    logits = _logits(output, said)
    if logits is not None:
        return -K.sum(target * _log_softmax(logits, axis), axis=axis)
    output = _clipped(output / K.sum(output, axis=axis, keepdims=True))
    return -K.sum(target * K.log(output), axis=axis)


def sparse_categorical_crossentropy(target: Any, output: Any, said: Any) -> Any:
    """The same, of targets that are numbers of classes."""
    logits = _logits(output, said)
    if logits is None:
        logits = K.log(_clipped(output))
    chosen = K.one_hot(target, K.int_shape(output)[-1])
    return -K.sum(chosen * _log_softmax(logits, -1), axis=-1)


def hinge(target: Any, output: Any, said: Any) -> Any:
    """The mean of what is missing to a margin of 1."""
    del said
    return K.mean(K.maximum(1.0 - target * output, 0.0), axis=-1)


def squared_hinge(target: Any, output: Any, said: Any) -> Any:
    """The mean of its squares."""
    del said
    return K.mean(K.square(K.maximum(1.0 - target * output, 0.0)), axis=-1)


def categorical_hinge(target: Any, output: Any, said: Any) -> Any:
    """What is missing to a margin of 1 between the right class and the next one."""
    del said
    right = K.sum(target * output, axis=-1)
    wrong = K.max((1.0 - target) * output, axis=-1)
    return K.maximum(wrong - right + 1.0, 0.0)


def log_cosh(target: Any, output: Any, said: Any) -> Any:
    """The mean of the logarithms of the differences' hyperbolic cosines."""
    del said
    off = output - target
    return K.mean(off + _softplus(off * -2.0) - math.log(2.0), axis=-1)


def kl_divergence(target: Any, output: Any, said: Any) -> Any:
    """How far one distribution is from another."""
    del said
    target, output = (K.clip(x, _EPSILON, 1.0) for x in (target, output))
    return K.sum(target * K.log(target / output), axis=-1)


def poisson(target: Any, output: Any, said: Any) -> Any:
    """The mean negative log-likelihood of counts."""
    del said
    return K.mean(output - target * K.log(output + _EPSILON), axis=-1)


def cosine_similarity(target: Any, output: Any, said: Any) -> Any:
    """Minus the cosine of the angle."""
    axis = said.get("axis", -1)
    target, output = (_normalized(x, axis) for x in (target, output))
    return -K.sum(target * output, axis=axis)


def _normalized(x: Any, axis: int) -> Any:
    squares = K.sum(K.square(x), axis=axis, keepdims=True)
    return x / K.sqrt(K.maximum(squares, _EPSILON * _EPSILON))


def huber(target: Any, output: Any, said: Any) -> Any:
    """Squares near the target, and straight on from `delta`."""
    delta = float(said.get("delta", 1.0))
    off = _absolute(output - target)
    near = K.switch(off > delta, K.zeros_like(off), K.ones_like(off))
    straight = delta * off - 0.5 * delta * delta
    return K.mean(near * 0.5 * K.square(off) + (1.0 - near) * straight, axis=-1)


#: Keras 3's names -> what gives the loss of each row, or of each place of a row.
LOSSES = {
    each.__name__: each
    for each in (
        mean_squared_error,
        mean_absolute_error,
        mean_absolute_percentage_error,
        mean_squared_logarithmic_error,
        binary_crossentropy,
        categorical_crossentropy,
        sparse_categorical_crossentropy,
        hinge,
        squared_hinge,
        categorical_hinge,
        log_cosh,
        kl_divergence,
        poisson,
        cosine_similarity,
        huber,
    )
}

_SPARSE = "sparse_categorical_crossentropy"


def values(name: str, target: Any, output: Any, said: Any) -> Any:
    """The loss of each row, or of each place of a row.

    Args:
        name: Keras 3's.
        target: of the output's shape, or, of class numbers, without the last axis.
        output: what the model gives.
        said: the arguments of Keras 3's loss.
    """
    return LOSSES[name](target, output, said)


def prepared(said: Any, target: Any, shape: Any, which: str) -> Any:
    """A target as the graph takes it.

    Args:
        said: the loss's arguments, with its name.
        target: an array of rows.
        shape: of the output, None for the rows.
        which: what it is called in an error.

    Raises:
        ValueError: it doesn't fit the output, or there are no such classes.
    """
    sparse = said["name"] == _SPARSE
    wanted = tuple(shape[1:-1]) if sparse else tuple(shape[1:])
    found = tuple(target.shape[1:])
    if found != wanted and _squeezed(found) != _squeezed(wanted):
        message = (
            f"{which} has rows of shape {found}; "
            f"the output's loss, {said['name']}, takes {wanted}"
        )
        raise ValueError(message)
    if sparse:
        return _classes(target.reshape((len(target),) + wanted), said, shape[-1], which)  # noqa: RUF005 -- the same in fewer words
    target = np.asarray(target, "float32").reshape((len(target),) + wanted)  # noqa: RUF005 -- the same in fewer words
    if said["name"] in ("hinge", "squared_hinge") and np.isin(target, (0.0, 1.0)).all():
        return 2.0 * target - 1.0
    return target


def _squeezed(shape: Any) -> Any:
    """Without a last axis of 1, which Keras 3 adds or takes away."""
    return shape[:-1] if shape and shape[-1] == 1 else shape


def _classes(target: Any, said: Any, classes: int, which: str) -> Any:
    labels = target.astype("int32")
    ignored = said.get("ignore_class")
    real = labels if ignored is None else labels[labels != ignored]
    if real.size and (real.min() < 0 or real.max() >= classes):
        wrong = real.min() if real.min() < 0 else real.max()
        message = (
            f"{which} has the class {wrong}; "
            f"the output has the classes 0 to {classes - 1}"
        )
        raise ValueError(message)
    return labels
