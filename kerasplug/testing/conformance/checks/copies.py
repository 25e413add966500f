"""Copies: by Keras, by `copy` and by `pickle`; equal, and nothing shared."""

import copy
import pickle
from collections.abc import Callable
from typing import Any

from kerasplug.testing.conformance import arrays
from kerasplug.testing.conformance.case import Case
from kerasplug.testing.conformance.check import Failed, NotApplicable, check
from kerasplug.testing.conformance.configs import copy_state, demand_trip

__all__ = ["clone_model_equal", "deepcopy_equal", "pickle_equal"]

_SHARED = (
    "Training one would change the other, as when an ensemble, a teacher or a frozen "
    "copy is made of a model."
)


@check(
    why=_SHARED,
    mend="return plain values from get_config(), and make new objects in from_config() "
    "and __init__()",
)
def clone_model_equal(case: Case) -> None:
    """A model that Keras clones gives the same outputs, and shares nothing."""
    demand_trip(case)
    model = case.model(case.once(_original))
    with case.scope:
        clone = case.keras.models.clone_model(model)
    _demand_apart(case, model, clone)
    copy_state(case, model, clone)
    _demand_equal(case, model, clone, case.model_outputs)


@check(
    why=_SHARED,
    mend="keep nothing in the layer that can't be copied; or give it a __deepcopy__() "
    "that makes a new layer with the same weights",
)
def deepcopy_equal(case: Case) -> None:
    """A deep copy of the layer is equal to it, and shares nothing."""
    if not case.engine.legacy:
        demand_trip(case)  # Keras 3 copies by way of the configuration
    layer = case.once(_original)
    with case.scope:
        copied = copy.deepcopy(layer)
    _demand_apart(case, layer, copied)
    _demand_equal(case, layer, copied, case.outputs)


@check(
    why="Tools that work in several processes, such as Ray, Spark, joblib or scikeras, "
    "send models as pickles.",
    mend="keep all state in weights and in the configuration, from which Keras makes "
    "the layer anew",
)
def pickle_equal(case: Case) -> None:
    """The layer can be pickled, in a model, and what comes back is equal."""
    if "<locals>" in case.cls.__qualname__:
        reason = "its class is local to a function, from where pickle can't import it"
        raise NotApplicable(reason)
    demand_trip(case)
    layer = case.once(_original)
    # A model is pickled as a file is saved: what a layer does by itself goes unasked.
    alone = _pickles_itself(case)
    original = layer if alone else case.model(layer)
    with case.scope:
        copied = pickle.loads(pickle.dumps(original))  # noqa: S301 -- made in this line
    _demand_apart(case, original, copied)
    _demand_equal(case, original, copied, case.outputs if alone else case.model_outputs)


def _pickles_itself(case: Case) -> bool:
    base = case.keras.layers.Layer
    return any(
        getattr(case.cls, name, None) is not getattr(base, name, None)
        for name in ("__reduce__", "__reduce_ex__", "__getstate__", "__setstate__")
    )


def _original(case: Case) -> Any:
    """The layer that is copied: a fault may change it together with its copy."""
    return case.used()


def _demand_apart(case: Case, original: Any, copied: Any) -> None:
    ours = {id(one) for one in original.variables}
    shared = [case.engine.label(one) for one in copied.variables if id(one) in ours]
    if shared:
        what = f"The copy shares the variable {shared[0]} with the original."
        raise Failed(
            what,
            found=f"{len(shared)} of {len(copied.variables)} variables are shared",
            expected="variables of its own",
        )


def _demand_equal(
    case: Case, original: Any, copied: Any, outputs: Callable[..., Any]
) -> None:
    """Equal outputs, and those of the original stay when the copy is trained."""

    def now(one: Any) -> Any:
        for each in case.engine.layers(one):
            case.forget(each)
        return outputs(one, case.data())

    expected = now(original)
    if said := case.differences(now(copied), expected):
        _demand_repeats(case)
        what = "The copy gives other outputs."
        raise Failed(what, found=said, expected="the outputs of the original")
    outputs(copied, case.data(variant=1), training=True)
    _change(case, copied)
    if said := case.differences(now(original), expected):
        _demand_repeats(case)
        what = "The original gives other outputs when its copy is trained."
        raise Failed(what, found=said, expected="the outputs that it gave before")


def _demand_repeats(case: Case) -> None:
    if not case.is_stateful:
        case.demand_repeats()


def _change(case: Case, layer: Any) -> None:
    """Give the weights other values, as training does."""
    for weight in layer.trainable_variables:
        if arrays.is_float(case.engine.dtype(weight)):
            weight.assign(case.engine.array(weight) * 0.5 + 0.25)
