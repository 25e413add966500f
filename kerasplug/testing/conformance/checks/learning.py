"""Training by `fit`: it runs, it lowers the loss, and it keeps the layer's state."""

from typing import Any

from kerasplug.testing.conformance.case import Case
from kerasplug.testing.conformance.check import Blocked, Failed, NotApplicable, check
from kerasplug.testing.conformance.checks.randomness import random_state_is_saved
from kerasplug.testing.conformance.fitting import BATCHES, Fit, fit_of

__all__ = ["fit_updates_state", "loss_falls"]

#: Learning rates to try, and which part of the loss may be left: small steps go down
#: on every slope that is right, where large ones overshoot.
_TRIES = ((0.02, 0.8), (0.002, 0.97), (0.0002, 0.997))


@check(
    why="It can be called, and can't be trained.",
    mend="look at gradients_reach_weights and gradients_are_right; in call() set no "
    "weight that is trained, and no attribute to a tensor",
)
def loss_falls(case: Case) -> None:
    """Compiled and fitted, it learns what the same layer with other weights gives."""
    fit = case.once(fit_of)
    if isinstance(fit, Exception):
        raise fit
    if fit.has_head or case.is_stateful:
        _ = fit.after  # that it runs is all there is to see
        return
    said = ""
    for rate, left in _TRIES:
        pairs = fit.losses(rate)
        if all(before < 1e-12 for before, _ in pairs):  # noqa: PLR2004 -- rounding
            by, reason = "gradients_reach_weights", "its weights make no difference"
            raise Blocked(by, reason)
        if any(after < left * before for before, after in pairs):
            return
        said = said or "{:.4g} before, {:.4g} after".format(*pairs[0])
    what = "The loss does not fall in 40 steps down its slope, be they large or small."
    raise Failed(what, found=said)


@check(
    why="Moving averages, counters and random states stand still, or are counted "
    "twice, in compiled training; the model is good in training and bad afterwards.",
    mend="update variables by variable.assign() in call(), not attributes; not by "
    "replacing the variable, and not under a Python condition on values",
)
def fit_updates_state(case: Case) -> None:
    """Compiled steps of fit change the state as calls in training do."""
    fit = case.once(fit_of)
    if isinstance(fit, NotApplicable):
        raise fit
    if isinstance(fit, Exception):
        by, reason = "loss_falls", f"fit raises {type(fit).__name__}"
        raise Blocked(by, reason) from fit
    layer = case.built()
    state = _state(layer)
    if not state:
        reason = "it has no variables that are not trained"
        raise NotApplicable(reason)
    after = _after(fit)
    case.engine.assign(layer, fit.start)
    case.forget(layer)
    for variant in range(BATCHES):
        case.call(layer, case.tensors(variant=variant), training=True)
    _compare(case, after, layer, state)


def _after(fit: Fit) -> list[Any]:
    try:
        return fit.after
    except NotApplicable:
        raise
    except Exception as error:
        by, reason = "loss_falls", f"fit raises {type(error).__name__}"
        raise Blocked(by, reason) from error


def _state(layer: object) -> list[int]:
    """Which of the variables are state, by number; `fit` itself resets metrics."""
    trained = getattr(layer, "trainable_variables", [])
    metrics = getattr(layer, "metrics_variables", [])
    others = {id(one) for one in (*trained, *metrics)}
    variables = getattr(layer, "variables", [])
    return [number for number, one in enumerate(variables) if id(one) not in others]


def _compare(case: Case, after: list[Any], layer: object, state: list[int]) -> None:
    variables = getattr(layer, "variables", [])
    for number in state:
        expected = case.engine.array(variables[number])
        if said := case.differences(after[number], expected):
            _demand_saved_chance(case)
            name = case.engine.label(variables[number])
            what = f"Steps of fit leave {name!r} with another value than calls do."
            expected = f"as after {BATCHES} calls in training"
            raise Failed(what, found=said, expected=expected)


def _demand_saved_chance(case: Case) -> None:
    """Another check tells of draws that depend on more than the variables."""
    try:
        random_state_is_saved.run(case)
    except NotApplicable:
        return
    except Failed as error:
        by, reason = "random_state_is_saved", "its draws depend on more than variables"
        raise Blocked(by, reason) from error
