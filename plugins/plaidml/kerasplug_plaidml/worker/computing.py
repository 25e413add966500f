"""Functions of PlaidML that run on batches of one size.

PlaidML compiles for each shape that it meets, which takes seconds. So the last rows of
an array are filled up to a whole batch; and the memory of a function's inputs and
outputs is kept from one call to the next.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import plaidml
from keras import backend as K  # noqa: N812 -- as everybody calls it
from plaidml.keras import backend as engine

__all__ = ["Function", "filled", "in_pieces"]


class Function:
    """A compiled graph: placeholders in, values out.

    Args:
        inputs: placeholders; a call gives an array for each.
        outputs: what a call may read.
        updates: pairs of a variable and its next value.

    Example:
        `Function([x], [x * 2.0])([array], reading=(0,))[0]`
    """

    #: How many have been made in this process: each costs a compilation.
    made = 0

    def __init__(self, inputs: Any, outputs: Any, updates: Any = ()) -> None:
        values = [*outputs, *(value for _, value in updates)]
        # PlaidML's own updates write to a variable while others still read it.
        compiled = K.function(list(inputs), values)
        self._invoker = compiled._invoker  # noqa: SLF001 -- no other way
        self._inputs = [
            _Slot(f"I{at}", np.dtype(K.dtype(value))) for at, value in enumerate(inputs)
        ]
        self._outputs: list[Any] = [None] * len(values)
        self._shapes: Any = None
        variables = [variable for variable, _ in updates]
        self._moving = _Moving(variables) if variables else None
        Function.made += 1

    def __call__(
        self, arrays: Any, reading: Any = (), into: Any = None
    ) -> list[np.ndarray[Any, Any]]:
        """Compute once.

        Args:
            arrays: an array for each input.
            reading: the positions of the outputs that are wanted.
            into: arrays to write them to; None: new ones.

        Returns:
            The wanted outputs.
        """
        for slot, array in zip(self._inputs, arrays):  # noqa: B905 -- Python 3.7 has no `strict`
            slot.fill(self._invoker, array)
        shapes = [slot.shape for slot in self._inputs]
        if shapes != self._shapes:
            self._place_outputs()
            self._shapes = shapes
        self._invoker.invoke()
        if self._moving:
            self._moving()
        if into is None:
            into = [np.empty(self.shape_of(at), self._type_of(at)) for at in reading]
        for at, target in zip(reading, into):  # noqa: B905 -- Python 3.7 has no `strict`
            with self._outputs[at].mmap_current() as view:
                view.copy_to_ndarray(target)
        return list(into)

    def shape_of(self, at: int) -> tuple[int, ...]:
        """The shape of an output, known after the first call."""
        return tuple(each.size for each in self._outputs[at].shape.dimensions)

    def _type_of(self, at: int) -> Any:
        return np.dtype(
            engine.ptile.convert_pml_dtype_to_np(self._outputs[at].shape.dtype)
        )

    def _place_outputs(self) -> None:
        for at in range(len(self._outputs)):
            name = f"O{at}"
            shape = self._invoker.get_output_shape(name)
            self._outputs[at] = plaidml.Tensor(engine._device(), shape)  # noqa: SLF001 -- no other way
            self._invoker.set_output(name, self._outputs[at])
        if self._moving:
            self._moving.place(self._outputs)


class _Moving:
    """Variables take their next values, which lie in other memory.

    Args:
        variables: what is written to.
    """

    def __init__(self, variables: Any) -> None:
        self._count = len(variables)
        given = [K.placeholder(shape=K.int_shape(each)) for each in variables]
        moves = [(each, K.identity(value)) for each, value in zip(variables, given)]  # noqa: B905 -- Python 3.7 has no `strict`
        self._invoker = K.function(given, [], moves)._invoker  # noqa: SLF001 -- no other way

    def place(self, tensors: Any) -> None:
        """Where the next values lie: in the last ones of these tensors."""
        for at, tensor in enumerate(tensors[-self._count :]):
            self._invoker.set_input(f"I{at}", tensor)

    def __call__(self) -> None:
        """Move them all; PlaidML does it before it touches that memory again."""
        self._invoker.invoke()


class _Slot:
    """The memory of one input."""

    def __init__(self, name: str, dtype: Any) -> None:
        self.name = name
        self.dtype = dtype
        self.shape: Any = None
        self._tensor: Any = None

    def fill(self, invoker: Any, array: Any) -> None:
        if array.shape != self.shape:
            dtype = engine.ptile.convert_np_dtype_to_pml(self.dtype.name)
            shape = plaidml.Shape(engine._ctx, dtype, *array.shape)  # noqa: SLF001 -- no other way
            self._tensor = plaidml.Tensor(engine._device(), shape)  # noqa: SLF001 -- no other way
            invoker.set_input(self.name, self._tensor)
            self.shape = array.shape
        with self._tensor.mmap_discard(engine._ctx) as view:  # noqa: SLF001 -- no other way
            view.copy_from_ndarray(array)
            view.writeback()


def filled(array: Any, batch: int) -> Any:
    """The rows of an array, the last one repeated up to a whole batch.

    A row that was there is an ordinary one: nothing overflows, and it may be an index.
    """
    missing = batch - len(array)
    if not missing:
        return array
    return np.concatenate([array, np.repeat(array[-1:], missing, axis=0)])


def in_pieces(
    function: Function, arrays: Any, batch: int, outputs: int
) -> list[np.ndarray[Any, Any]]:
    """What a function says to any number of rows, one batch after the other.

    Args:
        function: of as many inputs as there are arrays.
        arrays: all with equally many rows, one at least.
        batch: rows of a batch.
        outputs: how many outputs it has.

    Returns:
        The outputs, with as many rows as the arrays.
    """
    rows = len(arrays[0])
    reading = range(outputs)
    whole: list[Any] = []
    for start in range(0, rows, batch):
        size = min(batch, rows - start)
        piece = [array[start : start + size] for array in arrays]
        if size < batch or not whole:
            given = function([filled(each, batch) for each in piece], reading)
            if not whole:
                whole = [
                    np.empty((rows, *each.shape[1:]), each.dtype) for each in given
                ]
            for target, each in zip(whole, given):  # noqa: B905 -- Python 3.7 has no `strict`
                target[start : start + size] = each[:size]
        else:
            function(piece, reading, [each[start : start + size] for each in whole])
    return whole
