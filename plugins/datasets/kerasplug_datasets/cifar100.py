"""CIFAR-100: 60,000 colour pictures of 100 kinds of things in 20 groups, 32x32 pixels.

Source: `keras.datasets.cifar100` of Keras 3.15.1.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from kerasplug.data import DatasetSource, Splits
from kerasplug_datasets import cifar, files
from kerasplug_datasets.checking import demand_batch, demand_one_of

__all__ = ["SOURCE", "load", "stream", "synthetic"]

_CLASSES: Final = {"fine": 100, "coarse": 20}
_TYPE: Final = np.dtype(np.int64)


def _folder() -> Path:
    return cifar.folder(files.CIFAR100, "cifar-100-python")


def load(label_mode: str = "fine", data_format: "str | None" = None) -> Splits:
    """The pictures, as `keras.datasets.cifar100.load_data` returns them.

    Args:
        label_mode: "fine" for 100 classes, "coarse" for 20 groups of them.
        data_format: "channels_last", "channels_first", or None: what `keras.json` says,
            and "channels_last" where it says nothing. A `set_image_data_format` of this
            process is not asked, since that would start Keras.

    Returns:
        `x` of shape `(50000, 32, 32, 3)` and `(10000, 32, 32, 3)`, or with the colours
        first, uint8, 0 to 255; `y` of shape `(50000, 1)` and `(10000, 1)`, int64, 0 to
        99 or 0 to 19.

    Raises:
        FetchError: the archive is not in the cache and can't be had.
        DatasetError: an argument is not of its form, or a file holds something else.
    """
    demand_one_of("label_mode", label_mode, tuple(_CLASSES))
    first = cifar.channels_first(data_format)
    folder, key = _folder(), f"{label_mode}_labels"
    halves = (
        cifar.joined([folder / split], key, _TYPE, first=first)
        for split in ("train", "test")
    )
    return Splits(*halves)


def stream(
    split: str = "train",
    batch_size: int = 32,
    label_mode: str = "fine",
    data_format: "str | None" = None,
) -> Iterator[tuple[NDArray[Any], NDArray[Any]]]:
    """Batches in the files' order; the files are mapped into memory, not read.

    Args:
        split: "train" or "test".
        batch_size: rows of a batch; the last one may have fewer.
        label_mode: as `load` has it.
        data_format: as `load` has it.

    Raises:
        DatasetError: an argument is not of its form, or a file holds something else.
        FetchError: the archive is not in the cache and can't be had.
    """
    demand_batch(split, batch_size)
    demand_one_of("label_mode", label_mode, tuple(_CLASSES))
    first = cifar.channels_first(data_format)
    paths, key = [_folder() / split], f"{label_mode}_labels"
    return cifar.pieces(paths, key, _TYPE, batch_size, first=first)


def synthetic(
    rows: "int | None" = None,
    label_mode: str = "fine",
    data_format: "str | None" = None,
) -> Splits:
    """A stand-in of the same shapes and types, made up and always the same.

    Args:
        rows: of the training half; None: 50,000.
        label_mode: as `load` has it.
        data_format: as `load` has it.

    Raises:
        DatasetError: an argument is not of its form.
    """
    demand_one_of("label_mode", label_mode, tuple(_CLASSES))
    first = cifar.channels_first(data_format)
    return cifar.made_up(rows, _CLASSES[label_mode], _TYPE, first=first)


SOURCE = DatasetSource(load=load, stream=stream, synthetic=synthetic)
