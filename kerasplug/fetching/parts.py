"""The temporary file of one download, and what is left of those that were killed.

Each download writes a file of its own, beside the place it is for; the finished one is
renamed into that place. What a killed process left is copied, never continued in place:
so whatever another process still does to its own file can't reach ours.
"""

import contextlib
import gzip
import os
import re
import stat
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import IO, TYPE_CHECKING, Final, Self

from kerasplug.fetching.hashing import new_hash
from kerasplug.fetching.locking import is_abandoned, mark_as_used
from kerasplug.fetching.places import storing
from kerasplug.fetching.trouble import Trouble

if TYPE_CHECKING:
    from types import TracebackType

__all__ = ["Part", "left_overs", "remove_left_overs"]

_CHUNK: Final = 1 << 20
#: What a packed body may grow to: `_GROWTH` times, above `_FLOOR` bytes.
_GROWTH: Final = 100
_FLOOR: Final = 64 << 20
_READ: Final = (
    os.O_RDONLY
    | getattr(os, "O_NOFOLLOW", 0)
    | getattr(os, "O_NONBLOCK", 0)
    | getattr(os, "O_BINARY", 0)
)


def _stem(path: str, digest: str) -> str:
    """How the names of temporary files begin; so long that none is too long."""
    return f".{Path(path).name[:120]}.{digest[:16] or 'unhashed'}-"


def left_overs(path: str, digest: str | None = None) -> Iterator[str]:
    """Paths of temporary files that belong to `path`; others may be busy with them.

    Args:
        path: the file they are for.
        digest: only those for this content; None: for any.
    """
    head = re.escape(_stem(path, "")[: -len("unhashed-")])
    middle = r"[0-9a-z]+" if digest is None else digest[:16] or "unhashed"
    pattern = re.compile(rf"{head}{middle}-\d+-[0-9a-f]+\.part\Z")
    with contextlib.suppress(OSError), os.scandir(Path(path).parent) as entries:
        yield from (one.path for one in entries if pattern.match(one.name))


@contextlib.contextmanager
def _abandoned(path: str) -> Iterator[IO[bytes] | None]:
    """A left-over, opened; None where it is in use, is not a file, or has gone."""
    try:
        file = os.fdopen(os.open(path, _READ), "rb")
    except OSError:
        yield None
        return
    with file:
        regular = stat.S_ISREG(os.fstat(file.fileno()).st_mode)
        yield file if regular and is_abandoned(file.fileno()) else None


def remove_left_overs(path: str) -> None:
    """Remove what killed processes left of their downloads of `path`."""
    for one in left_overs(path):
        with _abandoned(one) as file:
            if file is not None:
                _remove(one)


def _remove(path: str) -> None:
    with contextlib.suppress(OSError):
        Path(path).unlink()


class Part:
    """What has come of a file so far, and its hash.

    Args:
        path: the file that it will be; its folder must exist.
        algorithm: of the hash.
        digest: the expected hash; empty: there is none.

    Guarantees:
        At the end of the `with` statement the temporary file is gone, published or not.
    """

    def __init__(self, path: str, algorithm: str, digest: str) -> None:
        self.path = path
        self.size = 0
        self._algorithm = algorithm
        self._wanted = digest
        self._hash = new_hash(algorithm)
        self._temporary = ""
        self._file: IO[bytes] | None = None

    def __enter__(self) -> Self:
        with storing(self.path):
            self._begin()
        return self

    def __exit__(
        self,
        kind: "type[BaseException] | None",
        error: "BaseException | None",
        trace: "TracebackType | None",
    ) -> None:
        self._drop()

    @property
    def digest(self) -> str:
        """The hash of what is there."""
        return self._hash.hexdigest()

    def _begin(self) -> None:
        """An empty temporary file that nobody takes for a left-over."""
        flags = os.O_RDWR | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0)
        stem = str(Path(self.path).parent / _stem(self.path, self._wanted))
        while True:
            path = f"{stem}{os.getpid()}-{os.urandom(6).hex()}.part"
            # The umask decides who may read it, as with every other file.
            self._file = os.fdopen(os.open(path, flags, 0o666), "w+b")
            self._temporary = path
            mark_as_used(self._file.fileno())
            # Another process may have cleared it away before it was marked.
            if os.path.lexists(path):
                break
            self._file.close()
        self._hash, self.size = new_hash(self._algorithm), 0

    def _drop(self) -> None:
        if self._file is not None:
            with contextlib.suppress(OSError):  # a full disk speaks up here again
                self._file.close()
        if self._temporary:
            _remove(self._temporary)
        self._file, self._temporary = None, ""

    def write(self, piece: bytes) -> None:
        """Add what has come.

        Raises:
            StorageError: there is no room for it.
        """
        assert self._file is not None
        with storing(self.path):
            self._file.write(piece)
        self._hash.update(piece)
        self.size += len(piece)

    def restart(self) -> None:
        """Forget what has come.

        Raises:
            StorageError: the file system refuses.
        """
        assert self._file is not None
        with storing(self.path):
            self._file.seek(0)
            self._file.truncate()
        self._hash, self.size = new_hash(self._algorithm), 0

    def adopt(self) -> None:
        """Begin with what a killed process left of the same file, and clear that away.

        Without an expected hash nothing is adopted, since nothing could judge it.

        Raises:
            StorageError: there is no room for it.
        """
        for path in left_overs(self.path):
            same = self._wanted and path in left_overs(self.path, self._wanted)
            with _abandoned(path) as file:
                if file is None:
                    continue
                _remove(path)
                if same and not self.size:
                    while piece := file.read(_CHUNK):
                        self.write(piece)

    def unpack(self, encoding: str) -> None:
        """Unpack a body that the server packed for the way.

        Args:
            encoding: what the server said of it.

        Raises:
            Trouble: it is packed otherwise, damaged, or unpacks to far more than it is.
            StorageError: there is no room for it.
        """
        if encoding not in ("gzip", "x-gzip"):
            message = f"the body is packed as {encoding[:40]!r}, which nobody asked for"
            raise Trouble(message, final=True)
        assert self._file is not None
        packed, place, most = self._file, self._temporary, self.size * _GROWTH
        try:
            with storing(self.path):
                packed.seek(0)
                self._begin()
            for piece in _unpacked(packed):
                self.write(piece)
                if self.size > max(most, _FLOOR):
                    message = f"the packed body is a bomb: over {self.size:,} bytes"
                    raise Trouble(message, final=True)
        finally:
            packed.close()
            _remove(place)

    def publish(self) -> os.stat_result:
        """Put the file in its place, on the disk for good; what it is there.

        Raises:
            StorageError: it can't be put there. What was there is still there.
        """
        assert self._file is not None
        with storing(self.path):
            self._file.flush()
            os.fsync(self._file.fileno())
            if os.name == "nt":  # an open file can't be renamed there
                self._file.close()
            os.replace(self._temporary, self.path)  # noqa: PTH105 -- texts all along
            self._temporary = ""
            _settle(str(Path(self.path).parent))
        if self._file.closed:
            return Path(self.path).stat()
        return os.fstat(self._file.fileno())


def _unpacked(packed: IO[bytes]) -> Iterator[bytes]:
    try:
        with gzip.GzipFile(fileobj=packed, mode="rb") as file:
            while piece := file.read(_CHUNK):
                yield piece
    except (gzip.BadGzipFile, EOFError, zlib.error) as error:
        message = f"the packed body is damaged: {error}"
        raise Trouble(message) from error


def _settle(folder: str) -> None:
    """Make a rename outlast a power cut, where the system lets us."""
    with contextlib.suppress(OSError):
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
