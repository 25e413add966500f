"""Reading arrays out of HDF5 files, each byte once.

An array that lies in one piece is read straight into memory of its own, which nobody
writes to again: so an engine can take it over without another copy. Where the file is
a member of a zip file, everything is read in the order of the file, and its checksum
is made in passing.
"""

import io
import zlib
from collections.abc import Iterable, Iterator
from typing import IO, Any, Final, NamedTuple

from kerasplug.errors import ModelFileError

__all__ = ["Source", "Stored", "Window", "read_all", "stored_of"]

#: Engines take over memory that begins at a multiple of this.
_ALIGNED: Final = 64
#: How much is read at a time: it is still in the processor when its checksum is made.
_CHUNK: Final = 1 << 20
#: How NumPy calls what Keras writes for a bfloat16: two bytes of no known type.
_TWO_BYTES: Final = "|V2"
#: Whole numbers, floats, complex ones and booleans, as NumPy abbreviates them.
_NUMBERS: Final = "fiucb"


class Source(NamedTuple):
    """An HDF5 file, open; or the part of a zip file that is one.

    Args:
        name: the file, for errors.
        file: open, not buffered.
        start: where in `file` it begins.
        size: how long it is.
        checksum: what the zip file says of it; None: nobody says anything.
    """

    name: str
    file: IO[bytes]
    start: int
    size: int
    checksum: int | None = None


class Stored(NamedTuple):
    """An array in a file, not read yet.

    Args:
        label: what the file calls it.
        shape: its shape.
        dtype: what it is in memory, as NumPy has it.
        dataset: of h5py.
        source: where it is.
    """

    label: str
    shape: tuple[int, ...]
    dtype: Any
    dataset: Any
    source: Source

    @property
    def size(self) -> int:
        """Its bytes in memory."""
        return int(self.dataset.size) * int(self.dtype.itemsize)


class Window(io.RawIOBase):
    """A part of an open file, as a file of its own, for h5py.

    Args:
        source: which part.
    """

    def __init__(self, source: Source) -> None:
        super().__init__()
        self._source, self._at = source, 0

    def readable(self) -> bool:
        """True."""
        return True

    def seekable(self) -> bool:
        """True."""
        return True

    def tell(self) -> int:
        """The place of the next byte."""
        return self._at

    def seek(self, offset: int, whence: int = 0) -> int:
        """The new place, as for every file."""
        base = (0, self._at, self._source.size)[whence]
        self._at = max(base + offset, 0)
        return self._at

    def readinto(self, buffer: Any) -> int:
        """How many bytes were read into `buffer`."""
        view = memoryview(buffer).cast("B")
        wanted = view[: max(self._source.size - self._at, 0)]
        self._source.file.seek(self._source.start + self._at)
        count = _fill(self._source.file, wanted)
        self._at += count
        return count


def _fill(file: IO[bytes], view: memoryview) -> int:
    """Read until `view` is full or the file ends; how many bytes that were."""
    done = 0
    while done < len(view):
        count = file.readinto(view[done:])  # type: ignore[attr-defined]  # not buffered
        if not count:
            break
        done += count
    return done


def stored_of(label: str, dataset: Any, source: Source) -> Stored:
    """What is known of an array before it is read.

    Args:
        label: what the file calls it.
        dataset: of h5py.
        source: the file.

    Raises:
        TypeError: it holds something else than numbers.
    """
    dtype = dataset.dtype.newbyteorder("=")
    if dtype.str == _TWO_BYTES:
        import ml_dtypes

        dtype = ml_dtypes.finfo(ml_dtypes.bfloat16).dtype  # type: ignore[no-untyped-call]  # ml_dtypes has no types there
    elif dtype.kind not in _NUMBERS:
        message = f"no array of numbers: {dtype!r}"[:100]
        raise TypeError(message)
    return Stored(label, tuple(dataset.shape), dtype, dataset, source)


def read_all(wanted: Iterable[Stored], sources: Iterable[Source]) -> list[Any]:
    """The arrays, in the order of `wanted`.

    Args:
        wanted: what to read.
        sources: the files. One with a checksum is read to its end and compared.

    Raises:
        ModelFileError: a file is cut short or damaged.
    """
    listed = list(wanted)
    arrays = [_empty(one) for one in listed]
    for source in sources:
        # By place: several sources can be equal, and none is the other.
        here = [place for place, one in enumerate(listed) if one.source is source]
        direct = _extents(source, here, listed)
        done = _read_direct(source, direct, arrays)
        for place in here:
            if place not in done:
                _read_by_library(source, listed[place], arrays[place])
    return arrays


