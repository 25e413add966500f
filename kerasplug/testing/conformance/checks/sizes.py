"""Unknown sizes: what is left open when a model is made."""

from typing import Any

from kerasplug.testing.conformance.case import Case
from kerasplug.testing.conformance.check import Failed, NotApplicable, check
from kerasplug.testing.conformance.forms import (
    batched,
    demand_true_forms,
    forms,
    misfit,
    symbolic_outputs,
)
from kerasplug.testing.conformance.structures import flatten
from kerasplug.testing.conformance.tracing import demand_traceable, told

__all__ = ["unknown_batch", "unknown_sizes"]


@check(
    why="Keras makes models for an unknown number of rows: one that is baked in fails "
    "for the first user with another batch.",
    mend="let the shapes that you compute have None where the inputs have it; take the "
    "number of rows from ops.shape(inputs)[0] in call()",
)
def unknown_batch(case: Case) -> None:
    """A functional model for an unknown number of rows works for each number."""
    case.demand_any_batch()
    case.demand_repeats()
    model, follow = case.model(case.still), batched(case)
    said = forms(case, symbolic_outputs(case, case.still))
    for one, follows in zip(said, follow, strict=True):
        if follows and one.shape[0] is not None:
            what = "The number of rows is baked into the symbolic output."
            raise Failed(what, found=str(one), expected=str((None, *one.shape[1:])))
    for rows in (case.inputs.batch, case.inputs.batch + 1):
        data = case.data(rows)
        expected = case.outputs(case.still, data)
        if wrong := case.differences(case.model_outputs(model, data), expected):
            what = f"A model of it gives something else than it for {rows} rows."
            raise Failed(what, found=wrong, expected="the outputs of the layer itself")


@check(
    why="Sequences and images come in many sizes: a layer that takes an unknown one "
    "when the model is made, and then fails or answers otherwise, is found out in use.",
    mend="take sizes from ops.shape(inputs) in call(); where a size has to be known, "
    "say so in build() by a ValueError",
)
def unknown_sizes(case: Case) -> None:
    """Where it takes an axis of unknown size, each size gives what it gives known."""
    case.demand_repeats()
    case.demand_tensors()
    demand_true_forms(case)
    axes = sorted({axis for spec in flatten(case.inputs.specs) for axis in _axes(spec)})
    tried = [axis for axis in axes if _works(case, axis)]
    if not tried:
        reason = (
            f"it refuses an unknown size on each of the axes {axes}"
            if axes
            else "its inputs have no axis between the rows and the last one"
        )
        raise NotApplicable(reason)


def _axes(spec: Any) -> range:
    """All between rows and features; of integers, which have none, all."""
    return range(1, len(spec.shape) - ("int" not in spec.dtype))


class _Open:
    """A layer that was built with an axis of unknown size, and models of it.

    Args:
        case: the layer and its inputs.
        axis: the axis.

    Raises:
        Exception: the layer refuses that.
    """

    def __init__(self, case: Case, axis: int) -> None:
        self.case = case
        self.axis = axis
        case.seed(0)
        self.layer = case.layer()
        inputs = case.symbolic(sizes={axis: None})
        outputs = case.call(self.layer, inputs)
        self.said = forms(case, outputs)
        self.model = case.keras.Model(inputs, outputs)
        self.graph: Any = None

    def as_model(self, tensors: Any) -> Any:
        """The outputs of a functional model."""
        return self.model(tensors, training=False)

    def as_graph(self, tensors: Any) -> Any:
        """The outputs of a function that was traced with the size unknown."""
        if self.graph is None:
            free = {0, self.axis}
            self.graph = self.case.engine.traced(self._call, self.layer, tensors, free)
        return self.graph(tensors)

    def _call(self, tensors: Any) -> Any:
        return self.case.call(self.layer, tensors, training=False)


def _works(case: Case, axis: int) -> bool:
    """Whether the layer takes the axis unknown; if so, it has to do it well."""
    try:
        layer = _Open(case, axis)
    except Exception:  # noqa: BLE001 -- refusing is how it says that it is not for that
        return False
    specs = flatten(case.inputs.specs)
    size = next(one.shape[axis] for one in specs if axis < len(one.shape))
    return any([_agrees(case, layer, size), _agrees(case, layer, 2 * size)])


def _agrees(case: Case, layer: _Open, size: int) -> bool:
    """Compare with a layer of known size; False where that one refuses the size."""
    data = case.data(sizes={layer.axis: size})
    case.seed(0)
    known = case.layer()
    try:
        outputs = case.call(known, case.engine.tensors(data), training=False)
    except Exception:  # noqa: BLE001 -- not each size is right for it: then there is nothing to compare
        return False
    where = f"for size {size} of axis {layer.axis}, unknown when it was built"
    if said := misfit(layer.said, found := forms(case, outputs)):
        what = f"The symbolic output is not as the real one, {where}."
        raise Failed(what, found=said, expected="; ".join(map(str, found)))
    ways = [("A functional model", layer.as_model)]
    if case.engine.traces_unknown:
        ways.append(("A traced call", layer.as_graph))
    comparable = _same_weights(case, known, layer.layer)
    for name, way in ways:
        answer = _answer(case, way, data, f"{name} fails {where}.")
        wrong = case.differences(answer, case.engine.arrays(outputs))
        if comparable and wrong:
            what = f"{name} gives something else, {where}."
            raise Failed(what, found=wrong, expected="as a layer of known size")
    return True


def _same_weights(case: Case, known: Any, layer: Any) -> bool:
    """Give the layer the weights of the other one; False where they don't fit."""
    values, others = case.engine.values(known), case.engine.values(layer)
    if [one.shape for one in values] != [one.shape for one in others]:
        return False
    case.engine.assign(layer, values)
    return True


def _answer(case: Case, way: Any, data: Any, what: str) -> Any:
    try:
        return case.engine.arrays(way(case.engine.tensors(data)))
    except Exception as error:
        if case.engine.traces_unknown:
            demand_traceable(case)
        raise Failed(what, found=told(error), expected="any size") from error
