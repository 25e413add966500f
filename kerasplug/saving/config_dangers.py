"""What is dangerous in a parsed configuration: code, paths, and what costs too much."""

import math
import re
from collections.abc import Iterable, Iterator
from typing import Any, Final

from kerasplug.saving.dangers import Danger, shown
from kerasplug.saving.limits import Limits
from kerasplug.saving.mentions import Place, Said, place_text, walk

__all__ = ["config_dangers", "is_deeper", "said_dangers"]

#: The parts of Keras whose functions a model is made of. From the last one, which is
#: its inside, Keras takes classes only.
_MODELLING: Final = frozenset(
    (
        "activations",
        "constraints",
        "initializers",
        "layers",
        "losses",
        "metrics",
        "ops",
        "optimizers",
        "quantizers",
        "random",
        "regularizers",
        "src",
    )
)
#: Functions that these parts have as well, and that make objects of configurations.
_MAKERS: Final = frozenset(("deserialize", "get", "serialize"))
#: Layers of Keras that hold, or point to, a program of another framework.
_FOREIGN: Final = frozenset(("TFSMLayer", "TorchModuleWrapper"))
#: How Keras stores arrays, and the types that arrays in models have. A type such as
#: V2000000000 would make two gigabytes of one number.
_ARRAYS: Final = ("__numpy__", "__tensor__")
_ARRAY_TYPE: Final = re.compile(
    r"bool|string|u?int\d{1,2}|b?float\d{1,3}(_e\d+m\d+\w{0,6})?|complex\d{2,3}"
)
#: Parts of a name that mean something to a file system.
_DRIVE: Final = re.compile(r"[A-Za-z]:[\\/]")
_TRUST: Final = "if you trust the file: load_model(path, safe_mode=False)"
#: Of a weight; most have four, and a packed one has half a byte.
_BYTES: Final = 4
#: So many times less may be stored of a layer than its size in the configuration says.
_PACKED: Final = 16
_MOST: Final = 100
#: Names that Keras, and errors, write out; in characters.
_NAMES: Final = frozenset(
    ("class_name", "module", "name", "registered_name", "spec_name")
)
_LONGEST_NAME: Final = 1000


def said_dangers(everything: Iterable[Said]) -> Iterator[Danger]:
    """What is dangerous among the classes and functions that a file mentions.

    Args:
        everything: what it mentions, from `said_by`.
    """
    for said in everything:
        if said.kind == "code":
            what = (
                "holds the bytecode of a Python lambda, which would run on this machine"
            )
            rule = "no code in the file while safe_mode is on"
            yield Danger("code", said.where, what, "", rule, _TRUST)
        elif _is_tool(said):
            what = "mentions a function of Keras that is no part of a model"
            found = shown(f"{said.module}.{said.class_name}")
            rule = "activations, losses and the like"
            yield Danger("tool", said.where, what, found[1:-1], rule, _TRUST)
        elif said.class_name in _FOREIGN and _is_keras(said.module):
            what = "holds a layer that runs a program of another framework"
            rule = "layers of Keras, or of plugins, while safe_mode is on"
            yield Danger("foreign", said.where, what, said.class_name, rule, _TRUST)


def _is_keras(module: str) -> bool:
    return not module or module.partition(".")[0] in ("keras", "tf_keras")


def _is_tool(said: Said) -> bool:
    """Whether it is a public function of Keras that Keras would accept anywhere.

    Keras has a list of those that it refuses; `keras.utils.set_random_seed`, for
    one, is not on it, and may stand for an activation.
    """
    function = said.kind == "function" or said.class_name[:1].islower()
    top, _, rest = said.module.partition(".")
    if not function or top != "keras":
        return False
    return rest.partition(".")[0] not in _MODELLING or said.class_name in _MAKERS


def config_dangers(
    config: Any, label: str, limits: Limits, stored: int | None = None
) -> list[Danger]:
    """What else is dangerous in a configuration, each with its place.

    Args:
        config: parsed.
        label: its name in the file.
        limits: what is believed.
        stored: bytes of all weights in the file, in memory; None: it has none, and is
            an architecture only.
    """
    if is_deeper(config, limits.config_depth):
        what = "is refused: its configuration is nested as no model's is"
        rule = f"at most {limits.config_depth} levels"
        mend = "if you trust it: limits=Limits(config_depth=…)"
        return [Danger("too-deep", label, what, "", rule, mend)]
    most = None if stored is None else max(limits.floor_bytes, _PACKED * stored)
    found: list[Danger] = []
    for value, place in walk(config, label):
        if type(value) is float:
            found += _of_number(value, place, limits)
        elif isinstance(value, str):
            found += _of_text(value, place, limits)
        elif isinstance(value, dict):
            found += _of_object(value, place, limits)
            if most is not None and "config" in value:
                found += _of_size(value, place, most)
        if len(found) >= _MOST:
            break
    return found


