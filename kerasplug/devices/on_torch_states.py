"""PyTorch: layers that remember a state for each row of the batch, in slices."""

import contextlib
import functools
from collections.abc import Iterator, Sequence
from typing import Any

from kerasplug.devices.naming import framework
from kerasplug.devices.slices import leaves, packed, remembering
from kerasplug.errors import DeviceError

__all__ = ["keep_rows", "require_rows", "rows_of_states"]


@contextlib.contextmanager
def rows_of_states(model: Any, rows: tuple[int, int], name: str) -> Iterator[list[Any]]:
    """Let stateful layers see some rows of their states, on a device.

    Args:
        model: the template, built.
        rows: the first one, and the one after the last.
        name: of the device.

    Yields:
        A list: the states in the order of the layers, afterwards the new ones.
    """
    layers = remembering(model)
    kept = [dict(vars(layer)) for layer in layers]
    new: list[Any] = []
    try:
        for layer in layers:
            flat = [_here(one, rows, name, new) for one in leaves(layer.states)]
            # Past Keras' own `__setattr__`, which would keep track of them.
            vars(layer)["states"] = packed(layer.states, flat)
            vars(layer)["_expected_batch_size"] = rows[1] - rows[0]
        yield new
    finally:
        for layer, had in zip(layers, kept, strict=True):
            vars(layer)["states"] = had["states"]
            vars(layer)["_expected_batch_size"] = had["_expected_batch_size"]


def keep_rows(model: Any, replicas: Sequence[Sequence[Any]]) -> None:
    """Give stateful layers their states back, those of the whole batch.

    Args:
        model: the template.
        replicas: what `rows_of_states` gave, by replica.
    """
    variables = [one for layer in remembering(model) for one in leaves(layer.states)]
    for variable, parts in zip(variables, zip(*replicas, strict=True), strict=True):
        home = variable.value.device
        variable.assign(framework().cat([one.detach().to(home) for one in parts]))


def require_rows(model: Any, rows: int) -> None:
    """Raise `DeviceError` where layers remember another number of rows."""
    for layer in remembering(model):
        kept = len(leaves(layer.states)[0].value)
        if kept != rows:
            message = f"The stateful layer {layer.name!r} has a state for each row."
            expected = f"{kept} in each batch"
            raise DeviceError(message, found=f"{rows} rows", expected=expected)


def _here(variable: Any, rows: tuple[int, int], name: str, new: list[Any]) -> Any:
    """Some rows of a variable, as a tensor that takes what is assigned to it."""
    tensor = variable.value[slice(*rows)].detach().to(name, copy=True)
    tensor.assign = functools.partial(new.__setitem__, len(new))
    new.append(tensor)
    return tensor
