"""What is dangerous in a model file: one record each, and the error made of them."""

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Final, NamedTuple

from kerasplug.errors import ModelFileError

__all__ = ["LIFTED", "Danger", "refusal", "shown"]

#: Where a text from a file is cut, in characters.
_SHOWN: Final = 80

#: The kinds that `safe_mode=False` allows: the caller trusts the code that the file
#: holds or points to. All others are refused in every mode.
LIFTED: Final = frozenset(("code", "tool", "foreign", "vocabulary-path"))


class Danger(NamedTuple):
    """One thing in a model file that loading refuses.

    Args:
        kind: a short word for it, the same in every version.
        where: where in the file.
        what: what is wrong, as the end of a sentence whose subject is the file.
        found: what was found there; empty where `what` says it.
        expected: what would have been right.
        mend: what to do about it.

    Example:
        >>> print(Danger("soft-link", "/a", "holds a soft link"))
        soft-link at /a: holds a soft link
    """

    kind: str
    where: str
    what: str
    found: str = ""
    expected: str = ""
    mend: str = ""

    @property
    def lifted_by_safe_mode(self) -> bool:
        """Whether `safe_mode=False` allows it."""
        return self.kind in LIFTED

    def __str__(self) -> str:
        found = f" ({self.found})" if self.found else ""
        return f"{self.kind} at {self.where}: {self.what}{found}"


def shown(text: object) -> str:
    r"""A text from a file as it may stand in an error or a log: one line, short.

    Example:
        >>> print(shown("a" * 200))
        'aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa'…
        >>> print(shown("x" + chr(27) + "[2J"))
        'x\x1b[2J'
    """
    if isinstance(text, str | bytes):
        cut = text[:_SHOWN]
        return f"{cut!a}…" if len(cut) < len(text) else _printable(cut)
    return ascii(text)[:_SHOWN]


def _printable(text: "str | bytes") -> str:
    """Its `repr` where that prints everywhere; lone surrogates don't."""
    try:
        repr(text).encode()
    except UnicodeEncodeError:
        return ascii(text)
    return repr(text)


def refusal(path: str, dangers: Sequence[Danger]) -> ModelFileError:
    """The one error for a file with these dangers; the first stands for all.

    Args:
        path: the file.
        dangers: at least one.
    """
    first, others = dangers[0], dangers[1:]
    found = ", ".join(filter(None, (first.found, f"at {first.where}")))
    if others:
        found += f"; and {len(others)} more: {_kinds(others)}"
    return ModelFileError(
        f"{Path(path).name} {first.what}.",
        found=found,
        expected=first.expected,
        mend=first.mend,
    )


def _kinds(dangers: Iterable[Danger]) -> str:
    return ", ".join(dict.fromkeys(one.kind for one in dangers))
