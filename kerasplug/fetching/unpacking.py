"""An archive becomes a folder, whole or not at all.

It is unpacked into a folder beside the place, which is renamed when all is there. A
mark beside it says which archive it came from: the same is not unpacked again, so that
what a user changed in it stays.
"""

import contextlib
import filecmp
import json
import os
import re
import shutil
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Final

from kerasplug.errors import ArchiveError
from kerasplug.fetching import seals
from kerasplug.fetching.faults import refused
from kerasplug.fetching.locking import alone, is_abandoned, mark_as_used
from kerasplug.fetching.members import Tree, refusal
from kerasplug.fetching.places import storing
from kerasplug.fetching.tars import is_tar, unpack_tar
from kerasplug.fetching.unpack_limits import UNPACK_LIMITS, UnpackLimits
from kerasplug.fetching.zips import is_zip, unpack_zip
from kerasplug.files import write_atomically

__all__ = ["formats_of", "unpacked"]

_FORMATS: Final = ("tar", "zip")
_LARGEST_MARK: Final = 1 << 12


def formats_of(archive_format: object) -> tuple[str, ...]:
    """The formats that an archive may have.

    Args:
        archive_format: "auto", "tar", "zip", several of them, or None.

    Raises:
        RecordError: it is none of these.

    Example:
        >>> formats_of("auto"), formats_of(["zip"]), formats_of(None)
        (('tar', 'zip'), ('zip',), ())
    """
    if archive_format == "auto":
        return _FORMATS
    if archive_format is None:
        return ()
    named = [archive_format] if isinstance(archive_format, str) else archive_format
    if isinstance(named, Sequence) and all(one in _FORMATS for one in named):
        return tuple(named)
    rule = 'None, "auto", "tar", "zip", or a list of them'
    raise refused(archive_format, "archive_format", rule)


def unpacked(
    archive: str,
    folder: str,
    formats: Sequence[str] = _FORMATS,
    *,
    limits: UnpackLimits | None = None,
    verify: bool = False,
    force: bool = False,
    wait: float = 600.0,
) -> str:
    """The folder with what is in an archive.

    Args:
        archive: its path.
        folder: where to, beside the archive or elsewhere; what is above it exists.
        formats: "tar", "zip", or both, in the order in which they are tried.
        limits: what is believed; default: `UNPACK_LIMITS`.
        verify: whether to compare each file of a folder that is there already.
        force: whether a folder that is there already is replaced.
        wait: seconds for which another process may be at the same work.

    Raises:
        ArchiveError: it is damaged, hostile, too large, or in no such format; or the
            folder is there already and holds something else.
        StorageError: there is no room.

    Guarantees:
        After an error the place is as it was, and nothing else is left.
    """
    digest = seals.digest_of(archive, "sha256")
    if not (force or verify) and _is_marked(folder, digest):
        return folder
    with alone(folder, wait):
        if not (force or verify) and _is_marked(folder, digest):
            return folder
        _remove_left_overs(folder)
        write = _writer(archive, formats, limits or UNPACK_LIMITS)
        with _beside(folder) as draft:
            write(draft)
            if os.path.lexists(folder) and not force:
                _demand_same(draft, folder, archive)
            else:
                _publish(draft, folder)
        with storing(folder):
            _mark(folder, digest)
    return folder


def _writer(
    archive: str, formats: Sequence[str], limits: UnpackLimits
) -> Callable[[str], None]:
    """What unpacks the archive into an empty folder."""
    for one in formats:
        if one == "tar" and is_tar(archive):
            return lambda into: unpack_tar(archive, Tree(into, archive, limits))
        if one == "zip" and is_zip(archive):
            return lambda into: unpack_zip(archive, Tree(into, archive, limits), limits)
    message = f"{archive} is not an archive that can be unpacked."
    raise ArchiveError(
        message,
        path=archive,
        expected=" or ".join(formats) or "a format; archive_format names none",
        mend="use it as it is, with extract=False",
    )


def _mark_of(folder: str) -> Path:
    path = Path(folder)
    return path.with_name(f".{path.name}.unpacked")


def _is_marked(folder: str, digest: str) -> bool:
    """Whether a folder was made of the archive with this hash."""
    try:
        with _mark_of(folder).open("rb") as file:
            mark = json.loads(file.read(_LARGEST_MARK))
    except (OSError, ValueError):
        return False
    return mark == {"sha256": digest} and Path(folder).is_dir()


def _mark(folder: str, digest: str) -> None:
    data = json.dumps({"sha256": digest}).encode()
    write_atomically(str(_mark_of(folder)), data, 0o666)


def _stem(folder: str) -> str:
    return f".{Path(folder).name[:120]}-"


@contextlib.contextmanager
def _beside(folder: str) -> Iterator[str]:
    """An empty folder beside another; it is gone afterwards, unless it was renamed."""
    parent = Path(folder).parent
    draft = parent / f"{_stem(folder)}{os.getpid()}-{os.urandom(6).hex()}.unpacking"
    with storing(folder):
        draft.mkdir()
        descriptor = _held(draft)
    try:
        with storing(folder):
            yield str(draft)
    finally:
        if descriptor is not None:
            os.close(descriptor)
        shutil.rmtree(draft, ignore_errors=True)


def _held(folder: Path) -> int | None:
    """A lock on a folder that shows others that its process lives."""
    try:
        descriptor = os.open(folder, os.O_RDONLY)
    except OSError:  # Windows opens no folders
        return None
    mark_as_used(descriptor)
    return descriptor


def _remove_left_overs(folder: str) -> None:
    """Remove what killed processes left of the same work."""
    pattern = re.compile(rf"{re.escape(_stem(folder))}\d+-[0-9a-f]+\.unpacking\Z")
    with contextlib.suppress(OSError), os.scandir(Path(folder).parent) as entries:
        for entry in entries:
            if pattern.match(entry.name) and entry.is_dir(follow_symlinks=False):
                descriptor = os.open(entry.path, os.O_RDONLY)
                try:
                    if is_abandoned(descriptor):
                        shutil.rmtree(entry.path, ignore_errors=True)
                finally:
                    os.close(descriptor)


def _publish(draft: str, folder: str) -> None:
    """Put the new folder in its place; an old one makes room."""
    if not os.path.lexists(folder):
        Path(draft).rename(folder)
        return
    with _beside(folder) as old:
        Path(folder).rename(Path(old) / "old")
        try:
            Path(draft).rename(folder)
        except BaseException:
            (Path(old) / "old").rename(folder)
            raise


def remove_unpacked(folder: str) -> bool:
    """Whether there was such a folder; it is gone now, at once as far as names go.

    Args:
        folder: what `unpacked` gave.

    Raises:
        StorageError: it can't be removed.
    """
    _remove_left_overs(folder)
    with storing(folder):
        _mark_of(folder).unlink(missing_ok=True)
    if not os.path.lexists(folder):
        return False
    with _beside(folder) as old:
        Path(folder).rename(Path(old) / "old")
    return True


def _demand_same(draft: str, folder: str, archive: str) -> None:
    """Raise unless a folder that is there holds each file of the archive."""
    for path, _, files in os.walk(draft):
        for name in files:
            mine = Path(path) / name
            inner = mine.relative_to(draft)
            theirs = Path(folder) / inner
            if not theirs.is_file() or not filecmp.cmp(mine, theirs, shallow=False):
                raise refusal(
                    archive,
                    f"was to be unpacked to {folder}, which holds something else",
                    str(inner),
                    f"move {folder} away, or replace it with force_download=True",
                )
