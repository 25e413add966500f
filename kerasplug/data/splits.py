"""The two halves of a data set."""

from typing import Any, NamedTuple

__all__ = ["Split", "Splits"]


class Split(NamedTuple):
    """What a model is given, and what it shall answer; unpacks as `(x, y)`.

    Args:
        x: an array with a row for each sample.
        y: an array with a label, or a number, for each sample.
    """

    x: Any
    y: Any


class Splits(NamedTuple):
    """A whole data set; unpacks as `((x_train, y_train), (x_test, y_test))`.

    Args:
        train: for training.
        test: for testing.

    Example:
        >>> found = Splits(Split([1, 2], [0, 1]), Split([3], [0]))
        >>> (x_train, y_train), (x_test, y_test) = found
        >>> found.test.x == x_test
        True
    """

    train: Split
    test: Split
