"""Training and inference: the flag is honoured, and inference changes nothing."""

from collections.abc import Callable
from typing import Any

from kerasplug.testing.conformance.case import Case
from kerasplug.testing.conformance.check import Failed, NotApplicable, check
from kerasplug.testing.conformance.flags import flags_given
from kerasplug.testing.conformance.tracing import History, history, told

__all__ = ["inference_repeats", "training_is_honoured"]


@check(
    why="fit() says training=True, predict() says False, a plain call says nothing: "
    "what a layer makes of it decides whether dropout and statistics are right.",
    mend="take training=None in call(), do what is for training only where it is true, "
    "and hand it on to each layer in this one",
)
def training_is_honoured(case: Case) -> None:
    """`training` reaches all that is inside, and nothing said means inference."""
    layer = case.built()
    for training in (False, True):
        try:
            case.call(layer, case.tensors(), training=training)
        except Exception as error:
            what = f"It can't be called with training={training}."
            raise Failed(what, found=told(error), expected="outputs") from error
    _handed_on(case, layer)
    layer = case.used()
    start = case.engine.values(layer)
    expected = {mode: _from(case, layer, start, mode) for mode in (False, True)}
    default = _default(case)
    found = _once(case, start, layer, lambda x: case.call(layer, x))
    _compare(
        case,
        (found, expected[default]),
        "A call that says nothing of training is not as it should be.",
        f"as with training={default}",
    )
    _in_a_model(case, layer, start, expected)


def _default(case: Case) -> bool:
    """What a call means that says nothing: inference, or what the signature says."""
    declared = case.parameters.get("training")
    return declared is not None and declared.default is True


def _handed_on(case: Case, layer: Any) -> None:
    """What is inside gets the flag; what is not trained may be kept in inference."""
    for training in (False, True):
        for inner, flag in flags_given(case, layer, training=training):
            if bool(flag) != training and inner.trainable:
                what = (
                    f"{inner.name} ({type(inner).__name__}), inside, gets another flag."
                )
                found = f"training={flag} when the layer is given training={training}"
                raise Failed(what, found=found, expected=f"training={training}")


def _from(case: Case, layer: Any, start: list[Any], training: bool) -> History | None:  # noqa: FBT001 -- the one argument that tells two calls apart
    """What a call gives from the start; None where chance decides."""

    def call(tensors: Any) -> Any:
        return case.call(layer, tensors, training=training)

    first, second = (_once(case, start, layer, call) for _ in "12")
    return None if case.differences(first, second) else first


def _once(
    case: Case, start: list[Any], layer: Any, call: Callable[[Any], Any]
) -> History:
    return history(case, layer, start, call, [case.data()])


def _compare(
    case: Case, pair: tuple[History, History | None], what: str, expected: str
) -> None:
    found, wanted = pair
    if wanted is None:
        return
    if wrong := case.differences(list(found), list(wanted)):
        raise Failed(what, found=wrong, expected=expected)


def _in_a_model(
    case: Case, layer: Any, start: list[Any], expected: dict[bool, History | None]
) -> None:
    try:
        model = case.model(layer)
    except NotApplicable:
        return  # in_functional tells of it.
    for training, wanted in expected.items():

        def call(tensors: Any, training: bool = training) -> Any:  # noqa: FBT001 -- bound here, nobody gives it
            return model(tensors, training=training)

        _compare(
            case,
            (_once(case, start, layer, call), wanted),
            f"In a model that is given training={training} it does something else.",
            "as when it is given the flag itself",
        )


@check(
    why="Who asks a model twice gets two answers; and what inference changes is "
    "saved with the model, or makes the next answer differ.",
    mend="draw random numbers and update variables only where training is true; a "
    "layer that goes on from call to call on purpose has stateful = True",
)
def inference_repeats(case: Case) -> None:
    """Inference again gives the same, and changes no variable."""
    if case.is_stateful:
        reason = "it is stateful: its outputs depend on the calls before, as it says"
        raise NotApplicable(reason)
    layer = case.used()
    before = case.engine.values(layer)
    first, second = (case.outputs(layer, case.data()) for _ in "12")
    if wrong := case.differences(second, first):
        what = "A second call in inference gives something else."
        raise Failed(what, found=wrong, expected="the same outputs")
    after = case.engine.values(layer)
    for variable, one, two in zip(layer.variables, after, before, strict=True):
        name = case.engine.label(variable)
        # Numbers that are drawn, and used for nothing, do no harm.
        drawn = "seed_generator" in name
        if (wrong := case.differences(one, two)) and not drawn:
            what = f"Inference changes {name}."
            raise Failed(what, found=wrong, expected="no variable changes")
