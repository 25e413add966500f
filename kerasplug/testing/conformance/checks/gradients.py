"""Gradients: they reach every weight, are right, and are finite."""

from collections.abc import Callable
from typing import Any

from kerasplug.testing.conformance import arrays
from kerasplug.testing.conformance.case import Case
from kerasplug.testing.conformance.check import Blocked, Failed, NotApplicable, check
from kerasplug.testing.conformance.policies import demand_float, made
from kerasplug.testing.conformance.slopes import Point, Verdict
from kerasplug.testing.conformance.structures import flatten, mapped, paths

__all__ = [
    "gradients_are_right",
    "gradients_finite_at_zero",
    "gradients_reach_weights",
]

#: On how many inputs a weight may be left out by chance: where a unit is switched off.
_INPUTS = 4


@check(
    why="A weight without a gradient is never trained: the model learns less well, and "
    "nothing says so.",
    mend="use the weight in call(), by keras.ops, without NumPy, int() or "
    "stop_gradient; or make it with trainable=False",
)
def gradients_reach_weights(case: Case) -> None:
    """Each trainable weight gets a finite gradient, and not always zero."""
    layer = case.used()
    weights = _weights(case, layer)
    if not weights:
        reason = "it has no trainable weights"
        raise NotApplicable(reason)
    left = weights
    for losses in (False, True):
        call = _training(case, layer, losses=losses)
        for variant in range(_INPUTS):
            left = _unreached(case, layer, call, left, variant)
            if not left:
                return
    names = ", ".join(repr(case.engine.label(one)) for one in left)
    what = f"No gradient reaches {names}."
    raise Failed(
        what,
        found=f"none, or zero, on {_INPUTS} different inputs",
        expected="a gradient that is not always zero",
    )


def _weights(case: Case, layer: Any) -> list[Any]:
    return [
        one
        for one in layer.trainable_variables
        if arrays.is_float(case.engine.dtype(one))
    ]


def _training(case: Case, layer: Any, *, losses: bool) -> Callable[[Any], Any]:
    """The layer in training; with what it adds to the loss, if that is asked for."""

    def call(inputs: Any) -> Any:
        case.forget(layer)
        outputs = case.call(layer, inputs, training=True)
        return [outputs, list(layer.losses)] if losses else outputs

    return call


def _unreached(
    case: Case, layer: Any, call: Callable[[Any], Any], weights: list[Any], variant: int
) -> list[Any]:
    """Those of the weights that get no gradient on these inputs."""
    tensors = case.tensors(variant=variant)
    found = case.engine.gradients(call, layer, tensors, weights).weights
    _demand_finite(case, weights, found, "")
    return [
        weight
        for weight, gradient in zip(weights, found, strict=True)
        if gradient is None or not gradient.any()
    ]


def _demand_finite(
    case: Case, weights: list[Any], found: list[Any], where: str
) -> None:
    for weight, gradient in zip(weights, found, strict=True):
        if gradient is not None and arrays.largest(gradient) == float("inf"):
            name = case.engine.label(weight)
            what = f"The gradient of the weight {name!r} is not finite{where}."
            raise Failed(what, found=_few(gradient), expected="finite numbers")


def _few(array: Any) -> str:
    return str(array.reshape(-1)[:4])


@check(
    why="A row of zeros, which padding and fresh states are, turns all weights into "
    "NaN in one step of training.",
    mend="keep roots, norms, logarithms and quotients off zero: sqrt(x + epsilon), or "
    "keras.ops.where on their argument as well as on their result",
)
def gradients_finite_at_zero(case: Case) -> None:
    """On inputs of zeros all gradients are finite."""
    layer, zeros = case.built(), _zeros(case)
    call, weights = _training(case, layer, losses=False), _weights(case, layer)
    if arrays.largest(case.outputs(layer, zeros, training=True)) == float("inf"):
        reason = "its outputs are not finite there: zero is no input for it"
        raise NotApplicable(reason)
    found = case.engine.gradients(call, layer, case.engine.tensors(zeros), weights)
    _demand_finite(case, weights, found.weights, " for inputs of zeros")
    for number, gradient in enumerate(found.inputs):
        if gradient is not None and arrays.largest(gradient) == float("inf"):
            which = f" {number}" if len(found.inputs) > 1 else ""
            what = f"The gradient of the input{which} is not finite where it is zero."
            raise Failed(what, found=_few(gradient), expected="finite numbers")


def _zeros(case: Case) -> Any:
    """The inputs with all floats zero."""
    low, high = case.inputs.bounds
    if (low or 0) > 0 or (high is not None and high < 0):
        reason = f"zero is not among its inputs: input_bounds={(low, high)}"
        raise NotApplicable(reason)
    data = case.data()
    if not any(one.dtype.kind == "f" for one in flatten(data)):
        reason = "it has no input of floats"
        raise NotApplicable(reason)
    return mapped(lambda one: one * 0 if one.dtype.kind == "f" else one, data)


@check(
    why="Training follows a wrong slope: it converges badly or to something else, "
    "which is blamed on the data.",
    mend="check custom gradients against finite differences; stop_gradient only what "
    "is no part of the outputs; where the gradient is another one on purpose, say so "
    "in expected_failures",
)
def gradients_are_right(case: Case) -> None:
    """Gradients agree with finite differences, in float64."""
    demand_float(case)
    case.demand_repeats()
    with case.engine.double():
        point = _point(case)
        # Two directions over everything; the first that is no good tells which part is.
        verdicts = [point.verdict(seed) for seed in range(3)]
        if verdicts.count(Verdict.RIGHT) > 1:
            return
        _blame(point)


def _blame(point: Point) -> None:
    """Look at each weight and input for itself.

    Raises:
        Failed: one of them has a wrong gradient.
        Blocked: it has none.
        NotApplicable: nothing can be said about any.
    """
    verdicts: list[Verdict] = []
    for number, name in enumerate(point.names):
        found = [point.verdict(seed, only=number) for seed in range(3)]
        if found.count(Verdict.WRONG) > 1:
            if point.is_unreached(number):
                by, reason = "gradients_reach_weights", f"none reaches {name}"
                raise Blocked(by, reason)
            what = f"The gradient of {name} is wrong."
            raise Failed(what, found=point.said, expected=point.expected)
        verdicts += found
    if Verdict.RIGHT not in verdicts:
        reason = "its outputs have steps or kinks wherever it was tried"
        raise NotApplicable(reason)


def _point(case: Case) -> Point:
    """The layer in float64, with inputs."""
    values, inputs = case.engine.values(case.still), case.data(dtype="float64")
    try:
        layer = made(case, "float64")
        outputs = case.call(layer, case.engine.tensors(inputs), training=False)
        case.engine.assign(layer, values)
    except Exception as error:
        reason = f"it can't be called in float64 ({type(error).__name__})"
        by = "policy_float64"
        raise Blocked(by, reason) from error
    weights = _weights(case, layer)
    dtypes = [case.engine.dtype(one) for one in (*weights, *flatten(outputs))]
    if any(arrays.is_float(one) and one != "float64" for one in dtypes):
        reason = "not all of it computes in float64"
        by = "policy_float64"
        raise Blocked(by, reason)
    names = [f"the weight {case.engine.label(one)!r}" for one in weights]
    floats = [(where, one) for where, one in paths(inputs) if one.dtype.kind == "f"]
    names += [f"the input{where}" for where, _ in floats]
    return Point(case, layer, weights, inputs, names)
