"""Cutting a batch into slices, and putting together what comes of them.

Structures are those of Keras: lists, tuples and dictionaries of tensors, nested.
"""

import itertools
from typing import Any

from kerasplug.implementation import implementation
from kerasplug.models.state_layers import stateful_layers

__all__ = ["bounds", "leaves", "packed", "remembering", "split_sizes"]


def bounds(rows: Any, replicas: int) -> list[tuple[Any, Any]]:
    """(first row, row after the last) of each slice, in order.

    Args:
        rows: of the batch, a number or a scalar tensor of integers.
        replicas: how many slices.

    Example:
        >>> bounds(5, 2)
        [(0, 2), (2, 5)]
    """
    cuts = [rows * place // replicas for place in range(replicas + 1)]
    return list(itertools.pairwise(cuts))


def split_sizes(rows: int, replicas: int) -> list[int]:
    """How many rows of a batch each replica gets; none differs by more than one.

    The old `multi_gpu_model` gave the whole remainder to the last replica, which then
    was what all others waited for.

    Args:
        rows: of the batch.
        replicas: how many there are.

    Example:
        >>> split_sizes(65, 2), split_sizes(3, 4)
        ([32, 33], [0, 1, 1, 1])
    """
    return [end - begin for begin, end in bounds(rows, replicas)]


def leaves(structure: Any) -> list[Any]:
    """What is in a structure, in Keras' order; None counts."""
    return list(implementation().tree.flatten(structure))


def packed(structure: Any, flat: Any) -> Any:
    """The structure again, with other things in it, in Keras' order."""
    return implementation().tree.pack_sequence_as(structure, flat)


def remembering(model: Any) -> list[Any]:
    """The recurrent layers that keep a state for each row of the batch, in order.

    Not those whose `states` are a property, of what the layers inside keep.
    """
    found = stateful_layers(model).values()
    return [layer for layer in found if vars(layer).get("states")]
