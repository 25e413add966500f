"""The arrays of an `.npz` file, read in whole or row by row, and never unpickled."""

import contextlib
import math
import zipfile
import zlib
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import IO, Any, Final

import numpy as np
from numpy.typing import NDArray

from kerasplug.errors import DatasetError
from kerasplug_datasets.pickles import read_pickle

__all__ = ["arrays", "objects", "rows", "wrong_file"]

#: What NumPy's reader raises where a file is no such file.
_FAULTS: Final = (
    ValueError,
    OSError,
    EOFError,
    zipfile.BadZipFile,
    KeyError,
    zlib.error,
)
#: A pickle of objects in a data set has so many bytes at most.
_LARGEST_PICKLE: Final = 1 << 30


def wrong_file(path: str, found: str, expected: str) -> DatasetError:
    """The error for a file that is not what the data set is made of.

    Args:
        path: of the file.
        found: what it is or has.
        expected: what it should have.
    """
    what = f"{Path(path).name} is not the file that the data set is made of."
    mend = f"remove {path} and load again"
    return DatasetError(what, found=found[:300], expected=expected, mend=mend)


def arrays(path: str, names: Sequence[str]) -> list[NDArray[Any]]:
    """The arrays of these names, in memory.

    Args:
        path: of the `.npz` file.
        names: without `.npy`.

    Raises:
        DatasetError: the file is damaged, or lacks one, or one holds objects.
    """
    try:
        # NumPy leaves a file open that it has opened and can't read.
        with Path(path).open("rb") as file:
            found = np.load(file, allow_pickle=False)
            if not isinstance(found, np.lib.npyio.NpzFile):
                raise wrong_file(path, "one array", f"arrays {', '.join(names)}")
            return [found[name] for name in names]
    except DatasetError:
        raise
    except _FAULTS as error:
        said = f"{type(error).__name__}: {error}"
        raise wrong_file(path, said, f"arrays {', '.join(names)}") from error


@contextlib.contextmanager
def _member(path: str, name: str) -> Iterator[tuple[IO[bytes], tuple[Any, ...]]]:
    """A member behind its header, and (shape, fortran order, dtype)."""
    try:
        with zipfile.ZipFile(path) as archive, archive.open(f"{name}.npy") as file:
            version = np.lib.format.read_magic(file)
            reader = (
                np.lib.format.read_array_header_1_0
                if version == (1, 0)
                else np.lib.format.read_array_header_2_0
            )
            yield file, reader(file)
    except DatasetError:
        raise
    except _FAULTS as error:
        said = f"{type(error).__name__}: {error}"
        raise wrong_file(path, said, f"an array {name}") from error


def rows(path: str, name: str, count: int) -> Iterator[NDArray[Any]]:
    """The array of a name in pieces of at most so many rows; one piece is in memory.

    Args:
        path: of the `.npz` file.
        name: without `.npy`.
        count: rows of a piece.

    Raises:
        DatasetError: the file is damaged, lacks it, or has it column by column.
    """
    with _member(path, name) as (file, (shape, fortran, dtype)):
        if fortran or dtype.hasobject or not shape:
            raise wrong_file(path, f"{name}: {dtype} {shape}", "plain rows")
        size = math.prod(shape[1:]) * dtype.itemsize
        for start in range(0, shape[0], count):
            some = min(count, shape[0] - start)
            data = file.read(some * size)
            if len(data) < some * size:
                raise wrong_file(path, f"{name} ends early", f"{shape[0]:,} rows")
            yield np.frombuffer(data, dtype).reshape(some, *shape[1:])


def objects(path: str, name: str) -> list[Any]:
    """The plain values in an array of objects, by a reader that runs nothing.

    Args:
        path: of the `.npz` file.
        name: without `.npy`.

    Raises:
        DatasetError: the file is damaged, lacks it, or holds anything but plain values.
    """
    with _member(path, name) as (file, (shape, _, dtype)):
        if not dtype.hasobject or len(shape) != 1:
            raise wrong_file(path, f"{name}: {dtype} {shape}", "one axis of objects")
        data = file.read(_LARGEST_PICKLE + 1)
    if len(data) > _LARGEST_PICKLE:
        raise wrong_file(path, f"{name}: over {_LARGEST_PICKLE:,} bytes", "less")
    try:
        found = read_pickle(data)
    except DatasetError as error:
        raise wrong_file(
            path, f"{name}: {error.what} {error.found}", "lists"
        ) from error
    if not isinstance(found, list) or len(found) != shape[0]:
        raise wrong_file(path, f"{name}: {type(found).__name__}", f"{shape[0]:,} lists")
    return found
