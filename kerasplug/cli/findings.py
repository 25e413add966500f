"""What `kerasplug doctor` finds: a level, one sentence, and what mends it."""

from collections.abc import Iterable, Iterator, Mapping
from typing import NamedTuple

from kerasplug.cli.output import Output

__all__ = ["LEVELS", "Finding", "tell"]

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


def tell(output: Output, sections: Mapping[str, list[Finding]], **more: object) -> int:
    """Print the findings, or answer with them in JSON.

    Args:
        output: where to.
        sections: heading -> findings.
        **more: what JSON has besides.

    Returns:
        The exit code: 1 where something is broken, else 0.
    """
    levels = [one.level for some in sections.values() for one in some]
    counts = {level: levels.count(level) for level in LEVELS}
    if output.as_json:
        plain = {key: [one._asdict() for one in some] for key, some in sections.items()}
        output.data({**more, "counts": counts, "sections": plain})
    else:
        _print(output, sections)
        found = ", ".join(f"{count} {level}" for level, count in counts.items())
        output.write("\n")
        output.line(found)
    return int(counts["broken"] > 0)


def _print(output: Output, sections: Mapping[str, list[Finding]]) -> None:
    """Print one block a section: a line for each finding, and below it its mend."""
    for number, (section, findings) in enumerate(sections.items()):
        if number:
            output.write("\n")
        output.heading(section)
        output.table(_rows(findings), ("level", "name"))


def _rows(findings: Iterable[Finding]) -> Iterator[tuple[str, str, str]]:
    for one in findings:
        yield one.level, one.about, one.what
        if one.mend:
            yield "", "", f"mend: {one.mend}"
