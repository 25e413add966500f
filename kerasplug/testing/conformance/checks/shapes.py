"""Shapes: what a layer says of its outputs, and whatever number of rows it gets."""

from typing import Any

from kerasplug.testing.conformance import arrays
from kerasplug.testing.conformance.case import Case
from kerasplug.testing.conformance.check import Failed, NotApplicable, check
from kerasplug.testing.conformance.forms import (
    Form,
    batched,
    batches,
    eager_forms,
    forms,
    forms_of_shapes,
    misfit,
    shape_arguments,
    symbolic_outputs,
)
from kerasplug.testing.conformance.structures import flatten, mapped
from kerasplug.testing.conformance.tracing import told

__all__ = [
    "batch_sizes",
    "compute_output_shape_is_right",
    "compute_output_spec_is_right",
    "samples_do_not_mix",
    "symbolic_equals_eager",
]


def _said(what: str, said: list[Form], found: list[Form]) -> None:
    """Compare what was said with what came out."""
    if wrong := misfit(said, found):
        listed = "; ".join(map(str, found))
        raise Failed(what, found=f"it says {wrong}", expected=f"as it gives {listed}")


@check(
    why="A functional model builds the next layer, and fit() checks its targets, by "
    "the shape and dtype that this layer says it gives, not by what it gives.",
    mend="let compute_output_shape() or compute_output_spec() say what call() does; or "
    "remove them, so that Keras finds it out",
)
def symbolic_equals_eager(case: Case) -> None:
    """Symbolic outputs have the shapes and dtypes of the real ones."""
    found = eager_forms(case)
    for batch in batches(case):
        said = forms(case, symbolic_outputs(case, case.layer(), batch))
        known = "an unknown" if batch is None else "a known"
        what = f"A symbolic output, for {known} number of rows, is not as the real one."
        _said(what, said, found)


@check(
    why="Keras builds models by this shape, and TimeDistributed, Sequential and many "
    "add-ons ask for it: a wrong one breaks the layer behind this one.",
    mend="mend compute_output_shape(); or remove it, so that Keras finds the shape out",
)
def compute_output_shape_is_right(case: Case) -> None:
    """`compute_output_shape` says the shapes that come out."""
    own = _own(case)
    if case.call_kwargs and "compute_output_spec" in own:
        reason = "it can't know of call_kwargs; compute_output_spec() does"
        raise NotApplicable(reason)
    layer, found = case.built(), eager_forms(case)
    for batch in batches(case):
        arguments = shape_arguments(case, layer.compute_output_shape, batch)
        if arguments is None:
            reason = "compute_output_shape() does not take the shapes of these inputs"
            raise NotApplicable(reason)
        try:
            said = layer.compute_output_shape(*arguments[0], **arguments[1])
        except NotImplementedError:
            if "compute_output_shape" in own:
                raise
            reason = "it has no compute_output_shape() of its own"
            raise NotApplicable(reason) from None
        _said("compute_output_shape() is wrong.", forms_of_shapes(said), found)


def _own(case: Case) -> set[str]:
    """The names of all that the layer's classes define, Keras' base aside."""
    base = case.keras.layers.Layer.__mro__
    return {name for one in case.cls.__mro__ if one not in base for name in vars(one)}


@check(
    why="It is what a symbolic call returns; the next layers are built by it.",
    mend="mend compute_output_spec(), or compute_output_shape() where it is made of "
    "that one; or remove them, so that Keras finds it out",
)
def compute_output_spec_is_right(case: Case) -> None:
    """`compute_output_spec` says the shapes and dtypes that come out."""
    if case.engine.legacy:
        reason = "Keras 2 has no compute_output_spec()"
        raise NotApplicable(reason)
    layer, found = case.built(), eager_forms(case)
    for batch in batches(case):
        symbolic_outputs(case, layer, batch)  # A failure is another check's matter.
        inputs = case.symbolic(batch)
        given = inputs if case.by_keyword else {}
        arguments = () if case.by_keyword else (inputs,)
        said = layer.compute_output_spec(*arguments, **given, **case.call_kwargs)
        _said("compute_output_spec() is wrong.", forms(case, said), found)


