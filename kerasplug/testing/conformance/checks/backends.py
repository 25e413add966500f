"""The same layer on the other backends of Keras 3 that are installed."""

import json
from typing import Any

from kerasplug.implementation import is_backend_available
from kerasplug.testing.conformance import arrays
from kerasplug.testing.conformance.case import Case
from kerasplug.testing.conformance.check import Failed, NotApplicable, check
from kerasplug.testing.conformance.configs import demand_trip
from kerasplug.testing.conformance.engines import Gradients
from kerasplug.testing.conformance.fresh.asking import Job, Raised, limits
from kerasplug.testing.conformance.fresh.saved import raised_fault
from kerasplug.testing.conformance.fresh.servers import Setting
from kerasplug.testing.conformance.structures import paths

__all__ = ["cross_backend", "others"]

#: Those that compute in training too, which the gradients are for.
_BACKENDS = ("tensorflow", "jax", "torch")

#: Sums in another order, other formulas for the same function: more than the rounding
#: of one operation, and far less than a wrong formula.
_FLOAT32 = (1e-3, 1e-4)


@check(
    why="Users choose the backend. A layer that computes something else, or can't be "
    "trained, on one of them gives other results there than its author has published.",
    mend="compute with keras.ops alone, and give every axis, dtype and epsilon that "
    "backends could take differently",
    fresh=True,
)
def cross_backend(case: Case) -> None:
    """Outputs and gradients are the same on every installed backend."""
    names = others(case)
    if not names:
        reason = "no other backend of Keras 3 is installed"
        raise NotApplicable(reason)
    mine = case.once(_mine)
    for name in names:
        if fault := _fault(case, name, mine):
            demand_trip(case)
            raise fault


def others(case: Case) -> list[str]:
    """The backends that a case is compared with.

    Raises:
        NotApplicable: it is to be compared with none.
    """
    if case.engine.legacy:
        reason = "Keras 2 has one backend"
        raise NotApplicable(reason)
    if not case.cross_backend:
        reason = "cross_backend=True was not given"
        raise NotApplicable(reason)
    return [
        name
        for name in _BACKENDS
        if name != case.engine.name and is_backend_available(name)
    ]


class _Mine:
    """What the layer computes here.

    Raises:
        Blocked, NotApplicable: its outputs don't follow from weights and inputs.
    """

    def __init__(self, case: Case) -> None:
        case.demand_repeats()
        self.layer = case.still
        self.weights = [case.engine.array(one) for one in self.layer.weights]
        self.outputs = case.expected
        self.gradients = self._gradients(case)

    def _gradients(self, case: Case) -> Gradients | None:
        try:
            return case.engine.gradients(
                lambda inputs: case.call(self.layer, inputs, training=False),
                self.layer,
                case.tensors(),
            )
        except NotApplicable:
            return None


def _mine(case: Case) -> _Mine:
    return _Mine(case)


def _fault(case: Case, name: str, mine: _Mine) -> Failed | None:
    reply = _job(case, name, mine).run()
    if isinstance(reply, Raised):
        return raised_fault(reply, f"It can't be made or called on {name}.")
    shapes = [list(one.shape) for one in mine.weights]
    if reply["shapes"] != shapes:
        what = f"It has other weights on {name}."
        return Failed(what, found=str(reply["shapes"]), expected=str(shapes))
    if said := _apart(case, mine.outputs, reply["outputs"]):
        what = f"Its outputs differ between {case.engine.name} and {name}."
        return Failed(what, found=said, expected="equal ones, but for rounding")
    return _gradient_fault(case, name, mine, reply)


def _job(case: Case, name: str, mine: _Mine) -> Job:
    job = Job(case, "compare", Setting("keras", name))
    job.import_modules()
    job.tell(
        config=json.dumps(case.keras.layers.serialize(mine.layer)),
        gradients=mine.gradients is not None,
        more={"training": False},
    )
    job.pack(weights=mine.weights)
    return job


def _apart(case: Case, first: Any, second: Any) -> str:
    """How two structures differ by more than the backends may; empty: not."""
    one, two = paths(first), paths(second)
    if [where for where, _ in one] != [where for where, _ in two]:
        return f"{len(one)} outputs against {len(two)}"
    for (where, left), (_, right) in zip(one, two, strict=True):
        if said := arrays.difference(left, right, *_limits(case, left)):
            return f"{where}: {said}" if where else said
    return ""


def _limits(case: Case, array: Any) -> tuple[float, float]:
    rtol, atol = limits(case)
    if rtol is not None and atol is not None:
        return rtol, atol
    dtype = str(array.dtype)
    if dtype == "float64":
        # Where a backend has no float64 it computes in float32.
        return _FLOAT32
    return max(_FLOAT32, arrays.tolerance(dtype)) if arrays.is_float(dtype) else (0, 0)


def _gradient_fault(
    case: Case, name: str, mine: _Mine, reply: dict[str, Any]
) -> Failed | None:
    if mine.gradients is None:
        return None
    labels = [case.engine.label(one) for one in mine.layer.trainable_variables]
    inputs = [f"input {number}" for number in range(len(mine.gradients.inputs))]
    for label, left, right in zip(
        [*labels, *inputs],
        [*mine.gradients.weights, *mine.gradients.inputs],
        [*reply["gradients"][0], *reply["gradients"][1]],
        strict=True,
    ):
        if said := _gradient_apart(case, left, right):
            what = f"The gradient of {label!r} differs between {case.engine.name} and "
            return Failed(
                f"{what}{name}.", found=said, expected="equal ones, but for rounding"
            )
    return None


def _gradient_apart(case: Case, left: Any, right: Any) -> str:
    """How two gradients differ; one that is not there is the same as one of zeros."""
    known = left if left is not None else right
    if known is None:
        return ""
    ours, theirs = (known * 0 if one is None else one for one in (left, right))
    rtol, atol = _limits(case, known)
    # Sums cancel: what counts is the size of the gradient as a whole.
    return arrays.difference(ours, theirs, rtol, atol + rtol * arrays.largest(known))
