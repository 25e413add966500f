"""One file of the cache: there and right, or brought there."""

import os
from pathlib import Path

from kerasplug.config import says_yes
from kerasplug.errors import OfflineError, StorageError
from kerasplug.fetching import seals
from kerasplug.fetching.addresses import shown_url
from kerasplug.fetching.downloading import Report, Wanted, download
from kerasplug.fetching.locking import alone
from kerasplug.fetching.patience import Patience
from kerasplug.fetching.places import made_folder, storing
from kerasplug.fetching.progress import showing

__all__ = ["brought", "found_digest", "is_right"]


def found_digest(wanted: Wanted, *, anew: bool = False) -> str | None:
    """The hash of the file that is there; None where there is none.

    Args:
        wanted: the file; its algorithm counts.
        anew: whether to hash even a file that was hashed before.

    Raises:
        StorageError: something is there, and it can't be read as a file.
    """
    path = wanted.path
    try:
        if Path(path).is_dir():
            raise _in_the_way(path)
        return seals.digest_of(path, wanted.algorithm, anew=anew)
    except (FileNotFoundError, NotADirectoryError):
        return None
    except StorageError:
        raise
    except OSError as error:
        message = f"{path} is there and can't be read."
        raise StorageError(message, path=path, found=str(error)) from error


def _in_the_way(path: str) -> StorageError:
    return StorageError(
        f"{path} is a folder, where a file is to be.",
        path=path,
        mend="move it away, or give the file another name",
    )


def is_right(wanted: Wanted, *, anew: bool = False) -> bool:
    """Whether the file is there and, as far as there is a hash, the right one.

    Raises:
        StorageError: something is there, and it can't be read as a file.
    """
    if not wanted.digest:
        if Path(wanted.path).is_dir():
            raise _in_the_way(wanted.path)
        return Path(wanted.path).is_file()
    return found_digest(wanted, anew=anew) == wanted.digest


def brought(
    wanted: Wanted,
    *,
    patience: Patience,
    progress: "bool | Report | None" = None,
    offline: bool | None = None,
    verify: bool = False,
    force: bool = False,
) -> str:
    """The path of the file, which is there and right.

    Args:
        wanted: the file.
        patience: when to try again, and when to give up.
        progress: as `showing` has it.
        offline: whether nothing may be downloaded; None: what KERASPLUG_OFFLINE says.
        verify: whether to hash even a file that was hashed before.
        force: whether to download even a right file.

    Raises:
        OfflineError: it is not there, and may not be downloaded.
        FetchError, HashError, StorageError: as `download`.
    """
    # Before any folder, lock or temporary file: a read-only cache may hold it.
    if not force and is_right(wanted, anew=verify):
        return wanted.path
    if says_yes("KERASPLUG_OFFLINE") if offline is None else offline:
        raise _offline(wanted)
    folder = str(Path(wanted.path).parent)
    made_folder(folder)
    with storing(wanted.path):
        _demand_writable(folder)
    with alone(wanted.path, patience.lock):
        # Another process may have brought it while this one waited.
        if force or not is_right(wanted):
            name = Path(wanted.path).name
            with showing(progress, name, wanted.size) as report:
                download(wanted, patience, report)
    return wanted.path


def _demand_writable(folder: str) -> None:
    """Raise `OSError` where nothing can be written, before others are waited for."""
    if not os.access(folder, os.W_OK | os.X_OK):
        message = "the folder can't be written"
        raise PermissionError(message)


def _offline(wanted: Wanted) -> OfflineError:
    source = shown_url(wanted.sources[0])
    there = Path(wanted.path).exists()
    state = "is there with other content than expected" if there else "is not there"
    digest = f", whose {wanted.algorithm} is {wanted.digest}" if wanted.digest else ""
    return OfflineError(
        f"{wanted.path} {state}, and nothing may be downloaded.",
        path=wanted.path,
        expected=f"the file from {source}{digest}",
        mend=f"put it at {wanted.path}, or allow downloads: unset KERASPLUG_OFFLINE, "
        "offline=False",
    )