@check(
    why="Training ends with a smaller batch, and users predict for one row: what was "
    "written for the batch of the first call fails there.",
    mend="take the number of rows from ops.shape(inputs)[0] in call(), or reshape with "
    "-1; never keep that of build()",
)
def batch_sizes(case: Case) -> None:
    """It takes any number of rows, whichever it was built with, and gives as many."""
    case.demand_any_batch()
    count = case.inputs.batch
    layer = case.built()
    found = {count: eager_forms(case)}
    for rows in (count + 1, 1):
        found[rows] = _called(case, layer, rows, count)
        _follows(found, rows, count)
        other = case.layer()
        _called(case, other, rows, rows)
        found[rows] = _called(case, other, count, rows)
        if said := misfit(found.pop(rows), found[count]):
            what = f"Built with {rows} rows it gives other shapes for {count}."
            raise Failed(what, found=said, expected=str(found[count][0]))


def _called(case: Case, layer: Any, rows: int, before: int) -> list[Form]:
    try:
        return forms(case, case.call(layer, case.tensors(rows), training=False))
    except Exception as error:
        what = f"It refuses {rows} rows after it was built with {before}."
        raise Failed(what, found=told(error), expected="any number of rows") from error


def _follows(found: dict[int, list[Form]], rows: int, count: int) -> None:
    """The first axis has the rows, or a multiple; or nothing depends on them."""
    for one, two in zip(found[count], found[rows], strict=True):
        if one.shape == two.shape or None in (*one.shape[:1], *two.shape[:1]):
            continue
        first, second = one.shape[0] or 0, two.shape[0] or 0
        if first * rows != second * count:
            what = f"Its outputs do not follow the number of rows, {rows}."
            raise Failed(what, found=str(two), expected=f"{one} was for {count} rows")


@check(
    why="Users predict row by row, and in batches of whatever size: one and the same "
    "row would get another answer in other company.",
    mend="compute along all axes but the first; take statistics of the batch only in "
    "training. Where rows are compared on purpose, expect the failure",
)
def samples_do_not_mix(case: Case) -> None:
    """In inference a row of the outputs depends on its own row of the inputs only."""
    case.demand_any_batch()
    case.demand_repeats()
    follow = batched(case)
    if not any(follow):
        reason = "no output has the rows of the inputs as its first axis"
        raise NotApplicable(reason)
    count = max(case.inputs.batch, 2)
    data, other = case.data(count), case.data(count, variant=1)
    whole = flatten(case.outputs(case.still, data))
    for row in (0, count - 1):
        mixed = mapped(lambda one, two, row=row: _only(one, two, row), data, other)
        alone = mapped(lambda one, row=row: one[row : row + 1], data)
        for given, at in ((mixed, row), (alone, 0)):
            outputs = flatten(case.outputs(case.still, given))
            _same_row(case, (whole, row), (outputs, at), follow)


def _only(first: Any, second: Any, row: int) -> Any:
    """The second array with one row of the first."""
    found = second.copy()
    found[row] = first[row]
    return found


def _same_row(
    case: Case,
    first: tuple[list[Any], int],
    second: tuple[list[Any], int],
    follow: list[bool],
) -> None:
    for number, follows in enumerate(follow):
        if not follows:
            continue
        one, two = (outputs[number][row] for outputs, row in (first, second))
        # What is padded to the longest row may be longer in other company.
        if one.ndim == two.ndim:
            one, two = arrays.overlap(one, two)
        if said := case.differences(one, two):
            what = "A row of the outputs depends on the other rows of the batch."
            where = f"output {number}, row {first[1]}"
            raise Failed(what, found=f"{where}: {said}", expected="the same values")
