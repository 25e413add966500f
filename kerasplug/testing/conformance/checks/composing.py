"""Inside other things: models of each kind, other layers, calls without state."""

from typing import Any

from kerasplug.testing.conformance import arrays
from kerasplug.testing.conformance.case import Case
from kerasplug.testing.conformance.check import Failed, NotApplicable, check
from kerasplug.testing.conformance.forms import batched
from kerasplug.testing.conformance.inputs import Spec
from kerasplug.testing.conformance.outer import Outer, compare, subclassed
from kerasplug.testing.conformance.tracing import told

__all__ = [
    "in_functional",
    "in_nested",
    "in_sequential",
    "in_subclassed",
    "in_time_distributed",
    "stateless_call_equal",
]


@check(
    why="Without a functional model a layer can neither be put between others nor be "
    "used by most of what works on models.",
    mend="compute with keras.ops alone; branch on no value of a tensor; give shapes by "
    "compute_output_shape(), or outputs by compute_output_spec(), where Keras can't "
    "find them out",
)
def in_functional(case: Case) -> None:
    """A functional model can be made of it, and gives what it gives."""
    case.demand_tensors()
    inputs = case.symbolic(case.inputs.batch if case.is_stateful else None)
    layer = case.layer()
    try:
        model = case.keras.Model(inputs, case.call(layer, inputs))
    except Exception as error:
        what = "No functional model can be made of it."
        expected = "symbolic outputs for symbolic inputs"
        raise Failed(what, found=told(error), expected=expected) from error
    compare(case, _model(case, "A functional model", layer, model))


def _model(case: Case, name: str, layer: Any, model: Any) -> Outer:
    return Outer(
        name,
        layer,
        model,
        lambda data: [case.model_outputs(model, one) for one in data],
    )


@check(
    why="A stack of layers is how most models are written first.",
    mend="let call() take one tensor and give one; let build() take its shape",
)
def in_sequential(case: Case) -> None:
    """It works in a `Sequential`, that knows its inputs and that does not yet."""
    case.demand_tensors()
    spec = _single(case, "a Sequential")
    case.model()
    batch = case.inputs.batch if case.is_stateful else None
    start = case.engine.symbolic((batch, *spec.shape[1:]), spec.dtype)
    layer = case.layer()
    model = case.keras.Sequential([start, layer])
    compare(case, _model(case, "A Sequential", layer, model))
    # Keras takes inputs that it is not told of for ones of the layer's own dtype.
    if arrays.is_float(spec.dtype) and not case.is_stateful:
        layer = case.layer()
        model = case.keras.Sequential([layer, case.keras.layers.Activation("linear")])
        compare(case, _model(case, "A Sequential", layer, model))


def _single(case: Case, what: str) -> Spec:
    """The only input, for what gives a layer one tensor and takes one.

    Raises:
        NotApplicable: it has several inputs or outputs, or further arguments.
    """
    spec = case.inputs.specs
    if not isinstance(spec, Spec) or case.call_kwargs:
        reason = f"{what} gives one tensor, and it is called with more"
        raise NotApplicable(reason)
    if isinstance(case.expected, list | tuple | dict):
        reason = f"{what} takes one tensor, and it gives several"
        raise NotApplicable(reason)
    return spec


@check(
    why="Many models are classes: there a layer is an attribute, made in __init__() "
    "and built by the first call, from within another layer.",
    mend="make all variables in build() or __init__(), and override neither __call__() "
    "nor the properties by which Keras lists variables",
)
def in_subclassed(case: Case) -> None:
    """It works as an attribute of a model and of a layer that somebody writes."""
    case.demand_tensors()
    for base in (case.keras.Model, case.keras.layers.Layer):
        compare(case, subclassed(case, base))


@check(
    why="Models are used as layers of others, and more than once, to share weights: a "
    "backbone, a siamese network.",
    mend="keep nothing of one call for the next one, and make no weights in a call",
)
def in_nested(case: Case) -> None:
    """It and a model of it, each used twice in a model, have one set of weights."""
    if case.is_stateful:
        reason = "it is stateful: called twice, it would go on with the other's rows"
        raise NotApplicable(reason)
    case.model()
    layer = case.layer()
    inner = case.model(layer)
    inputs = [case.symbolic(), case.symbolic()]
    shared = [case.call(layer, one) for one in inputs]
    model = case.keras.Model(inputs, [*shared, *(inner(one) for one in inputs)])

    def answers(data: list[Any]) -> list[Any]:
        return list(case.model_outputs(model, data[:2]))

    outer = Outer("A model with it, used twice,", layer, model, answers)
    compare(case, outer, (0, 1, 0, 1))


