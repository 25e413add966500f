"""What a record's `"module:attribute"` names."""

import importlib
from typing import Any

__all__ = ["attribute"]


def attribute(target: str) -> Any:
    """The thing itself, imported now; records are what installed plugins say.

    Args:
        target: of a record, never of a file.

    Example:
        >>> attribute("math:pi")
        3.141592653589793
    """
    module, _, name = target.partition(":")
    found: Any = importlib.import_module(module)
    for part in name.split("."):
        found = getattr(found, part)
    return found
