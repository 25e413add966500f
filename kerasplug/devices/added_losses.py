"""TensorFlow: what layers add to the loss while something of them is computed."""

import contextlib
from collections.abc import Iterator
from typing import Any

from kerasplug.models.kinds import walk

__all__ = ["taken_from"]


@contextlib.contextmanager
def taken_from(layer: Any) -> Iterator[list[Any]]:
    """A list, full afterwards: the losses that the block adds to a layer and its parts.

    They are taken from them, so that nothing counts twice. Those of calls before stay.

    Source: keras 3.15.1, `layers/layer.py`, `add_loss`.

    Args:
        layer: a layer or model; an operation that is none has no losses.
    """
    own = [layer] if hasattr(layer, "_losses") else []
    parts = [one for _, one in walk(layer)] if own else []
    held = [one._losses for one in own + parts]  # noqa: SLF001 -- `losses` has those of variables too
    before = [len(losses) for losses in held]
    taken: list[Any] = []
    yield taken
    for losses, count in zip(held, before, strict=True):
        taken += losses[count:]
        del losses[count:]
