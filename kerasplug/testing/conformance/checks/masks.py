"""Masks: where they go, what they fit, and what they keep out."""

from typing import Any

from kerasplug.testing.conformance import arrays
from kerasplug.testing.conformance.case import Case
from kerasplug.testing.conformance.check import Blocked, Failed, NotApplicable, check
from kerasplug.testing.conformance.masking import Masked, Masking
from kerasplug.testing.conformance.structures import flatten, mapped
from kerasplug.testing.conformance.tracing import told

__all__ = ["mask_as_declared", "mask_shape_fits", "masked_steps_do_not_leak"]


def _masking(case: Case) -> Masking:
    """The masks of the inputs.

    Raises:
        NotApplicable: they can't have any, or the layer has nothing to do with masks.
    """
    masking = case.once(Masking)
    case.demand_repeats()
    if not masking.is_possible:
        reason = "its inputs have no time steps that could be masked"
        raise NotApplicable(reason)
    if not (masking.is_declared or masking.arguments):
        reason = "it neither takes a mask nor lets one through, as it says"
        raise NotApplicable(reason)
    return masking


def _masked(case: Case) -> Masked:
    """What the layer gives for masked inputs.

    Raises:
        Blocked: it can't be called on them.
    """
    found = case.once(_tried)
    if isinstance(found, Exception):
        by, reason = "mask_as_declared", "it can't be called on masked inputs"
        raise Blocked(by, reason) from found
    return found


def _tried(case: Case) -> Masked | Exception:
    try:
        return case.once(Masking).call(case.still, case.data())
    except Exception as error:  # noqa: BLE001 -- mask_as_declared tells of it
        return error


@check(
    why="A mask that ends before the layer that needs it, as an LSTM, lets padding "
    "count as data, without a word.",
    mend="set self.supports_masking = True in __init__() of a layer that lets masks "
    "through or takes one; return the mask of the output from compute_mask()",
)
def mask_as_declared(case: Case) -> None:
    """A mask goes on to the output, or into `call`, as the layer says."""
    masking = _masking(case)
    if not masking.is_declared:
        what = "call() takes a mask, but supports_masking is False."
        said = f"call({', '.join(masking.arguments)}): Keras warns at each call"
        raise Failed(what, found=said, expected="supports_masking = True")
    found = case.once(_tried)
    if isinstance(found, Exception):
        _refused(masking)
        what = "It says supports_masking, but can't be called on masked inputs."
        raise Failed(what, found=told(found), expected="outputs") from found
    if not masking.arguments and _dropped(masking, found):
        what = "It says supports_masking, but its output has no mask."
        expected = "the mask of the input, or one from compute_mask()"
        raise Failed(what, found="no mask", expected=expected)
    _as_given(case, masking, found)
    _in_a_model(case, masking, found)


def _refused(masking: Masking) -> None:
    """Nobody says of images, or of volumes, what their masks look like."""
    if not masking.is_sequence:
        reason = "its inputs are no sequences, and it refuses a mask of their rows"
        raise NotApplicable(reason)


def _dropped(masking: Masking, found: Masked) -> bool:
    """Whether outputs that still have the time steps of the input have no mask."""
    steps = [one.shape for one in flatten(masking.masks)]
    kept = [one.shape[:2] for one in found.outputs]
    several = isinstance(masking.masks, list | tuple | dict)
    none = all(mask is None for mask in found.masks)
    return none and not several and kept[0] == steps[0]


def _as_given(case: Case, masking: Masking, found: Masked) -> None:
    """The argument does what a mask on the inputs does."""
    if masking.arguments != ["mask"] or isinstance(masking.masks, list | tuple | dict):
        return
    mask = case.engine.tensor(masking.masks)
    outputs = flatten(case.outputs(case.still, case.data(), mask=mask))
    if wrong := case.differences(outputs, found.outputs):
        what = "The argument mask does something else than a mask on the inputs."
        raise Failed(what, found=wrong, expected="the same outputs")


