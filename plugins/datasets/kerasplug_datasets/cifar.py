"""What CIFAR-10 and CIFAR-100 share: pictures of 32x32 pixels in pickles of Python 2.

Source: `keras/src/datasets/cifar.py` of Keras 3.15.1. The pickles are read by
`read_pickle`, which runs nothing.
"""

import mmap
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from kerasplug.config import read_config
from kerasplug.data import Split, Splits
from kerasplug.errors import DatasetError
from kerasplug.fetching import get_file
from kerasplug.hooks import RemoteFile
from kerasplug_datasets.checking import demand_one_of
from kerasplug_datasets.npz import wrong_file
from kerasplug_datasets.pickles import read_pickle
from kerasplug_datasets.pictures import pictures

__all__ = ["batch", "channels_first", "folder", "joined", "made_up", "pieces"]

_FORMATS: Final = ("channels_last", "channels_first")
_REAL: Final = (50000, 10000)
_MEAN: Final = 120.7
_PIXELS: Final = 3 * 32 * 32
_ARCHIVE: Final = "_archive"


def folder(file: RemoteFile, inner: str) -> Path:
    """The folder with the batches, unpacked into Keras' cache.

    Args:
        file: the archive, as the record has it.
        inner: the folder inside it.

    Raises:
        FetchError: it is not in the cache and can't be had.
    """
    path = get_file(
        file.name.removesuffix(_ARCHIVE),
        file.url,
        file_hash=file.sha256,
        mirrors=file.mirrors,
        extract=True,
    )
    return Path(path, inner)


def channels_first(data_format: "str | None") -> bool:
    """Whether the colours come before rows and columns.

    Args:
        data_format: "channels_last" or "channels_first"; None: what `keras.json` says.

    Raises:
        DatasetError: it is something else.
    """
    if data_format is None:
        data_format = str(read_config().get("image_data_format", _FORMATS[0]))
    demand_one_of("data_format", data_format, _FORMATS)
    return data_format == _FORMATS[1]


def batch(path: Path, key: str) -> tuple[NDArray[np.uint8], Sequence[int]]:
    """The pictures of a file, colours first, as a view of it; and their labels.

    Args:
        path: of the file.
        key: of the labels: `"labels"`, or `"fine_labels"`.

    Raises:
        DatasetError: it is not such a file.
    """
    found = _unpickled(path)
    data: Any = found.get(b"data")
    labels: Any = found.get(key.encode())
    good = isinstance(data, np.ndarray) and isinstance(labels, list)
    if not good or data.dtype != np.uint8 or data.shape != (len(labels), _PIXELS):
        rule = f"data of shape (n, {_PIXELS}), and n {key}"
        raise wrong_file(str(path), "something else", rule)
    if not all(isinstance(one, int) and 0 <= one < 100 for one in labels):  # noqa: PLR2004 -- CIFAR-100
        raise wrong_file(str(path), f"{key} that are none", "numbers from 0 to 99")
    return data.reshape(-1, 3, 32, 32), labels


def _unpickled(path: Path) -> dict[Any, Any]:
    try:
        with path.open("rb") as file:
            data = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
    except (OSError, ValueError) as error:
        raise wrong_file(str(path), str(error), "a batch of pictures") from error
    try:
        found = read_pickle(memoryview(data))
    except DatasetError as error:
        raise wrong_file(str(path), f"{error.what} {error.found}", "arrays") from error
    if not isinstance(found, dict):
        raise wrong_file(str(path), type(found).__name__, "a dict")
    return found


def joined(
    paths: Sequence[Path], key: str, dtype: "np.dtype[Any]", *, first: bool
) -> Split:
    """All pictures of some files, in memory, and labels of shape `(n, 1)`.

    Args:
        paths: of the files.
        key: of the labels.
        dtype: of the labels.
        first: whether the colours come first.
    """
    found = [batch(path, key) for path in paths]
    count = sum(len(labels) for _, labels in found)
    x, y, start = np.empty((count, 3, 32, 32), np.uint8), np.empty(count, dtype), 0
    for data, labels in found:
        end = start + len(labels)
        x[start:end], y[start:end] = data, labels
        start = end
    return Split(_turned(x, first=first), y.reshape(-1, 1))


def _turned(x: NDArray[np.uint8], *, first: bool) -> NDArray[np.uint8]:
    return x if first else x.transpose(0, 2, 3, 1)


def pieces(
    paths: Sequence[Path],
    key: str,
    dtype: "np.dtype[Any]",
    size: int,
    *,
    first: bool,
) -> Iterator[tuple[NDArray[Any], NDArray[Any]]]:
    """Batches of so many rows; the files are mapped, not read.

    Args:
        paths: of the files.
        key: of the labels.
        dtype: of the labels.
        size: rows of a batch; the last one may have fewer.
        first: whether the colours come first.
    """
    x, y = np.empty((0, 3, 32, 32), np.uint8), np.empty(0, dtype)
    for path in paths:
        data, labels = batch(path, key)
        numbers, start = np.asarray(labels, dtype), 0
        while start < len(data):
            end = start + size - len(x)
            x = np.concatenate([x, data[start:end]])
            y = np.concatenate([y, numbers[start:end]])
            start = end
            if len(x) == size:
                yield _turned(x, first=first), y.reshape(-1, 1)
                x, y = x[:0], y[:0]
    if len(x):
        yield _turned(x, first=first), y.reshape(-1, 1)


def made_up(
    rows: "int | None", classes: int, dtype: "np.dtype[Any]", *, first: bool
) -> Splits:
    """A stand-in of the same shapes and types.

    Args:
        rows: of the training half; None: 50,000.
        classes: how many.
        dtype: of the labels.
        first: whether the colours come first.
    """
    halves = pictures(rows, _REAL, (32, 32, 3), classes, _MEAN)
    return Splits(
        *(
            Split(
                x.transpose(0, 3, 1, 2) if first else x, y.astype(dtype).reshape(-1, 1)
            )
            for x, y in halves
        )
    )
