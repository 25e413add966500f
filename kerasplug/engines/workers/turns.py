"""One process at a time makes or removes an environment, the others wait for it."""

import contextlib
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from kerasplug.engines.workers.children import Say
from kerasplug.errors import KerasplugError, OwnershipError, StorageError
from kerasplug.files import make_own_folder

__all__ = ["alone", "storing"]

#: Seconds between two looks at a lock, and until somebody is told what is waited for.
_LOOK: Final = 0.2
_PATIENT: Final = 2.0

_WAITING: Final = "waiting for another process, which is busy with {}"


@contextlib.contextmanager
def alone(folder: Path, say: Say) -> Iterator[tuple[int, ...]]:
    """Wait until nobody else makes or removes this environment.

    Args:
        folder: the environment.
        say: is told what is waited for.

    Yields:
        Descriptors for the programs that write the environment. Each holds a lock for
        as long as it is open, also in a program whose parent was killed.
    """
    if not make_own_folder(str(folder.parent)):
        raise _no_folder(folder.parent)
    with _first(folder, say), _orphans_gone(folder, say) as kept:
        yield kept


def _no_folder(folder: Path) -> KerasplugError:
    if not folder.is_dir():
        message = f"{folder} can't be made."
        mend = "export KERAS_HOME=<a folder of your own>"
        return StorageError(message, path=str(folder), mend=mend)
    message = f"{folder} is not safe to keep environments in."
    expected = "a folder that belongs to you and that only you can write"
    return OwnershipError(message, expected=expected, mend=f"chmod 700 {folder}")


@contextlib.contextmanager
def _first(folder: Path, say: Say) -> Iterator[None]:
    """Hold the lock that all processes of this user take first."""
    from filelock import FileLock, Timeout

    lock = FileLock(f"{folder}.lock")
    with storing(folder), contextlib.suppress(NotImplementedError):
        # A file system without locks: there two at once are the user's own care.
        try:
            lock.acquire(timeout=_PATIENT)
        except Timeout:
            say(_WAITING.format(folder))
            lock.acquire()
    try:
        yield
    finally:
        lock.release()


@contextlib.contextmanager
def _orphans_gone(folder: Path, say: Say) -> Iterator[tuple[int, ...]]:
    """Wait for installers whose parent was killed, and hold the lock that they hold."""
    if sys.platform == "win32":  # no descriptor can be handed on
        yield ()
        return
    with storing(folder):
        busy = open(f"{folder}.busy", "ab")  # noqa: PTH123, SIM115 -- a text; closed below
    with busy:
        if not _is_free(busy.fileno()):
            say(_WAITING.format(folder))
        while not _is_free(busy.fileno()):
            time.sleep(_LOOK)
        yield (busy.fileno(),)


def _is_free(descriptor: int) -> bool:
    """Whether nobody else holds the lock on a file: then it is held now."""
    import fcntl

    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except OSError:  # a file system without locks
        return True
    return True


@contextlib.contextmanager
def storing(folder: Path) -> Iterator[None]:
    """Turn what the file system refuses into an error that names the place."""
    try:
        yield
    except KerasplugError:
        raise
    except OSError as error:
        message = f"{folder} can't be written."
        raise StorageError(
            message,
            path=str(folder),
            found=str(error),
            mend="make room, or get permission to write there; or choose another place "
            "with KERAS_HOME",
        ) from error
