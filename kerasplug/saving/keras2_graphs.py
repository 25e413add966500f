"""How layers are joined: the graphs and sequences of Keras 2, said as Keras 3 does."""

from collections.abc import Callable, Iterator
from typing import Any, Final

from kerasplug.saving.keras2_layers import RECURRENT
from kerasplug.saving.keras2_report import Notes

__all__ = ["graph", "sequence"]

_Translate = Callable[[Any, str, str, Notes], Any]

#: Marks an input that is a value and comes from no layer.
_CONSTANT: Final = "_CONSTANT_VALUE"
#: A reference is the layer's name, the number of its call, the number of its output,
#: and perhaps the call's keyword arguments.
_PARTS: Final = 3


def sequence(
    config: Any, where: str, notes: Notes, translate: _Translate
) -> dict[str, Any]:
    """The configuration of a sequential model; its input is a layer of its own."""
    listed = config.get("layers") if isinstance(config, dict) else None
    if not isinstance(listed, list):
        notes.refuse(where, "a Sequential without layers", "it is no model")
        return {"name": "sequential", "layers": []}
    inside = f"{where}.config.layers"
    layers = [
        translate(one, f"{inside}[{place}]", "", notes)
        for place, one in enumerate(listed)
    ]
    shape = None if not listed else _shape_of(listed[0])
    if listed and shape is not None and not _is_input(listed[0]):
        layers.insert(0, _input(listed[0], shape))
    return {"name": "sequential", **config, "layers": layers}


def _is_input(layer: Any) -> bool:
    return isinstance(layer, dict) and layer.get("class_name") == "InputLayer"


def _shape_of(layer: Any) -> Any:
    """The shape that a layer, or a model's first layer, says of its input."""
    while isinstance(layer, dict):
        config = layer.get("config")
        inner = config.get("layers") if isinstance(config, dict) else config
        if isinstance(config, dict) and config.get("batch_input_shape") is not None:
            return config["batch_input_shape"]
        layer = inner[0] if isinstance(inner, list) and inner else None
    return None


def _input(layer: dict[str, Any], shape: Any) -> dict[str, Any]:
    config = layer["config"] if isinstance(layer["config"], dict) else {}
    dtype = config.get("dtype")
    said = {
        "batch_shape": shape,
        "dtype": dtype if isinstance(dtype, str) else "float32",
        "sparse": False,
        "name": f"{config.get('name', 'first')}_input",
    }
    return {
        "module": "keras.layers",
        "class_name": "InputLayer",
        "config": said,
        "registered_name": None,
    }


def graph(
    config: dict[str, Any], where: str, notes: Notes, translate: _Translate
) -> dict[str, Any]:
    """The configuration of a functional model, with its calls as Keras 3 says them."""
    listed = config.get("layers")
    if not isinstance(listed, list) or not all(map(_is_part, listed)):
        notes.refuse(where, "a model without named layers", "its graph can't be read")
        return config
    inside = f"{where}.config.layers"
    named = ("input_layers", "output_layers")
    calls = _Calls(listed, [config.get(key) for key in named], notes)
    layers = []
    for place, one in enumerate(listed):
        here = f"{inside}[{place}]"
        layer = translate(one, here, "", notes)
        layer["inbound_nodes"] = calls.of(one, here)
        layers.append(layer)
    rest = {
        key: translate(one, f"{where}.config.{key}", key, notes)
        for key, one in config.items()
        if key not in ("layers", *named)
    }
    ends = {key: calls.ends(config.get(key)) for key in named}
    return {**rest, "layers": layers, **ends}


def _is_part(layer: Any) -> bool:
    return (
        isinstance(layer, dict)
        and isinstance(layer.get("class_name"), str)
        and "config" in layer
        and isinstance(layer.get("name"), str)
        and isinstance(layer.get("inbound_nodes"), list)
    )


