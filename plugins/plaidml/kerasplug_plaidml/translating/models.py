"""A model of Keras 3 in the words of Keras 2.2.4."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from kerasplug import Translation
from kerasplug_plaidml.translating.collected import Collected, Part, Place
from kerasplug_plaidml.translating.custom import require_translator
from kerasplug_plaidml.translating.graphs import (
    Call,
    Reference,
    calls,
    ends,
    numbered,
    written,
)
from kerasplug_plaidml.translating.handed import unmasked
from kerasplug_plaidml.translating.kinds import class_of, functional_class, keras3
from kerasplug_plaidml.translating.layers import plain_part
from kerasplug_plaidml.translating.masks import follow_masks
from kerasplug_plaidml.translating.refusing import refused, shown
from kerasplug_plaidml.translating.tables import DIRECTED, MERGES, ROWS, WHOLE, WRAPPERS
from kerasplug_plaidml.translating.wrapping import wrapper_part

__all__ = ["masked_outputs", "translate"]

_FLOAT: Final = "float32"
_INTEGERS: Final = ("int8", "int16", "int32", "int64", "uint8", "uint16", "uint32")


def translate(model: Any) -> Translation:
    """The model as Keras 2.2.4 writes it.

    Args:
        model: a built Sequential or functional model of Keras 3; it is not changed.

    Returns:
        Its configuration, always that of a functional model, and which layer's weights
        belong where. Inputs and outputs are in the order of `model.inputs` and
        `model.outputs`.

    Raises:
        TranslationError: something of it would not mean the same there.
        PluginError: the translator of a plugin's layer is broken.
    """
    made = Collected()
    part = _model(model, Place(), made)
    follow_masks(part.config, made)
    config = {"class_name": part.class_name, "config": part.config}
    return made.translation(config, part.steps)


def masked_outputs(model: Any) -> list[bool]:
    """Which outputs of a model have masks, in the order of `model.outputs`.

    Args:
        model: as that of `translate`.

    Raises:
        TranslationError: as `translate`.
    """
    made = Collected()
    return follow_masks(_model(model, Place(), made).config, made)


def _model(model: Any, place: Place, made: Collected) -> Part:
    where = f"model {(place.path or model.name)!r}"
    if type(model) not in (keras3().Sequential, functional_class()):
        found = f"a {type(model).__name__}, whose `call` may be any code"
        raise refused(where, found, "a Sequential or functional model of Keras itself")
    _check_layers(model, place)
    sequential = type(model) is keras3().Sequential
    graph = (_chain if sequential else _config_of)(model, where)
    below = place._replace(trained=bool(place.trained and model.trainable))
    return _graph(model, graph, below, made)


def _check_layers(model: Any, place: Place) -> None:
    """Raise for layers of which Keras could perhaps not even write a configuration."""
    for layer in model.layers:
        known = class_of(layer) in (*ROWS, "InputLayer")
        if not known and not isinstance(layer, keras3().Model):
            require_translator(layer, place.below(layer.name).where)


def _config_of(model: Any, where: str) -> Any:
    try:
        return model.get_config()
    except Exception as error:
        found = f"no configuration: {type(error).__name__}: {error}"
        raise refused(where, found, mend="give each layer a get_config()") from error


def _chain(model: Any, where: str) -> dict[str, Any]:
    """A Sequential as the configuration of a functional model."""
    try:
        (tensor,) = model.inputs
    except (AttributeError, TypeError, ValueError) as error:
        mend = "call model.build(input_shape), or add keras.Input(shape) first"
        raise refused(where, "a Sequential that knows no input", mend=mend) from error
    taken = {one.name for one in model.layers}
    first = name = next(one for one in _input_names() if one not in taken)
    told = {"batch_shape": tensor.shape, "dtype": str(tensor.dtype), "name": name}
    entries = [_entry(name, "InputLayer", told, [])]
    for layer in model.layers:
        history = {"keras_history": [name, 0, 0], "shape": tensor.shape}
        given = {"class_name": "__keras_tensor__", "config": history}
        node = {"args": [given], "kwargs": {}}
        entries.append(_entry(layer.name, type(layer).__name__, {}, [node]))
        name, tensor = layer.name, layer.compute_output_spec(tensor)
    ends = {"input_layers": [[first, 0, 0]], "output_layers": [[name, 0, 0]]}
    return {"layers": entries, **ends}


def _input_names() -> Any:
    yield "input"
    number = 0
    while True:
        number += 1
        yield f"input_{number}"


def _entry(name: str, class_name: str, config: Any, nodes: Any) -> dict[str, Any]:
    return {
        "name": name,
        "class_name": class_name,
        "config": config,
        "inbound_nodes": nodes,
    }


def _graph(model: Any, graph: Mapping[str, Any], place: Place, made: Collected) -> Part:
    held = {one.name: one for one in model.layers}
    functional = functional_class()
    nested = [name for name, one in held.items() if type(one) is functional]
    parts: dict[str, Part] = {}
    joined: dict[str, list[Call]] = {}
    others: dict[str, str] = {}  # operations, which may compute masks only
    for entry in graph["layers"]:
        name, nodes = entry["name"], entry["inbound_nodes"]
        where = place.below(name).where
        if nodes and name not in held:
            others[name] = entry["class_name"]
            continue
        nodes = unmasked(model, held[name], nodes) if nodes else nodes
        joined[name] = calls(where, nodes)
        for one in (one for call in joined[name] for one in call.inputs):
            _check_layer(one, others, place)
        if joined[name]:
            shape = joined[name][0].inputs[0].shape
            parts[name] = _settled(held[name], place.below(name, shape), made)
            _check_calls(parts[name], joined[name], where)
        else:
            parts[name] = _input(entry["config"], place.below(name))
    inputs, outputs = (
        ends(graph[key], nested) for key in ("input_layers", "output_layers")
    )
    for end in outputs:
        _check_layer(end, others, place)
    _check_integers(parts, joined, outputs, place)
    return _written(model.name, parts, joined, inputs, outputs)


def _check_layer(tensor: Reference, others: Mapping[str, str], place: Place) -> None:
    """Raise for what is computed by no layer."""
    if tensor.name in others:
        found = f"{others[tensor.name]}, an operation on tensors and no layer"
        mend = "use a layer for it, such as keras.layers.Add"
        where = place.below(tensor.name).where
        raise refused(where, found, "layers only", mend)


def _settled(layer: Any, place: Place, made: Collected) -> Part:
    made.settle(layer, place)
    if getattr(layer, "zero_output_for_mask", False):
        made.unmaskable[place.path] = "Keras 2.2.4 has no zero_output_for_mask"
    if getattr(getattr(layer, "backward_layer", None), "unroll", False):
        made.unmaskable[place.path] = "with unroll=True Keras 3 takes it backwards"
    return _part(layer, place, made)


def _part(layer: Any, place: Place, made: Collected) -> Part:
    """Whatever can stand in a model, or in a wrapper."""
    if isinstance(layer, keras3().Model):
        return _model(layer, place, made)
    name = class_of(layer)
    if name in WRAPPERS:
        return wrapper_part(layer, name, place, made, _part)
    return plain_part(layer, place, made)


def _input(config: Mapping[str, Any], place: Place) -> Part:
    where = f"input {place.path!r}"
    shape, dtype = tuple(config["batch_shape"]), config["dtype"]
    if None in shape[1:] or len(shape) < 2:  # noqa: PLR2004 -- rows, and what is in one
        expected = "all dimensions but the first are known: PlaidML compiles for them"
        raise refused(where, f"shape {shape}", expected, "give Input a full shape")
    if dtype != _FLOAT and dtype not in _INTEGERS:
        expected = "float32, or integers for an Embedding or a Rescaling"
        raise refused(where, f"dtype {dtype!r}", expected, 'Input(…, dtype="float32")')
    for key in ("sparse", "ragged", "optional"):
        if config.get(key):
            raise refused(where, f"{key}={shown(config[key])}", f"{key}=False")
    told = {
        "batch_input_shape": [None, *shape[1:]],
        "dtype": _FLOAT if dtype == _FLOAT else "int32",
        "sparse": False,
        "name": config["name"],
    }
    return Part("InputLayer", told)


def _check_calls(part: Part, made: list[Call], where: str) -> None:
    for call in made:
        allowed = _counts(part, call)
        if allowed and len(call.inputs) not in allowed:
            found = f"a call with {len(call.inputs)} tensors"
            raise refused(where, found, " or ".join(map(str, allowed)))
        if part.class_name in MERGES and len(call.inputs) < 2:  # noqa: PLR2004 -- to merge
            raise refused(where, "a call with one tensor", "two or more")


def _counts(part: Part, call: Call) -> tuple[int, ...]:
    """How many tensors a call may have; empty: any number."""
    if part.class_name == "Model":
        return (len(part.config["input_layers"]),)
    if part.class_name in DIRECTED and call.states:
        return (3 if part.class_name == "LSTM" else 2,)
    return () if part.class_name in MERGES and not call.states else (1,)


def _check_integers(
    parts: Mapping[str, Part],
    joined: Mapping[str, list[Call]],
    outputs: Sequence[Reference],
    place: Place,
) -> None:
    """Integers are for few: other layers would not turn them into floats."""
    whole = {name for name, one in parts.items() if one.config.get("dtype") == "int32"}
    users = [(name, one) for name, made in joined.items() for one in made]
    for name, call in users:
        for at, tensor in enumerate(call.inputs):
            if tensor.name in whole and not _takes_integers(parts[name], at):
                where = f"input {place.below(tensor.name).path!r}"
                found = f"integers that go to {name!r}, a {parts[name].class_name}"
                raise refused(where, found, mend='Input(…, dtype="float32")')
    for end in outputs:
        if end.name in whole:
            where = f"input {place.below(end.name).path!r}"
            raise refused(where, "integers as an output", "floats")


def _takes_integers(part: Part, at: int) -> bool:
    if part.class_name != "Model":
        return part.class_name in WHOLE
    name = part.config["input_layers"][at][0]
    held = {one["name"]: one["config"] for one in part.config["layers"]}
    return bool(held[name].get("dtype") == "int32")


def _written(
    name: str,
    parts: Mapping[str, Part],
    joined: Mapping[str, list[Call]],
    inputs: Sequence[Reference],
    outputs: Sequence[Reference],
) -> Part:
    models = [one for one, part in parts.items() if part.class_name == "Model"]
    there = numbered(joined, models)
    layers = [
        {
            "name": one,
            "class_name": part.class_name,
            "config": part.config,
            "inbound_nodes": list(written(one, joined[one], there)),
        }
        for one, part in parts.items()
    ]
    config = {
        "name": name,
        "layers": layers,
        "input_layers": [
            [one.name, there[one.name, one.node], one.tensor] for one in inputs
        ],
        "output_layers": [
            [one.name, there[one.name, one.node], one.tensor] for one in outputs
        ],
    }
    steps = sum(part.steps * len(joined[one]) for one, part in parts.items())
    return Part("Model", config, steps)
