"""Hooks without a kind: they are told what happens, and return no records.

They are called in the process in which it happens, and only then is the hook module
imported there. So it has to stay light, as for the other hooks: what such a function
needs, it imports inside.
"""

from collections.abc import Iterable

from kerasplug.hooks.markers import hookspec

__all__ = ["kerasplug_after_seed", "kerasplug_before_seed"]


@hookspec
def kerasplug_before_seed(seed: int) -> None:
    """Before a seed is set: nothing has changed yet.

    `use_session_with_seed` calls it first of all. What a plugin may do here: finish
    or stop what draws random numbers of its own, set what has to be set before
    Keras starts, or look at the states that are there now. A plugin that raises stops
    the seeding before anything has changed; with `strict=False` the report says so, and
    the seeding goes on.

    Args:
        seed: the seed that is going to be set, an int in 0 .. 2**32-1. An
            implementation may leave it out.
    """


@hookspec
def kerasplug_after_seed(seed: int) -> str | Iterable[str] | None:
    """After a seed was set: everything else is seeded.

    Python, NumPy, the engine and Keras have the seed, and Keras' session is cleared.
    What a plugin may do here: seed the random states that it has itself, in this
    process or in others. It must not draw from the states of Python, NumPy or the
    engine: then what follows would depend on which plugins are installed.

    Args:
        seed: the seed that was set, an int in 0 .. 2**32-1. An implementation may leave
            it out.

    Returns:
        What it has seeded, in a few words each, for the report; for example
        `"my_engine: 2 workers"`. None: nothing to say.
    """