def _empty(one: Stored) -> Any:
    """Memory for an array, at a place where engines take it over."""
    import numpy as np

    raw = np.empty(one.size + _ALIGNED, np.uint8)
    start = -raw.ctypes.data % _ALIGNED
    return raw[start : start + one.size].view(one.dtype).reshape(one.shape)


class _Extent(NamedTuple):
    at: int
    size: int
    place: int


def _extents(source: Source, here: list[int], listed: list[Stored]) -> list[_Extent]:
    """The arrays that lie in the file in one piece, as they are in memory."""
    found = []
    for place in here:
        one = listed[place]
        offset = _offset(one)
        if offset is not None:
            if offset + one.size > source.size:
                raise _cut_short(source)
            found.append(_Extent(offset, one.size, place))
    return sorted(found)


def _offset(one: Stored) -> int | None:
    """Where the array's bytes are; None: the library has to put it together."""
    dataset = one.dataset
    opaque = dataset.dtype.str == _TWO_BYTES
    if not one.size or not (opaque or _is_plain(dataset)):
        return None
    offset = dataset.id.get_offset()
    whole = dataset.id.get_storage_size() == one.size
    return int(offset) if offset is not None and whole else None


def _is_plain(dataset: Any) -> bool:
    """Whether the file has numbers just as this machine has them in memory."""
    import h5py

    dtype = dataset.dtype
    if dtype.kind not in "fiu" or not dtype.isnative:
        return False
    return bool(h5py.h5t.py_create(dtype).equal(dataset.id.get_type()))


def _read_direct(
    source: Source, extents: Iterable[_Extent], arrays: list[Any]
) -> set[int]:
    """Read in the order of the file; the places in `arrays` that are filled now.

    Raises:
        ModelFileError: the file is cut short, or its checksum is another.
    """
    done: set[int] = set()
    checksum = None if source.checksum is None else 0
    end = 0
    for extent in extents:
        if extent.at < end:  # under two names: the library reads it once more
            continue
        view = memoryview(_bytes_of(arrays[extent.place]))
        if checksum is not None:
            checksum = _pass_by(source, end, extent.at, checksum)
        checksum = _read_piece(source, extent.at, view, checksum)
        done.add(extent.place)
        end = extent.at + extent.size
    if checksum is not None:
        checksum = _pass_by(source, end, source.size, checksum)
        if checksum != source.checksum:
            raise _damaged(source, "its checksum differs")
    return done


def _bytes_of(array: Any) -> Any:
    return array.reshape(-1).view("uint8")


def _pass_by(source: Source, start: int, end: int, checksum: int) -> int:
    """The checksum, with what lies between two arrays."""
    scratch = bytearray(min(_CHUNK, max(end - start, 0)))
    at = start
    while at < end:
        view = memoryview(scratch)[: min(_CHUNK, end - at)]
        checksum = _read_piece(source, at, view, checksum) or 0
        at += len(view)
    return checksum


def _read_piece(
    source: Source, at: int, view: memoryview, checksum: int | None
) -> int | None:
    """Fill `view` from the file; the checksum that goes on with it."""
    source.file.seek(source.start + at)
    step = len(view) if checksum is None else _CHUNK
    for start in range(0, len(view), max(step, 1)):
        part = view[start : start + step]
        if _fill(source.file, part) != len(part):
            raise _cut_short(source)
        if checksum is not None:
            checksum = zlib.crc32(part, checksum)
    return checksum


def _read_by_library(source: Source, one: Stored, array: Any) -> None:
    try:
        for value in _as_stored(one, array):
            one.dataset.read_direct(value)
    except (OSError, ValueError, TypeError, RuntimeError) as error:
        raise _damaged(source, f"{type(error).__name__}: {error}"[:200]) from error


def _as_stored(one: Stored, array: Any) -> Iterator[Any]:
    """The array as the library can fill it; nothing where there is nothing to fill."""
    if one.size:
        opaque = one.dataset.dtype.str == _TWO_BYTES
        yield array.view(_TWO_BYTES) if opaque else array


def _cut_short(source: Source) -> ModelFileError:
    return _damaged(source, "it ends before its weights do")


def _damaged(source: Source, found: str) -> ModelFileError:
    return ModelFileError(
        f"{source.name} is damaged: its weights can't be read.",
        found=found,
        expected="a whole file",
        mend="copy or save it again",
    )
