"""Data parallelism on PyTorch: replicas of one model, each on its own device.

PyTorch's own `DataParallel` copies the parameters of modules. Keras' layers compute
with their variables instead, which it does not know: each of its replicas would use the
weights of the first device. So a replica here is the template itself, called while
Keras takes other values for its variables: copies on the replica's device. PyTorch
differentiates through the copying, which brings the gradients back and adds them up.
"""

from typing import Any

from kerasplug.devices.on_torch_replicas import (
    Replica,
    keep_states,
    losses_of,
    merged,
    replica,
)
from kerasplug.devices.on_torch_states import keep_rows, require_rows
from kerasplug.devices.parallel import Parallel
from kerasplug.devices.pieces import with_masks
from kerasplug.devices.slices import bounds, leaves
from kerasplug.errors import DeviceError
from kerasplug.implementation import implementation

__all__ = ["PARALLEL", "OnTorch"]


class OnTorch(Parallel):
    """A model whose calls run on several devices, backward as well.

    One thread gives the devices their work, one after the other, since layers of Keras
    may keep things on themselves during a call.
    """

    why_no_jit = "What torch.compile() makes of several devices was never tried."

    def _prepare(self) -> None:
        """Refuse what would compute something else than the template does."""
        if self.sync_batch_norm:
            message = "On PyTorch batch normalization has the statistics of each slice."
            raise DeviceError(
                message,
                found="sync_batch_norm=True",
                expected="False",
                mend='leave it out; or kerasplug.use_backend("jax") before all else',
            )
        inner = self.template._flatten_layers()  # noqa: SLF001 -- Keras lists layers so
        foreign = [
            repr(layer.name)
            for layer in inner
            if isinstance(layer, implementation().layers.TorchModuleWrapper)
        ]
        if foreign:
            message = "A module of PyTorch reads parameters of its own, on one device."
            found = f"in {self.template.name!r}: {', '.join(foreign)}"
            raise DeviceError(message, found=found, expected="layers of Keras")

    def call(self, inputs: Any, training: Any = None, mask: Any = None) -> Any:  # noqa: ARG002 -- the template hears of `training` from Keras
        """What the template makes of the batch, each slice on its own device."""
        if _is_symbolic(inputs):  # Keras asks for shapes: that is on no device
            return self.template(inputs)
        self._build_template(inputs)
        if mask is not None:
            with_masks(inputs, leaves(mask))
        rows = _rows(inputs)
        require_rows(self.template, rows)
        replicas: list[Replica] = []
        for device, begin, end in _occupied(rows, self.devices):
            previous = replicas[-1] if replicas else None
            made = replica(self.template, device, inputs, (begin, end), previous)
            replicas.append(made)
        outputs = merged(replicas, self.merge_on)
        for loss in losses_of(replicas, self.merge_on):
            self.add_loss(loss)
        keep_states(self.template, replicas)
        keep_rows(self.template, [one.states for one in replicas])
        return outputs


PARALLEL = OnTorch


def _is_symbolic(inputs: Any) -> bool:
    return any(one is not None and one.is_meta for one in leaves(inputs))


def _rows(inputs: Any) -> int:
    """How many rows a batch has."""
    found = {len(one) for one in leaves(inputs) if one is not None and one.ndim}
    if len(found) != 1:
        message = "A batch without rows, or with several numbers of them, can't be cut."
        numbers = ", ".join(map(str, sorted(found))) or "no dimension of rows"
        expected = "inputs whose first dimension is the batch's"
        raise DeviceError(message, found=numbers, expected=expected)
    return found.pop()


def _occupied(rows: int, devices: tuple[str, ...]) -> list[tuple[str, int, int]]:
    """(device, first row, row after the last), where there is something to do."""
    cuts = zip(devices, bounds(rows, len(devices)), strict=True)
    found = [(device, begin, end) for device, (begin, end) in cuts if begin != end]
    return found or [(devices[0], 0, 0)]
