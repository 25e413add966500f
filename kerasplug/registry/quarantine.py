"""Hook modules that ended, or never gave back, the process that asked them.

They are noted on disk and not asked again, until the plugin changes or somebody
releases it: one crash at the first start is enough. Notes are kept for each
installation apart, since what crashes in one environment may be sound in another.

Usually it is a child process that asks, and that crashes. Where there can be no child,
a mark lies on the disk while a module is asked. Whoever asks holds a lock on the mark:
a mark without a lock belongs to a process that died over it. A process that ends in
any orderly way, Ctrl-C included, takes its mark along.
"""

import contextlib
import json
import os
import time
import zlib
from collections.abc import Iterator
from typing import TYPE_CHECKING, NamedTuple, Self

from kerasplug.config import cache_folder
from kerasplug.files import make_own_folder, read_own_file, write_atomically
from kerasplug.registry.index import stamp_of
from kerasplug.registry.locating import locate
from kerasplug.registry.parts import Fault, Hooked, Provider

if TYPE_CHECKING:
    from filelock import BaseFileLock

__all__ = [
    "Entry",
    "add",
    "collect",
    "entries",
    "fault_of",
    "find",
    "folder",
    "release",
    "watched",
]

_SUFFIX = ".json"
_MARK = "asking-"
#: A bigger file is not ours: a traceback has some kilobytes. In bytes.
_LARGEST = 1024 * 1024


class Entry(NamedTuple):
    """One hook module in quarantine.

    Args:
        plugin: the distribution's name, normalised.
        version: its version.
        location: where its metadata lie: this very installation.
        entry: the entry point's name.
        module: the hook module.
        stamp: the source's time, size and inode at that time.
        reason: how the process ended.
        trace: where it was then, as far as that is known.
        since: date and time, UTC.
    """

    plugin: str
    version: str
    location: str
    entry: str
    module: str
    stamp: str
    reason: str
    trace: str
    since: str

    @classmethod
    def of(
        cls, provider: Provider, hooked: Hooked, reason: str = "", trace: str = ""
    ) -> Self:
        """The entry for a hook module as it is now."""
        return cls(
            plugin=provider.name,
            version=provider.version,
            location=provider.location,
            entry=hooked.entry,
            module=hooked.module,
            stamp=stamp_of(locate(hooked.module)[1]),
            reason=reason,
            trace=trace,
            since=time.strftime("%Y-%m-%d %H:%M", time.gmtime()),
        )

    @property
    def path(self) -> str:
        """The file that holds it."""
        identity = f"{self.location}\n{self.entry}\n{self.module}"
        digest = zlib.crc32(identity.encode("utf-8", "surrogateescape"))
        return os.path.join(folder(), f"{self.plugin}-{digest:08x}{_SUFFIX}")

    def same_as(self, other: "Entry") -> bool:
        """Whether both are about the same code at the same place."""
        return self[:6] == other[:6]


def folder() -> str:
    """The folder that holds the notes; it may not exist."""
    return os.path.join(cache_folder(), "quarantine")


def entries() -> list[Entry]:
    """All that is in quarantine, in whichever environment, sorted by plugin."""
    found = (_read(path) for path in _files() if not _is_mark(path))
    return sorted(entry for entry in found if entry is not None)


def find(provider: Provider, hooked: Hooked) -> Entry | None:
    """The entry of a hook module; None where there is none, or its code has changed."""
    if not os.path.isdir(folder()):
        return None
    now = Entry.of(provider, hooked)
    kept = _read(now.path)
    return kept if kept is not None and kept.same_as(now) else None


def add(entry: Entry) -> None:
    """Put it into quarantine, and say so, once: whoever notes it first says it."""
    if not _make_folder() or not _is_news(entry):
        return
    import logging

    # No warning: that would be an exception where warnings are errors.
    logging.getLogger("kerasplug").warning(
        "kerasplug: the hook module %s of the plugin %s %s is quarantined: %s. It is "
        "not asked again until it changes; everything else works.\n"
        "  mend:     update %s, then: kerasplug doctor --retry %s",
        entry.module,
        entry.plugin,
        entry.version,
        entry.reason,
        entry.plugin,
        entry.plugin,
    )


