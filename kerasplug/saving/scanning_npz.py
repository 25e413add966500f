"""Weights in an `.npz` file: its arrays' headers, read without NumPy."""

import io
import math
import re
import zipfile
from typing import IO, Final

from kerasplug.saving.dangers import Danger, shown
from kerasplug.saving.limits import Limits
from kerasplug.saving.scanning_hdf5 import Weights
from kerasplug.saving.scanning_zip import ZIP_FAULTS, member_dangers

__all__ = ["Slice", "scan_npz"]

_MAGIC: Final = b"\x93NUMPY"
#: NumPy itself reads no longer headers.
_LONGEST: Final = 10_000
#: Exactly what NumPy writes for arrays of numbers.
_HEADER: Final = re.compile(
    r"\{'descr': '([<>|=]?)([?a-zA-Z])(\d*)', 'fortran_order': (?:True|False), "
    r"'shape': \(([\d, ]*)\), \}\s*"
)
_NUMBERS: Final = "?biufcV"
_WIDEST: Final = 32


class Slice(io.RawIOBase):
    """A part of an open file, as a file of its own.

    Args:
        file: an open file that can seek.
        start: where the part begins.
        size: how long it is.
    """

    def __init__(self, file: IO[bytes], start: int, size: int) -> None:
        super().__init__()
        self._file, self._start, self._size = file, start, size
        self._at = 0

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
        base = (0, self._at, self._size)[whence]
        self._at = max(base + offset, 0)
        return self._at

    def read(self, size: int | None = -1) -> bytes:
        """The next bytes, of the part only."""
        left = max(self._size - self._at, 0)
        wanted = left if size is None or size < 0 else min(size, left)
        self._file.seek(self._start + self._at)
        data = self._file.read(wanted)
        self._at += len(data)
        return data


def scan_npz(file: IO[bytes], limits: Limits, label: str = "") -> Weights:
    """What the arrays of an `.npz` file declare.

    Args:
        file: the file, open.
        limits: what is believed.
        label: comes before each place.
    """
    arrays: dict[str, tuple[tuple[int, ...], int]] = {}
    dangers: list[Danger] = []
    try:
        with zipfile.ZipFile(file) as archive:
            if len(archive.filelist) > limits.objects:
                what = "is refused: it holds more arrays than any real one"
                return Weights({}, {}, (Danger("too-many-objects", label, what),))
            dangers += member_dangers(archive, limits)
            for info in archive.infolist() if not dangers else ():
                with archive.open(info) as member:
                    head = member.read(_LONGEST)
                danger = _array(info, head, arrays, label)
                if danger is not None:
                    dangers.append(danger)
    except ZIP_FAULTS as error:
        what = "is damaged: its weights can't be read as an .npz file"
        found = f"{type(error).__name__}: {error}"[:200]
        dangers.append(Danger("damaged-weights", label, what, found))
        return Weights(arrays, {}, tuple(dangers), readable=False)
    return Weights(arrays, {}, tuple(dangers))


def _array(
    info: zipfile.ZipInfo,
    head: bytes,
    arrays: dict[str, tuple[tuple[int, ...], int]],
    label: str,
) -> Danger | None:
    where = f"{label}/{shown(info.filename)[1:-1]}"
    major = head[6] if len(head) > 6 else 0  # noqa: PLR2004 -- behind the magic word
    width = 2 if major == 1 else 4
    length = int.from_bytes(head[8 : 8 + width], "little")
    text = head[8 + width : 8 + width + length].decode("latin-1")
    match = _HEADER.fullmatch(text)
    if not head.startswith(_MAGIC) or match is None:
        what = "holds weights that are no array of numbers"
        return Danger("odd-type", where, what, shown(text))
    kind, size = match[2], int(match[3] or 1)
    if kind not in _NUMBERS or size > _WIDEST:
        what = "holds weights that are Python objects, which only pickle can read"
        return Danger("pickle", where, what, shown(text), "numbers")
    shape = tuple(int(one) for one in match[4].replace(" ", "").split(",") if one)
    declared = math.prod(shape) * size
    arrays[where] = (shape, declared)
    if declared > info.file_size:
        what = "declares weights that are not in it"
        found = f"{declared:,} bytes declared, {info.file_size:,} stored"
        return Danger("shape-bomb", where, what, found)
    return None
