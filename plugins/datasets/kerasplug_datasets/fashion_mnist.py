"""Fashion-MNIST: 70,000 pictures of clothes, in MNIST's form.

Nobody publishes hashes of its files, so that a wrong one can't be told by its hash:
each is read against the form that it must have (IDX, these shapes, labels 0 to 9).

Source: `keras.datasets.fashion_mnist` of Keras 3.15.1, whose files these are.
"""

from collections.abc import Iterator
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from kerasplug.data import DatasetSource, Split, Splits
from kerasplug.fetching import get_file
from kerasplug_datasets import files
from kerasplug_datasets.checking import demand_batch
from kerasplug_datasets.idx import rows as idx_rows
from kerasplug_datasets.idx import whole
from kerasplug_datasets.npz import wrong_file
from kerasplug_datasets.pictures import pictures

__all__ = ["CLASSES", "SOURCE", "download", "load", "stream", "synthetic"]

#: Label -> what it is.
CLASSES: Final = (
    "T-shirt/top",
    "Trouser",
    "Pullover",
    "Dress",
    "Coat",
    "Sandal",
    "Shirt",
    "Sneaker",
    "Bag",
    "Ankle boot",
)
_REAL: Final = (60000, 10000)
_MEAN: Final = 72.9
_SIDE: Final = 28
#: The largest of the files has 26 MB; what is far larger is not downloaded.
_LARGEST: Final = 64 << 20


def load() -> Splits:
    """The pictures, as `keras.datasets.fashion_mnist.load_data` returns them.

    Returns:
        `x` of shape `(60000, 28, 28)` and `(10000, 28, 28)`, 0 to 255; `y` of shape
        `(60000,)` and `(10000,)`, 0 to 9 (`CLASSES`); all uint8.

    Raises:
        FetchError: a file is not in the cache and can't be had.
        DatasetError: a file holds something else.
    """
    return _read(_paths())


def _read(paths: tuple[str, ...]) -> Splits:
    halves = []
    for x, y, count in zip(paths[::2], paths[1::2], _REAL, strict=True):
        labels = whole(y, (count,))
        _demand_labels(y, labels)
        halves.append(Split(whole(x, (count, _SIDE, _SIDE)), labels))
    return Splits(*halves)


def _paths(**options: Any) -> tuple[str, ...]:
    return tuple(
        get_file(
            name,
            files.FASHION_MNIST_ORIGIN + name,
            cache_subdir="datasets/fashion-mnist",
            largest=_LARGEST,
            **options,
        )
        for name in files.FASHION_MNIST
    )


def _demand_labels(path: str, labels: NDArray[np.uint8]) -> None:
    if labels.size and labels.max() >= len(CLASSES):
        raise wrong_file(path, f"a label {labels.max()}", "labels 0 to 9")


def download(*, offline: "bool | None" = None, progress: Any = None) -> tuple[str, ...]:
    """The paths of the files, which are in the cache and hold what they should.

    Args:
        offline: as `kerasplug.fetch` has it.
        progress: as `kerasplug.fetch` has it.

    Raises:
        FetchError: a file is not in the cache and can't be had.
        DatasetError: a file holds something else.
    """
    paths = _paths(offline=offline, progress=progress)
    _read(paths)
    return paths


def stream(
    split: str = "train", batch_size: int = 32
) -> Iterator[tuple[NDArray[Any], NDArray[Any]]]:
    """Batches in the files' order; one of them is in memory at a time.

    Args:
        split: "train" or "test".
        batch_size: rows of a batch; the last one may have fewer.

    Raises:
        DatasetError: an argument is not of its form, or a file holds something else.
        FetchError: a file is not in the cache and can't be had.
    """
    demand_batch(split, batch_size)
    place = 0 if split == "train" else 1
    x, y = _paths()[2 * place : 2 * place + 2]
    count = _REAL[place]
    return _paired(
        y,
        idx_rows(x, (count, _SIDE, _SIDE), batch_size),
        idx_rows(y, (count,), batch_size),
    )


def _paired(
    path: str, xs: Iterator[NDArray[Any]], ys: Iterator[NDArray[Any]]
) -> Iterator[tuple[NDArray[Any], NDArray[Any]]]:
    for x, y in zip(xs, ys, strict=True):
        _demand_labels(path, y)
        yield x, y


def synthetic(rows: "int | None" = None) -> Splits:
    """A stand-in of the same shapes and types, made up and always the same.

    Args:
        rows: of the training half; None: 60,000.

    Raises:
        DatasetError: `rows` is no whole number from 1.
    """
    return pictures(rows, _REAL, (_SIDE, _SIDE), len(CLASSES), _MEAN)


SOURCE = DatasetSource(load=load, stream=stream, synthetic=synthetic, download=download)
