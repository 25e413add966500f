"""The one way to say that something would not mean the same on PlaidML."""

from typing import Any, Final

from kerasplug.errors import TranslationError

__all__ = ["refused", "shown"]

#: As much of a value as a line of an error holds.
_SHOWN: Final = 80


def refused(
    where: str, found: str, expected: str = "", mend: str = ""
) -> TranslationError:
    """The error for something of a model that Keras 2.2.4 on PlaidML can't be told.

    Args:
        where: what it is of, such as `"layer 'encoder/dense'"`.
        found: what it is, and why it can't be.
        expected: what could be translated.
        mend: what to do about it.

    Example:
        >>> print(refused("layer 'd'", "activation='gelu'", mend="use 'relu'"))
        The layer 'd' can't be had on PlaidML without changing what it means.
          found:    activation='gelu'
          mend:     use 'relu'
    """
    what = f"The {where} can't be had on PlaidML without changing what it means."
    return TranslationError(what, found=found, expected=expected, mend=mend)


def shown(value: Any) -> str:
    """A value as an error shows it: in one line, which ends somewhere.

    Example:
        >>> shown("x"), len(shown("x" * 999))
        ("'x'", 81)
    """
    text = " ".join(repr(value).split())
    return text if len(text) <= _SHOWN else f"{text[:_SHOWN]}…"
