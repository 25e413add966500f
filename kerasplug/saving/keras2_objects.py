"""From the objects that Keras 2 wrote to those that Keras 3 reads: data to data."""

from collections.abc import Callable
from typing import Any, Final

from kerasplug.saving import keras2_layers as known
from kerasplug.saving.keras2_graphs import graph, sequence
from kerasplug.saving.keras2_report import Notes
from kerasplug.saving.keras2_signs import HARD_SIGMOID

__all__ = ["objects", "placed"]

_Reader = Callable[[dict[str, Any], str, Notes], dict[str, Any]]

_FUNCTIONS: Final = "kerasplug.saving.keras2_functions"
#: What a Lambda layer of Keras 2 says of its function, besides the function.
_OF_LAMBDA: Final = (
    "function_type",
    "module",
    "output_shape_module",
    "output_shape_type",
)


def objects(value: Any, where: str, key: str, notes: Notes) -> Any:
    """A copy of `value` in which each object of Keras is said as Keras 3 says it.

    Objects of others are kept; what they hold is read, too.

    Args:
        value: any part of a configuration.
        where: its place, for the report.
        key: the key under which it stands; it says what is expected there.
        notes: what was changed, and what can't be.
    """
    if isinstance(value, dict):
        if isinstance(value.get("class_name"), str):
            if "config" in value:
                return _object(value, where, key, notes)
            if value["class_name"] in ("TensorShape", "__tuple__"):
                return objects(value.get("items"), where, key, notes)
        return {
            name: objects(one, f"{where}.{name}", name, notes)
            for name, one in value.items()
        }
    if isinstance(value, list):
        return [
            objects(one, f"{where}[{place}]", key, notes)
            for place, one in enumerate(value)
        ]
    return value


def placed(
    value: dict[str, Any], module: Any, name: str, config: Any
) -> dict[str, Any]:
    """The object as Keras 3 says it, with what a model says of its part besides."""
    said = {
        "module": module,
        "class_name": name,
        "config": config,
        "registered_name": None,
    }
    kept = ("name", "inbound_nodes", "shared_object_id")
    return said | {key: value[key] for key in kept if key in value}


def _object(value: dict[str, Any], where: str, key: str, notes: Notes) -> Any:
    name, config = value["class_name"], value["config"]
    if key == "dtype" or name in ("Policy", "PolicyV1"):
        return _policy(config, where, notes)
    if _is_foreign(value):
        return _foreign(value, where, notes)
    role: str = known.ROLES.get(key.rpartition("_")[2]) or _role_of(value)
    if role and name != "function":
        return _setting(value, role, where, notes)
    return _part(value, where, notes)


def _part(value: dict[str, Any], where: str, notes: Notes) -> Any:
    """A layer, a model, a function: by its name, which tells in Keras 2."""
    name = value["class_name"]
    if name == "__lambda__":
        return value
    if name in known.GRAPH_OPS:
        what = _operation(value["config"])
        notes.refuse(where, what, "an operation of TensorFlow as a layer")
        return value
    if name in known.GONE:
        notes.refuse(where, name, known.GONE[name])
        return value
    kinds: dict[str, _Reader] = {
        "function": _function,
        "SyncBatchNormalization": _layer,
    }
    kinds |= dict.fromkeys(known.MODELS, _model)
    otherwise = _layer if name in known.LAYERS else _foreign
    return kinds.get(name, otherwise)(value, where, notes)


def _is_foreign(value: dict[str, Any]) -> bool:
    """Whether it is surely no object of Keras: it has a package, or another module."""
    registered, module = value.get("registered_name"), value.get("module")
    if ">" in value["class_name"] or (
        isinstance(registered, str) and ">" in registered
    ):
        return True
    top = module.partition(".")[0] if isinstance(module, str) else "keras"
    return top not in ("keras", "tf_keras", "tensorflow", "builtins", "")


def _role_of(value: dict[str, Any]) -> str:
    part = str(value.get("module")).rpartition(".")[2]
    return part if part in known.ROLES.values() else ""


def _foreign(value: dict[str, Any], where: str, notes: Notes) -> dict[str, Any]:
    """Somebody else's object: its class reads its configuration, and is not known."""
    name: str = value["class_name"]
    config = value["config"]
    if isinstance(config, dict):
        config = _without_shape(config, where, notes)
        if {"layers", "input_layers", "output_layers"} <= config.keys():
            config = graph(config, where, notes, objects)
        else:
            config = objects(config, f"{where}.config", "", notes)
    said = placed(value, value.get("module"), name.rpartition(">")[2], config)
    return said | {"registered_name": value.get("registered_name") or name}


def _without_shape(config: dict[str, Any], where: str, notes: Notes) -> dict[str, Any]:
    if "batch_input_shape" in config:
        notes.note(where, "batch_input_shape of a layer", "an InputLayer")
    return {key: one for key, one in config.items() if key != "batch_input_shape"}


def _policy(config: Any, where: str, notes: Notes) -> Any:
    name = config.get("name") if isinstance(config, dict) else None
    if not isinstance(name, str):
        notes.refuse(where, "a dtype without a name", "it says no dtype")
    notes.note(where, "a dtype Policy", "a DTypePolicy")
    kept = "float32" if name in ("_infer", "infer") else name
    return {
        "module": "keras",
        "class_name": "DTypePolicy",
        "config": {"name": kept},
        "registered_name": None,
    }


def _function(value: dict[str, Any], where: str, notes: Notes) -> dict[str, Any]:
    if value["config"] == "hard_sigmoid":
        return _hard_sigmoid(where, notes)
    return value


