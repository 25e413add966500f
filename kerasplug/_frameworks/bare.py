"""TensorFlow or PyTorch by itself: for data that are handed to it, not for Keras."""

import importlib
from types import ModuleType

from kerasplug.errors import MissingExtraError

__all__ = ["framework"]


def framework(name: str) -> ModuleType:
    """A framework, imported now, whatever Keras computes with.

    Args:
        name: `"tensorflow"` or `"torch"`.

    Raises:
        MissingExtraError: it is not installed.
    """
    try:
        return importlib.import_module(name)
    except ModuleNotFoundError as error:
        if error.name != name:
            raise
        what = f"This takes {name}, which is not installed."
        raise MissingExtraError(what, extra=name) from error