class _Calls:
    """The calls of the layers of one graph.

    Keras 2 counts the calls of a model that is a layer from 1, since the model's own
    making was its first; of all other layers from 0. Keras 3 counts from 0, but from 1
    where it says which outputs of a functional model are those of the whole.
    """

    def __init__(self, layers: list[Any], ends: list[Any], notes: Notes) -> None:
        self._notes = notes
        self._counts = {one["name"]: len(one["inbound_nodes"]) for one in layers}
        self._functional = {one["name"] for one in layers if _is_functional(one)}
        highest: dict[str, int] = {}
        joined = [ends, *(one["inbound_nodes"] for one in layers)]
        for name, call, *_ in self._references(joined):
            highest[name] = max(call, highest.get(name, 0))
        self._highest = highest
        self._models = {one["name"] for one in layers if _is_model(one)}

    def _references(self, value: Any) -> Iterator[list[Any]]:
        stack = [value]
        while stack:
            one = stack.pop()
            if self._is_reference(one):
                yield one
                stack.extend(one[_PARTS:])
            elif isinstance(one, dict):
                stack.extend(one.values())
            elif isinstance(one, list):
                stack.extend(one)

    def _is_reference(self, value: Any) -> bool:
        return (
            isinstance(value, list)
            and len(value) in (_PARTS, _PARTS + 1)
            and isinstance(value[0], str)
            and value[0] in self._counts
            and all(type(number) is int for number in value[1:_PARTS])
        )

    def _first(self, name: str) -> int:
        """The number that the layer's first call has in the file."""
        count = self._counts[name]
        if name not in self._models or not count:
            return 0
        if name in self._highest:
            return int(self._highest[name] >= count)
        return 1

    def of(self, layer: dict[str, Any], where: str) -> list[Any]:
        """The layer's calls, each with its arguments."""
        recurrent = layer["class_name"] in RECURRENT
        return [
            self._call(
                node, recurrent=recurrent, where=f"{where}.inbound_nodes[{place}]"
            )
            for place, node in enumerate(layer["inbound_nodes"])
        ]

    def _call(self, node: Any, *, recurrent: bool, where: str) -> Any:
        if isinstance(node, dict) and "args" in node:
            return node  # as Keras 3 says it
        first = self._tensors(node, where)
        keywords: dict[str, Any] = {}
        for one in _leaves(node, self._is_input):
            given = one[_PARTS] if len(one) > _PARTS else {}
            keywords |= given if isinstance(given, dict) else {}
        self._check(keywords, where)
        told = {key: self._tensors(one, where) for key, one in keywords.items()}
        if isinstance(first, list) and len(first) == 1:
            first = first[0]
        if recurrent:
            if told.pop("constants", None) is not None:
                self._notes.refuse(where, "constants of an RNN", "Keras 3 has none")
            if isinstance(first, list):
                told["initial_state"] = first[1:]
                first = first[0]
        return {"args": [first], "kwargs": told}

    def _check(self, keywords: dict[str, Any], where: str) -> None:
        """See whether the call was always to train, or never, whoever asked."""
        training = keywords.get("training")
        if training is True:
            why = "Keras 3 lets predict() override it"
            self._notes.refuse(where, "a call with training=True", why)
        elif training is False:
            kept = (
                "kept, but Keras 3 lets fit() override it: freeze what must not train"
            )
            self._notes.note(where, "a call with training=False", kept)

    def _is_input(self, value: Any) -> bool:
        return self._is_reference(value) or _is_constant(value)

    def _tensors(self, value: Any, where: str) -> Any:
        """The value with each reference as the tensor that it stands for."""
        if self._is_reference(value):
            return self._tensor(*value[:_PARTS])
        if _is_constant(value):
            self._notes.refuse(
                where, "a constant as a layer's input", "it has no layer"
            )
            return None
        if isinstance(value, dict):
            return {key: self._tensors(one, where) for key, one in value.items()}
        if isinstance(value, list):
            return [self._tensors(one, where) for one in value]
        return value

    def _tensor(self, name: str, call: int, output: int) -> dict[str, Any]:
        history = [name, call - self._first(name), output]
        said = {"shape": [], "dtype": "float32", "keras_history": history}
        return {"class_name": "__keras_tensor__", "config": said}

    def ends(self, value: Any) -> Any:
        """The model's inputs or outputs."""
        if self._is_reference(value):
            name, call, output = value[:_PARTS]
            shift = int(name in self._functional) - self._first(name)
            return [name, call + shift, output]
        if isinstance(value, dict):
            return {key: self.ends(one) for key, one in value.items()}
        if isinstance(value, list):
            # Keras 2 puts a single one into a list, and takes it out again.
            told = [self.ends(one) for one in value]
            return told[0] if len(told) == 1 else told
        return value


def _is_constant(value: Any) -> bool:
    return isinstance(value, list) and len(value) >= _PARTS and value[0] == _CONSTANT


def _leaves(value: Any, is_leaf: Callable[[Any], bool]) -> Iterator[list[Any]]:
    if is_leaf(value):
        yield value
    elif isinstance(value, dict | list):
        for one in value.values() if isinstance(value, dict) else value:
            yield from _leaves(one, is_leaf)


def _is_model(layer: dict[str, Any]) -> bool:
    config = layer["config"]
    return isinstance(config, list) or (isinstance(config, dict) and "layers" in config)


def _is_functional(layer: dict[str, Any]) -> bool:
    config = layer["config"]
    return isinstance(config, dict) and "input_layers" in config
