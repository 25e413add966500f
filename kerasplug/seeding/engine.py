"""The engine of the session: which one it is, and what it is told before it starts."""

import importlib
import sys
from typing import Any

from kerasplug._frameworks import family_root, version_of
from kerasplug.implementation import backend, chosen, implementation, loaded
from kerasplug.seeding.environment import set_for, take_back
from kerasplug.seeding.measures import Plan, Wish, not_asked, unneeded

__all__ = ["engine_name", "plans_of", "start"]

#: Backends whose settings are known, each in a module of its own.
_KNOWN = ("jax", "numpy", "tensorflow", "torch")


def engine_name() -> str:
    """What Keras computes with, or would; empty where no Keras is installed."""
    if loaded() or version_of(family_root(chosen())):
        return backend()
    return ""


def start(engine: str, wish: Wish) -> bool:
    """Start Keras, with an engine that is told beforehand what it reads only then.

    Args:
        engine: its name.
        wish: what it is told.

    Returns:
        Whether it was loaded before.

    Raises:
        KerasBrokenError: it can't be imported. The environment is as it was.
    """
    if loaded():
        return True
    told = [name for name, asked in wish.asked().items() if asked]
    # What is loaded may have started, without them. PyTorch's are for Keras as well,
    # which reads its device when it is imported.
    if engine not in sys.modules or engine == "torch":
        for measure in told:
            set_for(measure, _variables(engine, measure))
    try:
        implementation().utils  # noqa: B018 -- the access starts Keras
    except BaseException:
        for measure in told:
            take_back(measure)
        raise
    return False


def _variables(engine: str, measure: str) -> dict[str, str]:
    if engine not in _KNOWN:
        return {}
    found: dict[str, str] = _module(engine).variables(measure)
    return found


def _module(engine: str) -> Any:
    return importlib.import_module(f"kerasplug.seeding.on_{engine}")


def plans_of(engine: str, wish: Wish) -> list[Plan]:
    """What is to be done with an engine that is loaded; asking changes nothing."""
    if engine in _KNOWN:
        plans: list[Plan] = _module(engine).plans(wish)
        return plans
    known = f"the settings of {engine} are not known"
    why = known if engine else "no Keras is installed"
    return [
        unneeded(measure, why) if asked else not_asked(measure)
        for measure, asked in wish.asked().items()
    ]
