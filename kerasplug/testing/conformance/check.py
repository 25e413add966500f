"""What a check is, and how it says what it found."""

from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Callable

    from kerasplug.testing.conformance.case import Case

__all__ = ["Blocked", "Check", "Failed", "NotApplicable", "check"]


class Failed(AssertionError):  # noqa: N818 -- an outcome, beside NotApplicable
    """The layer does not keep what the check is about.

    Args:
        what: what is wrong, one sentence that names the argument, weight or output.
        found: what the layer did.
        expected: what it should have done.
        mend: how to mend it, where the check's own advice is too general.
    """

    def __init__(
        self, what: str, *, found: str = "", expected: str = "", mend: str = ""
    ) -> None:
        super().__init__(what)
        self.what = what
        self.found = found
        self.expected = expected
        self.mend = mend


class NotApplicable(Exception):  # noqa: N818 -- no error: it says why a check did not run
    """The check says nothing about this layer, here; the message says why."""


class Blocked(NotApplicable):
    """Another check tells of the same fault, and this one can't go on from there.

    Args:
        by: the id of the check that fails.
        reason: what happened.
    """

    def __init__(self, by: str, reason: str) -> None:
        super().__init__(f"{reason}: see {by}")
        self.by = by


class Check(NamedTuple):
    """One check: `run(case)` returns when the layer passes.

    Args:
        id: its name, a Python identifier; stable, so that `expected_failures` is.
        run: raises `Failed`, `NotApplicable`, or whatever the layer raises.
        title: what a layer owes, one sentence.
        why: what happens to users of a layer that fails.
        mend: how such a layer is mended.
        fresh: whether it needs another process.
    """

    id: str
    run: "Callable[[Case], None]"
    title: str
    why: str
    mend: str
    fresh: bool = False


def check(
    *, why: str, mend: str, fresh: bool = False
) -> "Callable[[Callable[[Case], None]], Check]":
    """Make a check of a function; its name is the id, its docstring the title."""

    def made(function: "Callable[[Case], None]") -> Check:
        title = (function.__doc__ or "").strip().partition("\n")[0]
        return Check(function.__name__, function, title, why, mend, fresh)

    return made
