"""What a model takes and gives, and the arrays that fit it."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final, NamedTuple

from kerasplug.engines.comparing_inputs import Spec
from kerasplug.errors import KerasplugError

__all__ = ["Batch", "Ports", "is_arrays", "ports_of"]

#: Losses whose targets are numbers of classes, without an axis for the classes.
_SPARSE: Final = "sparse_categorical_crossentropy"


class Batch(NamedTuple):
    """Rows that are sent together.

    Attributes:
        rows: how many there are.
        size: how many the engine computes with; the missing ones count nothing.
        x: one array for each input, in its dtype.
        y: the targets, one for each output, as Keras' metrics take them; None where an
            output has none.
        w: the rows' weights, one for each output; None where there are none.
    """

    rows: int
    size: int
    x: list[Any]
    y: list[Any]
    w: list[Any]


class Ports(NamedTuple):
    """All that goes into a model and comes out of it.

    Attributes:
        inputs: in the model's order.
        outputs: the same.
        structure: how its outputs are nested.
    """

    inputs: tuple[Spec, ...]
    outputs: tuple[Spec, ...]
    structure: Any

    @property
    def fixed(self) -> int | None:
        """The only batch size that the model takes; None: any."""
        return next((one.shape[0] for one in self.inputs if one.shape[0]), None)

    def packed(self, arrays: Sequence[Any]) -> Any:
        """Arrays, one for each output, nested as the model nests its outputs."""
        from kerasplug.implementation import implementation

        tree: Any = implementation().tree
        return tree.pack_sequence_as(self.structure, list(arrays))

    # --- what is given, whole or as a batch ---

    def inputs_of(self, x: Any) -> list[Any]:
        """One array for each input, with its dtype yet to be changed.

        Raises:
            KerasplugError: they are not those that the model takes.
        """
        parts = _in_order(x, self.inputs, "input")
        arrays = [_array(part, one.name) for part, one in zip(parts, self.inputs)]  # noqa: B905 -- _in_order has counted
        return [
            _fitted(array, one.shape, f"the input {one.name!r}")
            for array, one in zip(arrays, self.inputs, strict=True)
        ]

    def targets_of(self, y: Any, losses: Sequence[Any]) -> list[Any]:
        """The targets, one for each output; None for one without a loss.

        Raises:
            KerasplugError: they are not those that the outputs and losses take.
        """
        if y is None:
            message = "There are no targets, and the loss needs some."
            expected = ", ".join(one.name for one in self.outputs)
            raise KerasplugError(message, expected=f"y for {expected}")
        optional = {
            one.name
            for one, loss in zip(self.outputs, losses, strict=True)
            if loss is None
        }
        parts = _in_order(y, self.outputs, "output", optional)
        found: list[Any] = []
        for part, one, loss in zip(parts, self.outputs, losses, strict=True):
            if part is None:
                found.append(None)
                continue
            array = _array(part, one.name)
            if loss is not None:
                _fitted(array, _wanted(one, loss), f"the output {one.name!r}")
            found.append(array)
        return found

    def weights_of(self, w: Any) -> list[Any]:
        """The rows' weights, one for each output; one array is for all of them.

        Raises:
            KerasplugError: they are not one number for each row.
        """
        if w is None:
            return [None] * len(self.outputs)
        if not isinstance(w, list | tuple | Mapping):
            return [_row_weights(w)] * len(self.outputs)
        optional = {one.name for one in self.outputs}
        parts = _in_order(w, self.outputs, "output", optional)
        return [None if part is None else _row_weights(part) for part in parts]

    # --- what is sent ---

    def sent(self, batch: Batch, losses: Sequence[Any]) -> dict[str, Any]:
        """The arrays of a batch by the names that the program knows."""
        named = {f"x{number}": array for number, array in enumerate(batch.x)}
        sides = zip(self.outputs, losses, batch.y, batch.w, strict=True)
        for number, (one, loss, y, w) in enumerate(sides):
            if loss is None:
                continue
            named[f"t{number}"] = _fitted(y, _wanted(one, loss), one.name)
            if w is not None:
                named[f"w{number}"] = w
        return named

    def placeholders(self, batch: Batch) -> list[Any]:
        """Outputs of the right shapes, all zero."""
        import numpy as np

        sides = zip(self.outputs, batch.y, strict=True)
        return [
            np.zeros((batch.rows, *_known(one.shape[1:], y)), one.dtype)
            for one, y in sides
        ]


def ports_of(model: Any) -> Ports:
    """What a model takes and gives.

    Args:
        model: a built Sequential or functional model of Keras 3.
    """
    from kerasplug.models.kinds import is_sequential

    into: Any = model.inputs[0] if is_sequential(model) else model.input
    out: Any = model.outputs[0] if is_sequential(model) else model.output
    inputs = tuple(_ports(model.inputs, into, [one.name for one in model.inputs]))
    names = getattr(model, "output_names", None) or [model.layers[-1].name]
    return Ports(inputs, tuple(_ports(model.outputs, out, names)), out)


def _ports(
    tensors: Sequence[Any], structure: Any, names: Sequence[str]
) -> Iterator[Spec]:
    if isinstance(structure, dict) and len(structure) == len(tensors):
        names = sorted(structure)  # as Keras flattens a dict
    for tensor, name in zip(tensors, names, strict=True):
        yield Spec(str(name), tuple(tensor.shape), str(tensor.dtype))


def is_arrays(x: Any) -> bool:
    """Whether it is arrays, not something that gives batches of them."""
    return hasattr(x, "shape") or isinstance(x, list | tuple | Mapping)


def _in_order(
    given: Any, ports: Sequence[Spec], what: str, optional: set[str] | None = None
) -> list[Any]:
    """What was given, in the order of the ports.

    Raises:
        KerasplugError: there are others, or not as many.
    """
    names = [one.name for one in ports]
    optional = optional or set()
    if isinstance(given, Mapping):
        needed = [name for name in names if name not in optional]
        if set(needed) <= set(given) <= set(names):
            return [given.get(name) for name in names]
        found = f"a dict of {', '.join(map(str, given)) or 'nothing'}"
    else:
        parts = list(given) if isinstance(given, list | tuple) else [given]
        if len(parts) == len(names):
            return parts
        some = [name for name in names if name not in optional]
        if optional and len(parts) == len(some):
            by_name = dict(zip(some, parts, strict=True))
            return [by_name.get(name) for name in names]
        found = f"{len(parts)} without names"
    message = f"The arrays are not those for the model's {what}s."
    raise KerasplugError(message, found=found, expected=", ".join(names))


def _array(value: Any, name: str) -> Any:
    """The value as an array of numbers with at least one axis."""
    import numpy as np

    if hasattr(value, "detach"):  # a tensor of PyTorch
        value = value.detach().cpu()
    try:
        array = np.asarray(value)
    except Exception as error:
        message = f"What was given for {name!r} is no array."
        found = f"{type(value).__name__}: {error}"
        raise KerasplugError(message, found=found, expected="numbers") from error
    if array.dtype.kind not in "biuf" or not array.ndim:
        message = f"What was given for {name!r} is no batch of numbers."
        found = f"shape {array.shape}, dtype {array.dtype}"
        raise KerasplugError(message, found=found, expected="rows of numbers")
    return array


def _fitted(array: Any, shape: tuple[int | None, ...], what: str) -> Any:
    """The array in that shape; an axis of 1 at the end comes and goes, as in Keras.

    Raises:
        KerasplugError: it has another.
    """
    given = array
    if array.ndim == len(shape) - 1 and shape[-1] == 1:
        array = array[..., None]
    elif array.ndim == len(shape) + 1 and array.shape[-1] == 1:
        array = array[..., 0]
    pairs = zip(shape[1:], array.shape[1:], strict=False)
    if array.ndim != len(shape) or any(
        want not in (None, have) for want, have in pairs
    ):
        shown = ", ".join("any" if one is None else str(one) for one in shape)
        message = f"An array does not fit {what}."
        raise KerasplugError(
            message, found=f"shape {given.shape}", expected=f"shape ({shown})"
        )
    return array


def _wanted(port: Spec, loss: Mapping[str, Any]) -> tuple[int | None, ...]:
    """The shape of an output's targets."""
    return port.shape[:-1] if loss.get("name") == _SPARSE else port.shape


def _known(shape: tuple[int | None, ...], y: Any) -> tuple[int, ...]:
    """The shape without gaps, filled from the targets where it can be."""
    there = () if y is None else y.shape[1:]
    filled = [*there, *[1] * len(shape)]
    return tuple(
        filled[number] if one is None else one for number, one in enumerate(shape)
    )


def _row_weights(w: Any) -> Any:
    """One number for each row."""
    import numpy as np

    array = _array(w, "sample_weight")
    if array.ndim == 2 and array.shape[1] == 1:  # noqa: PLR2004 -- rows and one column
        array = array[:, 0]
    if array.ndim != 1:
        message = "The weights are not one number for each row."
        expected = "shape (rows,): weights of steps in time are not had here"
        found = f"shape {array.shape}"
        raise KerasplugError(message, found=found, expected=expected)
    return array.astype(np.float32, copy=False)
