"""A model applied to its inputs once more, for training or not.

Keras' own walk through a model keeps the masks of an earlier one, and counts what
padded rows give to activity regularization. This one does neither, and knows which
rows are real.
"""

from __future__ import annotations

from typing import Any, NamedTuple

from keras import backend as K  # noqa: N812 -- as everybody calls it
from keras.engine.base_layer import Layer
from keras.engine.network import Network
from keras.utils.generic_utils import has_arg, to_list, unpack_singleton

__all__ = ["Graph", "collecting", "graph_of", "mend_walks"]


class Collected:
    """What the layers of a walk add: losses, and updates of variables."""

    def __init__(self, rows: Any, *, training: bool) -> None:
        self.rows = rows
        self.training = training
        self.losses: list[Any] = []
        self._updates: dict[int, Any] = {}

    def updates(self) -> list[Any]:
        """Pairs of a variable and its next value."""
        return list(self._updates.values())

    def update(self, variable: Any, value: Any) -> None:
        """Give a variable its next value."""
        self._updates[id(variable)] = (variable, value)

    def latest(self, variable: Any) -> Any:
        """Its value after the updates so far: a layer may be used more than once."""
        return self._updates.get(id(variable), (variable, variable))[1]


class Graph(NamedTuple):
    """A model's outputs as functions of its inputs and of which rows are real.

    Attributes:
        rows: placeholder, 1 for each real row of a batch, 0 for each padded one.
        outputs: of the model.
        masks: of the outputs; None for those that have none.
        losses: scalars that layers added.
        updates: pairs of a variable and its next value.
    """

    rows: Any
    outputs: list[Any]
    masks: list[Any]
    losses: list[Any]
    updates: list[Any]


_current: list[Collected] = []
_add_loss = Layer.add_loss
_add_update = Layer.add_update


def collecting() -> Collected | None:
    """What is being collected; None outside a walk."""
    return _current[-1] if _current else None


def mend_walks() -> None:
    """Nested models, and all layers, are walked and heard by this module."""
    Network.run_internal_graph = _run_internal_graph
    Layer.add_loss = _heard_loss
    Layer.add_update = _heard_update


def graph_of(model: Any, *, training: bool) -> Graph:
    """The model applied to its own inputs.

    Args:
        model: of Keras 2.2.4, built.
        training: whether dropout drops and batch statistics are taken.
    """
    collected = Collected(K.placeholder(shape=(None,)), training=training)
    K.set_learning_phase(int(training))
    _current.append(collected)
    try:
        inputs = list(model.inputs)
        outputs, masks = _walk(model, inputs, [None] * len(inputs))
    finally:
        _current.pop()
        K.set_learning_phase(0)
    updates = collected.updates()
    return Graph(collected.rows, outputs, masks, collected.losses, updates)


def _heard_loss(layer: Any, losses: Any, inputs: Any = None) -> None:
    collected = collecting()
    if collected is None:
        _add_loss(layer, losses, inputs)
    elif losses is not None:
        collected.losses += to_list(losses)


def _heard_update(layer: Any, updates: Any, inputs: Any = None) -> None:
    collected = collecting()
    if collected is None:
        _add_update(layer, updates, inputs)
    elif updates is not None and collected.training:
        for variable, value in to_list(updates):
            collected.update(variable, value)


def _run_internal_graph(model: Any, inputs: Any, masks: Any = None) -> Any:
    outputs, output_masks = _walk(model, inputs, masks or [None] * len(inputs))
    shapes = [getattr(each, "_keras_shape", None) for each in outputs]
    return (
        unpack_singleton(outputs),
        unpack_singleton(output_masks),
        unpack_singleton(shapes),
    )


def _walk(model: Any, inputs: Any, masks: Any) -> tuple[list[Any], list[Any]]:
    """Outputs and their masks."""
    known = {
        id(each): pair
        for each, pair in zip(model.inputs, zip(inputs, masks))  # noqa: B905 -- Python 3.7 has no `strict`
    }
    for depth in sorted(model._nodes_by_depth, reverse=True):  # noqa: SLF001 -- no other way
        for node in model._nodes_by_depth[depth]:  # noqa: SLF001 -- no other way
            if all(id(each) in known for each in node.input_tensors):
                pairs = [known[id(each)] for each in node.input_tensors]
                found = _applied(node, pairs)
                known.update(zip(map(id, node.output_tensors), found))  # noqa: B905 -- Python 3.7 has no `strict`
    found = [known[id(each)] for each in model.outputs]
    return [each[0] for each in found], [each[1] for each in found]


def _applied(node: Any, pairs: Any) -> list[Any]:
    """A layer's outputs for these inputs, each with its mask."""
    layer = node.outbound_layer
    # Keras keeps this dict with the node: what is put in stays for the next walk.
    kwargs = dict(node.arguments or {})
    inputs = unpack_singleton([each[0] for each in pairs])
    masks = unpack_singleton([each[1] for each in pairs])
    if isinstance(layer, Network):  # once: its call and its masks would walk it each
        return list(zip(*_walk(layer, to_list(inputs), to_list(masks))))  # noqa: B905 -- Python 3.7 has no `strict`
    if has_arg(layer.call, "mask"):
        kwargs.setdefault("mask", masks)
    with K.name_scope(layer.name):
        outputs = to_list(layer.call(inputs, **kwargs))
        output_masks = layer.compute_mask(inputs, masks)
    _keep_shapes(layer, [each[0] for each in pairs], outputs)
    _regularize_activity(layer, outputs)
    if output_masks is None:
        output_masks = [None] * len(outputs)
    return list(zip(outputs, to_list(output_masks)))  # noqa: B905 -- Python 3.7 has no `strict`


def _keep_shapes(layer: Any, inputs: Any, outputs: Any) -> None:
    shapes = [each._keras_shape for each in inputs]  # noqa: SLF001 -- no other way
    found = to_list(layer.compute_output_shape(unpack_singleton(shapes)))
    for output, shape in zip(outputs, found):  # noqa: B905 -- Python 3.7 has no `strict`
        output._keras_shape = shape  # noqa: SLF001 -- no other way


def _regularize_activity(layer: Any, outputs: Any) -> None:
    """Keras 3's: for each output, over the real rows, divided by their number."""
    collected = collecting()
    regularizer = getattr(layer, "activity_regularizer", None)
    if collected is None or regularizer is None:
        return
    for output in outputs:
        rows = K.reshape(collected.rows, (-1,) + (1,) * (K.ndim(output) - 1))
        loss = regularizer(output * rows) / K.sum(collected.rows)
        collected.losses.append(loss)
