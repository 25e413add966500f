"""Data parallelism on TensorFlow: replicas of one model, each on its own device."""

from collections.abc import Sequence
from typing import Any

from kerasplug.devices.added_losses import taken_from
from kerasplug.devices.naming import framework
from kerasplug.devices.on_device import on_device
from kerasplug.devices.parallel import Parallel
from kerasplug.devices.pieces import (
    Piece,
    merged,
    notes_of,
    pieces,
    rows_of,
    with_masks,
    with_notes,
)
from kerasplug.devices.row_states import RowStates
from kerasplug.devices.syncing import check_splittable, needs_syncing, synced

__all__ = ["PARALLEL", "OnTensorFlow"]


class OnTensorFlow(Parallel):
    """A model whose calls run on several devices, backward as well.

    Each slice is computed by the template itself, so there is one set of weights. They
    are copied to a device when it reads them.
    """

    why_no_jit = "XLA compiles a step as a whole, for one device."

    def _prepare(self) -> None:
        """Refuse a template that can't have what `sync_batch_norm` asks for."""
        # XLA compiles a step for one device, so Keras must not choose it by itself.
        self.supports_jit = False
        if self.sync_batch_norm:
            check_splittable(self.template)

    def call(self, inputs: Any, training: Any = None, mask: Any = None) -> Any:
        """What the template makes of the batch, each slice on its own device."""
        self._build_template(inputs)
        parts = pieces(inputs, self.devices, mask)
        states = RowStates(self.template)
        if self.sync_batch_norm and training and needs_syncing(self.template):
            results = synced(self.template, parts, states)
        else:
            results = [self._replica(part, states) for part in parts]
        return self._merged(inputs, parts, results, states)

    def _replica(self, part: Piece, states: RowStates) -> dict[str, Any]:
        """Outputs and notes on them, losses and states, from the slice's device."""

        def compute(inputs: Any) -> dict[str, Any]:
            with states.of(part) as new, taken_from(self.template) as losses:
                outputs = self.template(with_masks(inputs, part.masks))
            return {
                "outputs": outputs,
                "notes": notes_of(outputs),
                "losses": losses,
                "states": list(new),
            }

        found: dict[str, Any] = on_device(part.device, compute, part.inputs)
        return found

    def _merged(
        self,
        inputs: Any,
        parts: Sequence[Piece],
        results: Sequence[dict[str, Any]],
        states: RowStates,
    ) -> Any:
        def joined(name: str) -> Any:
            return merged([one[name] for one in results], parts, self.merge_on)

        self._add_losses(rows_of(inputs), parts, [one["losses"] for one in results])
        states.assign(joined("states"))
        return with_notes(joined("outputs"), joined("notes"))

    def _add_losses(
        self, rows: Any, parts: Sequence[Piece], losses: Sequence[Sequence[Any]]
    ) -> None:
        """Add what layers added: a loss of theirs is taken for a mean over the rows."""
        tf = framework()
        for column in zip(*losses, strict=True):
            with tf.device(self.merge_on):
                kind = column[0].dtype
                own = [tf.cast(part.rows, kind) for part in parts]
                pairs = zip(column, own, strict=True)
                total = tf.add_n([loss * weight for loss, weight in pairs])
                self.add_loss(total / tf.cast(rows, kind))


PARALLEL = OnTensorFlow
