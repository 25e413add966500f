"""Writing the members of an archive: plain files and folders, inside, within limits."""

import contextlib
import errno
import os
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Final

from kerasplug.errors import ArchiveError
from kerasplug.fetching.unpack_limits import UnpackLimits

__all__ = ["DAMAGE", "Tree", "parts_of", "refusal"]

_CHUNK: Final = 1 << 20
_SHOWN: Final = 80
_LONGEST: Final = 4096
#: What the file system says about a name, rather than about the disk.
_NAMES: Final = (
    errno.EEXIST,
    errno.ENOTDIR,
    errno.EISDIR,
    errno.ENAMETOOLONG,
    errno.EINVAL,
    errno.EILSEQ,
)
#: What Python's readers raise for archives that are cut short or made up.
DAMAGE: Final = (
    EOFError,
    ValueError,
    RuntimeError,
    NotImplementedError,
    KeyError,
    AttributeError,
    TypeError,
    OverflowError,
    IndexError,
)


def refusal(
    archive: str, what: str, found: object = "", mend: str = ""
) -> ArchiveError:
    """The error for an archive of which nothing is unpacked.

    Args:
        archive: its path.
        what: the end of a sentence whose subject it is.
        found: a name or a number from it; shown as repr, cut.
        mend: what to do about it.
    """
    text = found if isinstance(found, str) else repr(found)
    if isinstance(found, str) and found:
        text = repr(found[:_SHOWN]) + "…" * (len(found) > _SHOWN)
    return ArchiveError(
        f"{archive} {what}; nothing of it was unpacked.",
        path=archive,
        found=text,
        expected="plain files and folders that stay inside",
        mend=mend or "don't use it, and tell whoever offers it",
    )


def parts_of(name: str) -> tuple[str, ...] | None:
    r"""The parts of a member's name; None where it leads elsewhere.

    Example:
        >>> parts_of("./a//b/"), parts_of("../a"), parts_of("C:\\a"), parts_of("/a")
        (('a', 'b'), None, None, None)
    """
    plain = name.replace("\\", "/")
    if not plain or len(plain) > _LONGEST or plain.startswith("/"):
        return None
    parts = [one for one in plain.split("/") if one not in ("", ".")]
    if ".." in parts or any("\0" in one or ":" in one for one in parts):
        return None
    return tuple(parts)


class Tree:
    """A folder that is filled from an archive.

    Args:
        folder: an empty one, of this process alone.
        archive: its path, for errors.
        limits: what is believed.
    """

    def __init__(self, folder: str, archive: str, limits: UnpackLimits) -> None:
        self._folder = Path(folder)
        self._archive = archive
        self._limits = limits
        self._made = {self._folder}
        self._count = 0
        self._written = 0
        self._packed = max(Path(archive).stat().st_size, 1)

    def demand_size(self, size: int) -> None:
        """Raise `ArchiveError` where so many bytes are more than is believed."""
        limits = self._limits
        if size > limits.total_bytes:
            raise self._too_much(size, "total_bytes")
        if size > max(limits.floor_bytes, limits.expansion * self._packed):
            raise self._too_much(size, "expansion")

    def _too_much(self, size: int, limit: str) -> ArchiveError:
        return refusal(
            self._archive,
            f"unpacks to far more than it is, {self._packed:,} bytes",
            size,
            f"if you trust it: limits=UnpackLimits({limit}=…)",
        )

    def folder(self, name: str) -> None:
        """Make a folder of this name."""
        with self._named(name):
            self._make(self._folder.joinpath(*self._parts(name)), name)

    def file(self, name: str, content: IO[bytes]) -> None:
        """Write a file of this name, up to the end of `content`."""
        parts = self._parts(name)
        if not parts:
            raise refusal(self._archive, "holds a file without a name", name)
        path = self._folder.joinpath(*parts)
        self._make(path.parent, name)
        self._another(name)
        with self._named(name), path.open("xb") as file:
            while piece := content.read(_CHUNK):
                self._written += len(piece)
                self.demand_size(self._written)
                file.write(piece)

    def _parts(self, name: str) -> tuple[str, ...]:
        parts = parts_of(name)
        if parts is None:
            what = "holds a member whose name leads elsewhere"
            raise refusal(self._archive, what, name)
        return parts

    def _make(self, folder: Path, name: str) -> None:
        if folder in self._made:
            return
        self._make(folder.parent, name)
        self._another(name)
        with self._named(name):
            folder.mkdir()
        self._made.add(folder)

    def _another(self, name: str) -> None:
        self._count += 1
        if self._count > self._limits.members:
            what = f"holds more than {self._limits.members:,} members"
            mend = "if you trust it: limits=UnpackLimits(members=…)"
            raise refusal(self._archive, what, name, mend)

    @contextlib.contextmanager
    def _named(self, name: str) -> Iterator[None]:
        """Tell names that can't be, or are there already, from a disk that is full."""
        try:
            yield
        except UnicodeError as error:
            what = "holds a member whose name can't be written"
            raise refusal(self._archive, what, ascii(name)) from error
        except OSError as error:
            if isinstance(error, ArchiveError) or error.errno not in _NAMES:
                raise
            what = f"holds a member that can't be: {os.strerror(error.errno)}"
            raise refusal(self._archive, what, name) from error
