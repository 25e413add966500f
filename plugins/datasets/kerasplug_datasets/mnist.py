"""MNIST: 70,000 handwritten digits of 28x28 pixels.

Source: `keras.datasets.mnist` of Keras 3.15.1, whose file this is.
"""

from collections.abc import Iterator
from typing import Any, Final

from numpy.typing import NDArray

from kerasplug.data import DatasetSource, Split, Splits
from kerasplug.fetching import get_file
from kerasplug_datasets import files
from kerasplug_datasets.checking import demand_batch
from kerasplug_datasets.npz import arrays, rows, wrong_file
from kerasplug_datasets.pictures import pictures

__all__ = ["SOURCE", "load", "stream", "synthetic"]

_NAMES: Final = ("x_train", "y_train", "x_test", "y_test")
_REAL: Final = (60000, 10000)
_MEAN: Final = 33.3


def load(path: str = "mnist.npz") -> Splits:
    """The digits, as `keras.datasets.mnist.load_data` returns them.

    Args:
        path: the file's name in the cache.

    Returns:
        `x` of shape `(60000, 28, 28)` and `(10000, 28, 28)`, 0 to 255; `y` of shape
        `(60000,)` and `(10000,)`, 0 to 9; all uint8.

    Raises:
        FetchError: the file is not in the cache and can't be had.
        DatasetError: it holds something else.
    """
    where = _file(path)
    x_train, y_train, x_test, y_test = arrays(where, _NAMES)
    for x, y in ((x_train, y_train), (x_test, y_test)):
        _demand_digits(where, x, y)
    return Splits(Split(x_train, y_train), Split(x_test, y_test))


def _demand_digits(path: str, x: NDArray[Any], y: NDArray[Any]) -> None:
    if x.shape != (len(y), 28, 28) or y.ndim != 1:
        raise wrong_file(
            path, f"shapes {x.shape} and {y.shape}", "(n, 28, 28) and (n,)"
        )


def _file(path: str) -> str:
    file = files.MNIST
    return get_file(path, file.url, file_hash=file.sha256, mirrors=file.mirrors)


def stream(
    split: str = "train", batch_size: int = 32, path: str = "mnist.npz"
) -> Iterator[tuple[NDArray[Any], NDArray[Any]]]:
    """Batches in the file's order; one of them is in memory at a time.

    Args:
        split: "train" or "test".
        batch_size: rows of a batch; the last one may have fewer.
        path: the file's name in the cache.

    Raises:
        DatasetError: an argument is not of its form, or the file holds something else.
        FetchError: the file is not in the cache and can't be had.
    """
    demand_batch(split, batch_size)
    where = _file(path)
    pair = (rows(where, f"{one}_{split}", batch_size) for one in "xy")
    return _paired(where, *pair)


def _paired(
    path: str, xs: Iterator[NDArray[Any]], ys: Iterator[NDArray[Any]]
) -> Iterator[tuple[NDArray[Any], NDArray[Any]]]:
    for x, y in zip(xs, ys, strict=True):
        _demand_digits(path, x, y)
        yield x, y


def synthetic(rows: "int | None" = None, path: str = "") -> Splits:
    """A stand-in of the same shapes and types, made up and always the same.

    Args:
        rows: of the training half; None: 60,000.
        path: taken, since `load` takes it, and not used: nothing is read.

    Raises:
        DatasetError: `rows` is no whole number from 1.
    """
    del path
    return pictures(rows, _REAL, (28, 28), 10, _MEAN)


SOURCE = DatasetSource(load=load, stream=stream, synthetic=synthetic)
