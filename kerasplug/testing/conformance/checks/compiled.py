"""Traced and compiled: what fit() and predict() make of a call."""

from collections.abc import Callable
from typing import Any

from kerasplug.testing.conformance import arrays
from kerasplug.testing.conformance.case import Case
from kerasplug.testing.conformance.check import Blocked, Failed, NotApplicable, check
from kerasplug.testing.conformance.forms import batched
from kerasplug.testing.conformance.structures import flatten, mapped
from kerasplug.testing.conformance.tracing import (
    History,
    demand_jit,
    demand_traceable,
    history,
    known_traceable,
    told,
)

__all__ = ["compiled_equals_eager", "predict_equals_call", "traced_equals_eager"]


class _Trial:
    """A layer in one mode, called over and over from one and the same state.

    Args:
        case: the layer and its inputs.
        training: the mode.
    """

    def __init__(self, case: Case, *, training: bool) -> None:
        self.case = case
        self.training = training
        self.layer = case.used()
        self.start = case.engine.values(self.layer)
        self.data = [case.data(), case.data(variant=1)]
        self.eager = self.history(self.call)

    def call(self, tensors: Any) -> Any:
        """Call the layer on tensors."""
        return self.case.call(self.layer, tensors, training=self.training)

    def history(self, call: Callable[[Any], Any]) -> History:
        """What a way of calling gives, from the state in which the layer was made."""
        return history(self.case, self.layer, self.start, call, self.data)

    @property
    def repeats(self) -> bool:
        """Whether its state decides what it does, and nothing else."""
        return not self.case.differences(self.eager, self.history(self.call))

    @property
    def draws(self) -> bool:
        """Whether it may draw random numbers: one that did not may have been lucky."""
        if self.case.engine.legacy:
            return self.case.is_random
        names = map(self.case.engine.label, self.layer.variables)
        return any("seed_generator" in name for name in names) or not self.repeats

    def compare(self, call: Callable[[Any], Any], how: str) -> None:
        """Compare another way of calling with the eager one.

        Raises:
            Failed: it raises, or gives something else.
        """
        mode = "in training" if self.training else "in inference"
        try:
            found = self.history(call)
        except Exception as error:
            what = f"It can't be {how} {mode}."
            raise Failed(
                what, found=told(error), expected="what it does eagerly"
            ) from error
        for number, (one, two) in enumerate(
            zip(found.outputs, self.eager.outputs, strict=True)
        ):
            if wrong := self.case.differences(one, two):
                what = f"{how.capitalize()}, it gives something else {mode}."
                where = f"call {number + 1}: {wrong}"
                raise Failed(what, found=where, expected="as eagerly")
        for variable, one, two in zip(
            self.layer.variables, found.values, self.eager.values, strict=True
        ):
            if wrong := self.case.differences(one, two):
                name = self.case.engine.label(variable)
                what = f"{how.capitalize()}, it changes {name} otherwise {mode}."
                raise Failed(what, found=wrong, expected="as eagerly")


@check(
    why="fit(), evaluate() and predict() trace each call, on JAX they compile it as "
    "well: what works only eagerly fails there, or is frozen at its first value.",
    mend="compute with keras.ops; branch on tensors by ops.where or ops.cond; keep "
    "what changes in variables. What can't be compiled says self.supports_jit = False",
)
def traced_equals_eager(case: Case) -> None:
    """A traced call gives the outputs, and leaves the variables, of an eager one."""
    if case.engine.tracing_compiles:
        demand_jit(case)
    trial = _Trial(case, training=False)
    free = {0} if _any_batch(case) else set()
    call = case.engine.traced(trial.call, trial.layer, case.tensors(), free)
    if trial.repeats:
        trial.compare(call, "traced")
        if free:
            _other_batch(trial, call)
        known_traceable(case)
    trial = _Trial(case, training=True)
    if trial.repeats:
        trial.compare(
            case.engine.traced(trial.call, trial.layer, case.tensors()), "traced"
        )


