"""What came out of all the checks of a layer."""

from collections.abc import Sequence
from typing import Any

from kerasplug.testing.conformance.outcome import Outcome, Status

__all__ = ["Report"]

#: In the order of the report.
_HEADINGS: dict[Status, str] = {
    "failed": "failed",
    "error": "could not be run",
    "unexpected": "expected to fail, and did not",
    "expected": "failed, as expected",
    "not applicable": "did not apply",
    "passed": "passed",
}


class Report:
    """How each check of a layer ended.

    Args:
        layer: how the layer is called.
        setting: the Keras and the backend, as `"keras 3.15.1, jax"`.
        outcomes: one for each check.
    """

    def __init__(self, layer: str, setting: str, outcomes: Sequence[Outcome]) -> None:
        self.layer = layer
        self.setting = setting
        self.outcomes = tuple(outcomes)

    def ids(self, status: Status) -> list[str]:
        """The ids of the checks that ended so, such as "passed" or "not applicable"."""
        return [one.check.id for one in self.outcomes if one.status == status]

    @property
    def ran(self) -> list[str]:
        """The ids of the checks that said something about the layer."""
        silent = ("not applicable", "error")
        return [one.check.id for one in self.outcomes if one.status not in silent]

    @property
    def faults(self) -> list[Outcome]:
        """What speaks against the layer, or against what was expected of it."""
        return [one for one in self.outcomes if one.is_fault]

    def summary(self) -> str:
        """One line: how many ran, how many failed."""
        counts = {status: len(self.ids(status)) for status in _HEADINGS}
        parts = [
            f"{number} {_HEADINGS[status]}"
            for status, number in counts.items()
            if number
        ]
        return (
            f"{self.layer} on {self.setting}: {len(self.ran)} checks ran; "
            + ", ".join(parts)
        )

    def to_dict(self) -> dict[str, Any]:
        """Plain values, for JSON: the layer, the setting, and each check's end."""
        return {
            "layer": self.layer,
            "setting": self.setting,
            "ran": len(self.ran),
            "checks": {
                one.check.id: {"status": one.status, "what": one.what}
                for one in self.outcomes
            },
        }

    def __str__(self) -> str:
        lines = [self.summary()]
        for status, heading in _HEADINGS.items():
            chosen = [one for one in self.outcomes if one.status == status]
            if chosen:
                lines += ["", f"{heading}:", *(f"  {_line(one)}" for one in chosen)]
        return "\n".join(lines)


def _line(outcome: Outcome) -> str:
    if outcome.is_fault:
        return str(outcome).replace("\n", "\n  ")
    return f"{outcome.check.id}: {outcome.what or outcome.check.title}"
