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


def compare(case: "Case", outer: Outer, data: list[Any]) -> None:
    """Compare with the layer alone, on the same data from the same state.

    Raises:
        Failed: it has other weights, or gives something else.
    """
    case.forget(case.still)
    start = case.engine.values(case.still)
    expected = _alone(case, start, data)
    if case.differences(expected, _alone(case, start, data)):
        return  # Chance decides, not the layer's state: see inference_repeats.
    outer.answers(data)  # What is not built is built by this.
    _compare_weights(case, outer, start)
    case.forget(outer.layer)
    case.engine.assign(outer.layer, start)
    if wrong := case.differences(outer.answers(data), expected):
        what = f"{outer.name} gives something else than the layer in it."
        raise Failed(what, found=wrong, expected="the outputs of the layer")


def _alone(case: "Case", start: list[Any], data: list[Any]) -> list[Any]:
    def call(tensors: Any) -> Any:
        return case.call(case.still, tensors, training=False)

    return history(case, case.still, start, call, data).outputs


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
