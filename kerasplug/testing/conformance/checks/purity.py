"""Side effects: on the inputs, on later calls, on other instances, between threads."""

import sys
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any

from kerasplug.testing.conformance.case import Case
from kerasplug.testing.conformance.check import Blocked, Failed, NotApplicable, check
from kerasplug.testing.conformance.structures import flatten, paths

__all__ = [
    "inputs_are_left_alone",
    "instances_are_separate",
    "no_state_between_calls",
    "threads_agree",
]

#: Threads, and calls that each makes: at least, and at most in so many seconds.
_THREADS, _FEW, _MANY, _SECONDS = 8, 4, 20, 1.0


@check(
    why="The user's data, or what another branch of the model still needs, is another "
    "after the call: silently, and on some backends only.",
    mend="compute new tensors instead of x += 1 or x[...] = 0; copy a list or dict "
    "before you change it",
)
def inputs_are_left_alone(case: Case) -> None:
    """A call changes neither its input arrays and tensors nor what holds them."""
    layer = case.built()
    for training in (False, True):
        for make, kind in ((case.data, "array"), (case.tensors, "tensor")):
            inputs = make()
            before = paths(inputs)
            values = [case.engine.array(one).copy() for _, one in before]
            _called(case, layer, inputs, training=training)
            _compare(case, before, values, inputs, kind)


def _called(case: Case, layer: Any, inputs: Any, *, training: bool) -> None:
    try:
        case.call(layer, inputs, training=training)
    except Exception as error:
        if not training:
            raise
        by = "training_is_honoured"
        reason = f"it can't be called in training ({type(error).__name__})"
        raise Blocked(by, reason) from error


def _compare(
    case: Case, before: list[tuple[str, Any]], values: list[Any], now: Any, kind: str
) -> None:
    after = paths(now)
    same = [where for where, _ in before] == [where for where, _ in after]
    if not same or any(
        one is not two for (_, one), (_, two) in zip(before, after, strict=True)
    ):
        what = "A call changes the list or dict in which it is given its inputs."
        raise Failed(
            what,
            found=f"{len(after)} entries, or others in their place",
            expected=f"the {len(before)} that it was given",
        )
    for (where, one), value in zip(after, values, strict=True):
        if said := case.differences(value, case.engine.array(one)):
            what = f"A call changes its input {kind}{where} in place."
            raise Failed(what, found=said, expected="the values that were given")


@check(
    why="What a served model answers to one request depends on the request before.",
    mend="keep nothing of a call in attributes; what has to be kept is a variable, and "
    "is updated in training only",
)
def no_state_between_calls(case: Case) -> None:
    """In inference an output depends on the inputs and on no call before."""
    case.demand_repeats()
    first, second = case.used(), case.used()
    case.engine.assign(second, case.engine.values(first))
    # The variants that `used` was trained on may have had their effect by then.
    one, *others = (case.data(variant=number) for number in (0, 3, 4, 5))
    before, *_, between, after = (
        case.outputs(first, data) for data in (one, *others, one)
    )
    if said := case.differences(before, after):
        what = "Equal calls differ when a call on other inputs comes between them."
        raise Failed(what, found=said, expected="equal outputs for equal inputs")
    if said := case.differences(between, case.outputs(second, others[-1])):
        what = "The outputs depend on which inputs the layer was called on before."
        raise Failed(what, found=said, expected="what a layer of equal weights gives")


