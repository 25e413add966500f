"""How large the directory of a zip file says it is, before anybody reads it.

Python reads the whole directory at once, so a file can ask for any amount of memory.
"""

import struct
from typing import IO, Final

__all__ = ["directory_size"]

_END: Final = b"PK\x05\x06"
_END_SIZE: Final = 22
_LARGEST_COMMENT: Final = (1 << 16) - 1
_LOCATOR: Final = b"PK\x06\x07"
_LOCATOR_SIZE: Final = 20
_END_64: Final = b"PK\x06\x06"
_END_64_SIZE: Final = 56


def directory_size(file: IO[bytes]) -> int:
    """What the file says of its directory, in bytes.

    Args:
        file: open for reading; where it stands afterwards is not said.

    Returns:
        The largest size that a version of Python would find; 0: none would find any.

    Example:
        >>> import io
        >>> directory_size(io.BytesIO(b"no zip file"))
        0
    """
    end = file.seek(0, 2)
    start = max(end - _END_SIZE - _LARGEST_COMMENT, 0)
    file.seek(start)
    tail = file.read()
    at = len(tail) - _END_SIZE
    if at < 0 or tail[at : at + 4] != _END or tail[-2:] != b"\0\0":
        at = tail.rfind(_END)
    if at < 0 or at + _END_SIZE > len(tail):
        return 0
    size: int = struct.unpack_from("<I", tail, at + 12)[0]
    locator = start + at - _LOCATOR_SIZE
    if locator < 0:
        return size
    file.seek(locator)
    record = file.read(_LOCATOR_SIZE)
    if not record.startswith(_LOCATOR):
        return size
    # Versions of Python look in one place or in the other.
    places = (locator - _END_64_SIZE, struct.unpack_from("<Q", record, 8)[0])
    return max(size % 0xFFFF_FFFF, *(_size_64(file, place) for place in places))


def _size_64(file: IO[bytes], place: int) -> int:
    if not 0 <= place < 1 << 62:
        return 0
    file.seek(place)
    record = file.read(_END_64_SIZE)
    if len(record) < _END_64_SIZE or not record.startswith(_END_64):
        return 0
    size: int = struct.unpack_from("<Q", record, 40)[0]
    return size
