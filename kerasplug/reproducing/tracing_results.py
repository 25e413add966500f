"""What a program gave, as named arrays."""

import gc
import sys
from collections.abc import Iterator
from typing import Any

from kerasplug.reproducing.tracing import Trace
from kerasplug.reproducing.tracing_values import flat, numbers

__all__ = ["results"]


def results(value: Any, trace: Trace) -> list[tuple[str, Any]]:
    """(name, array or text) of what a function returned, then of all models' weights.

    Args:
        value: what the function returned; None: nothing, as of a script.
        trace: knows the models; told what can't be compared.
    """
    found = list(_returned(value, "result", trace))
    # Which models are alive must not depend on when Python last looked for garbage.
    gc.collect()
    for model in trace.models():
        found += [(f"{model.name}/{name}", one) for name, one in _weights(model, trace)]
    return found


def _returned(value: Any, name: str, trace: Trace) -> Iterator[tuple[str, Any]]:
    if value is None:
        return
    if numbers(value) or isinstance(value, bool | int | float | complex | str | bytes):
        yield name, value
    elif isinstance(value, dict):
        for key, one in value.items():
            yield from _returned(one, f"{name}/{key}", trace)
    elif isinstance(value, list | tuple):
        for number, one in enumerate(value):
            yield from _returned(one, f"{name}/{number}", trace)
    elif isinstance(getattr(value, "history", None), dict):
        yield from _returned(value.history, name, trace)
    elif hasattr(value, "trainable_variables") and hasattr(value, "variables"):
        weights = _weights(value, trace)
        yield from ((f"{name}/{path}", one) for path, one in weights)
    elif hasattr(value, "shape") and hasattr(value, "dtype"):
        yield from flat(getattr(value, "value", value), name)
    else:
        kind = type(value)
        what = f"{name}: {kind.__module__}.{kind.__qualname__} can't be compared."
        trace.note(what)


def _weights(model: Any, trace: Trace) -> Iterator[tuple[str, Any]]:
    for variable in model.variables:
        value = variable
        if trace.engine is not None and "keras" in sys.modules:
            value = trace.engine.initial(variable)
        if value is not None:
            yield getattr(variable, "path", variable.name), value
