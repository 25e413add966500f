"""TensorFlow: what layers add to the loss while a replica is computed."""

from typing import Any

from kerasplug.models.kinds import walk

__all__ = ["taken_losses"]


def taken_losses(layer: Any) -> list[Any]:
    """The losses that a layer or model and its parts added in the last call.

    They are taken from them: a later replica's are others.

    Source: keras 3.15.1, `layers/layer.py`, `add_loss`.
    """
    found = []
    for one in (layer, *(part for _, part in walk(layer))):
        found += one._losses  # noqa: SLF001 -- Keras' `losses` has those of variables too
        one._losses.clear()  # noqa: SLF001 -- likewise
        one._loss_ids.clear()  # noqa: SLF001 -- likewise
    return found
