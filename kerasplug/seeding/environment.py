"""Environment variables that seeding sets, and takes back when it is told so."""

import os

__all__ = ["Variables", "is_set_for", "set_for", "take_back"]

#: A variable -> its value; None: it is not set.
Variables = dict[str, str | None]

#: Measure -> the variables that were set for it, as they were before.
_before: dict[str, Variables] = {}


def set_for(measure: str, variables: dict[str, str]) -> None:
    """Set variables, for this process and for those that it starts.

    Args:
        measure: what for.
        variables: names and values.

    Example:
        >>> set_for("an example", {"KERASPLUG_EXAMPLE": "1"})
        >>> take_back("an example")
        >>> "KERASPLUG_EXAMPLE" in os.environ
        False
    """
    before = _before.setdefault(measure, {})
    for name, value in variables.items():
        if os.environ.get(name) != value:
            before.setdefault(name, os.environ.get(name))
            os.environ[name] = value


def is_set_for(measure: str) -> bool:
    """Whether a variable is set for a measure that was another before."""
    return bool(_before.get(measure))


def take_back(measure: str) -> None:
    """Let the variables of a measure be what they were before it was taken."""
    for name, value in _before.pop(measure, {}).items():
        if value is None:
            os.environ.pop(name, None)
        else:
            os.environ[name] = value
