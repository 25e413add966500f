"""One process downloads, the others wait for it.

The lock saves traffic and nothing else: each download writes a file of its own and puts
it in place whole, so that without the lock the result is the same. That is why a lock
that can't be had, or is held for too long, is no error.
"""

import contextlib
import hashlib
import os
from collections.abc import Iterator

from kerasplug.config import cache_folder
from kerasplug.files import make_own_folder

__all__ = ["alone", "is_abandoned", "mark_as_used"]

_DAY = 86_400


@contextlib.contextmanager
def alone(path: str, wait: float) -> Iterator[bool]:
    """Wait until no other process of this user is busy with `path`.

    Args:
        path: what is fetched or unpacked.
        wait: seconds; after them, or where there can be no lock, it goes on without.

    Yields:
        Whether the lock was had.
    """
    from filelock import FileLock, Timeout

    folder = f"{cache_folder()}/fetched"
    if not make_own_folder(folder):
        yield False
        return
    key = hashlib.sha256(os.fsencode(path)).hexdigest()[:40]
    lock = FileLock(f"{folder}/{key}.lock", timeout=wait)
    try:
        lock.acquire()
    except (Timeout, OSError, NotImplementedError):
        yield False
        return
    try:
        yield True
    finally:
        lock.release()


def mark_as_used(descriptor: int) -> None:
    """Let others see that a process is at work on this file, for as long as it lives.

    Where the file system knows no such locks, age has to tell.
    """
    try:
        import fcntl
    except ImportError:  # Windows
        return
    with contextlib.suppress(OSError):
        fcntl.flock(descriptor, fcntl.LOCK_EX)


def is_abandoned(descriptor: int) -> bool:
    """Whether whoever wrote this is dead; by its lock, else by its age."""
    try:
        import fcntl

        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except (ImportError, OSError):
        import time

        return time.time() - os.fstat(descriptor).st_mtime > _DAY
    return True