def _is_news(entry: Entry) -> bool:
    """Write it down; False where another process has done so."""
    from filelock import FileLock, Timeout

    try:
        # A whole start is too long to wait for a word.
        with FileLock(os.path.join(folder(), "notes.lock"), timeout=10):
            before = _read(entry.path)
            if before is not None and before.same_as(entry):
                return False
            write_atomically(entry.path, json.dumps(entry._asdict()).encode())
    except (OSError, Timeout):
        return True
    return True


def release(name: str) -> list[Entry]:
    """Take out of quarantine what has this name; it is asked at the next look.

    Args:
        name: a distribution or an entry point.

    Returns:
        What was taken out; nothing where nothing of that name was in.
    """
    from kerasplug.names import normalise

    wanted = normalise(name)
    released = [one for one in entries() if name == one.entry or wanted == one.plugin]
    for entry in released:
        with contextlib.suppress(FileNotFoundError):
            os.unlink(entry.path)
    return released


def fault_of(provider: Provider, entry: Entry) -> Fault:
    """The fault that a plugin in quarantine has."""
    return Fault(
        provider,
        f"the hook module {entry.module} of {provider.name} is quarantined",
        entry=entry.entry,
        cause=f"{entry.reason}, on {entry.since} UTC",
        trace=entry.trace,
        mend=f"update {provider.name}, then: kerasplug doctor --retry {provider.name}",
        quarantined=True,
    )


@contextlib.contextmanager
def watched(provider: Provider, hooked: Hooked) -> Iterator[None]:
    """A mark lies on the disk while this process asks a hook module itself."""
    entry = Entry.of(provider, hooked, "the process that asked it died over it")
    mark = f"{_MARK}{os.getpid()}-{os.urandom(4).hex()}{_SUFFIX}"
    path = os.path.join(folder(), mark)
    lock = _lock_of(path) if _make_folder() else None
    if lock is None:  # nowhere to note anything: no reason to fail
        yield
        return
    with lock:
        try:
            with contextlib.suppress(OSError):
                write_atomically(path, json.dumps(entry._asdict()).encode())
            yield
        finally:
            _forget(path)
    _forget(lock.lock_file)


def collect() -> None:
    """Put into quarantine what processes have died over."""
    for path in filter(_is_mark, _files()):
        entry = _left_behind(path)
        if entry is not None:
            add(entry)


def _left_behind(path: str) -> Entry | None:
    """What a mark says whose owner is dead; the mark is taken away."""
    from filelock import Timeout

    lock = _lock_of(path)
    if lock is None:
        return None
    try:
        with lock.acquire(timeout=0):
            # Nobody holds it: its owner is dead, or has just taken it away.
            entry = _read(path)
            _forget(path)
    except (Timeout, OSError):
        return None
    _forget(lock.lock_file)
    return entry


def _lock_of(path: str) -> "BaseFileLock | None":
    from filelock import FileLock

    try:
        return FileLock(f"{path}.lock")
    except (OSError, NotImplementedError):
        return None


def _is_mark(path: str) -> bool:
    return os.path.basename(path).startswith(_MARK)


def _files() -> list[str]:
    try:
        names = os.listdir(folder())
    except OSError:
        return []
    return [os.path.join(folder(), one) for one in names if one.endswith(_SUFFIX)]


def _make_folder() -> bool:
    return make_own_folder(cache_folder()) and make_own_folder(folder())


def _read(path: str) -> Entry | None:
    """The entry in a file; None unless it is wholly as we write it."""
    data = read_own_file(path, _LARGEST)
    try:
        fields = json.loads(data or b"")
    except ValueError:
        return None
    good = (
        isinstance(fields, dict)
        and set(fields) == set(Entry._fields)
        and all(isinstance(value, str) for value in fields.values())
    )
    return Entry(**fields) if good else None


def _forget(path: str) -> None:
    with contextlib.suppress(OSError):
        os.unlink(path)