@check(
    why="Two layers in one model, or two models in one program, change each other.",
    mend="make lists, dicts and weights in __init__() or build(), not in the class or "
    "as defaults of arguments; name shared weights as such by passing the layer",
)
def instances_are_separate(case: Case) -> None:
    """Making, calling and training one instance changes no other."""
    if any(case.engine.is_layer(one) for one in flatten(case.subject.arguments)):
        reason = (
            "init_kwargs has layers, which all instances share: give a function that "
            "makes them"
        )
        raise NotApplicable(reason)
    first = case.used()
    # Its own calls may move its seeds: no call of it lies between the two looks at
    # its variables.
    outputs, config = _outputs(case, first), _config(first)
    values = case.engine.values(first)
    second = case.layer()
    case.call(second, case.tensors())
    _demand_own_variables(case, first, second)
    for variant in range(2):
        _called(case, second, case.tensors(variant=variant), training=True)
    _move(case, second)
    _demand_equal(case, "configuration", config, _config(first))
    _demand_equal(case, "variables", values, case.engine.values(first))
    _demand_equal(case, "outputs", outputs, _outputs(case, first))


def _outputs(case: Case, layer: Any) -> Any:
    case.forget(layer)
    return case.outputs(layer, case.data()) if case.repeats else None


def _config(layer: Any) -> str:
    try:
        return repr(layer.get_config())
    except Exception:  # noqa: BLE001 -- other checks are about that
        return ""


def _demand_own_variables(case: Case, first: Any, second: Any) -> None:
    own = {id(one) for one in first.variables}
    for variable in second.variables:
        if id(variable) in own:
            name = case.engine.label(variable)
            what = f"Two instances share the variable {name!r}."
            raise Failed(what, found="one object", expected="each its own")


def _move(case: Case, layer: Any) -> None:
    for weight in layer.trainable_variables:
        weight.assign(case.engine.array(weight) * 2 + 1)


def _demand_equal(case: Case, name: str, before: Any, after: Any) -> None:
    if isinstance(before, str):
        said = "" if before == after else f"{after} in place of {before}"
    else:
        said = case.differences(before, after)
    if said:
        what = f"Using another instance changes a layer's {name}."
        raise Failed(what, found=said[:400], expected="no change")


@check(
    why="A served model answers one request with parts of another's data, once in a "
    "thousand times.",
    mend="pass what a call computes on as arguments and return values, never by "
    "attributes of the layer",
)
def threads_agree(case: Case) -> None:
    """Called from eight threads at once in inference, it gives what it gives alone."""
    case.demand_repeats()
    layer = case.still
    inputs = [case.tensors(variant=number) for number in range(_THREADS)]
    expected, again = ([_given(case, layer, one) for one in inputs] for _ in "12")
    if case.differences(expected, again):
        by, reason = "no_state_between_calls", "the calls before make a difference"
        raise Blocked(by, reason)
    found = _at_once(lambda one: _many(case, layer, one), inputs)
    for alone, together in zip(expected, found, strict=True):
        for one in together:
            if said := case.differences(alone, case.engine.arrays(one)):
                what = "Calls from several threads at once give wrong outputs."
                raise Failed(what, found=said, expected="the outputs of one call alone")


def _given(case: Case, layer: Any, inputs: Any) -> Any:
    return case.engine.arrays(case.call(layer, inputs, training=False))


def _many(case: Case, layer: Any, inputs: Any) -> list[Any]:
    """The outputs of many calls, one after the other, as they come: tensors."""
    until = time.monotonic() + _SECONDS
    found: list[Any] = []
    while len(found) < _FEW or (len(found) < _MANY and time.monotonic() < until):
        found.append(case.call(layer, inputs, training=False))
    return found


def _at_once(work: Callable[[Any], Any], inputs: list[Any]) -> list[Any]:
    """What `work` gives for each input, all at once."""
    barrier = threading.Barrier(len(inputs))

    def run(one: Any) -> Any:
        barrier.wait()
        return work(one)

    with _switching_often(), ThreadPoolExecutor(len(inputs)) as pool:
        return list(pool.map(run, inputs))


@contextmanager
def _switching_often() -> Iterator[None]:
    """Threads take turns so often that one is interrupted within a call."""
    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-5)  # finds no less than shorter ones, which cost more
    try:
        yield
    finally:
        sys.setswitchinterval(before)
