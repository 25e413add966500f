"""Stand-ins for sets of pictures: made up, always the same, and possible to learn."""

from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from kerasplug.data import Split, Splits
from kerasplug_datasets.checking import rows_of_halves

__all__ = ["pictures"]

_SEED: Final = 20261124
#: Pictures are drawn from one cell in so many: they are smooth, as real ones are.
_CELL: Final = 4


def pictures(
    rows: "int | None",
    real: tuple[int, int],
    shape: tuple[int, ...],
    classes: int,
    mean: float,
) -> Splits:
    """Pictures of so many classes, each a pattern of its class under noise.

    Args:
        rows: of the training half; None: as many as the real one has.
        real: rows of the real halves.
        shape: of one picture.
        classes: how many; in both halves all of them, as far as there are rows.
        mean: of all pixels, roughly.
    """
    rng = np.random.default_rng(_SEED)
    patterns = _patterns(rng, shape, classes, mean)
    halves = [_half(rng, patterns, count) for count in rows_of_halves(rows, real)]
    return Splits(*halves)


def _patterns(
    rng: np.random.Generator, shape: tuple[int, ...], classes: int, mean: float
) -> NDArray[np.uint8]:
    """The picture of each class, smooth and with about this mean."""
    height, width, *rest = shape
    small = (classes, -(-height // _CELL), -(-width // _CELL), *rest)
    coarse = rng.gamma(0.5, 2 * mean, small).clip(0, 223)
    smooth = coarse.repeat(_CELL, axis=1).repeat(_CELL, axis=2)
    return smooth[:, :height, :width].astype(np.uint8)


def _half(rng: np.random.Generator, patterns: NDArray[np.uint8], count: int) -> Split:
    labels = (np.arange(count) % len(patterns)).astype(np.uint8)
    rng.shuffle(labels)
    x: NDArray[Any] = patterns[labels]
    noise = rng.integers(0, 32, size=x.shape, dtype=np.uint8)
    return Split(x + noise * (x > 0), labels)
