"""Unpacking tar files, packed or not, with none of `tarfile`'s own extracting.

`tarfile` reads headers here and nothing else; so its filters, which differ from one
version of Python to the next, do not matter.
"""

import bz2
import gzip
import io
import lzma
import tarfile
import zlib
from pathlib import Path
from typing import IO, Final, cast

from kerasplug.errors import ArchiveError
from kerasplug.fetching.members import DAMAGE, Tree, refusal

__all__ = ["is_tar", "unpack_tar"]

_PACKERS: Final = (
    (b"\x1f\x8b", gzip.open),
    (b"BZh", bz2.open),
    (b"\xfd7zXZ\0", lzma.open),
)
_BLOCK: Final = 512
#: No header is as large; `tarfile` would read one into memory at once.
_LARGEST_READ: Final = 2 << 20
_FAULTS: Final = (
    tarfile.TarError,
    zlib.error,
    lzma.LZMAError,
    gzip.BadGzipFile,
    *DAMAGE,
)


def _opened(path: str) -> IO[bytes]:
    """The archive, unpacked on the way where it is packed."""
    with Path(path).open("rb") as file:
        head = file.read(8)
    for sign, opener in _PACKERS:
        if head.startswith(sign):
            return cast("IO[bytes]", opener(path, "rb"))
    return Path(path).open("rb")


def is_tar(path: str) -> bool:
    """Whether a file begins as a tar file does, packed or not."""
    try:
        with _opened(path) as file:
            head = file.read(_BLOCK)
        return bool(tarfile.TarInfo.frombuf(head, "utf-8", "surrogateescape"))
    except (*_FAULTS, OSError):
        return False


class _Counted(io.RawIOBase):
    """The unpacked archive, which can't be read further than is believed."""

    def __init__(self, file: IO[bytes], path: str, tree: Tree) -> None:
        self._file = file
        self._path = path
        self._tree = tree

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._file.tell()

    def seek(self, offset: int, whence: int = 0) -> int:
        if whence == 0:
            self._tree.demand_size(offset)
        return self._file.seek(offset, whence)

    def read(self, size: int | None = -1) -> bytes:
        if size is None or size < 0 or size > _LARGEST_READ:
            raise refusal(self._path, "holds a header without end", size)
        piece = self._file.read(size)
        self._tree.demand_size(self._file.tell())
        return piece


def unpack_tar(path: str, tree: Tree) -> None:
    """Write all members of a tar file.

    Args:
        path: the archive.
        tree: where to.

    Raises:
        ArchiveError: it is damaged, hostile or too large.
        OSError: there is no room.
    """
    try:
        with (
            _opened(path) as plain,
            tarfile.open(fileobj=_Counted(plain, path, tree), mode="r:") as archive,
        ):
            while (member := archive.next()) is not None:
                _write(archive, member, path, tree)
                archive.members.clear()  # type: ignore[attr-defined]  # else all headers pile up
            _demand_end(plain, archive.offset, path)
    except (*_FAULTS, OSError) as error:
        # Readers of packed files raise an OSError without a number.
        if isinstance(error, ArchiveError) or getattr(error, "errno", None):
            raise
        raise _damaged(path, error) from error


def _damaged(path: str, error: object) -> Exception:
    found = f"{type(error).__name__}: {error}"
    mend = "download it again, with force_download=True"
    return refusal(path, "is damaged: it can't be read as a tar file", found, mend)


def _write(
    archive: tarfile.TarFile, member: tarfile.TarInfo, path: str, tree: Tree
) -> None:
    if member.isdir():
        tree.folder(member.name)
        return
    if not member.isreg() or member.issparse():
        what = "holds a link, a device or another thing that is no plain file"
        raise refusal(path, what, member.name)
    content = archive.extractfile(member)
    assert content is not None
    tree.file(member.name, content)


def _demand_end(file: IO[bytes], offset: int, path: str) -> None:
    """`tarfile` takes a damaged header for the end: raise unless it is the end."""
    file.seek(offset)
    block = file.read(_BLOCK)
    if block.strip(b"\0"):
        raise _damaged(path, f"no header at byte {offset:,}")
