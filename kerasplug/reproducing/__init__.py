"""Running a program twice in fresh processes, and naming the first number that differs.

This front is light: each name is loaded when it is used.
"""

TYPE_CHECKING = False
if TYPE_CHECKING:
    from kerasplug.reproducing.checking import (
        check_reproducible as check_reproducible,
    )
    from kerasplug.reproducing.result import Difference as Difference
    from kerasplug.reproducing.result import Reproducibility as Reproducibility

_HOME = {
    "Difference": "result",
    "Reproducibility": "result",
    "check_reproducible": "checking",
}

__all__ = [*_HOME]  # noqa: PLE0604 -- strings, and the test of the public names proves it


def __getattr__(name: str) -> object:
    if name not in _HOME:
        message = f"module {__name__!r} has no attribute {name!r}"
        raise AttributeError(message)
    import importlib

    module = importlib.import_module(f"{__name__}.{_HOME[name]}")
    return getattr(module, name)
