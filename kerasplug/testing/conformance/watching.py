"""What code does outside its own objects: files, network, processes, environment.

Python tells it to an audit hook, which can't be taken away again: one for the process,
which looks at a switch that each thread has for itself.
"""

import os
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Any, NamedTuple

__all__ = ["Event", "watched"]


class Event(NamedTuple):
    """Something that was done.

    Args:
        kind: `"outside"`, or `"code"` where data were run as a program.
        what: what was done, in words.
    """

    kind: str
    what: str


class _Switch(threading.local):
    events: list[Event] | None = None


_switch = _Switch()
_lock = threading.RLock()
_hooked = False

_OS = (
    "chdir",
    "chmod",
    "exec",
    "fork",
    "forkpty",
    "link",
    "listdir",
    "mkdir",
    "posix_spawn",
    "putenv",
    "remove",
    "rename",
    "rmdir",
    "scandir",
    "spawn",
    "startfile",
    "symlink",
    "system",
    "truncate",
    "unsetenv",
    "utime",
    "walk",
)
#: What is outside of the process' own objects.
_OUTSIDE = frozenset(("open", *(f"os.{name}" for name in _OS)))
_PREFIXES = (
    "ftplib.",
    "glob.",
    "http.",
    "shutil.",
    "smtplib.",
    "socket.",
    "sqlite3.",
    "subprocess.",
    "tempfile.",
    "urllib.",
)
#: Data that are run as a program.
_CODE = frozenset(
    ("code.__new__", "compile", "exec", "marshal.loads", "pickle.find_class")
)

#: Reading sources and importing: Python's own doing, for messages and at first use.
_PYTHONS = frozenset(
    ("importlib", "inspect", "linecache", "tokenize", "traceback", "zipimport")
)
#: What these read from the environment, or run, is no fault of a layer.
_ENGINES = frozenset(
    (
        "absl",
        "h5py",
        "jax",
        "jaxlib",
        "keras",
        "ml_dtypes",
        "numpy",
        "tensorflow",
        "tf_keras",
        "torch",
    )
)


@contextmanager
def watched() -> Iterator[list[Event]]:
    """Inside, what this thread does is written down in the list."""
    _hook_once()
    events: list[Event] = []
    with _environment_watched():
        _switch.events = events
        try:
            yield events
        finally:
            _switch.events = None


def _hook_once() -> None:
    global _hooked  # noqa: PLW0603 -- one hook for the process, whoever is first
    with _lock:
        if not _hooked:
            sys.addaudithook(_heard)
            _hooked = True


def _heard(event: str, arguments: tuple[Any, ...]) -> None:
    events = _switch.events
    if events is None:
        return
    _switch.events = None  # what is done to write it down is nobody's event
    try:
        made = _event(event, arguments, sys._getframe(1))  # noqa: SLF001 -- who does it
        if made is not None:
            events.append(made)
    finally:
        _switch.events = events


def _event(event: str, arguments: tuple[Any, ...], frame: FrameType) -> Event | None:
    kind = _kind(event)
    if not kind or _is_pythons(frame):
        return None
    if kind == "code":
        return None if _who(frame) in _ENGINES else Event(kind, f"{event}()")
    first = str(arguments[0]) if arguments else ""
    if event == "open":
        # A number is a file that is open already.
        opened = isinstance(arguments[0], str | bytes | os.PathLike)
        return Event(kind, f"it opens the file {first}") if opened else None
    return Event(kind, f"it does {event}({first[:80]})")


def _kind(event: str) -> str:
    if event in _OUTSIDE or event.startswith(_PREFIXES):
        return "outside"
    return "code" if event in _CODE else ""


def _roots(frame: FrameType | None) -> Iterator[str]:
    """The top-level packages of the code that runs, the innermost first."""
    while frame is not None:
        yield str(frame.f_globals.get("__name__", "")).partition(".")[0]
        frame = frame.f_back


def _is_pythons(frame: FrameType) -> bool:
    for root in _roots(frame):
        if root in _PYTHONS:
            return True
        if root == "kerasplug":
            return False
    return False


def _who(frame: FrameType | None) -> str:
    """The package that does it: the innermost one that is not Python's own."""
    roots = _roots(frame)
    return next((one for one in roots if one not in sys.stdlib_module_names), "")


# --- the environment ----------------------------------------------------------------


class _Environment(type(os.environ)):  # type: ignore[misc]  # its class has no public name
    """`os.environ`, which notes what is read."""

    def __getitem__(self, key: Any) -> Any:
        _read(f"it reads the environment variable {key!r}")
        return super().__getitem__(key)

    def __iter__(self) -> Any:
        _read("it reads all of the environment")
        return super().__iter__()


def _read(what: str) -> None:
    events = _switch.events
    if events is None:
        return
    _switch.events = None
    try:
        frame = sys._getframe(2)  # noqa: SLF001 -- who reads it
        if not _is_pythons(frame) and _who(frame) not in _ENGINES:
            events.append(Event("outside", what))
    finally:
        _switch.events = events


_watchers = 0


@contextmanager
def _environment_watched() -> Iterator[None]:
    """Inside, reading `os.environ` is noticed, under whatever name it was imported."""
    global _watchers  # noqa: PLW0603 -- several threads may watch at once
    with _lock:
        _watchers += 1
        plain = _Environment.__mro__[1]
        os.environ.__class__ = _Environment
    try:
        yield
    finally:
        with _lock:
            _watchers -= 1
            if not _watchers:
                os.environ.__class__ = plain
