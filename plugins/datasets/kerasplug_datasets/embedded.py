"""What the sets inside this package share: their files, their halves."""

import hashlib
from collections.abc import Callable, Iterator
from importlib.resources import files
from typing import Any

import numpy as np
from numpy.typing import NDArray

from kerasplug.data import Split, Splits
from kerasplug.errors import PluginError
from kerasplug_datasets.checking import demand_batch
from kerasplug_datasets.tables import pieces

__all__ = ["TEST_EVERY", "demand_sound", "divided", "read", "streaming"]

#: Of the rows of one class, in file order, each fifth one is for testing.
TEST_EVERY = 5


def read(name: str, sha256: str) -> bytes:
    """The bytes of a file that comes with this package.

    Args:
        name: of the file.
        sha256: that it must have.

    Raises:
        PluginError: it is damaged.
    """
    data = files(__package__).joinpath(name).read_bytes()
    demand_sound(name, data, sha256)
    return data


def demand_sound(name: str, data: bytes, sha256: str) -> None:
    """Raise `PluginError` unless the bytes are those that were packed.

    Args:
        name: of the file.
        data: what it holds.
        sha256: that they must have.
    """
    found = hashlib.sha256(data).hexdigest()
    if found != sha256:
        what = f"The embedded file {name} of kerasplug-datasets is damaged."
        raise PluginError(
            what,
            plugin="kerasplug-datasets",
            found=f"sha256 {found} ({len(data)} bytes)",
            expected=f"sha256 {sha256}",
            mend="python -m pip install --force-reinstall --no-deps kerasplug-datasets",
        )


def divided(x: NDArray[np.generic], y: NDArray[np.uint8]) -> Splits:
    """The halves; no random numbers, so they are the same everywhere and for ever.

    Args:
        x: the rows.
        y: their labels.

    Example:
        >>> train, test = divided(np.arange(12), np.zeros(12, "uint8"))
        >>> test.x.tolist()
        [4, 9]
    """
    test = np.zeros(y.shape, dtype=np.bool_)
    for label in np.unique(y):
        test[np.flatnonzero(y == label)[TEST_EVERY - 1 :: TEST_EVERY]] = True
    return Splits(Split(x[~test], y[~test]), Split(x[test], y[test]))


def streaming(load: Callable[[], Splits]) -> Callable[..., Iterator[tuple[Any, Any]]]:
    """The stream of a set that is small enough to be read in one go.

    Args:
        load: of the set.
    """

    def stream(split: str = "train", batch_size: int = 32) -> Iterator[tuple[Any, Any]]:
        """Batches in the order of `load`; the file is read in one go.

        Args:
            split: "train" or "test".
            batch_size: rows of a batch; the last one may have fewer.

        Raises:
            DatasetError: an argument is not of its form.
            PluginError: the embedded file is damaged.
        """
        demand_batch(split, batch_size)
        return pieces(load(), split, batch_size)

    return stream
