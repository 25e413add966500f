"""Writing files whole or not at all, in folders that are the user's own.

On the warm path: this module imports nothing but `os`, which Python itself has
loaded.
"""

import os

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator
    from types import TracebackType

__all__ = [
    "belongs_to_us",
    "make_own_folder",
    "newest_first",
    "read_own_file",
    "replacing",
    "write_atomically",
]


def belongs_to_us(status: os.stat_result) -> bool:
    """Whether a file or folder with this status is ours, and ours alone to write."""
    if not hasattr(os, "getuid"):  # Windows: a profile's folders are private
        return True
    return status.st_uid == os.getuid() and not status.st_mode & 0o022


def make_own_folder(folder: str) -> bool:
    """Whether `folder` exists, made private if it was missing, and is ours.

    Never raises: a cache that can't be had is no reason to fail.
    """
    try:
        os.makedirs(folder, mode=0o700, exist_ok=True)
        return belongs_to_us(os.lstat(folder))
    except OSError:
        return False


def read_own_file(path: str, largest: int) -> "bytes | None":
    """The content of a file; None unless it is a file of our own, and not too big.

    Args:
        path: where; a link is not followed.
        largest: in bytes.
    """
    flags = os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_BINARY", 0)
    try:
        handle = os.open(path, flags)
    except OSError:
        return None
    try:
        status = os.fstat(handle)
        if not belongs_to_us(status) or status.st_size > largest:
            return None
        return os.read(handle, status.st_size + 1)
    except OSError:
        return None
    finally:
        os.close(handle)


def _sibling(path: str, suffix: str = "") -> str:
    """A name next to `path` that nobody else uses; with the same suffix, or this."""
    folder, name = os.path.split(path)
    stem, own = os.path.splitext(name)
    suffix = suffix or own
    return os.path.join(folder, f".{stem}-{os.getpid()}-{os.urandom(6).hex()}{suffix}")


def write_atomically(path: str, data: bytes, mode: int = 0o600) -> None:
    """Put `data` at `path`, whole or not at all.

    Args:
        path: where; its folder must exist.
        data: the new content.
        mode: the file's permissions, less the process' umask.

    Raises:
        OSError: the file can't be written. What was there is still there.

    Guarantees:
        A reader sees the old content or the new one, never a part. No temporary
        file is left behind, unless the process is killed.
    """
    temporary = _sibling(path)
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0)
    try:
        with os.fdopen(os.open(temporary, flags, mode), "wb") as file:
            file.write(data)
        os.replace(temporary, path)
    except BaseException:
        _forget(temporary)
        raise


class replacing:  # noqa: N801 -- a context manager that reads as a verb, like `closing`
    """A temporary path that takes the place of `path` at a clean exit.

    Args:
        path: the file to replace or make; its folder must exist.
        suffix: the temporary path's; default: the same as that of `path`.

    Guarantees:
        After an exception the old file is as it was, and the temporary one is gone.

    Example:
        >>> import pathlib, tempfile
        >>> path = pathlib.Path(tempfile.mkdtemp(), "a.txt")
        >>> with replacing(path) as temporary:
        ...     _ = pathlib.Path(temporary).write_text("whole")
        >>> path.read_text()
        'whole'
    """

    def __init__(self, path: "str | os.PathLike[str]", *, suffix: str = "") -> None:
        self.path = os.fspath(path)
        self.temporary = _sibling(self.path, suffix)

    def __enter__(self) -> str:
        return self.temporary

    def __exit__(
        self,
        kind: "type[BaseException] | None",
        error: "BaseException | None",
        trace: "TracebackType | None",
    ) -> None:
        if kind is not None:
            _forget(self.temporary)
            return
        try:
            os.replace(self.temporary, self.path)
        except BaseException:
            _forget(self.temporary)
            raise


def _forget(path: str) -> None:
    try:
        os.unlink(path)
    except OSError:
        return


def newest_first(folder: str) -> "Iterator[str]":
    """Paths of the files in `folder`, the most recently written first."""
    with os.scandir(folder) as entries:
        files = [
            (entry.stat().st_mtime_ns, entry.path)
            for entry in entries
            if entry.is_file()
        ]
    yield from (path for _, path in sorted(files, reverse=True))
