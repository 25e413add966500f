"""Shapes and dtypes of outputs: what was said of them, and what came out."""

import inspect
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, NamedTuple

from kerasplug.testing.conformance.check import Blocked
from kerasplug.testing.conformance.structures import paths

if TYPE_CHECKING:
    from kerasplug.testing.conformance.case import Case

__all__ = [
    "Form",
    "batched",
    "batches",
    "demand_true_forms",
    "eager_forms",
    "forms",
    "forms_of_shapes",
    "misfit",
    "shape_arguments",
    "symbolic_outputs",
]

Shape = tuple[int | None, ...]


class Form(NamedTuple):
    """One output: where it is, its shape, its dtype or "" where nothing says it."""

    where: str
    shape: Shape
    dtype: str = ""

    def __str__(self) -> str:
        named = f" {self.dtype}" if self.dtype else ""
        return f"{self.where or 'output'}: {self.shape}{named}"


def forms(case: "Case", outputs: Any) -> list[Form]:
    """The forms of tensors, symbolic or not; dtypes as the backend can have them."""
    engine = case.engine
    return [
        Form(where, engine.shape(one), engine.available(engine.dtype(one)))
        for where, one in paths(outputs)
    ]


def forms_of_shapes(shapes: Any) -> list[Form]:
    """The forms of a structure of shapes, whatever a layer writes as a shape."""
    return [Form(where, shape.sizes) for where, shape in paths(_shapes(shapes))]


class _Whole:
    """A shape as a leaf: a bare tuple would be a structure."""

    def __init__(self, sizes: Any) -> None:
        self.sizes = tuple(None if one is None else int(one) for one in sizes)


def _shapes(value: Any) -> Any:
    if hasattr(value, "as_list"):  # a TensorShape
        return _Whole(value.as_list())
    if isinstance(value, dict):
        return {key: _shapes(one) for key, one in value.items()}
    if all(one is None or not hasattr(one, "__len__") for one in value):
        return _Whole(value)
    return [_shapes(one) for one in value]


def misfit(said: list[Form], found: list[Form]) -> str:
    """How what was said does not fit what came out; empty: it fits.

    A size that is said to be unknown fits all.
    """
    if len(said) != len(found):
        return f"{len(said)} outputs, not {len(found)}"
    for one, two in _pairs(said, found):
        wrong = len(one.shape) != len(two.shape) or any(
            None not in pair and pair[0] != pair[1]
            for pair in zip(one.shape, two.shape, strict=True)
        )
        if wrong or one.dtype not in ("", two.dtype):
            return str(one)
    return ""


def _pairs(said: list[Form], found: list[Form]) -> list[tuple[Form, Form]]:
    """Each with its counterpart: by name in a dict, else in order."""
    by_name = {one.where: one for one in said}
    if set(by_name) == {one.where for one in found}:
        return [(by_name[one.where], one) for one in found]
    return list(zip(said, found, strict=True))


def shape_arguments(
    case: "Case", function: Callable[..., Any], batch: int | None
) -> tuple[list[Any], dict[str, Any]] | None:
    """The arguments by which Keras tells the inputs' shapes; None: there are none such.

    Args:
        case: the layer and its inputs.
        function: the layer's `compute_output_shape`.
        batch: the number of rows, None for an unknown one.
    """
    specs = case.inputs.specs
    shapes = _of_specs(specs, batch)
    names = list(inspect.signature(function).parameters)
    if not case.by_keyword:
        return ([shapes], {}) if names else None
    if len(names) == 1:
        first = next(name for name in case.parameters if name in shapes)
        return [shapes[first]], {}
    named = {f"{name}_shape": shape for name, shape in shapes.items()}
    return ([], named) if set(named) <= set(names) else None


def _of_specs(specs: Any, batch: int | None) -> Any:
    if isinstance(specs, dict):
        return {key: _of_specs(one, batch) for key, one in specs.items()}
    if isinstance(specs, list | tuple):
        return [_of_specs(one, batch) for one in specs]
    return (batch, *specs.shape[1:])


def symbolic_outputs(case: "Case", layer: Any, batch: int | None = None) -> Any:
    """The symbolic outputs of a layer, in the structure in which it gives them.

    Raises:
        Blocked: a symbolic call fails.
    """
    try:
        return case.call(layer, case.symbolic(batch))
    except Exception as error:
        by, reason = "in_functional", f"a symbolic call fails ({type(error).__name__})"
        raise Blocked(by, reason) from error


def batched(case: "Case") -> list[bool]:
    """For each output, whether its first axis is the rows of the inputs.

    Raises:
        Blocked: it refuses another number of rows.
    """
    return case.once(_batched)


def _batched(case: "Case") -> list[bool]:
    counts = (case.inputs.batch, case.inputs.batch + 1)
    try:
        found = [
            forms(case, case.call(case.still, case.tensors(rows), training=False))
            for rows in counts
        ]
    except Exception as error:
        by, reason = "batch_sizes", f"other batches fail ({type(error).__name__})"
        raise Blocked(by, reason) from error
    return [
        tuple(form.shape[:1] for form in pair) == tuple((rows,) for rows in counts)
        for pair in zip(*found, strict=True)
    ]


def batches(case: "Case") -> list[int | None]:
    """The numbers of rows of symbolic inputs: unknown, where that may be, and known."""
    known = case.inputs.batch
    return [known] if case.is_stateful else [None, known]


def eager_forms(case: "Case") -> list[Form]:
    """The forms of what comes out, in inference."""
    return case.once(_eager)


def _eager(case: "Case") -> list[Form]:
    return forms(case, case.call(case.still, case.tensors(), training=False))


def demand_true_forms(case: "Case") -> None:
    """For a check that goes on from symbolic outputs.

    Raises:
        Blocked: already for known sizes they are not as the real ones.
    """
    said = forms(case, symbolic_outputs(case, case.layer(), case.inputs.batch))
    if wrong := misfit(said, eager_forms(case)):
        by, reason = "symbolic_equals_eager", f"symbolic outputs are wrong ({wrong})"
        raise Blocked(by, reason)
