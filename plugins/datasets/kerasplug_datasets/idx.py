"""Gzipped IDX files, as MNIST and its kin are given out.

Source of the format: Y. LeCun, "The MNIST database", section on file formats: two zero
bytes, a type, the number of axes, their sizes as big-endian 32-bit numbers, the data.
"""

import contextlib
import gzip
import math
import zlib
from collections.abc import Iterator
from typing import IO, Any, Final

import numpy as np
from numpy.typing import NDArray

from kerasplug_datasets.npz import wrong_file

__all__ = ["rows", "whole"]

_BYTES: Final = 0x08
_FAULTS: Final = (OSError, EOFError, zlib.error)


def whole(path: str, shape: tuple[int, ...]) -> NDArray[np.uint8]:
    """All of a file's array.

    Args:
        path: of the file.
        shape: that it must have.

    Raises:
        DatasetError: it is no such file, damaged, or of another shape.
    """
    (found,) = rows(path, shape, shape[0])
    return found.copy()  # it can be written, as arrays usually can


def rows(path: str, shape: tuple[int, ...], count: int) -> Iterator[NDArray[np.uint8]]:
    """A file's array in pieces of at most so many rows; one piece is in memory.

    Args:
        path: of the file.
        shape: that it must have; nothing larger is unpacked.
        count: rows of a piece.

    Raises:
        DatasetError: it is no such file, damaged, or of another shape.
    """
    with _opened(path) as file:
        _demand_shape(path, file, shape)
        size = math.prod(shape[1:])
        for start in range(0, shape[0], count):
            some = min(count, shape[0] - start)
            data = file.read(some * size)
            if len(data) < some * size:
                raise wrong_file(path, "it ends early", f"{shape[0]:,} rows")
            if start + some == shape[0] and file.read(1):
                raise wrong_file(path, "more than its header says", f"shape {shape}")
            yield np.frombuffer(data, np.uint8).reshape(some, *shape[1:])


@contextlib.contextmanager
def _opened(path: str) -> Iterator[IO[bytes]]:
    try:
        with gzip.open(path, "rb") as file:
            yield file  # type: ignore[misc]  # a GzipFile is a file of bytes
    except _FAULTS as error:
        said = f"{type(error).__name__}: {error}"
        raise wrong_file(path, said, "a gzipped IDX file") from error


def _demand_shape(path: str, file: IO[bytes], shape: tuple[int, ...]) -> None:
    head = file.read(4 * (1 + len(shape)))
    expected = bytes((0, 0, _BYTES, len(shape)))
    if head[:4] != expected:
        rule = f"it begins with {expected.hex()}"
        raise wrong_file(path, f"it begins with {head[:4].hex()}", rule)
    found: tuple[Any, ...] = tuple(np.frombuffer(head[4:], ">u4").tolist())
    if found != shape:
        raise wrong_file(path, f"shape {found}", f"shape {shape}")
