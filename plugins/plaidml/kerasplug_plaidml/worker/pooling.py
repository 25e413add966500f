"""Maxima whose gradient is Keras 3's where several values are the largest.

PlaidML gives the whole gradient to each of them, so that it is counted several times:
after ReLU and batch normalization that is the rule, not the exception. Keras 3 gives it
to the first one of a window; here a whole axis is done the same way, where Keras 3
shares it out in equal parts. Only training is done so; PlaidML's own is faster. That of
three dimensions is left alone: TensorFlow counts there as PlaidML does.
"""

from __future__ import annotations

import itertools
from typing import Any

import graphs
from keras import backend as K  # noqa: N812 -- as everybody calls it
from plaidml.keras import backend as engine

__all__ = ["maximum_over", "pool2d"]

_pool2d, _max = engine.pool2d, engine.max

#: Added to what is padded: smaller than anything that a network computes.
_NOTHING = -1e30


def pool2d(
    x: Any,
    pool_size: Any,
    strides: Any = (1, 1),
    padding: str = "valid",
    data_format: Any = None,
    pool_mode: str = "max",
) -> Any:
    """PlaidML's; in training the maxima of this module."""
    if not _is_training() or pool_mode != "max" or not _is_known(x, data_format):
        return _pool2d(x, pool_size, strides, padding, data_format, pool_mode)
    return _maxima(x, pool_size, strides, padding, data_format)


def maximum_over(x: Any, axis: Any = None, keepdims: bool = False) -> Any:  # noqa: FBT001, FBT002 -- Keras' own signature
    """PlaidML's; in training the gradient goes to one of the largest only."""
    axes = [axis] if isinstance(axis, int) else list(axis or range(K.ndim(x)))
    axes = [each % K.ndim(x) for each in axes]
    if not _is_training() or not all(K.int_shape(x)[each] for each in axes):
        return _max(x, axis=axis, keepdims=keepdims)
    for each in axes:
        x = _halved(x, each)
    # There is one value left in each: what is summed up is itself.
    return K.sum(x, axis=axes, keepdims=keepdims)


def _halved(x: Any, axis: int) -> Any:
    """The maxima of an axis, which keeps one place, by ever shorter halves."""
    size = K.int_shape(x)[axis]
    while size > 1:
        half, rest = size // 2, size % 2
        found = K.maximum(_part(x, axis, 0, half), _part(x, axis, half, 2 * half))
        if rest:
            last = _part(x, axis, size - 1, size)
            found = K.concatenate([found, last], axis=axis)
        x, size = found, half + rest
    return x


def _part(x: Any, axis: int, start: int, stop: int) -> Any:
    where: list[Any] = [slice(None)] * K.ndim(x)
    where[axis] = slice(start, stop)
    return x[tuple(where)]


def _is_training() -> bool:
    collected = graphs.collecting()
    return collected is not None and collected.training


def _axes(x: Any, data_format: Any) -> list[int]:
    """The axes of space."""
    first = (data_format or K.image_data_format()) == "channels_first"
    return list(range(1 + first, K.ndim(x) - 1 + first))


def _is_known(x: Any, data_format: Any) -> bool:
    return all(K.int_shape(x)[axis] for axis in _axes(x, data_format))


def _maxima(x: Any, pool: Any, strides: Any, padding: str, data_format: Any) -> Any:
    """The maxima of all windows: of each place in a window, one after the other.

    Of two equal ones `K.maximum` gives the gradient to the one before.
    """
    axes = _axes(x, data_format)
    sizes = [K.int_shape(x)[axis] for axis in axes]
    if padding == "same":
        steps = [-(-size // stride) for size, stride in zip(sizes, strides)]  # noqa: B905 -- Python 3.7 has no `strict`
        x = _padded(x, axes, sizes, steps, pool, strides)
    else:
        steps = [
            (size - window) // stride + 1
            for size, window, stride in zip(sizes, pool, strides)  # noqa: B905 -- Python 3.7 has no `strict`
        ]
    found: Any = None
    for start in itertools.product(*map(range, pool)):
        where: list[Any] = [slice(None)] * K.ndim(x)
        for axis, at, step, stride in zip(axes, start, steps, strides):  # noqa: B905 -- Python 3.7 has no `strict`
            where[axis] = slice(at, at + (step - 1) * stride + 1, stride)
        part = x[tuple(where)]
        found = part if found is None else K.maximum(found, part)
    return found


def _padded(x: Any, axes: Any, sizes: Any, steps: Any, pool: Any, strides: Any) -> Any:
    """The tensor with what counts for nothing round it, as TensorFlow's "SAME"."""
    pads = []
    for size, step, window, stride in zip(sizes, steps, pool, strides):  # noqa: B905 -- Python 3.7 has no `strict`
        missing = max((step - 1) * stride + window - size, 0)
        pads.append((missing // 2, missing - missing // 2))
    if not any(map(any, pads)):
        return x
    form = "channels_first" if axes[0] > 1 else "channels_last"
    how = {"padding": tuple(pads), "data_format": form}
    inside = K.spatial_2d_padding(K.ones_like(x), **how)
    return K.spatial_2d_padding(x, **how) + (1.0 - inside) * _NOTHING
