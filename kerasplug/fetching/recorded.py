"""`fetch` and its relatives: the files that a record of a plugin names."""

import os
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple, overload

from kerasplug.fetching import seals
from kerasplug.fetching.addresses import sources_of
from kerasplug.fetching.caching import brought, found_digest, is_right
from kerasplug.fetching.downloading import Wanted
from kerasplug.fetching.faults import refused
from kerasplug.fetching.parts import remove_left_overs
from kerasplug.fetching.patience import PATIENCE, Patience
from kerasplug.fetching.places import folder_of, storing
from kerasplug.fetching.unpacking import remove_unpacked
from kerasplug.hooks.record import Record, RemoteFile

if TYPE_CHECKING:
    from collections.abc import Iterable

    from kerasplug.fetching.downloading import Report

    Folder = str | os.PathLike[str] | None

__all__ = [
    "Checked",
    "cached_path",
    "discard",
    "fetch",
    "is_cached",
    "remove",
    "verify",
]

#: How Keras names an archive beside the folder that it unpacks it into.
_ARCHIVE = "_archive"


class Checked(NamedTuple):
    """What became of one file.

    Args:
        path: where it is, or would be.
        state: "right", "missing" or "wrong".
        found: the SHA-256 that it has; empty where it is missing.
    """

    path: str
    state: str
    found: str


@overload
def fetch(
    what: RemoteFile,
    *,
    cache_dir: "Folder" = ...,
    cache_subdir: "Folder" = ...,
    verify: bool = ...,
    progress: "bool | Report | None" = ...,
    offline: bool | None = ...,
    patience: Patience = ...,
) -> str: ...
@overload
def fetch(
    what: Record,
    *,
    cache_dir: "Folder" = ...,
    cache_subdir: "Folder" = ...,
    verify: bool = ...,
    progress: "bool | Report | None" = ...,
    offline: bool | None = ...,
    patience: Patience = ...,
) -> tuple[str, ...]: ...
def fetch(
    what: RemoteFile | Record,
    *,
    cache_dir: "Folder" = None,
    cache_subdir: "Folder" = None,
    verify: bool = False,
    progress: "bool | Report | None" = None,
    offline: bool | None = None,
    patience: Patience = PATIENCE,
) -> str | tuple[str, ...]:
    """The path of a recorded file, or those of a record's files, which are right.

    What is in the cache is not downloaded, and not hashed where it was hashed before
    and has not changed since.

    Args:
        what: a `RemoteFile`, or a record with files.
        cache_dir: default: `$KERAS_HOME`, else `~/.keras`.
        cache_subdir: the folder below it; default: "datasets". Keras has the weights
            of its applications in "models".
        verify: hash each file in any case.
        progress: None: a bar on a terminal, where rich is installed; True or False; or
            a function that gets the number of bytes so far and in all, or None.
        offline: download nothing; None: what KERASPLUG_OFFLINE says.
        patience: when to try again, and when to give up.

    Returns:
        For a file its path; for a record a tuple of them, in its order.

    Raises:
        RecordError: `what` has no files.
        HashError: a source gave another file, and none gave the right one.
        OfflineError: a file is not in the cache, and may not be downloaded.
        FetchError: no source gave it.
        StorageError: the cache can't take it.
        MissingExtraError: it has to be downloaded, and urllib3 is not installed.
    """
    paths = tuple(
        brought(
            wanted,
            patience=patience,
            progress=progress,
            offline=offline,
            verify=verify,
        )
        for wanted in _wanted(what, cache_dir, cache_subdir)
    )
    return paths[0] if isinstance(what, RemoteFile) else paths


