"""Where installed metadata can be: the folders of `sys.path`, and elsewhere.

On the warm path: nothing is imported but what Python itself has loaded.
"""

import os
import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = ["archives", "folders", "foreign_finders", "holds_metadata"]

_FOLDER = 0o040000
_TYPE = 0o170000
_METADATA = (".dist-info", ".egg-info", ".egg-link", "EGG-INFO")


def _entries() -> "Iterable[tuple[str, os.stat_result]]":
    seen = set()
    for entry in sys.path:
        try:
            real = os.path.realpath(entry or os.getcwd())
            if real in seen:
                continue
            seen.add(real)
            yield real, os.stat(real)
        except (OSError, ValueError):
            continue


def folders() -> "list[tuple[str, os.stat_result]]":
    """Real path and status of each folder on `sys.path`, each folder once.

    A folder reached over several names (`lib64` is often a link to `lib`) counts
    once, so that its distributions do not appear twice.
    """
    return [item for item in _entries() if item[1].st_mode & _TYPE == _FOLDER]


def holds_metadata(folder: str) -> bool:
    """Whether anything in `folder` can be a distribution's metadata.

    Most folders of `sys.path` hold none: Python's own library, a script's folder. To
    see that costs as little as to read an index, so they get none; the current
    directory, which changes all the time, need not be looked at closer either.
    """
    try:
        names = os.listdir(folder)
    except OSError:
        return False
    return any(name.endswith(_METADATA) for name in names)


def archives() -> "list[str]":
    """What lies on `sys.path` and is no folder: zip files."""
    return [path for path, status in _entries() if status.st_mode & _TYPE != _FOLDER]


def foreign_finders() -> "list[object]":
    """Finders on `sys.meta_path`, other than Python's own, that know distributions.

    What they offer can't be seen on the disk, so it is never cached. The finder of
    the `importlib_metadata` backport reads the same folders as Python's own.
    """
    known = {
        ("_frozen_importlib_external", "PathFinder"),
        ("importlib_metadata", "MetadataPathFinder"),
    }
    return [
        finder
        for finder in sys.meta_path
        if hasattr(finder, "find_distributions") and _identity(finder) not in known
    ]


def _identity(finder: object) -> "tuple[str, str]":
    cls = finder if isinstance(finder, type) else type(finder)
    return cls.__module__, cls.__name__
