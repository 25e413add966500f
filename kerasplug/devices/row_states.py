"""TensorFlow: layers that remember a state for each row of the batch, in slices.

A stateful recurrent layer keeps one variable for the whole batch. A replica has to
read its own rows of it, and to write them; the rest of the layer does not know.
"""

import contextlib
from collections.abc import Iterator, Sequence
from typing import Any

from kerasplug.devices.naming import framework
from kerasplug.devices.pieces import Piece
from kerasplug.devices.slices import leaves, packed, remembering

__all__ = ["RowStates"]

#: The states, and the number of rows that they are for.
_HELD = ("states", "_expected_batch_size")


class RowStates:
    """The states of a model's recurrent layers, of which replicas have some rows each.

    Args:
        model: the template, built.
    """

    def __init__(self, model: Any) -> None:
        self._layers = remembering(model)

    def rows(self, part: Piece) -> "list[list[_Rows]]":
        """The rows of one slice, for each layer and each of its states."""
        layers = self._layers
        return [[_Rows(one, part) for one in leaves(layer.states)] for layer in layers]

    @contextlib.contextmanager
    def of(
        self, part: Piece, rows: "list[list[_Rows]] | None" = None
    ) -> Iterator[list[Any]]:
        """Let the layers see the rows of one slice; gives what they put in their place.

        The list is full afterwards, in the order of the layers and their states.

        Args:
            part: the slice.
            rows: its rows where a replica is not computed at once, to go on with.
        """
        held = [vars(layer) for layer in self._layers]
        before = [{name: one.get(name) for name in _HELD} for one in held]
        rows = self.rows(part) if rows is None else rows
        new: list[Any] = []
        try:
            for one, was, here in zip(held, before, rows, strict=True):
                # Past Keras' own `__setattr__`, which would keep track of it.
                here_alone = (packed(was["states"], here), None)
                one.update(zip(_HELD, here_alone, strict=True))
            yield new
            new += [one.value for here in rows for one in here]
        finally:
            for one, was in zip(held, before, strict=True):
                one.update(was)

    def assign(self, values: Sequence[Any]) -> None:
        """Give the layers their states back, those of the whole batch."""
        variables = [one for layer in self._layers for one in leaves(layer.states)]
        for variable, value in zip(variables, values, strict=True):
            variable.assign(value)


class _Rows:
    """Some rows of a variable, which are read and written in its place."""

    def __init__(self, variable: Any, part: Piece) -> None:
        self.dtype = variable.dtype
        first = part.first
        self.value = variable.value[first : first + part.rows]
        self.shape = self.value.shape

    def assign(self, value: Any) -> None:
        # What is remembered is a beginning for the next batch: no gradient passes.
        self.value = framework().stop_gradient(value)

    def __tf_tensor__(self, dtype: Any = None, name: str | None = None) -> Any:
        return framework().convert_to_tensor(self.value, dtype, name=name)
