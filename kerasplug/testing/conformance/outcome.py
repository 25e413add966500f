"""How one check ended."""

from typing import Literal, NamedTuple

from kerasplug.testing.conformance.check import Check

__all__ = ["Outcome", "Status"]

#: `expected`: it failed, as was said before; `unexpected`: it was said that it would.
Status = Literal[
    "passed", "failed", "not applicable", "expected", "unexpected", "error"
]


class Outcome(NamedTuple):
    """How one check ended.

    Args:
        check: the check.
        status: how.
        what: what is wrong, or why the check does not apply.
        found: what the layer did.
        expected: what it should have done.
        mend: how to mend it.
        cause: the exception that was raised, if one was.
    """

    check: Check
    status: Status
    what: str = ""
    found: str = ""
    expected: str = ""
    mend: str = ""
    cause: BaseException | None = None

    @property
    def is_fault(self) -> bool:
        """Whether it speaks against the layer, or against what was expected of it."""
        return self.status in ("failed", "unexpected", "error")

    def __str__(self) -> str:
        parts = (
            ("found:", self.found),
            ("expected:", self.expected),
            ("why:", self.check.why if self.is_fault else ""),
            ("mend:", self.mend),
        )
        lines = [f"  {label:<9} {text}" for label, text in parts if text]
        return "\n".join([f"{self.check.id}: {self.what}", *lines])
