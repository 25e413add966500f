"""TensorFlow: replicas whose batch normalization sees the whole batch.

They are computed in lock-step: each as far as the next batch normalization, which then
takes its statistics from what all of them have come to.

A layer is met between others only in functional and Sequential models. Elsewhere it is
called by code that runs for one replica at a time, so it is refused there.
"""

from collections.abc import Iterator, Sequence
from typing import Any

from kerasplug.devices.pieces import Piece, notes_of, with_masks
from kerasplug.devices.row_states import RowStates
from kerasplug.devices.syncing_norms import is_norm, is_plain_norm
from kerasplug.devices.syncing_walk import Replicas, is_graph
from kerasplug.errors import DeviceError
from kerasplug.models.kinds import walk

__all__ = ["check_splittable", "needs_syncing", "synced"]


def needs_syncing(template: Any) -> bool:
    """Whether something in a model normalizes by the batch that it is trained with."""
    return any(is_norm(layer) for _, layer in walk(template))


def check_splittable(template: Any) -> None:
    """Raise `DeviceError` where statistics of the whole batch can't be had.

    Args:
        template: a model. Of one that is not built yet, what its `build` will make is
            not known; so it is to be checked again then.

    Raises:
        DeviceError: a batch normalization that is trained is inside something else than
            functional and Sequential models, or has a call of its own.
    """
    found = next(_hidden(template), None)
    if found is None:
        return
    path, why = found
    message = f"Batch normalization {path!r} can't get the whole batch's statistics."
    raise DeviceError(
        message,
        found=why,
        expected="keras.layers.BatchNormalization in functional or Sequential models",
        mend="make it of keras.Input and keras.Model; or set `trainable = False` on the"
        " layer; or leave `sync_batch_norm` out",
    )


def _hidden(model: Any, prefix: str = "") -> Iterator[tuple[str, str]]:
    """(path, reason) of each batch normalization that can't be joint."""
    if not is_graph(model):
        yield from _within(model, prefix)
        return
    for layer in model.layers:
        path = f"{prefix}{layer.name}"
        if not is_norm(layer):
            yield from _hidden(layer, f"{path}/")
        elif not is_plain_norm(layer):
            yield path, f"a {type(layer).__name__}, which computes in its own way"


def _within(layer: Any, prefix: str) -> Iterator[tuple[str, str]]:
    """The same, in a layer that calls its parts by its own code."""
    why = f"it is inside {layer.name!r}, a {type(layer).__name__}, which calls it"
    for path, one in walk(layer):
        if is_norm(one):
            yield f"{prefix}{path}", why


def synced(
    template: Any, parts: Sequence[Piece], states: RowStates
) -> list[dict[str, Any]]:
    """What each replica gives in training, with statistics of the whole batch.

    The moving averages are moved once. Gradients pass through the statistics to all
    replicas.

    Args:
        template: a model, built.
        parts: the slices of the batch.
        states: those of the template's recurrent layers.

    Returns:
        For each part its `outputs`, `notes` on them, the `losses` that layers added,
        and the new `states`.

    Raises:
        DeviceError: see `check_splittable`.
    """
    check_splittable(template)
    replicas = Replicas(parts, states)
    inputs = [with_masks(part.inputs, part.masks) for part in parts]
    made = replicas.model(template, inputs, [None] * len(parts))
    return [
        {
            "outputs": outputs,
            "notes": notes_of(outputs),
            "losses": losses,
            "states": new,
        }
        for outputs, losses, new in zip(
            made, replicas.losses, replicas.new_states(), strict=True
        )
    ]
