"""Random numbers: they repeat when seeded, and their state is saved."""

import inspect
from typing import Any

from kerasplug.testing.conformance.case import Case
from kerasplug.testing.conformance.check import Blocked, Failed, NotApplicable, check

__all__ = ["random_state_is_saved", "seeded_randomness_repeats"]

#: As many calls tell a layer that draws now and then from one that never does.
_MANY = 24


@check(
    why="An experiment can't be repeated, and two runs of a test differ, though the "
    "user seeded everything as Keras says.",
    mend="draw with keras.random and a keras.random.SeedGenerator(seed) made in "
    "__init__(), initialize weights with keras.initializers",
)
def seeded_randomness_repeats(case: Case) -> None:
    """Equal seeds give equal weights and equal outputs in training."""
    (first, one), (second, two) = _started(case), _started(case)
    _same_weights(case, first, second)
    if said := case.differences(one, two):
        what = "Equal seeds give different outputs in training."
        raise Failed(
            what, found=said, expected="what keras.utils.set_random_seed fixes"
        )
    if _takes_seed(case) and not case.engine.legacy:
        _argument_repeats(case)
        _argument_draws_on(case)


def _started(case: Case) -> tuple[Any, list[Any]]:
    """A new layer, after seeding as users do, and what it gives in training."""
    case.engine.seed(5)
    layer = case.layer()
    return layer, _draws(case, layer, 2)


def _draws(case: Case, layer: Any, count: int) -> list[Any]:
    return [_draw(case, layer) for _ in range(count)]


def _draw(case: Case, layer: Any) -> Any:
    case.forget(layer)
    return case.outputs(layer, case.data(), training=True)


def _same_weights(case: Case, first: Any, second: Any) -> None:
    for one, two in zip(first.weights, second.weights, strict=False):
        values = case.engine.array(one), case.engine.array(two)
        if said := case.differences(*values):
            what = f"Equal seeds give different weights {case.engine.label(one)!r}."
            raise Failed(what, found=said, expected="equal weights, equal outputs")


def _takes_seed(case: Case) -> bool:
    """Whether the constructor has an argument `seed` that may be a number."""
    given = case.subject.arguments.get("seed")
    made = case.subject.factory or case.cls
    return (given is None or isinstance(given, int)) and (
        "seed" in inspect.signature(made).parameters
    )


def _argument_repeats(case: Case) -> None:
    """The argument `seed` fixes the draws, whatever else was drawn before."""
    first = case.built(seed=7)
    case.seed(8)
    second = case.layer(seed=7)
    case.call(second, case.tensors())
    _equalize(case, first, second)
    one, two = (_draws(case, layer, 2) for layer in (first, second))
    if said := case.differences(one, two):
        what = "Two layers with seed=7 and equal weights draw different numbers."
        raise Failed(
            what,
            found=said,
            expected="the argument seed fixes what is drawn in training",
        )


def _equalize(case: Case, first: Any, second: Any) -> None:
    """Give the weights of one layer to another, the states of its seeds left alone."""
    if len(first.weights) != len(second.weights):
        reason = "two layers of one configuration have different weights"
        by = "weights_are_made_once"
        raise Blocked(by, reason)
    for one, two in zip(first.weights, second.weights, strict=True):
        two.assign(case.engine.array(one))


def _argument_draws_on(case: Case) -> None:
    """With the argument `seed` each call draws anew, as it does without."""
    seeded, free = case.built(seed=7), case.built(seed=None)
    if _differing(case, seeded, 2) or not _differing(case, free, 4):
        return
    if _differing(case, free, _MANY) < _MANY // 4:
        return
    if not _differing(case, seeded, _MANY):
        what = "With the argument seed, each call in training draws the same numbers."
        raise Failed(
            what,
            found=f"{_MANY} equal calls with seed=7, different ones with seed=None",
            expected="the seed is where the draws start; each call goes on from there",
            mend="hold self.seed_generator = keras.random.SeedGenerator(seed) and draw "
            "with it: an int draws the same each time",
        )


def _differing(case: Case, layer: Any, count: int) -> int:
    """How many of so many calls in training give something else than the first."""
    first, *rest = _draws(case, layer, count)
    return sum(bool(case.differences(first, one)) for one in rest)


@check(
    why="Training that goes on from a checkpoint draws other numbers than training "
    "that was never interrupted; compiled, a Python generator draws once and for all.",
    mend="keep what the draws depend on in variables: a keras.random.SeedGenerator "
    "that is an attribute of the layer, or add_weight(trainable=False)",
)
def random_state_is_saved(case: Case) -> None:
    """Equal variables give equal draws: nothing random is kept elsewhere."""
    if case.engine.legacy:
        reason = "Keras 2 keeps the state of its random numbers outside all variables"
        raise NotApplicable(reason)
    first = case.built()
    before = _draws(case, first, 4)
    if not any(case.differences(before[0], one) for one in before[1:]):
        reason = "its calls in training do not differ"
        raise NotApplicable(reason)
    second = _twin(case, first)
    one, two = (_draws(case, layer, 3) for layer in (first, second))
    if said := case.differences(one, two):
        what = "A layer that has all variables of another draws other numbers."
        raise Failed(what, found=said, expected="the same next outputs in training")


def _twin(case: Case, first: Any) -> Any:
    """A second layer, made elsewhere in time, with all variables of the first."""
    case.seed(99)
    second = case.layer()
    case.call(second, case.tensors())
    values = case.engine.values(first)
    if [one.shape for one in values] != [
        case.engine.shape(one) for one in second.variables
    ]:
        reason = "calls in training changed its set of variables"
        by = "weights_are_made_once"
        raise Blocked(by, reason)
    case.engine.assign(second, values)
    return second