def _any_batch(case: Case) -> bool:
    """Whether other numbers of rows can be tried; batch_sizes tells of what can't."""
    try:
        case.demand_any_batch()
        batched(case)
    except NotApplicable:
        return False
    return True


def _other_batch(trial: _Trial, call: Callable[[Any], Any]) -> None:
    trial.data = [trial.case.data(trial.case.inputs.batch + 1)]
    trial.eager = trial.history(trial.call)
    trial.compare(call, "traced")


@check(
    why="On TensorFlow Keras compiles fit() by XLA unless told otherwise: a layer that "
    "can't be compiled ends the training of each model that it is in.",
    mend="use operations that XLA has, with sizes known when it is traced; or "
    "say self.supports_jit = False in __init__()",
)
def compiled_equals_eager(case: Case) -> None:
    """Compiled by XLA it gives the outputs, and leaves the variables, as eagerly."""
    if case.engine.uncompiled:
        raise NotApplicable(case.engine.uncompiled)
    demand_jit(case)
    if any(spec.dtype == "string" for spec in flatten(case.inputs.specs)):
        reason = "XLA has no strings"
        raise NotApplicable(reason)
    demand_traceable(case)
    _compile(_Trial(case, training=False))
    if not _sees_training(case):
        return  # it would be the same program once more
    trial = _Trial(case, training=True)
    # XLA draws other random numbers.
    if not trial.draws:
        _compile(trial)


def _sees_training(case: Case) -> bool:
    """Whether it is told of the mode, or a layer inside of it might be."""
    open_ended = any(one.kind.name[:3] == "VAR" for one in case.parameters.values())
    told = "training" in case.parameters or open_ended
    return told or len(case.engine.layers(case.still)) > 1


def _compile(trial: _Trial) -> None:
    engine = trial.case.engine
    trial.data = trial.data[:1]
    trial.eager = trial.history(trial.call)
    if not trial.repeats:
        by, reason = "inference_repeats", "its outputs differ from call to call"
        raise Blocked(by, reason)
    trial.compare(
        lambda tensors: engine.run(trial.call, trial.layer, tensors, how="xla"),
        "compiled",
    )


@check(
    why="predict() is how most users call a model: batch by batch, traced, the last "
    "batch smaller than the others.",
    mend="see what differs between the batches: sizes kept from the first call, or "
    "state that inference changes",
)
def predict_equals_call(case: Case) -> None:
    """`predict` over two batches gives what one call gives."""
    case.demand_any_batch()
    case.demand_repeats()
    _demand_predictable(case)
    if not all(batched(case)):
        reason = "not all outputs have the rows of the inputs as their first axis"
        raise NotApplicable(reason)
    model = case.model(case.still)
    # XLA is the matter of compiled_equals_eager, and takes long.
    model.compile(jit_compile="auto" if case.engine.tracing_compiles else False)
    count = case.inputs.batch
    data = case.data(count + 1)
    fed = mapped(case.engine.fed, data)
    # Batches of other lengths are put together as one ragged tensor.
    found = flatten(case.engine.arrays(model.predict(fed, batch_size=count, verbose=0)))
    for part in (slice(count), slice(count, None)):
        batch = mapped(lambda one, part=part: one[part], data)
        expected = flatten(case.outputs(case.still, batch))
        if wrong := _unlike(case, [one[part] for one in found], expected):
            what = "predict() gives something else than a call."
            raise Failed(what, found=wrong, expected="the outputs of a call")


def _unlike(case: Case, found: list[Any], expected: list[Any]) -> str:
    """How outputs differ; what is padded to the longest row may be longer."""
    pairs = zip(found, expected, strict=True)
    cut = [
        arrays.overlap(one, two) if one.ndim == two.ndim else (one, two)
        for one, two in pairs
    ]
    return case.differences([one for one, _ in cut], [two for _, two in cut])


def _demand_predictable(case: Case) -> None:
    """What can't be traced is told of elsewhere; what is not to be runs eagerly."""
    try:
        demand_traceable(case)
    except Blocked:
        raise
    except NotApplicable:
        return
