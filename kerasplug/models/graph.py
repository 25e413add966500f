"""The graph of a functional model: which calls of which layers it is made of.

Keras 3 no longer says at which places a layer stands (`get_output_at` is gone), and
`layer.output` is that of its first call, whichever model that belongs to. So the graph
is walked from the model's outputs back to its inputs.

Source: keras 3.15.1, `ops/node.py`; tf_keras 2.21, `engine/node.py`.
"""

from collections.abc import Iterator
from typing import Any, NamedTuple

from kerasplug.implementation import family_of
from kerasplug.models.kinds import flat, graph_of, is_sequential

__all__ = ["Call", "calls_of", "inputs_of", "model_class", "needed_inputs"]


class Call(NamedTuple):
    """One call of a layer in a model's graph.

    Args:
        place: which of all calls of the layer it is, in other models too.
        given: what the layer was called with first, tensors in whatever structure.
        outputs: the tensors that came out, flat.
    """

    place: int
    given: Any
    outputs: list[Any]


def calls_of(call: str, model: Any, layer: Any) -> list[Call]:
    """The calls of a layer in a model's graph, the first call first.

    Args:
        call: the function that was called, for errors.
        model: the model.
        layer: one of its layers.

    Raises:
        ModelError: the model has no graph.
    """
    inputs, outputs = graph_of(call, model)
    found = {}
    for tensor in _backwards(outputs, inputs):
        operation, place, _ = _history(tensor)
        if operation is layer:
            found[place] = _node(tensor)
    return [
        Call(place, _given(node), flat(node.output_tensors))
        for place, node in sorted(found.items())
    ]


def needed_inputs(call: str, model: Any, outputs: Any) -> list[Any]:
    """Those inputs of a model on which tensors in its graph depend, in its order."""
    inputs, _ = graph_of(call, model)
    seen = {id(one) for one in _backwards(flat(outputs), inputs)}
    return [one for one in inputs if id(one) in seen]


def _backwards(outputs: list[Any], inputs: list[Any]) -> Iterator[Any]:
    """All tensors from the outputs back to the inputs, each once."""
    ends = {id(one) for one in inputs}
    seen: set[int] = set()
    waiting = list(outputs)
    while waiting:
        tensor = waiting.pop()
        if id(tensor) in seen:
            continue
        seen.add(id(tensor))
        yield tensor
        if id(tensor) not in ends:
            waiting += flat(_node(tensor).input_tensors)


def _history(tensor: Any) -> Any:
    """The layer or operation that a tensor comes from, its call, its place there."""
    return tensor._keras_history  # noqa: SLF001 -- Keras has no other way to ask


def _node(tensor: Any) -> Any:
    operation, place, _ = _history(tensor)
    return operation._inbound_nodes[place]  # noqa: SLF001 -- Keras has no other way to ask


def _given(node: Any) -> Any:
    """The first argument of a call."""
    arguments = getattr(node, "arguments", None)
    if not isinstance(arguments, dict | None):
        return arguments.args[0] if arguments.args else node.input_tensors
    given = getattr(node, "call_args", None)
    if given is None and len(node.input_tensors) == 1:  # the stand-alone Keras 2
        return node.input_tensors[0]
    return given[0] if given else node.input_tensors


def inputs_of(model: Any) -> Any:
    """A model's inputs in the structure in which it takes data."""
    if is_sequential(model):
        (only,) = model.inputs
        return only
    return model.input


def model_class(model: Any) -> Any:
    """`Model` of the Keras that a model is made of, which may not be the one in use."""
    root = family_of(model)
    return next(
        base
        for base in type(model).__mro__
        if base.__name__ == "Model" and base.__module__.partition(".")[0] == root
    )