def _hard_sigmoid(where: str, notes: Notes) -> dict[str, Any]:
    notes.note(where, "hard_sigmoid, which had another slope", HARD_SIGMOID)
    return {
        "module": _FUNCTIONS,
        "class_name": "function",
        "config": HARD_SIGMOID,
        "registered_name": "function",
    }


def _operation(config: Any) -> str:
    function = config.get("function") if isinstance(config, dict) else None
    return f"operation {function}" if isinstance(function, str) else "an operation"


def _setting(
    value: dict[str, Any], role: str, where: str, notes: Notes
) -> dict[str, Any]:
    """An initializer, a regularizer, a constraint."""
    name, config = value["class_name"], value["config"]
    if name in ("RadialConstraint", "radial_constraint"):
        notes.refuse(where, name, "this constraint was removed")
    if isinstance(config, dict):
        config = dict(config)
        if role == "initializers":
            config.pop("dtype", None)  # of TensorFlow 1
        if name == "VarianceScaling" and config.get("distribution") == "normal":
            config["distribution"] = "truncated_normal"
            notes.note(where, "distribution normal", "truncated_normal")
    return placed(value, f"keras.{role}", name, config)


def _model(value: dict[str, Any], where: str, notes: Notes) -> dict[str, Any]:
    name, config = value["class_name"], value["config"]
    if name == "Sequential":
        config = {"layers": config} if isinstance(config, list) else config
        return placed(value, "keras", name, sequence(config, where, notes, objects))
    said = placed(value, "keras.src.models.functional", "Functional", config)
    said["registered_name"] = "Functional"
    if isinstance(config, dict) and "layers" in config:
        said["config"] = graph(config, where, notes, objects)
    else:
        notes.refuse(where, name, "a model that is not described by its layers")
    return said


def _layer(value: dict[str, Any], where: str, notes: Notes) -> dict[str, Any]:
    name, config = value["class_name"], value["config"]
    if not isinstance(config, dict):
        notes.refuse(where, name, "it has no configuration")
        return value
    if name == "SyncBatchNormalization":
        notes.note(where, name, "BatchNormalization(synchronized=True)")
        name, config = "BatchNormalization", {**config, "synchronized": True}
    config = _renamed(name, config, where, notes)
    config = _without_shape(config, where, notes)
    config = _kept(name, config, where, notes)
    config = _changed(name, config, where, notes)
    inside = f"{where}.config"
    told = {
        key: _hard_sigmoid(inside, notes)
        if one == "hard_sigmoid" and key.endswith("activation")
        else _named(one, key, inside, notes)
        for key, one in config.items()
    }
    return placed(value, "keras.layers", name, told)


def _named(value: Any, key: str, where: str, notes: Notes) -> Any:
    if value == "radial_constraint":
        notes.refuse(where, value, "this constraint was removed")
    return objects(value, f"{where}.{key}", key, notes)


def _renamed(
    name: str, config: dict[str, Any], where: str, notes: Notes
) -> dict[str, Any]:
    names = known.RENAMED.get(name, {})
    for old in names.keys() & config.keys():
        notes.note(where, f"{old} of {name}", names[old])
    return {names.get(key, key): one for key, one in config.items()}


def _kept(
    name: str, config: dict[str, Any], where: str, notes: Notes
) -> dict[str, Any]:
    """Without the keys that mean nothing in Keras 3."""
    rules = {"dynamic": (False, None), **known.DROPPED.get(name, {})}
    kept = {}
    for key, one in config.items():
        if key not in rules:
            kept[key] = one
        elif rules[key] is known.ANY or one in rules[key]:
            notes.note(where, f"{key} of {name}", "dropped: Keras 3 has not got it")
        else:
            notes.refuse(
                where, f"{key}={one!r} of {name}", "Keras 3 has no such option"
            )
    return kept


def _changed(
    name: str, config: dict[str, Any], where: str, notes: Notes
) -> dict[str, Any]:
    """What can't be said by a table."""
    if name == "BatchNormalization" and isinstance(config.get("axis"), list):
        axes = config["axis"]
        if len(axes) == 1:
            config = {**config, "axis": axes[0]}
        else:
            notes.refuse(where, f"axis={axes!r} of {name}", "Keras 3 takes one axis")
    if name == "GRU" and "reset_after" not in config:
        notes.note(where, "GRU without reset_after", "reset_after=False, as it was")
        config = {**config, "reset_after": False}
    if name == "Lambda":
        config = _lambda(config, where, notes)
    return config


def _lambda(config: dict[str, Any], where: str, notes: Notes) -> dict[str, Any]:
    """The function as Keras 3 says it: by name, or as the code that it refuses."""
    function, kind = config.get("function"), config.get("function_type")
    kept = {key: one for key, one in config.items() if key not in _OF_LAMBDA}
    if isinstance(config.get("output_shape"), str) or config.get(
        "output_shape_type"
    ) in ("function", "lambda"):
        notes.refuse(where, "output_shape of a Lambda", "it is a function, not a shape")
    if isinstance(function, list) and len(function) == 3:  # noqa: PLR2004 -- code, defaults, closure
        parts = dict(zip(("code", "defaults", "closure"), function, strict=True))
        kept["function"] = {"class_name": "__lambda__", "config": parts}
    elif isinstance(function, str):
        kept["function"] = {
            "module": "builtins",  # so the file's own module is never asked
            "class_name": "function",
            "config": function,
            "registered_name": "function",
        }
    if kind is not None:
        notes.note(where, f"a Lambda of the type {kind}", "a Lambda")
    return kept
