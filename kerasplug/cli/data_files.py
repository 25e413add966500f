"""Where the files of data sets are, and what becomes of them: for `kerasplug data`."""

import contextlib
import os
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from kerasplug import fetching, registry
from kerasplug.errors import OfflineError
from kerasplug.fetching.places import folder_of
from kerasplug.hooks import DatasetRecord
from kerasplug.registry import Claim

__all__ = ["bring", "check", "claims", "known", "paths", "remove", "told"]

_KIND = "dataset"


def known() -> tuple[str, ...]:
    """The names of all data sets."""
    return registry.names(_KIND)


def claims(names: Sequence[str]) -> list[Claim]:
    """The data sets of these names, each once; all of them where there are no names.

    Raises:
        UnknownNameError: no plugin has it.
        AmbiguousNameError: several have it.
    """
    if not names:
        return list(registry.claims(_KIND))
    found = [registry.claim(_KIND, name) for name in names]
    return list({one.canonical: one for one in found}.values())


def _record(claim: Claim) -> DatasetRecord:
    record = claim.record()
    assert isinstance(record, DatasetRecord)
    return record


def _other_paths(record: DatasetRecord) -> tuple[str, ...]:
    folder = Path(folder_of(None))
    return tuple(str(folder.joinpath(*one.split("/"))) for one in record.other_files)


def paths(claim: Claim) -> tuple[str, ...]:
    """Where its files are, or would be; none for a data set inside its package."""
    record = _record(claim)
    own = tuple(fetching.cached_path(file) for file in record.files)
    return (*own, *_other_paths(record))


def told(claim: Claim) -> dict[str, Any]:
    """What `list` says: nothing is hashed, and no code of the plugin is imported."""
    record, where = _record(claim), paths(claim)
    there = [path for path in where if Path(path).is_file()]
    if not where:
        state = "embedded"
    elif len(there) == len(where):
        state = "present"
    else:
        state = "partly" if there else "missing"
    return {
        "name": record.name,
        "canonical": claim.canonical,
        "state": state,
        "bytes": sum(Path(path).stat().st_size for path in there),
        "paths": list(where),
        "summary": record.summary,
        "licence": record.licence,
        "warning": record.warning,
    }


def bring(claim: Claim, *, quiet: bool) -> tuple[str, tuple[str, ...]]:
    """("right" or "embedded", paths) of files that are in the cache now.

    Args:
        claim: the data set.
        quiet: show no progress.

    Raises:
        FetchError: a file can't be had.
        DatasetError: what came is not what the data set is made of.
        PluginError: the plugin is broken.
    """
    record = _record(claim)
    progress = False if quiet else None
    found = fetching.fetch(record, progress=progress) if record.files else ()
    if record.other_files:
        found = (*found, *_download(claim, offline=None, progress=progress))
    return ("right" if found else "embedded"), found


def _download(claim: Claim, **arguments: Any) -> tuple[str, ...]:
    """What the source does about the files that the record can't vouch for."""
    loader: Any = registry.load(claim)
    download = getattr(loader, "download", None)
    return tuple(download(**arguments)) if download is not None else ()


def check(claim: Claim) -> tuple[str, tuple[str, ...]]:
    """("right", "wrong", "missing", "partly" or "embedded", paths of what is so).

    Raises:
        DatasetError: a file without a known hash holds something else.
        StorageError: a file can't be read.
    """
    record = _record(claim)
    if not paths(claim):
        return "embedded", ()
    found = list(fetching.verify(record)) if record.files else []
    states = {one.path: one.state for one in found} | dict(_others(claim, record))
    for state in ("wrong", "missing"):
        some = tuple(path for path, one in states.items() if one == state)
        if some:
            partly = state == "missing" and len(some) < len(states)
            return ("partly" if partly else state), some
    return "right", tuple(states)


def _others(claim: Claim, record: DatasetRecord) -> Iterator[tuple[str, str]]:
    where = _other_paths(record)
    there = [path for path in where if os.path.lexists(path)]
    if there:
        # Where one of several is missing, that is told below.
        with contextlib.suppress(OfflineError):
            _download(claim, offline=True, progress=False)
    for path in where:
        yield path, "right" if path in there else "missing"


def remove(claim: Claim) -> tuple[str, ...]:
    """The paths of what was there, and is no more.

    Raises:
        StorageError: something can't be removed.
    """
    record = _record(claim)
    removed = fetching.remove(record) if record.files else ()
    return (*removed, *filter(fetching.discard, _other_paths(record)))