def is_deeper(config: Any, deepest: int) -> bool:
    """Whether objects and lists are nested in one another at more than so many levels.

    Args:
        config: parsed; followed without Python's stack.
        deepest: how many levels may be.
    """
    level = [config]
    for _ in range(deepest):
        inner = [list(one.values()) if isinstance(one, dict) else one for one in level]
        level = [two for one in inner for two in one if isinstance(two, dict | list)]
        if not level:
            return False
    return True


def _of_number(value: float, place: Place, limits: Limits) -> Iterator[Danger]:
    if limits.not_finite or math.isfinite(value):
        return
    what = "holds a number in its configuration that is no JSON"
    mend = "if you trust it: limits=Limits(not_finite=True)"
    yield Danger(
        "not-finite", place_text(place), what, str(value), "finite numbers", mend
    )


def _of_text(value: str, place: Place, limits: Limits) -> Iterator[Danger]:
    if len(value) > limits.string_length:
        yield _long(value, place, limits)
    elif len(value) > _LONGEST_NAME and place[1] in _NAMES:
        what = "is refused: it holds a name that is longer than any real one"
        found = f"{len(value):,} characters"
        rule = f"at most {_LONGEST_NAME:,}"
        yield Danger("long-string", place_text(place), what, found, rule)
    elif place[1] == "vocabulary":
        what = "holds a layer that reads its words from a file of this machine"
        rule = "the words themselves, or an asset in the file"
        yield Danger(
            "vocabulary-path", place_text(place), what, shown(value), rule, _TRUST
        )
    elif place[1] == "name" and _leads_elsewhere(value):
        what = "holds a layer whose name is a path that leads elsewhere"
        yield Danger("path-name", place_text(place), what, shown(value), "a plain name")


def _leads_elsewhere(name: str) -> bool:
    r"""Whether a name, taken for a path, leaves its folder; `block1/conv` does not."""
    return (
        name.startswith("/")
        or "\\" in name
        or "\0" in name
        or ".." in name.split("/")
        or bool(_DRIVE.match(name))
    )


def _long(value: str, place: Place, limits: Limits) -> Danger:
    return Danger(
        "long-string",
        place_text(place),
        "is refused: it holds a text that is longer than any real one",
        f"{len(value):,} characters",
        f"at most {limits.string_length:,}",
        "if you trust it: limits=Limits(string_length=…)",
    )


def _of_object(value: dict[str, Any], place: Place, limits: Limits) -> Iterator[Danger]:
    for key in value:
        if len(key) > limits.string_length:
            yield _long(key, place, limits)
            return
    if value.get("class_name") in _ARRAYS and isinstance(value.get("config"), dict):
        kind = value["config"].get("dtype")
        if not isinstance(kind, str) or not _ARRAY_TYPE.fullmatch(kind):
            what = "holds an array of a type that no model's arrays have"
            yield Danger("array-type", place_text(place), what, shown(kind), "float32")


def _of_size(value: dict[str, Any], place: Place, most: int) -> Iterator[Danger]:
    """A layer that would be far larger than all weights in the file.

    A lower bound, from what the configuration says of common layers; what the code of
    a layer makes is not known before.
    """
    if not isinstance(value["config"], dict):
        return
    needed = _BYTES * _weights_of(value["config"], value.get("build_config"))
    if needed > most:
        yield Danger(
            "size-bomb",
            place_text(place),
            "describes a layer that is far larger than the weights in it",
            f"at least {needed:,} bytes, where the file allows {most:,}",
            "a layer whose weights are in the file",
            "if you trust it: limits=Limits(floor_bytes=…)",
        )


def _weights_of(config: dict[str, Any], built: Any) -> int:
    """The least number of weights that a layer has; 0 where nothing is known."""
    shape = built.get("input_shape") if isinstance(built, dict) else None
    last = shape[-1] if isinstance(shape, list) and shape else 1
    groups = _size(config.get("groups")) or 1
    inputs = max((_size(last) or 1) // groups, 1)
    table = _size(config.get("input_dim")) * _size(config.get("output_dim"))
    outputs = max(_size(config.get("units")), _size(config.get("filters")))
    return max(outputs * inputs, table)


def _size(value: Any) -> int:
    return value if type(value) is int and value > 0 else 0
