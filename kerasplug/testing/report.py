"""What kerasplug adds to the output of pytest: a header, and a count of the skips."""

import collections
from typing import TYPE_CHECKING, Any

import kerasplug
from kerasplug._frameworks import configured, family_root, version_of
from kerasplug._frameworks.metadata import modules_of
from kerasplug._frameworks.presence import recorded_version
from kerasplug.errors import KerasplugError
from kerasplug.implementation import availability, backend, chosen, loaded
from kerasplug.testing.skipping import is_strict

if TYPE_CHECKING:
    from collections.abc import Iterable

    import pytest

__all__ = ["header", "summarise"]

_PREFIX = "kerasplug: "
_MEND = " To run this test: "


def header() -> list[str]:
    """The lines for the header; metadata tell all of it, nothing is imported.

    Example:
        >>> header()[0].startswith("kerasplug: ")
        True
    """
    mode = "strict: what is missing fails" if is_strict() else "what is missing skips"
    return [f"{_PREFIX}{kerasplug.__version__}, {mode}", f"Keras: {_keras()}"]


def _keras() -> str:
    try:
        name = loaded() or chosen()
        found = availability(implementation=name)
        active = backend()
    except KerasplugError as error:
        return f"{error.what} {error.found}".strip()
    if not found:
        return f"not available: {found.reason}"
    root = family_root(name)
    which = f"{root} {version_of(root)} (implementation {name})"
    return f"{which} on {_engine(active)} ({_where(active)})"


def _engine(active: str) -> str:
    """The engine with its version, where its metadata give one."""
    version = recorded_version(modules_of(active)[0])
    return f"{active} {version}" if version else active


def _where(active: str) -> str:
    said, where = configured()
    return where if said == active else "in use"


def summarise(terminal: "pytest.TerminalReporter", reports: "Iterable[Any]") -> None:
    """Write how many tests and modules skipped for which of our reasons.

    Args:
        terminal: where to.
        reports: all skips, ours and others.
    """
    counts: dict[str, collections.Counter[str]] = {}
    for report in reports:
        reason = _reason(report)
        if reason:
            what = "module" if report.when == "collect" else "test"
            counts.setdefault(reason, collections.Counter())[what] += 1
    total = collections.Counter[str]()
    for count in counts.values():
        total += count
    terminal.section(f"kerasplug: {_counted(total)} skipped")
    for reason, count in sorted(counts.items(), key=_most_first):
        why, _, mend = reason.partition(_MEND)
        terminal.write_line(f"{_counted(count)}: {why}")
        terminal.write_line(f"    to run: {mend}")


def _reason(report: Any) -> str:
    """Our reason of a skip; empty where it is not ours."""
    said = report.longrepr
    text = said[2] if isinstance(said, tuple | list) else str(said)
    _, found, reason = str(text).partition(_PREFIX)
    return reason if found else ""


def _most_first(pair: tuple[str, "collections.Counter[str]"]) -> tuple[int, str]:
    return -pair[1].total(), pair[0]


def _counted(count: "collections.Counter[str]") -> str:
    """As people say it: "2 tests, 1 module"."""
    parts = ((count[what], what) for what in ("test", "module"))
    return ", ".join(
        f"{number} {what}{'s' if number > 1 else ''}"
        for number, what in parts
        if number
    )
