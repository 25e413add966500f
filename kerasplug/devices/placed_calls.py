"""TensorFlow: calling a layer on a device, with what Keras notes beside tensors."""

import contextlib
from collections.abc import Iterator
from typing import Any

from kerasplug.devices.on_device import on_device
from kerasplug.devices.pieces import notes_of, with_notes
from kerasplug.models.kinds import walk

__all__ = ["call_on"]


def call_on(
    device: str, layer: Any, args: Any, kwargs: dict[str, Any]
) -> tuple[Any, list[Any]]:
    """Call a layer on a device, forward and backward.

    Args:
        device: canonical, and there.
        layer: built.
        args: what it is called with.
        kwargs: likewise.

    Returns:
        (its outputs with what Keras notes on them, the losses that it added). The layer
        itself does not have these losses: gradients pass through what is returned only.

    Raises:
        DeviceError: an output is no dense tensor.
    """

    def compute(taken: Any) -> dict[str, Any]:
        positional, named = taken  # the very tensors, with Keras' masks on them
        with _taken_from(layer) as losses:
            outputs = layer(*positional, **named)
        return {"outputs": outputs, "notes": notes_of(outputs), "losses": losses}

    found = on_device(device, compute, (args, kwargs))
    return with_notes(found["outputs"], found["notes"]), found["losses"]


@contextlib.contextmanager
def _taken_from(layer: Any) -> Iterator[list[Any]]:
    """A list, full afterwards: the losses that a layer's call added, taken from it.

    Those of other calls stay.

    Source: keras 3.15.1, `layers/layer.py`, `add_loss`.
    """
    held = [one._losses for one in (layer, *(one for _, one in walk(layer)))]  # noqa: SLF001 -- `losses` has those of variables too
    before = [len(losses) for losses in held]
    taken: list[Any] = []
    yield taken
    for losses, count in zip(held, before, strict=True):
        taken += losses[count:]
        del losses[count:]
