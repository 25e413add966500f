"""What the configurations of a model file mention: classes and functions, by name.

Nothing here is imported or looked up; a mention is only what the file says.
"""

from collections.abc import Iterator
from typing import Any, Final, NamedTuple

from kerasplug.saving.reading import Contents

__all__ = ["LAMBDA", "Place", "Said", "place_text", "said_by", "walk"]

#: The name under which Keras stores the bytecode of a Python lambda.
LAMBDA: Final = "__lambda__"
#: Longer names are none: a bare string may be any text. In characters.
_LONGEST: Final = 256
#: What is looked at in a configuration; whole numbers, truths and null say nothing.
_WALKED: Final = (dict, list, str, float)
_HOLDERS: Final = (dict, list)
#: A place in an error has so many keys at most, and so many before the gap.
_LONGEST_PLACE: Final = 16
_SHOWN_FIRST: Final = 4
#: A key in an error, in characters.
_LONGEST_KEY: Final = 60
#: Bare texts that may be names: so many are looked up, since a list of words may have
#: many that look like one.
_MOST_DOUBTFUL: Final = 1000
#: How many keys around a bare string say what is expected there.
_KEYS: Final = 2
#: Where the older format stores a function, or a loss, as a bare string.
_PLACES: Final = frozenset(
    (
        "activation",
        "constraint",
        "fn",
        "function",
        "initializer",
        "loss",
        "metrics",
        "regularizer",
    )
)
#: Keys whose strings are read together with the dict that holds them, or are text.
_NAME_KEYS: Final = frozenset(
    ("class_name", "config", "module", "name", "registered_name", "spec_name")
)


class Said(NamedTuple):
    """One thing that a file mentions, in the file's own words.

    Args:
        kind: `"class"`, `"function"`, or `"code"` for the bytecode of a lambda.
        class_name: the class' or function's own name, without a package.
        module: the module that the file names; empty where it names none.
        registered_name: the name under which it is registered; empty where the
            file does not say.
        where: where in the configuration it is mentioned first.
        certain: False for a bare string that may be plain text.
    """

    kind: str
    class_name: str
    module: str
    registered_name: str
    where: str
    certain: bool = True

    @property
    def name(self) -> str:
        """The name that Keras looks up."""
        return self.registered_name or self.class_name


#: A place in a configuration, linked to the place around it: (around, key).
Place = tuple[Any, "str | int"]


def said_by(contents: Contents, *, compiled: bool = True) -> tuple[Said, ...]:
    """Everything that a file mentions, each once, in the file's order.

    Args:
        contents: what the file holds.
        compiled: whether loss, metrics and optimizer of the whole model count.
    """
    found: dict[tuple[str, ...], Said] = {}
    doubtful = 0
    for label, config in contents.configs:
        if label == "training_config" and not compiled:
            continue
        for value, place in walk(_used(config, compiled=compiled), label):
            said = _said(value, place, contents.format)
            if said is None:
                continue
            doubtful += not said.certain
            if said.certain or doubtful < _MOST_DOUBTFUL:
                _note(found, said, place)
    return tuple(found.values())


def _used(config: Any, *, compiled: bool) -> Any:
    if compiled or not isinstance(config, dict):
        return config
    return {key: value for key, value in config.items() if key != "compile_config"}


def _note(found: dict[tuple[str, ...], Said], said: Said, place: Place) -> None:
    """Keep it; the older format names the module in some places and not in others."""
    key = (said.kind, said.name, "" if said.registered_name else said.module)
    known = found.get(key)
    if known is None:
        found[key] = said._replace(where=place_text(place))
    elif (said.module and not known.module) or (said.certain and not known.certain):
        found[key] = said._replace(where=known.where)


def walk(
    config: Any, label: str, kinds: tuple[type, ...] = _WALKED
) -> Iterator[tuple[Any, Place]]:
    """Each object, list, text and fraction with its place, depth first.

    It has a stack of its own, so any depth will do, and holds one place of each level,
    so any length will do.

    Args:
        config: parsed.
        label: its name in the file, with which places begin.
        kinds: what is yielded of what is in it; objects and lists are among them.
    """
    place: Place = (None, label)
    yield config, place
    stack = [(place, _items(config))]
    while stack:
        around, items = stack[-1]
        for key, value in items:
            if isinstance(value, kinds):
                place = (around, key)
                yield value, place
                if isinstance(value, _HOLDERS):
                    stack.append((place, _items(value)))
                    break
        else:
            stack.pop()


