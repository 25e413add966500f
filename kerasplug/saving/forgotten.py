"""What Keras leaves out of the configuration of losses and metrics.

Some write not all of their arguments: a Huber loss with another `delta`, a cosine
similarity along another axis. Such a model trains on after loading with another loss,
and nobody is told. It is told when it is saved.

Source: keras 3.15.1, `losses/losses.py:Huber.get_config`.
"""

import inspect
from collections.abc import Iterator
from typing import Any

__all__ = ["forgotten_arguments"]


def forgotten_arguments(model: Any) -> Iterator[tuple[str, str, str]]:
    """(name, why it comes back as another, what would mend it) for each loss or metric.

    Args:
        model: a Keras model; one that is not compiled has none.
    """
    compiled = getattr(getattr(model, "_compile_config", None), "config", None)
    if not isinstance(compiled, dict):
        return
    for thing in _flat([compiled.get(key) for key in _KEYS]):
        lost = _lost(thing)
        if lost:
            values = ", ".join(f"{name}={value!r}" for name, value in lost.items())
            why = f"Keras does not write {values}, and loads it with its default"
            yield (
                type(thing).__name__,
                why,
                "a registered function, or compile it anew after loading",
            )


_KEYS = ("loss", "metrics", "weighted_metrics")


def _flat(value: Any) -> Iterator[Any]:
    if isinstance(value, list | tuple):
        for one in value:
            yield from _flat(one)
    elif isinstance(value, dict):
        yield from _flat(list(value.values()))
    elif value is not None:
        yield value


def _lost(thing: Any) -> dict[str, Any]:
    """Arguments of the wrapped function that the class takes and does not write."""
    given = getattr(thing, "_fn_kwargs", None)
    if not isinstance(given, dict) or not callable(getattr(thing, "get_config", None)):
        return {}
    taken = inspect.signature(type(thing).__init__).parameters
    written = thing.get_config()
    return {
        name: value
        for name, value in given.items()
        if name in taken and name not in written and value != taken[name].default
    }
