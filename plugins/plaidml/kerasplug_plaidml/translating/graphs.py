"""How layers are joined: Keras 3's graphs as Keras 2.2.4 writes and rebuilds them."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Any, Final, NamedTuple

from kerasplug_plaidml.translating.kinds import keras3
from kerasplug_plaidml.translating.refusing import refused, shown

__all__ = ["Call", "Reference", "calls", "ends", "numbered", "written"]

_TENSOR: Final = "__keras_tensor__"
_PARTS: Final = 3


class Reference(NamedTuple):
    """An output of a call of a layer.

    Attributes:
        name: of the layer.
        node: number of the call.
        tensor: number of the output.
        shape: of it, with None for rows; empty where it is not said.
    """

    name: str
    node: int
    tensor: int
    shape: tuple[Any, ...] = ()


class Call(NamedTuple):
    """A call of a layer with one tensor, or with a list of them.

    Attributes:
        inputs: the tensors.
        states: how many of them, at the end, are first states of an RNN.
    """

    inputs: tuple[Reference, ...]
    states: int = 0


def calls(where: str, nodes: Sequence[Mapping[str, Any]]) -> list[Call]:
    """The calls of a layer in a model.

    Args:
        where: which layer, for the error.
        nodes: its `inbound_nodes`.

    Raises:
        TranslationError: it is called with more than tensors, or other than once each.
    """
    return [_call(where, node) for node in nodes]


def _call(where: str, node: Mapping[str, Any]) -> Call:
    args, kwargs = node["args"], dict(node["kwargs"])
    states = _listed(kwargs.pop("initial_state", None))
    for key, value in kwargs.items():
        # What stands there for `training` does not matter when a model is run, but
        # for a True it is not known which Keras means it.
        if any(one is not None for one in _listed(value)) and not (
            key == "training" and value is False
        ):
            raise refused(where, f"a call with {key}={shown(value)}", "one input only")
    if len(args) != 1:
        found = f"a call with {len(args)} arguments"
        raise refused(where, found, "one tensor, or a list of them")
    held = [*_listed(args[0]), *states]
    return Call(tuple(_reference(where, one) for one in held), len(states))


def _listed(value: Any) -> list[Any]:
    if isinstance(value, list | tuple):
        return list(value)
    return [] if value is None else [value]


def _reference(where: str, tensor: Any) -> Reference:
    if not isinstance(tensor, dict) or tensor.get("class_name") != _TENSOR:
        found = f"a call with {shown(tensor)}, which comes from no layer"
        raise refused(where, found, "one tensor, or a list of them")
    config = tensor["config"]
    name, node, place = config["keras_history"]
    shape = tuple(config["shape"])
    if None in shape[1:] or not shape:
        found = f"an input of shape {shape}"
        expected = "all dimensions but the first are known: PlaidML compiles for them"
        raise refused(where, found, expected, "give Input a full shape")
    return Reference(name, node, place, shape)


def ends(value: Any, functional: Collection[str] = ()) -> list[Reference]:
    """A model's `input_layers` or `output_layers`, in the order of Keras.

    Args:
        value: as the configuration has it.
        functional: names of the layers that are functional models.

    Example:
        >>> ends(["x", 0, 0])
        [Reference(name='x', node=0, tensor=0, shape=())]
    """
    leaves = (
        [_leaves(value)] if _is_end(value) else keras3().tree.flatten(_leaves(value))
    )
    found: list[Reference] = [one.end for one in leaves]
    if not any(one.name in functional for one in found):
        return found
    first = _first_call()
    return [
        one._replace(node=one.node - first) if one.name in functional else one
        for one in found
    ]


def _first_call() -> int:
    """The number of a functional model's first call, where it is an end of a model.

    Keras 3.15 counts it from 1 there, and from 0 where a layer takes it as input.

    Source: keras 3.15.1, `models/functional.py:451-456`, against `serialize_node`.
    """
    keras = keras3()
    x, y = (keras.Input((1,), name=name) for name in "xy")
    inner = keras.Model(x, x, name="inner")
    (end,) = ends(
        [keras.Model(y, inner(y), name="outer").get_config()["output_layers"]]
    )
    return end.node


class _Leaf:
    """An end of a model; opaque to Keras' walk through lists and dicts."""

    def __init__(self, end: Reference) -> None:
        self.end = end


def _leaves(value: Any) -> Any:
    if _is_end(value):
        return _Leaf(Reference(*value))
    if isinstance(value, dict):
        return {key: _leaves(one) for key, one in value.items()}
    return [_leaves(one) for one in value]


def _is_end(value: Any) -> bool:
    return (
        isinstance(value, list | tuple)
        and len(value) == _PARTS
        and isinstance(value[0], str)
        and all(isinstance(one, int) for one in value[1:])
    )


def numbered(
    layers: Mapping[str, Sequence[Call]], models: Sequence[str] = ()
) -> dict[tuple[str, int], int]:
    """The number that each call of a layer gets there.

    Keras 2.2.4 makes the calls of a shared layer in the order in which their inputs
    come to be, not in the order in which they are listed, and counts from 1 for models.

    Args:
        layers: name -> its calls, in the order of the configuration.
        models: names of those that are models.

    Returns:
        (name, number here) -> number there; listed by it, the calls are made in order.

    Source: Keras 2.2.4, `engine/network.py`, `Network.from_config`.

    Example:
        >>> x, late = Reference("x", 0, 0), Reference("r", 0, 0)
        >>> made = {"x": [], "d": [Call((late,)), Call((x,))], "r": [Call((x,))]}
        >>> numbered(made)
        {('x', 0): 0, ('d', 1): 0, ('r', 0): 0, ('d', 0): 1}
    """
    there = {(name, 0): 0 for name, held in layers.items() if not held}
    waiting = {name: list(enumerate(held)) for name, held in layers.items() if held}
    counts = {name: int(name in models) for name in layers}
    while waiting:
        before = len(there)
        for name in [one for one in layers if one in waiting]:
            left = []
            for number, call in waiting.pop(name):
                if all((one.name, one.node) in there for one in call.inputs):
                    there[name, number] = counts[name]
                    counts[name] += 1
                else:
                    left.append((number, call))
            if left:
                waiting[name] = left
        if len(there) == before:
            break  # a call of what is not in the model: said where it is written
    return there


def written(
    name: str, made: Sequence[Call], there: Mapping[tuple[str, int], int]
) -> Iterator[list[list[Any]]]:
    """The `inbound_nodes` of a layer there, in the order in which they are made."""
    order = sorted(range(len(made)), key=lambda number: there[name, number])
    for number in order:
        inputs = made[number].inputs
        yield [[one.name, there[one.name, one.node], one.tensor, {}] for one in inputs]