def _items(value: Any) -> Iterator[tuple[str | int, Any]]:
    if isinstance(value, dict):
        return iter(value.items())
    return enumerate(value if isinstance(value, list) else ())


def _said(value: Any, place: Place, form: str) -> Said | None:
    if isinstance(value, dict):
        return _from_dict(value, form)
    if isinstance(value, str):
        return _from_string(value, place, form)
    return None


def _from_dict(value: dict[str, Any], form: str) -> Said | None:
    """Keras' own rule: a dict with `class_name` and `config` stands for an object."""
    name = value.get("class_name")
    if not isinstance(name, str) or "config" not in value:
        return None
    if name == LAMBDA:
        return Said("code", LAMBDA, "", "", "")
    if name == "Lambda" and _is_old_lambda(value["config"]):
        return Said("code", LAMBDA, "", "", "")
    if name == "__typespec__":
        name = _string(value.get("spec_name"))
    elif name.startswith("__") and name.endswith("__"):
        return None
    if name == "function":
        return _function(value["config"], _string(value.get("module")))
    module = value.get("module")
    if module is None and form == "keras":
        module = "__main__"  # Keras writes null for it
    registered = _string(value.get("registered_name"))
    if ">" in name:  # the older format keeps the registered name here
        registered, name = registered or name, name.rpartition(">")[2]
    return Said("class", name, _string(module), registered, "")


def _is_old_lambda(config: Any) -> bool:
    if not isinstance(config, dict):
        return False
    kind = config.get("function_type")
    return isinstance(config.get("function"), list) or kind == "lambda"


def _function(name: Any, module: str) -> Said | None:
    if not isinstance(name, str) or not name:
        return None
    tail = name.rpartition(">")[2]
    registered = name if ">" in name else ""
    # Keras writes "builtins" for every function: the module of the type `function`.
    module = "" if module == "builtins" else module
    return Said("function", tail, module, registered, "")


def _from_string(value: str, place: Place, form: str) -> Said | None:
    """The older format stores functions, and losses, as bare strings."""
    named = ">" in value
    if not named and form != "h5":
        return None
    if len(value) > _LONGEST or place[1] in _NAME_KEYS:
        return None
    expected = _holds_functions(place)
    if named:
        package, _, tail = value.partition(">")
        if not package or not tail or ">" in tail or len(value.split()) > 1:
            return None
        return Said("function", tail, "", value, "", certain=expected)
    if form == "h5" and expected and value.isidentifier():
        return Said("function", value, "", "", "", certain=False)
    return None


def _holds_functions(place: Place) -> bool:
    """Whether a loss, a metric, an activation, … is expected in this place.

    A loss or a metric may stand below the name of an output, hence several keys.
    """
    around: Any = place
    seen = 0
    while around is not None and seen < _KEYS:
        around, key = around
        if isinstance(key, str):
            if key.rpartition("_")[2] in _PLACES:
                return True
            seen += 1
    return False


def _string(value: Any) -> str:
    return value if isinstance(value, str) else ""


def place_text(place: Place) -> str:
    """A place as a text for people: `config.config.layers[1]`.

    Args:
        place: from `walk`.
    """
    keys: list[str] = []
    around: Any = place
    while around is not None:
        around, key = around
        keys.append(f"[{key}]" if isinstance(key, int) else f".{_key(key)}")
    keys.reverse()
    if len(keys) > _LONGEST_PLACE:
        keys[_SHOWN_FIRST : -(_LONGEST_PLACE - _SHOWN_FIRST)] = ["…"]
    return "".join(keys)[1:]


def _key(key: str) -> str:
    """A key from a file as it may stand in an error: short, in one line."""
    if len(key) <= _LONGEST_KEY and key.isprintable():
        return key
    return ascii(key[:_LONGEST_KEY])
