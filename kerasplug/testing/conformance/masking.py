"""Inputs with a mask, and the masks of outputs.

Keras has no public function for either; a layer's `compute_mask` attaches a mask, and
an argument `mask` of a layer's `call` reads one.
"""

import functools
from typing import TYPE_CHECKING, Any, NamedTuple

from kerasplug.testing.conformance import arrays
from kerasplug.testing.conformance.structures import flatten, mapped

if TYPE_CHECKING:
    from kerasplug.testing.conformance.case import Case
    from kerasplug.testing.conformance.inputs import Spec

__all__ = ["Masked", "Masking"]

#: Batch, time, features: what a mask of time steps is for.
_SEQUENCE = 3


class Masked(NamedTuple):
    """Outputs, and for each its mask or None, as arrays."""

    outputs: list[Any]
    masks: list[Any]


class Masking:
    """The masks that a case's inputs can have.

    Args:
        case: the layer in question.
    """

    def __init__(self, case: "Case") -> None:
        self.case = case
        self._keras = case.keras

    @functools.cached_property
    def masks(self) -> Any:
        """A mask for each input that has time steps, rows ending early; or None."""
        return mapped(_mask, self.case.inputs.specs)

    @property
    def is_possible(self) -> bool:
        """Whether an input can have a mask."""
        return bool(flatten(self.masks)) and "mask" not in self._named

    @property
    def is_sequence(self) -> bool:
        """Whether all inputs that can have a mask are sequences, of vectors or ids."""
        specs = flatten(self.case.inputs.specs)
        return all(len(spec.shape) <= _SEQUENCE for spec in specs)

    @property
    def _named(self) -> set[str]:
        specs = self.case.inputs.specs
        named = set(specs) if self.case.by_keyword else set()
        return named | set(self.case.call_kwargs)

    @functools.cached_property
    def arguments(self) -> list[str]:
        """The arguments of the layer's `call` that Keras gives the masks to."""
        tensors = self._named if self.case.by_keyword else set()
        if len(tensors) > 1 and not self.case.engine.legacy:
            names = [f"{name}_mask" for name in tensors]
        else:
            names = ["mask"]
        return [name for name in names if name in self.case.parameters]

    @property
    def is_declared(self) -> bool:
        """Whether the layer says that it lets masks through."""
        return bool(self.case.still.supports_masking)

    # --- calling -------------------------------------------------------------------

    def attached(self, inputs: Any, masks: Any) -> Any:
        """The inputs with their masks, tensors or symbolic ones."""
        attach = self._attach

        def one(value: Any, mask: Any) -> Any:
            return value if mask is None else attach([value, mask])

        return mapped(one, inputs, masks)

    def symbolic(self, mask: Any) -> Any:
        """A symbolic input for a mask, of an unknown number of rows."""
        batch = mask.shape[0] if self.case.is_stateful else None
        return self.case.engine.symbolic((batch, *mask.shape[1:]), "bool")

    def call(self, layer: Any, data: Any) -> Masked:
        """The outputs of a layer in inference for masked inputs."""
        tensors = self.case.engine.tensors
        inputs = self.attached(tensors(data), tensors(self.masks))
        return self.read(self.case.call(layer, inputs, training=False))

    def read(self, outputs: Any) -> Masked:
        """Arrays of outputs that may have masks."""
        leaves = flatten(outputs)
        masks = [self._read(one) for one in leaves]
        return Masked([self.case.engine.array(one) for one in leaves], masks)

    def _read(self, tensor: Any) -> Any:
        seen: list[Any] = []
        self._reader(seen)(tensor)
        [mask] = seen
        return None if mask is None else self.case.engine.array(mask)

    @functools.cached_property
    def _attach(self) -> Any:
        copy = self.case.engine.copy

        def call(_: Any, inputs: Any) -> Any:
            return copy(inputs[0])

        def compute_mask(_: Any, inputs: Any, __: Any = None) -> Any:
            return inputs[1]

        methods = {"call": call, "compute_mask": compute_mask}
        return self._layer("Attach", methods)

    def _reader(self, seen: list[Any]) -> Any:
        def call(_: Any, inputs: Any, mask: Any = None) -> Any:
            seen.append(mask)
            return inputs

        return self._layer("Read", {"call": call})

    def _layer(self, name: str, methods: dict[str, Any]) -> Any:
        layer = type(name, (self._keras.layers.Layer,), methods)(autocast=False)
        layer.supports_masking = True
        return layer


def _mask(spec: "Spec") -> Any:
    """The time steps that count: rows end early, each at another place."""
    rank = len(spec.shape)
    whole = "int" in spec.dtype and rank == _SEQUENCE - 1
    if not (rank >= _SEQUENCE or whole) or spec.dtype == "string" or spec.shape[1] < 2:  # noqa: PLR2004 -- of one step none can be left out
        return None
    return arrays.ending_early(*spec.shape[:2])