@check(
    why="TimeDistributed puts a layer on each step of a sequence. It calls the "
    "layer's call(), and asks its compute_output_shape().",
    mend="do all work in call(), none in __call__(); mend compute_output_shape()",
)
def in_time_distributed(case: Case) -> None:
    """In `TimeDistributed` each step gets what the layer gives for it."""
    case.demand_tensors()
    case.demand_repeats()
    spec = _single(case, "TimeDistributed")
    reason = _refused_by_time(case, spec)
    if reason:
        raise NotApplicable(reason)
    layer = case.layer()
    whole = case.keras.layers.TimeDistributed(layer)
    outer = Outer("TimeDistributed", layer, whole, _stepwise(case, whole))
    compare(case, outer, (0, 1))
    _symbolically(case, layer, spec)


def _refused_by_time(case: Case, spec: Spec) -> str:
    """Why Keras can't put it into TimeDistributed."""
    if len(spec.shape) == 1:
        return "TimeDistributed needs inputs of at least one axis besides the rows"
    if spec.dtype == "string":
        return "TimeDistributed takes no strings"
    if not all(batched(case)):
        return "its outputs do not have the rows of its inputs as their first axis"
    return ""


def _stepwise(case: Case, whole: Any) -> Any:
    """The steps together in, and one by one out again."""

    def answers(data: list[Any]) -> list[Any]:
        found = case.engine.array(
            whole(case.engine.tensor(arrays.steps(data)), training=False)
        )
        return [found[:, step] for step in range(len(data))]

    return answers


def _symbolically(case: Case, layer: Any, spec: Spec) -> None:
    """Keras asks for the shape; a layer that does not say it can't be used so."""
    try:
        layer.compute_output_shape((None, *spec.shape[1:]))
    except NotImplementedError:
        return
    case.model()
    whole = case.keras.layers.TimeDistributed(layer)
    inputs = case.engine.symbolic((None, 2, *spec.shape[1:]), spec.dtype)
    model = case.keras.Model(inputs, whole(inputs))
    outer = Outer("TimeDistributed", layer, model, _stepwise(case, model))
    compare(case, outer, (0, 1))


@check(
    why="On JAX fit() calls nothing but this: what a layer does to itself besides is "
    "lost, or is done when it should not be.",
    mend="keep what changes in variables, change it by assign() in call() alone; draw "
    "random numbers with a keras.random.SeedGenerator made in __init__()",
)
def stateless_call_equal(case: Case) -> None:
    """`stateless_call` gives outputs and new values, and leaves the layer as it is."""
    if case.engine.legacy:
        reason = "Keras 2 has no stateless_call()"
        raise NotApplicable(reason)
    layer = case.used()
    start = case.engine.values(layer)
    for training in (False, True) if "training" in case.parameters else (None,):
        first, again = (_stateful(case, layer, start, training=training) for _ in "12")
        if case.differences(first, again):
            continue  # Something else than its variables decides.
        outputs, values = first
        case.engine.assign(layer, start)
        mode = "" if training is None else f" with training={training}"
        found, after = _stateless(case, layer, training=training)
        if wrong := case.differences(case.engine.values(layer), start):
            what = f"stateless_call(){mode} changes the layer's own variables."
            raise Failed(what, found=wrong, expected="no variable changes")
        if wrong := case.differences(found, outputs):
            what = f"stateless_call(){mode} gives something else than a call."
            raise Failed(what, found=wrong, expected="the outputs of a call")
        if wrong := case.differences(after, values):
            what = f"stateless_call(){mode} gives other new values than a call leaves."
            raise Failed(what, found=wrong, expected="the values after a call")


def _stateful(
    case: Case, layer: Any, start: list[Any], *, training: bool | None
) -> list[Any]:
    """Outputs, and the values of what is not trained, after a call from the start."""
    case.engine.assign(layer, start)
    outputs = case.outputs(layer, _cast(case, layer), training=training)
    return [outputs, _values(case, layer.non_trainable_variables)]


def _stateless(case: Case, layer: Any, *, training: bool | None) -> list[Any]:
    given = dict(case.call_kwargs)
    if training is not None:
        given["training"] = training
    inputs = case.engine.tensors(_cast(case, layer))
    outputs, after = layer.stateless_call(
        [one.value for one in layer.trainable_variables],
        [one.value for one in layer.non_trainable_variables],
        *(() if case.by_keyword else (inputs,)),
        **(inputs if case.by_keyword else {}),
        **given,
    )
    return [case.engine.arrays(outputs), case.engine.arrays(after)]


def _cast(case: Case, layer: Any) -> Any:
    """Data of the dtype that a call would cast them to: a stateless one does not."""
    casts = layer.autocast and arrays.is_float(layer.compute_dtype)
    return case.data(dtype=layer.compute_dtype if casts else None)


def _values(case: Case, variables: list[Any]) -> list[Any]:
    return [case.engine.array(one) for one in variables]
