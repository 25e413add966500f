"""TensorFlow: calling a layer on a device, with what Keras notes beside tensors."""

from typing import Any

from kerasplug.devices.added_losses import taken_from
from kerasplug.devices.on_device import on_device
from kerasplug.devices.pieces import notes_of, with_notes

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
        with taken_from(layer) as losses:
            outputs = layer(*positional, **named)
        return {"outputs": outputs, "notes": notes_of(outputs), "losses": losses}

    found = on_device(device, compute, (args, kwargs))
    return with_notes(found["outputs"], found["notes"]), found["losses"]
