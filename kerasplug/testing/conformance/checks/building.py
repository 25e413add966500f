"""Weights: made once, in `build`, and the same whichever way a layer was built."""

import inspect
from typing import Any

from kerasplug.testing.conformance.case import Case
from kerasplug.testing.conformance.check import Failed, NotApplicable, check
from kerasplug.testing.conformance.structures import mapped

__all__ = ["build_equals_call", "build_is_idempotent", "weights_are_made_once"]


@check(
    why="Loading a saved model builds its layers by shape, without calling them: what "
    "only a call makes is not there when the file's weights are to be put into it.",
    mend="make all weights, and build all sublayers, in build()",
)
def build_equals_call(case: Case) -> None:
    """A layer that was built by its shape has the weights of one that was called."""
    layer = case.layer()
    if not _build(case, layer):
        reason = "its inputs are not given to build() as one shape"
        raise NotApplicable(reason)
    by_shape, by_call = _weights(case, layer), _weights(case, case.built())
    if by_shape != by_call:
        what = "build() and a call make different weights."
        raise Failed(
            what, found=f"build() makes {by_shape}", expected=f"as a call: {by_call}"
        )


def _build(case: Case, layer: Any) -> bool:
    """Build by shape; whether the layer takes its shapes so."""
    # What goes on with the rows of the call before has to know how many they are.
    rows = case.inputs.batch if case.is_stateful else None
    shapes = mapped(lambda spec: (rows, *spec.shape[1:]), case.inputs.specs)
    if isinstance(shapes, dict):
        wanted = inspect.signature(layer.build).parameters
        named = {f"{key}_shape": shape for key, shape in shapes.items()}
        if not case.by_keyword or not set(named) <= set(wanted):
            return False
        layer.build(**named)
    else:
        layer.build(shapes)
    return True


def _weights(case: Case, layer: Any) -> list[tuple[tuple[int | None, ...], str]]:
    return [(case.engine.shape(one), case.engine.dtype(one)) for one in layer.weights]


@check(
    why="Calling a model again, or on another batch, would train new weights while the "
    "file and the optimizer hold the old ones.",
    mend="make weights in build() or __init__, never in call()",
)
def weights_are_made_once(case: Case) -> None:
    """Calling a layer again makes no more weights and replaces none."""
    layer = case.built()
    before = [id(one) for one in layer.variables]
    for training in (False, True):
        case.call(layer, case.tensors(variant=1), training=training)
    if [id(one) for one in layer.variables] != before:
        what = "A second call makes or replaces weights."
        raise Failed(
            what,
            found=f"{len(layer.variables)} variables, {len(before)} after the first",
        )


@check(
    why="A layer in several models, or one that is loaded, may be built more than "
    "once; a second kernel beside the first is trained, or saved, in its place.",
    mend="return from build() where self.built is true, or let Keras refuse it",
)
def build_is_idempotent(case: Case) -> None:
    """Building a layer again neither adds nor replaces weights."""
    layer = case.used()  # at their first values weights would seem untouched
    before, values = [id(one) for one in layer.variables], case.engine.values(layer)
    if case.engine.legacy:
        reason = "Keras 2 makes new weights when build() is called again, in each layer"
        raise NotApplicable(reason)
    try:
        if not _build(case, layer):
            reason = "its inputs are not given to build() as one shape"
            raise NotApplicable(reason)
    except NotApplicable:
        raise
    except Exception:  # noqa: BLE001, S110 -- refusing is one way of leaving all as it is
        pass
    if [id(one) for one in layer.variables] != before:
        what = "A second build() adds or replaces weights."
        raise Failed(
            what,
            found=f"{len(layer.variables)} variables",
            expected=f"the {len(before)}",
        )
    if said := case.differences(values, case.engine.values(layer)):
        what = "A second build() gives the weights other values."
        raise Failed(what, found=said, expected="the values that they had")
