"""What the tables share: shuffling and dividing as Keras does, streams, stand-ins.

Source: `boston_housing.py` and `california_housing.py` in `keras/src/datasets` of Keras
3.15.1.
"""

from collections.abc import Iterator, Sequence
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from kerasplug.data import Split, Splits
from kerasplug.fetching import get_file
from kerasplug.hooks import RemoteFile
from kerasplug_datasets.checking import demand_count, demand_fraction
from kerasplug_datasets.npz import arrays, wrong_file

__all__ = ["demand_division", "divided", "made_up", "pieces", "read"]

_SEED: Final = 20261124


def demand_division(test_split: object, seed: object) -> None:
    """Raise `DatasetError` unless the arguments are of their form.

    Args:
        test_split: share of the rows that are for testing.
        seed: of the shuffle.
    """
    demand_fraction("test_split", test_split)
    demand_count("seed", seed)


def _found(file: RemoteFile, path: str) -> str:
    return get_file(path, file.url, file_hash=file.sha256, mirrors=file.mirrors)


def read(
    file: RemoteFile, path: str, columns: int
) -> tuple[NDArray[Any], NDArray[Any]]:
    """The table and the numbers to predict, in the file's order.

    Args:
        file: as the record has it.
        path: its name in the cache.
        columns: that the table must have.

    Raises:
        FetchError: it is not in the cache and can't be had.
        DatasetError: it holds something else.
    """
    where = _found(file, path)
    x, y = arrays(where, ("x", "y"))
    if x.shape != (len(y), columns) or y.ndim != 1:
        found = f"shapes {x.shape} and {y.shape}"
        raise wrong_file(where, found, f"(n, {columns}) and (n,)")
    return x, y


def _order(count: int, seed: int) -> NDArray[np.intp]:
    """Keras' own shuffle: its generator, so that the halves are the same."""
    indices = np.arange(count)
    np.random.RandomState(seed).shuffle(indices)
    return indices


def divided(x: NDArray[Any], y: NDArray[Any], test_split: float, seed: int) -> Splits:
    """The halves of a table.

    Args:
        x: the table.
        y: the numbers to predict.
        test_split: share of the rows that are for testing, from 0, less than 1.
        seed: of the shuffle.
    """
    order = _order(len(x), seed)
    cut = int(len(x) * (1 - test_split))
    halves = (order[:cut], order[cut:])
    return Splits(*(Split(x[some], y[some]) for some in halves))


def pieces(
    halves: Splits, split: str, size: int
) -> Iterator[tuple[NDArray[Any], NDArray[Any]]]:
    """Batches of one half, in the order of `load`.

    Args:
        halves: both.
        split: "train" or "test".
        size: rows of a batch; the last one may have fewer.
    """
    x, y = getattr(halves, split)
    for start in range(0, len(x), size):
        yield x[start : start + size], y[start : start + size]


def made_up(
    count: int,
    columns: Sequence[tuple[float, float]],
    target: tuple[float, float],
    dtype: str,
) -> tuple[NDArray[Any], NDArray[Any]]:
    """A table of such columns, and numbers that follow from it, with some noise.

    Args:
        count: rows.
        columns: mean and spread of each.
        target: mean and spread of what is predicted.
        dtype: of both.
    """
    rng = np.random.default_rng(_SEED)
    plain = rng.standard_normal((count, len(columns)))
    means, spreads = np.asarray(columns).T
    weights = rng.standard_normal(len(columns))
    weights /= np.linalg.norm(weights)
    answer = 0.9 * plain @ weights + 0.4 * rng.standard_normal(count)
    x = (means + spreads * plain).astype(dtype)
    return x, (target[0] + target[1] * answer).astype(dtype)
