"""Everything that a module of Keras' NumPy backend offers, with its calls counted.

An author of a backend removes this module, and writes the functions.
"""

import inspect
from types import ModuleType
from typing import Any

from _toy_backend_counts import counted

__all__ = ["borrowed"]


def borrowed(theirs: ModuleType) -> dict[str, Any]:
    """The public functions that a module defines itself, by name.

    Args:
        theirs: a module of Keras' NumPy backend. The last part of its name becomes the
            first one of what is counted: `"numpy.add"`.

    Example:
        >>> import textwrap
        >>> sorted(borrowed(textwrap))
        ['dedent', 'fill', 'indent', 'shorten', 'wrap']
    """
    part = theirs.__name__.rpartition(".")[2]
    return {
        name: counted(f"{part}.{name}", function)
        for name, function in vars(theirs).items()
        # What the module imported for its own use is no op.
        if inspect.isfunction(function)
        and function.__module__ == theirs.__name__
        and not name.startswith("_")
    }
