"""The UCI handwritten digits: 1797 images of 8x8 pixels, inside this package.

Origin: E. Alpaydin and C. Kaynak (1998), Optical Recognition of Handwritten Digits,
UCI Machine Learning Repository, https://doi.org/10.24432/C50P49, licence CC BY 4.0.
These are the 1797 images of UCI's *test* file, written by 13 people, in the order
and with the values of scikit-learn's copy (BSD-3-Clause), from which
`make_tables.py` took them. Each pixel counts the black dots of a 4x4 block of the
scanned 32x32 bitmap, so it goes from 0 (white) to 16 (black).
"""

import io
from typing import Final

import numpy as np

from kerasplug.data import DatasetSource, Split, Splits
from kerasplug_datasets.embedded import divided, read, streaming
from kerasplug_datasets.pictures import pictures

__all__ = ["SHA256", "SOURCE", "load", "stream", "synthetic"]

#: Of the file `digits.npz`; it is checked each time the data are loaded.
SHA256 = "0c2aff3ad3efa4c983d74435f40847c3f2dea3c33f362c61616f7b067d84c8fe"

_REAL: Final = (1442, 355)
#: A made-up picture has 0 to 255, a digit here 0 to 16.
_DARKEST: Final = 15
_MEAN: Final = 75.0


def load() -> Splits:
    """The digits as `((x_train, y_train), (x_test, y_test))`.

    The split uses no random numbers, so it is the same everywhere and for ever: of
    the images of one class, in file order, the 5th, 10th, 15th, ... are for testing.
    So both parts hold each class in the same share. Both also hold images of the
    same 13 writers: a test accuracy says how well a model reads *these* hands.

    Returns:
        `x_train` of shape `(1442, 8, 8)`, `y_train` `(1442,)`, `x_test`
        `(355, 8, 8)` and `y_test` `(355,)`, all uint8 and the caller's own. Pixels
        are 0 (white) to 16 (black), labels 0 to 9.

    Raises:
        PluginError: the embedded file is damaged: its sha256 is not `SHA256`.

    Example:
        >>> (x_train, y_train), (x_test, y_test) = load()
        >>> x_train.shape, x_test.shape, int(x_train.max())
        ((1442, 8, 8), (355, 8, 8), 16)
    """
    with np.load(io.BytesIO(read("digits.npz", SHA256)), allow_pickle=False) as arrays:
        return divided(arrays["images"], arrays["labels"])


stream: Final = streaming(load)


def synthetic(rows: "int | None" = None) -> Splits:
    """A stand-in of the same shapes, types and values, made up and always the same.

    Args:
        rows: of the training half; None: 1442.

    Raises:
        DatasetError: `rows` is no whole number from 1.
    """
    halves = pictures(rows, _REAL, (8, 8), 10, _MEAN)
    return Splits(*(Split(x // _DARKEST, y) for x, y in halves))


SOURCE = DatasetSource(load=load, stream=stream, synthetic=synthetic)
