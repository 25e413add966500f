"""Whose line a warning is about."""

import sys

__all__ = ["level_outside"]


def level_outside(*packages: str) -> int:
    """The `stacklevel`, for who calls this, of the first line outside some packages.

    Args:
        *packages: whose lines the warning is not about, each with all below it.

    Example:
        >>> level_outside("no_such_package")
        1
    """
    inside = tuple(f"{one}." for one in packages)
    level, frame = 1, sys._getframe(1)  # noqa: SLF001 -- the one way to the caller's line
    while frame.f_back and f"{frame.f_globals.get('__name__')}.".startswith(inside):
        level, frame = level + 1, frame.f_back
    return level
