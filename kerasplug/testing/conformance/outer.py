"""What can be round a layer: it and the layer have the same weights and outputs."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, NamedTuple

from kerasplug.testing.conformance.check import Failed
from kerasplug.testing.conformance.tracing import history

if TYPE_CHECKING:
    from kerasplug.testing.conformance.case import Case

__all__ = ["Outer", "compare", "subclassed"]


class Outer(NamedTuple):
    """Something with a new layer in it.

    Args:
        name: how it is called in messages.
        layer: the layer.
        whole: the model or layer round it.
        answers: gives, for a list of data, the outputs for each, as arrays.
    """

    name: str
    layer: Any
    whole: Any
    answers: Callable[[list[Any]], list[Any]]


def compare(case: "Case", outer: Outer, variants: tuple[int, ...] = (0,)) -> None:
    """Compare with the layer alone, on the same data from the same state.

    Args:
        case: the layer and its inputs.
        outer: what is round it.
        variants: which data, 0 or 1 each; a stateful layer goes on from 0 to 1.

    Raises:
        Failed: it has other weights, or gives something else.
    """
    alone = case.once(_alone)
    if alone is None:
        return  # Chance decides, not the layer's state: see inference_repeats.
    data = [case.data(variant=number) for number in variants]
    outer.answers(data)  # What is not built is built by this.
    _compare_weights(case, outer, alone.start)
    case.forget(outer.layer)
    case.engine.assign(outer.layer, alone.start)
    expected = [alone.outputs[number] for number in variants]
    if wrong := case.differences(outer.answers(data), expected):
        what = f"{outer.name} gives something else than the layer in it."
        raise Failed(what, found=wrong, expected="the outputs of the layer")


class _Alone(NamedTuple):
    """The state of the used layer, and its outputs for two variants of the data."""

    start: list[Any]
    outputs: list[Any]


def _alone(case: "Case") -> _Alone | None:
    """What the layer gives by itself; None where it gives something else each time."""

    def call(tensors: Any) -> Any:
        return case.call(case.still, tensors, training=False)

    case.forget(case.still)
    start = case.engine.values(case.still)
    data = [case.data(variant=number) for number in (0, 1)]
    first, again = (history(case, case.still, start, call, data) for _ in "12")
    same = not case.differences(first.outputs, again.outputs)
    return _Alone(start, first.outputs) if same else None


def _compare_weights(case: "Case", outer: Outer, start: list[Any]) -> None:
    shapes = [case.engine.shape(one) for one in outer.layer.variables]
    if shapes != [one.shape for one in start]:
        what = f"{outer.name} makes other variables in the layer."
        expected = f"as a call makes them: {[one.shape for one in start]}"
        raise Failed(what, found=str(shapes), expected=expected)
    own = {id(one) for one in outer.layer.weights}
    if {id(one) for one in outer.whole.weights} != own:
        what = f"{outer.name} does not have the weights of the layer in it."
        found = f"{len(outer.whole.weights)} weights"
        raise Failed(what, found=found, expected=f"those {len(own)}")


def subclassed(case: "Case", base: type) -> Outer:
    """A subclass of `keras.Model` or of `keras.layers.Layer`, with a new layer.

    Args:
        case: the layer and its inputs.
        base: which one.
    """

    def init(self: Any, layer: Any) -> None:
        base.__init__(self)  # type: ignore[misc]  # both are made without arguments
        self.layer = layer

    def call(self: Any, inputs: Any, training: bool | None = None) -> Any:  # noqa: FBT001 -- as Keras names it
        return case.call(self.layer, inputs, training=training)

    kind = type("Outer", (base,), {"__init__": init, "call": call})
    layer = case.layer()
    whole = kind(layer)
    return Outer(
        f"A subclass of {base.__name__}",
        layer,
        whole,
        lambda data: [case.model_outputs(whole, one) for one in data],
    )
