"""The doctor's look at the folders that Keras and kerasplug write into."""

import os
import stat
from collections.abc import Iterator
from pathlib import Path

from kerasplug.cli import stored
from kerasplug.cli.findings import Finding
from kerasplug.config import cache_folder, keras_home, says_yes
from kerasplug.errors import KerasplugError

__all__ = ["look"]

_KERAS, _OURS = "Keras' home", "kerasplug's cache"


def look() -> Iterator[Finding]:
    """Findings about Keras' home and kerasplug's own cache."""
    yield _home()
    wrong = next((one for one in stored.own_folders() if _is_foreign(one)), None)
    yield _foreign(wrong) if wrong else _cache(Path(cache_folder()))
    if says_yes("KERASPLUG_NO_CACHE"):
        what = "KERASPLUG_NO_CACHE is set: each start looks at everything anew"
        yield Finding("note", _OURS, what, "unset KERASPLUG_NO_CACHE")


def _home() -> Finding:
    try:
        folder = Path(keras_home())
    except KerasplugError as error:
        what = f"{error.what} {error.found}".strip()
        return Finding("broken", _KERAS, what, error.mend)
    mend = "export KERAS_HOME=<a folder of your own>"
    if not folder.is_dir() and os.path.lexists(folder):
        return Finding("broken", _KERAS, f"{folder} is no folder", mend)
    if not _can_be_written(folder):
        what = f"{folder} can't be written: no settings, no downloads"
        return Finding("warning", _KERAS, what, mend)
    if not folder.is_dir():
        return Finding("ok", _KERAS, f"{folder} will be made when it is needed")
    parts = stored.of_keras(str(folder)).items()
    sizes = ", ".join(f"{name} {stored.size(number)}" for name, number in parts)
    return Finding("ok", _KERAS, f"{folder} ({sizes or 'no downloads'})")


def _cache(folder: Path) -> Finding:
    if not _can_be_written(folder):
        what = f"{folder} can't be written: each start looks at everything anew"
        mend = "export XDG_CACHE_HOME=<a folder of your own>"
        return Finding("warning", _OURS, what, mend)
    indexes = stored.indexes()
    if not indexes:
        return Finding("ok", _OURS, f"{folder}: no index")
    size = stored.size(sum(one["bytes"] for one in indexes))
    stale = sum(one["state"] != "current" for one in indexes)
    number = stored.count(len(indexes), "index", "indexes")
    return Finding("ok", _OURS, f"{folder}: {number}, {size}; {stale} not current")


def _is_foreign(folder: Path) -> bool:
    return os.path.lexists(folder) and not stored.is_ours(folder)


def _foreign(folder: Path) -> Finding:
    status = folder.lstat()
    if not stat.S_ISDIR(status.st_mode):
        what = f"{folder} is no folder; nothing is remembered between starts"
        return Finding("broken", _OURS, what, f"rm {folder}")
    mode = f"owner {status.st_uid}, permissions {status.st_mode & 0o777:o}"
    what = f"{folder} is not yours alone ({mode}); nothing is remembered"
    return Finding("broken", _OURS, what, f"chmod go-w {folder}, or remove it")


def _can_be_written(folder: Path) -> bool:
    """Whether the folder, or where it is missing the nearest one above, is writable."""
    there = next(one for one in (folder, *folder.parents) if os.path.lexists(one))
    return os.access(there, os.W_OK)
