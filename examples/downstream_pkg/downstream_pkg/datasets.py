"""The data set. It is made by a formula, so nothing is stored or downloaded."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, TypeAlias

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Pair: TypeAlias = tuple[NDArray[Any], NDArray[Any]]

__all__ = ["two_spirals"]

POINTS = 97
TURN = math.pi / 16  # radians a point


def two_spirals() -> tuple[Pair, Pair]:
    """Points on two interlocked spirals, as `((x_train, y_train), (x_test, y_test))`.

    Synthetic data: point `i` of the first spiral is at the radius
    `6.5 * (104 - i) / 104` and the angle `i * pi / 16`; the second spiral is the first
    one turned by half a circle. The training part has `i = 0, 1, ..., 96`, the test
    part, our own addition, the points half way between them. No random numbers.

    Returns:
        `x_train` of shape `(194, 2)` and `x_test` `(192, 2)`, float32, in [-6.5, 6.5];
        `y_train` `(194,)` and `y_test` `(192,)`, uint8: 1 for the first spiral and
        0 for the second.

    Example:
        >>> (x_train, y_train), (x_test, y_test) = two_spirals()
        >>> x_train.shape, x_test.shape
        ((194, 2), (192, 2))

    Source: K. J. Lang, M. J. Witbrock (1988), Learning to Tell Two Spirals Apart.
    """
    import numpy as np

    steps = np.arange(POINTS, dtype="float64")
    return _spirals(steps), _spirals(steps[:-1] + 0.5)


def _spirals(steps: NDArray[Any]) -> Pair:
    """The points at these steps of both spirals, and their labels."""
    import numpy as np

    radius, angle = 6.5 * (104 - steps) / 104, steps * TURN
    first = np.stack([radius * np.sin(angle), radius * np.cos(angle)], axis=-1)
    labels = np.repeat(np.array([1, 0], dtype="uint8"), len(steps))
    return np.concatenate([first, -first]).astype("float32"), labels
