"""CIFAR-10: 60,000 colour pictures of ten kinds of things, 32x32 pixels.

Source: `keras.datasets.cifar10` of Keras 3.15.1. A small share of the labels is wrong,
in the original as well.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from kerasplug.data import DatasetSource, Splits
from kerasplug_datasets import cifar, files
from kerasplug_datasets.checking import demand_batch

__all__ = ["CLASSES", "SOURCE", "load", "stream", "synthetic"]

#: Label -> what it is.
CLASSES: Final = (
    "airplane",
    "automobile",
    "bird",
    "cat",
    "deer",
    "dog",
    "frog",
    "horse",
    "ship",
    "truck",
)
_TYPE: Final = np.dtype(np.uint8)


def _files(split: str, folder: Path) -> list[Path]:
    if split == "test":
        return [folder / "test_batch"]
    return [folder / f"data_batch_{number}" for number in range(1, 6)]


def load(data_format: "str | None" = None) -> Splits:
    """The pictures, as `keras.datasets.cifar10.load_data` returns them.

    Args:
        data_format: "channels_last", "channels_first", or None: what `keras.json` says,
            and "channels_last" where it says nothing. A `set_image_data_format` of this
            process is not asked, since that would start Keras.

    Returns:
        `x` of shape `(50000, 32, 32, 3)` and `(10000, 32, 32, 3)`, or with the colours
        first, 0 to 255; `y` of shape `(50000, 1)` and `(10000, 1)`, 0 to 9 (`CLASSES`);
        all uint8.

    Raises:
        FetchError: the archive is not in the cache and can't be had.
        DatasetError: an argument is not of its form, or a file holds something else.
    """
    first = cifar.channels_first(data_format)
    folder = cifar.folder(files.CIFAR10, "cifar-10-batches-py")
    return Splits(
        *(
            cifar.joined(_files(split, folder), "labels", _TYPE, first=first)
            for split in ("train", "test")
        )
    )


def stream(
    split: str = "train", batch_size: int = 32, data_format: "str | None" = None
) -> Iterator[tuple[NDArray[Any], NDArray[Any]]]:
    """Batches in the files' order; the files are mapped into memory, not read.

    Args:
        split: "train" or "test".
        batch_size: rows of a batch; the last one may have fewer.
        data_format: as `load` has it.

    Raises:
        DatasetError: an argument is not of its form, or a file holds something else.
        FetchError: the archive is not in the cache and can't be had.
    """
    demand_batch(split, batch_size)
    first = cifar.channels_first(data_format)
    folder = cifar.folder(files.CIFAR10, "cifar-10-batches-py")
    paths = _files(split, folder)
    return cifar.pieces(paths, "labels", _TYPE, batch_size, first=first)


def synthetic(rows: "int | None" = None, data_format: "str | None" = None) -> Splits:
    """A stand-in of the same shapes and types, made up and always the same.

    Args:
        rows: of the training half; None: 50,000.
        data_format: as `load` has it.

    Raises:
        DatasetError: an argument is not of its form.
    """
    first = cifar.channels_first(data_format)
    return cifar.made_up(rows, len(CLASSES), _TYPE, first=first)


SOURCE = DatasetSource(load=load, stream=stream, synthetic=synthetic)
