"""The same random numbers again: seeding a session, a block, and other processes.

This front is light: each name is loaded when it is used.
"""

TYPE_CHECKING = False
if TYPE_CHECKING:
    from kerasplug.seeding.blocks import seeded as seeded
    from kerasplug.seeding.deriving import derive_seeds as derive_seeds
    from kerasplug.seeding.report import Measure as Measure
    from kerasplug.seeding.report import SeedReport as SeedReport
    from kerasplug.seeding.session import (
        use_session_with_seed as use_session_with_seed,
    )

_HOME = {
    "Measure": "report",
    "SeedReport": "report",
    "derive_seeds": "deriving",
    "seeded": "blocks",
    "use_session_with_seed": "session",
}

__all__ = [*_HOME]  # noqa: PLE0604 -- strings, and the test of the public names proves it


def __getattr__(name: str) -> object:
    if name not in _HOME:
        message = f"module {__name__!r} has no attribute {name!r}"
        raise AttributeError(message)
    import importlib

    module = importlib.import_module(f"{__name__}.{_HOME[name]}")
    return getattr(module, name)
