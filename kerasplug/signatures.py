"""What a plugin's function takes by name, seen without calling it."""

import inspect
from collections.abc import Callable
from typing import Any

__all__ = ["parameters"]


def parameters(function: Callable[..., Any]) -> list[inspect.Parameter] | None:
    """What a function takes by name; None where it takes anything, or nobody knows.

    Args:
        function: a plugin's.

    Example:
        >>> [one.name for one in parameters(lambda size, *, units=3: None)]
        ['size', 'units']
    """
    try:
        found = inspect.signature(function).parameters.values()
    except ValueError:  # a function of C that does not say
        return None
    if any(one.kind is one.VAR_KEYWORD for one in found):
        return None
    named = (inspect.Parameter.POSITIONAL_OR_KEYWORD, inspect.Parameter.KEYWORD_ONLY)
    return [one for one in found if one.kind in named]
