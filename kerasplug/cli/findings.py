"""What `kerasplug doctor` finds: a level, one sentence, and what mends it."""

from collections.abc import Iterable, Iterator
from typing import NamedTuple

from kerasplug.cli.output import Output

__all__ = ["LEVELS", "Finding", "counted", "print_findings"]

#: From harmless to harmful; only what is `broken` makes the command fail.
LEVELS = ("ok", "note", "warning", "broken")


class Finding(NamedTuple):
    """One thing that the doctor has looked at.

    Args:
        level: one of `LEVELS`: as it should be; worth knowing; something does not
            work here; something is broken.
        about: what was looked at.
        what: what was found.
        mend: a command or a change that helps; empty only where all is well.
    """

    level: str
    about: str
    what: str
    mend: str = ""


def counted(findings: Iterable[Finding]) -> dict[str, int]:
    """How many findings there are of each level, in the order of `LEVELS`."""
    levels = [one.level for one in findings]
    return {level: levels.count(level) for level in LEVELS}


def print_findings(
    output: Output, sections: Iterable[tuple[str, list[Finding]]]
) -> None:
    """Print one block a section: a line for each finding, and below it its mend."""
    for number, (section, findings) in enumerate(sections):
        if number:
            output.write("\n")
        output.heading(section)
        output.table(_rows(findings), ("level", "name"))


def _rows(findings: Iterable[Finding]) -> Iterator[tuple[str, str, str]]:
    for one in findings:
        yield one.level, one.about, one.what
        if one.mend:
            yield "", "", f"mend: {one.mend}"
