"""What lies on the disk: kerasplug's own cache, and what Keras has downloaded."""

import os
import stat
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

from kerasplug.config import cache_folder
from kerasplug.fetching import seals
from kerasplug.files import belongs_to_us, read_own_file
from kerasplug.registry import index, quarantine

__all__ = [
    "clear_indexes",
    "clear_quarantine",
    "clear_seals",
    "count",
    "indexes",
    "is_ours",
    "of_keras",
    "own_folders",
    "seals_kept",
    "size",
]

Removed = dict[str, int]

#: Folders below Keras' home that hold downloads.
_DOWNLOADS = ("datasets", "models")
_LARGEST = 64 * 1024 * 1024
_UNITS = ("B", "kB", "MB", "GB", "TB")
_STEP = 1000


def size(number: int) -> str:
    """A number of bytes as people read it.

    Example:
        >>> size(999), size(1_500_000)
        ('999 B', '1.5 MB')
    """
    value, unit = float(number), 0
    while value >= _STEP and unit < len(_UNITS) - 1:
        value, unit = value / _STEP, unit + 1
    return f"{value:.1f} {_UNITS[unit]}" if unit else f"{number} {_UNITS[0]}"


def count(number: int, one: str, several: str) -> str:
    """A number of things.

    Example:
        >>> count(1, "index", "indexes"), count(2, "index", "indexes")
        ('1 index', '2 indexes')
    """
    return f"{number} {one if number == 1 else several}"


def own_folders() -> tuple[Path, Path, Path, Path]:
    """The folder of kerasplug's cache and those below it; they may not exist."""
    folders = (
        cache_folder(),
        index.index_folder(),
        quarantine.folder(),
        seals.folder(),
    )
    return tuple(map(Path, folders))  # type: ignore[return-value]  # four go in, four come out


def of_keras(home: str) -> dict[str, int]:
    """What Keras has downloaded: folder -> bytes, where there is any."""
    folders = {name: Path(home, name) for name in _DOWNLOADS}
    return {
        name: _bytes_in(folder) for name, folder in folders.items() if folder.is_dir()
    }


def _bytes_in(folder: Path) -> int:
    """The size of all files below a folder; links are not followed."""
    total = 0
    for place, _, names in os.walk(folder):
        for name in names:
            try:
                status = Path(place, name).lstat()
            except OSError:  # it has gone meanwhile
                continue
            total += status.st_size if stat.S_ISREG(status.st_mode) else 0
    return total


def indexes() -> list[dict[str, Any]]:
    """All index files: `path`, `folder` that each is about, `state`, `bytes`.

    The state is "current", "stale" (the folder has changed), "gone" (it is no more),
    "other" (another Python or kerasplug wrote it) or "unreadable".
    """
    return [_index(path, status) for path, status in _index_files()]


def _index_files() -> Iterator[tuple[Path, os.stat_result]]:
    cache, folder, _, _ = own_folders()
    return _own_files(cache, folder, "*.index")


def _seal_files() -> Iterator[tuple[Path, os.stat_result]]:
    cache, _, _, folder = own_folders()
    return _own_files(cache, folder, "*.json")


def _own_files(
    cache: Path, folder: Path, pattern: str
) -> Iterator[tuple[Path, os.stat_result]]:
    """Files, sorted by name: only files of our own, in folders of our own."""
    if not (is_ours(cache) and is_ours(folder)):
        return
    for path in sorted(folder.glob(pattern)):
        status = path.lstat()
        if stat.S_ISREG(status.st_mode) and belongs_to_us(status):
            yield path, status


def is_ours(folder: Path) -> bool:
    """Whether it is a folder, no link, that nobody else can write."""
    try:
        status = folder.lstat()
    except OSError:
        return False
    return stat.S_ISDIR(status.st_mode) and belongs_to_us(status)


def _index(path: Path, status: os.stat_result) -> dict[str, Any]:
    folder = _folder_of(str(path))
    return {
        "path": str(path),
        "folder": folder,
        "state": _state(str(path), folder),
        "bytes": status.st_size,
    }


def _folder_of(path: str) -> str:
    """Which folder an index file is about; empty where it does not say."""
    text = (read_own_file(path, _LARGEST) or b"").decode("utf-8", "surrogateescape")
    fields = text.split("\n", 2)[1:2]
    tag, _, rest = fields[0].partition("\t") if fields else ("", "", "")
    escaped = rest.partition("\t")[0]
    plain = escaped.replace("\\\\", "\0").replace("\\t", "\t").replace("\\n", "\n")
    return plain.replace("\0", "\\") if tag == "F" else ""


def _state(path: str, folder: str) -> str:
    if not folder:
        return "unreadable"
    if index.index_file(folder) != path:
        return "other"
    try:
        status = Path(folder).stat()
    except OSError:
        return "gone"
    return "stale" if index.read(folder, status) is None else "current"


def clear_indexes() -> Removed:
    """Remove all index files: they get made anew when they are needed."""
    return _removed(_index_files(), Path.unlink)


def seals_kept() -> Removed:
    """How many seals of downloads there are, and their bytes."""
    sizes = [status.st_size for _, status in _seal_files()]
    return {"files": len(sizes), "bytes": sum(sizes)}


def clear_seals() -> Removed:
    """Remove the seals of downloads: each is hashed again when it is used next."""
    return _removed(_seal_files(), Path.unlink)


def clear_quarantine() -> Removed:
    """Forget which hook modules are quarantined, in whichever environment."""
    entries = {Path(entry.path): entry for entry in quarantine.entries()}
    return _removed(
        ((path, path.lstat()) for path in entries),
        lambda path: quarantine.release(entries[path].plugin),
    )


def _removed(
    files: Iterable[tuple[Path, os.stat_result]], remove: Callable[[Path], object]
) -> Removed:
    number = total = 0
    for path, status in files:
        try:
            remove(path)
        except FileNotFoundError:  # another process was faster
            continue
        number, total = number + 1, total + status.st_size
    return {"files": number, "bytes": total}