def cached_path(
    file: RemoteFile, *, cache_dir: "Folder" = None, cache_subdir: "Folder" = None
) -> str:
    """Where a file is in the cache, or would be; nothing is looked at.

    Args:
        file: the file.
        cache_dir: as `fetch`.
        cache_subdir: as `fetch`.

    Raises:
        RecordError: it is no `RemoteFile`.

    Example:
        >>> file = RemoteFile(
        ...     name="a.npz", url="https://example.org/a.npz", sha256="0" * 64
        ... )
        >>> cached_path(file, cache_dir="/data")
        '/data/datasets/a.npz'
    """
    if not isinstance(file, RemoteFile):
        raise refused(file, "file", "a `RemoteFile`", of="cached_path")
    return _wanted(file, cache_dir, cache_subdir)[0].path


def is_cached(
    what: RemoteFile | Record,
    *,
    cache_dir: "Folder" = None,
    cache_subdir: "Folder" = None,
    verify: bool = False,
) -> bool:
    """Whether all files are in the cache, and right; nothing is downloaded.

    Args:
        what: a `RemoteFile`, or a record with files.
        cache_dir: as `fetch`.
        cache_subdir: as `fetch`.
        verify: hash each file in any case.

    Raises:
        RecordError: `what` has no files.
        StorageError: a file is there and can't be read.
    """
    wanted = _wanted(what, cache_dir, cache_subdir)
    return all(is_right(one, anew=verify) for one in wanted)


def verify(
    what: RemoteFile | Record,
    *,
    cache_dir: "Folder" = None,
    cache_subdir: "Folder" = None,
) -> tuple[Checked, ...]:
    """What became of each file; each is hashed, and nothing is changed.

    Args:
        what: a `RemoteFile`, or a record with files.
        cache_dir: as `fetch`.
        cache_subdir: as `fetch`.

    Raises:
        RecordError: `what` has no files.
        StorageError: a file is there and can't be read.
    """
    return tuple(_checked(one) for one in _wanted(what, cache_dir, cache_subdir))


def _checked(wanted: Wanted) -> Checked:
    found = found_digest(wanted, anew=True)
    if found is None:
        return Checked(wanted.path, "missing", "")
    state = "right" if found == wanted.digest else "wrong"
    return Checked(wanted.path, state, found)


def remove(
    what: RemoteFile | Record,
    *,
    cache_dir: "Folder" = None,
    cache_subdir: "Folder" = None,
) -> tuple[str, ...]:
    """The paths of the files and folders that were there, and are no more.

    What killed downloads of them left is removed too, and for an archive the folder
    into which `get_file` unpacked it.

    Args:
        what: a `RemoteFile`, or a record with files.
        cache_dir: as `fetch`.
        cache_subdir: as `fetch`.

    Raises:
        RecordError: `what` has no files.
        StorageError: a file can't be removed.
    """
    removed = []
    for wanted in _wanted(what, cache_dir, cache_subdir):
        if discard(wanted.path):
            removed.append(wanted.path)
        folder = wanted.path.removesuffix(_ARCHIVE)
        if folder != wanted.path and remove_unpacked(folder):
            removed.append(folder)
    return tuple(removed)


def discard(path: str) -> bool:
    """Whether a file was in the cache; it is gone now, with what belongs to it.

    Args:
        path: of the file.

    Raises:
        StorageError: it can't be removed.
    """
    remove_left_overs(path)
    seals.forget(path)
    if not os.path.lexists(path):
        return False
    with storing(path):
        Path(path).unlink()
    return True


def _wanted(
    what: object, cache_dir: "Folder", cache_subdir: "Folder"
) -> tuple[Wanted, ...]:
    if isinstance(what, RemoteFile):
        files: Iterable[object] = (what,)
    else:
        files = getattr(what, "files", ())
    found = tuple(files)
    if not found or not all(isinstance(one, RemoteFile) for one in found):
        rule = "a `RemoteFile`, or a record with files"
        raise refused(what, "what", rule, of="fetch")
    folder = folder_of(cache_dir, cache_subdir or "datasets")
    return tuple(_one(file, folder) for file in found if isinstance(file, RemoteFile))


def _one(file: RemoteFile, folder: str) -> Wanted:
    return Wanted(
        str(Path(folder) / file.name),
        sources_of([file.url, *file.mirrors]),
        "sha256",
        file.sha256.lower(),
        file.size,
    )
