"""Masks that Keras hands from layer to layer by itself, told from those of somebody.

In a functional model of Keras 3 both stand in a call as `mask=…`, and the operations
that compute them stand among the layers.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from kerasplug_plaidml.translating.kinds import keras3

__all__ = ["unmasked"]


def unmasked(
    model: Any, layer: Any, nodes: Sequence[Mapping[str, Any]]
) -> list[Mapping[str, Any]]:
    """The calls of a layer without the masks that Keras hands over by itself.

    Args:
        model: that the calls are in.
        layer: it is one of the model's.
        nodes: its `inbound_nodes` in the model's configuration.
    """
    if not any(one["kwargs"].get("mask") for one in nodes):
        return list(nodes)
    own = {
        id(one)
        for held in model._nodes_by_depth.values()  # noqa: SLF001 -- no other way
        for one in held
    }
    made = [
        one
        for one in layer._inbound_nodes  # noqa: SLF001 -- no other way
        if id(one) in own and one.input_tensors
    ]
    return [
        _without(told) if _by_keras(node) else told
        for told, node in zip(nodes, made, strict=True)
    ]


def _without(told: Mapping[str, Any]) -> Mapping[str, Any]:
    kwargs = {key: one for key, one in told["kwargs"].items() if key != "mask"}
    return {**told, "kwargs": kwargs}


def _by_keras(node: Any) -> bool:
    """Whether the mask of a call is the one that its first input has anyway."""
    arguments = node.arguments
    given = arguments.kwargs.get("mask")
    (first,) = keras3().tree.flatten(arguments.args[:1])[:1] or (None,)
    own = getattr(first, "_keras_mask", None)
    if given is own:
        return True
    numbers = _Numbers()
    # A model that was saved and loaded has made them anew, and apart.
    return None not in (given, own) and numbers.of(given) == numbers.of(own)


class _Numbers:
    """A number for each way in which a tensor is computed from what layers give."""

    def __init__(self) -> None:
        self._ways: dict[Any, int] = {}
        self._seen: dict[int, int] = {}

    def of(self, tensor: Any) -> int:
        """The number of a tensor: equal for those that are computed alike."""
        if id(tensor) not in self._seen:
            way = self._way(tensor)
            self._seen[id(tensor)] = self._ways.setdefault(way, len(self._ways))
        return self._seen[id(tensor)]

    def _way(self, tensor: Any) -> tuple[Any, ...]:
        operation, node, place = tensor._keras_history  # noqa: SLF001 -- no other way
        keras = keras3()
        if operation is None or isinstance(operation, keras.Layer):
            return (id(operation), node, place)
        called = operation._inbound_nodes[node].arguments  # noqa: SLF001 -- no other way
        own = {k: v for k, v in operation.get_config().items() if k != "name"}
        parts = keras.tree.flatten((called.args, called.kwargs))
        told = [
            self.of(one) if isinstance(one, keras.KerasTensor) else repr(one)
            for one in parts
        ]
        return (type(operation), repr(own), *told, place)