def _in_a_model(case: Case, masking: Masking, found: Masked) -> None:
    """In a functional model it does the same."""
    case.demand_tensors()
    inputs = case.symbolic()
    given = flatten(masking.masks)
    masks = [masking.symbolic(mask) for mask in given]
    try:
        case.model()
    except NotApplicable:
        return  # in_functional tells of it.
    rest = iter(masks)
    named = mapped(lambda _: next(rest), masking.masks)
    outputs = case.call(case.still, masking.attached(inputs, named))
    model = case.keras.Model([inputs, masks], outputs)
    tensors = case.engine.tensors([case.data(), given])
    again = masking.read(model(tensors, training=False))
    if wrong := case.differences(again.outputs, found.outputs):
        what = "In a functional model masked inputs give something else."
        raise Failed(what, found=wrong, expected="as eagerly")
    if wrong := case.differences(again.masks, found.masks):
        what = "In a functional model its output has another mask."
        raise Failed(what, found=wrong, expected="as eagerly")


@check(
    why="A mask of another shape than its output stops the next layer that uses it, or "
    "is applied to the wrong steps.",
    mend="let compute_mask() change the mask as call() changes the time steps; return "
    "None where the output has none",
)
def mask_shape_fits(case: Case) -> None:
    """The mask of an output has the first axes of the output."""
    case.demand_repeats()
    masking = case.once(Masking)
    found = [masking.read(case.call(case.still, case.tensors(), training=False))]
    if masking.is_possible and masking.is_declared:
        found.append(_masked(case))
    pairs = [pair for one in found for pair in zip(*one, strict=True)]
    if all(mask is None for _, mask in pairs):
        reason = "its outputs have no mask"
        raise NotApplicable(reason)
    for output, mask in pairs:
        if mask is not None and mask.shape != output.shape[: mask.ndim]:
            what = "The mask of an output does not fit it."
            expected = f"{output.shape[: mask.ndim]}, of an output {output.shape}"
            raise Failed(what, found=f"a mask {mask.shape}", expected=expected)


@check(
    why="Padding would change the answers: the same sentence gives another one in a "
    "longer batch.",
    mend="leave masked steps out of all that mixes steps; a layer that can't, should "
    "not say supports_masking",
)
def masked_steps_do_not_leak(case: Case) -> None:
    """What stands in masked steps has no effect on what is not masked."""
    masking = _masking(case)
    if not (masking.arguments or masking.is_sequence):
        reason = "its inputs are no sequences, and call() takes no mask"
        raise NotApplicable(reason)
    first = _masked(case)
    data = mapped(_changed, case.data(), case.data(variant=1), masking.masks)
    second = masking.call(case.still, data)
    places = list(_places(masking, first, second))
    if not any(place is not None for place in places):
        reason = "its outputs have no mask, and call() takes none"
        raise NotApplicable(reason)
    for one, two, place in zip(first.outputs, second.outputs, places, strict=True):
        if place is None or one.shape != two.shape:
            continue
        if wrong := case.differences(arrays.at(one, place), arrays.at(two, place)):
            what = "Its outputs depend on what stands in masked steps."
            raise Failed(what, found=wrong, expected="the same outputs")


def _changed(first: Any, second: Any, mask: Any) -> Any:
    """The first data with others in the masked steps."""
    return first if mask is None else arrays.chosen(mask, first, second)


def _places(masking: Masking, first: Masked, second: Masked) -> Any:
    """For each output, where it must not change; None where nothing is said of it."""
    given = flatten(masking.masks)
    for output, one, two in zip(first.outputs, first.masks, second.masks, strict=True):
        if one is not None and two is not None:
            fits = one.shape == two.shape == output.shape[: one.ndim]
            yield _all(one, two, given[0]) if fits else None
        elif not masking.arguments:
            yield None
        elif output.shape[:2] == given[0].shape:
            yield given[0]
        else:
            yield arrays.everywhere(output)


def _all(first: Any, second: Any, given: Any) -> Any:
    """Where both masks are true, and the given one: some layers make their own."""
    both = first.astype(bool) & second.astype(bool)
    return both & given if given.shape == both.shape else both
