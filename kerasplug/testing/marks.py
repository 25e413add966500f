"""The mark `requires_keras`: its mistakes at collection, its answer before a test."""

import difflib
import inspect
from pathlib import Path
from typing import TYPE_CHECKING

from kerasplug.errors import KerasplugError
from kerasplug.testing.requirement import Requirement, Unmet
from kerasplug.testing.skipping import fails

if TYPE_CHECKING:
    from collections.abc import Iterable

    import pytest

    Node = pytest.Item | pytest.Collector

__all__ = ["mistakes", "settle_item"]

#: The arguments that go by name.
_KEYWORDS = [*inspect.signature(Requirement.of).parameters]


def mistakes(nodes: "Iterable[Node]") -> str:
    """What is wrong with the marks of tests, modules and classes.

    Args:
        nodes: those whose own marks are looked at.

    Returns:
        One paragraph a mistake, with file and line, in their order; empty where all
        is well.
    """
    found = {
        f"{_place(node)}: {_shown(mark)}\n{wrong}": None
        for node in nodes
        for mark in node.own_markers
        if mark.name == "requires_keras" and (wrong := _mistake(mark))
    }
    return "\n\n".join(found)


def _mistake(mark: "pytest.Mark") -> str:
    if wrong := _misspelt(mark):
        return wrong
    try:
        Requirement.of(*mark.args, **mark.kwargs)
    except KerasplugError as error:
        return str(error)
    return ""


def _misspelt(mark: "pytest.Mark") -> str:
    """What is wrong with the names and the number of its arguments."""
    expected = "one version, and by name: " + ", ".join(_KEYWORDS[1:])
    if len(mark.args) > 1 or (mark.args and "version" in mark.kwargs):
        message = f"The mark takes one version, {len(mark.args)} were given."
        if "version" in mark.kwargs:
            message = "The version was given twice."
        return str(KerasplugError(message, expected=expected))
    for name in mark.kwargs:
        if name not in _KEYWORDS:
            close = difflib.get_close_matches(name, _KEYWORDS, n=1)
            mend = f"write {close[0]!r}" if close else ""
            message = f"The mark has no argument {name!r}."
            return str(KerasplugError(message, expected=expected, mend=mend))
    return ""


def _shown(mark: "pytest.Mark") -> str:
    """The mark as people write it."""
    given = [repr(value) for value in mark.args]
    given += [f"{name}={value!r}" for name, value in mark.kwargs.items()]
    return f"@pytest.mark.requires_keras({', '.join(given)})"


def _place(node: "Node") -> str:
    """File and line: the decorator's for a function or a class."""
    import pytest

    path, line, _ = node.location if isinstance(node, pytest.Item) else _report(node)
    return f"{path}:{line + 1}" if line is not None else path


def _report(node: "Node") -> tuple[str, int | None, str]:
    """The same of a class or a module."""
    import pytest

    path = node.path
    if path.is_relative_to(node.config.rootpath):
        path = path.relative_to(node.config.rootpath)
    if isinstance(node, pytest.Class):
        return str(path), node.reportinfo()[1], node.name
    return str(path), _line_of_pytestmark(node.path), node.name


def _line_of_pytestmark(path: Path) -> int | None:
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except (OSError, ValueError):
        return None
    numbers = (n for n, line in enumerate(lines) if line.startswith("pytestmark"))
    return next(numbers, None)


def settle_item(item: "pytest.Item") -> None:
    """Return where a marked test can run; else skip it, or fail it.

    Args:
        item: the test. All its marks have to hold, those of its class and module too.

    Raises:
        pytest.skip.Exception: it can't run here, and may skip.
        pytest.fail.Exception: it can't run here, and a skip would hide why.
    """
    import pytest

    skip = ""
    for mark in item.iter_markers("requires_keras"):
        unmet, wrong = _answer(mark)
        if wrong:
            pytest.fail(wrong, pytrace=False)
        # A later mark may know of something broken, which a skip would hide.
        skip = skip or (unmet.skip_reason() if unmet else "")
    if skip:
        # The private argument makes the report show the test's own line.
        raise pytest.skip.Exception(skip, _use_item_location=True)


def _answer(mark: "pytest.Mark") -> tuple[Unmet | None, str]:
    """What stands in the way, and what to fail with, where it is no reason to skip."""
    # Looked at once more: it may have been put on after the collection.
    if wrong := _mistake(mark):
        return None, f"{_shown(mark)}\n{wrong}"
    try:
        unmet = Requirement.of(*mark.args, **mark.kwargs).unmet()
    except KerasplugError as error:
        return None, _said(error)
    return unmet, _said(unmet.error) if unmet is not None and fails(unmet) else ""


def _said(error: KerasplugError) -> str:
    return f"{type(error).__name__}: {error}"
