"""What was translated from Keras 2, and what could not be: collected, and said once."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Final, NamedTuple

from kerasplug.errors import ModelFileError

__all__ = ["Change", "Notes", "Translation"]

#: Names and values of a file are cut here, in characters.
_LONGEST: Final = 80
#: So many different things are listed, each with so many places.
_MOST_LINES: Final = 40
_MOST_PLACES: Final = 4
_OTHERWISE: Final = (
    "load it with Keras 2: python -m pip install tf_keras, and set "
    "KERASPLUG_IMPLEMENTATION=tf_keras"
)


class Change(NamedTuple):
    """One thing that a configuration of Keras 2 said in another way.

    Args:
        where: its place in the configuration.
        was: what it was.
        became: what it is now, or why it can't be anything.
    """

    where: str
    was: str
    became: str


@dataclass(frozen=True)
class Translation:
    """What was changed in a configuration of Keras 2, so that Keras 3 reads it.

    It is false where nothing was.

    Args:
        name: the file or text.
        changes: in the order of the file.

    Example:
        >>> change = Change("config.layers[0]", "batch_input_shape", "batch_shape")
        >>> print(Translation("m.h5", (change,)))
        m.h5 was written by Keras 2 and is translated:
          batch_input_shape -> batch_shape (config.layers[0])
    """

    name: str
    changes: tuple[Change, ...] = ()

    def __bool__(self) -> bool:
        return bool(self.changes)

    def __str__(self) -> str:
        lines = [
            f"  {was} -> {became} ({places})"
            for was, became, places in _grouped(self.changes)
        ]
        first = f"{self.name} was written by Keras 2 and is translated:"
        return "\n".join([first, *lines])

    def __add__(self, other: "Translation") -> "Translation":
        return Translation(self.name, self.changes + other.changes)


class Notes:
    """Collects changes, and what can't be changed, while a configuration is read."""

    def __init__(self) -> None:
        self.changes: list[Change] = []
        self.refused: list[Change] = []

    def note(self, where: str, was: object, became: object) -> None:
        """Say that something has become something else."""
        self.changes.append(Change(_place(where), shown(was), shown(became)))

    def refuse(self, where: str, was: object, why: str) -> None:
        """Say that something has no counterpart; the rest is still read."""
        self.refused.append(Change(_place(where), shown(was), why))

    def report(self, name: str, mend: str = "") -> Translation:
        """What was changed.

        Raises:
            ModelFileError: something has no counterpart; all of it is named.
        """
        if not self.refused:
            return Translation(name, tuple(self.changes))
        count = len(self.refused)
        things = "1 thing" if count == 1 else f"{count} things"
        found = "; ".join(
            f"{was}: {why} ({places})" for was, why, places in _grouped(self.refused)
        )
        what = (
            f"{name} was written by Keras 2 and needs {things} that Keras 3 can't do."
        )
        rule = "what both versions have"
        raise ModelFileError(what, found=found, expected=rule, mend=mend or _OTHERWISE)


def _place(where: str) -> str:
    return shown(where.lstrip(".")) or "the model"


def shown(value: object) -> str:
    """A text of a file in one short line, without what could pretend to be another."""
    text = value if isinstance(value, str) else repr(value)
    cut = text if len(text) <= _LONGEST else text[: _LONGEST - 1] + "…"
    return repr(cut)[1:-1]


def _grouped(changes: Iterable[Change]) -> list[tuple[str, str, str]]:
    """(was, became, places) for each kind of change, in their first order."""
    places: dict[tuple[str, str], list[str]] = {}
    for change in changes:
        places.setdefault((change.was, change.became), []).append(change.where)
    lines = [(*key, _listed(where)) for key, where in places.items()]
    more = len(lines) - _MOST_LINES
    if more <= 0:
        return lines
    return [*lines[:_MOST_LINES], ("…", f"{more} more kinds", "not listed")]


def _listed(places: list[str]) -> str:
    listed: Any = places[:_MOST_PLACES]
    more = len(places) - len(listed)
    return ", ".join(listed) + (f" and {more} more places" if more else "")
