"""Layer classes: what is one, finding the one that was named, registering it.

Nothing here imports Keras: whoever holds a layer has loaded its Keras already, so
classes are told by where they come from.
"""

import difflib
import importlib
import inspect
import sys
from collections.abc import Iterable
from typing import Any

from kerasplug.errors import LayerError
from kerasplug.implementation import family_of, is_stale

__all__ = [
    "clipped",
    "constructor",
    "did_you_mean",
    "is_a",
    "is_keras_own",
    "is_layer_class",
    "keras_of",
    "own_signature",
    "register_class",
    "resolve",
    "short",
    "target_name",
]


def keras_of(layer_class: type) -> Any:
    """The loaded Keras package that `layer_class` is built on."""
    return sys.modules[str(family_of(layer_class))]


def is_layer_class(value: object) -> bool:
    """Whether `value` is a class of layers, of any Keras."""
    return isinstance(value, type) and _descends(value, "Layer")


def constructor(layer_class: type) -> Any:
    """The function behind the class' constructor."""
    return inspect.unwrap(layer_class.__init__)  # type: ignore[misc]  # this very class' own, not a subclass'


def own_signature(layer_class: type) -> inspect.Signature:
    """The signature of the class' constructor, without `self`."""
    signature = inspect.signature(constructor(layer_class))
    return signature.replace(parameters=list(signature.parameters.values())[1:])


def is_a(value: object, name: str) -> bool:
    """Whether `value` is an instance of Keras' own class of that name, of any Keras.

    Args:
        value: anything.
        name: `"Layer"`, `"Model"` or `"Sequential"`.
    """
    return _descends(type(value), name)


def _descends(cls: type, name: str) -> bool:
    # By name and origin: isinstance() would ask for a Keras, and for which one.
    return any(base.__name__ == name and is_keras_own(base) for base in cls.__mro__)


def is_keras_own(cls: type) -> bool:
    """Whether a class comes with Keras itself."""
    return _root(cls) in ("keras", "tf_keras")


def _root(cls: type) -> str:
    return str(cls.__module__).partition(".")[0]


def short(value: object, limit: int = 80) -> str:
    """`repr(value)` on one line of at most `limit` characters."""
    return clipped(repr(value), limit)


def clipped(text: str, limit: int) -> str:
    """`text` on one line of at most `limit` characters."""
    text = " ".join(text.split())
    return text if len(text) <= limit else text[: limit - 3] + "..."


def target_name(layer_class: object) -> tuple[str, str]:
    """Module and name of a layer class, without importing it.

    Raises:
        LayerError: `layer_class` is neither a layer class nor has the form of the
            name of one.
    """
    if is_layer_class(layer_class):
        assert isinstance(layer_class, type)
        return layer_class.__module__, layer_class.__name__
    if isinstance(layer_class, str):
        module, colon, path = layer_class.partition(":")
        parts = [*module.split("."), *path.split(".")]
        if colon and all(map(str.isidentifier, parts)):
            return module, parts[-1]
        name = layer_class.rpartition("/")[2]
        if not colon and name and not set(name) & set(" \t\n>"):
            return __name__, name
    what = f"{short(layer_class)} is no layer class."
    raise LayerError(
        what,
        found=f"a value of type {type(layer_class).__name__}",
        expected="a subclass of keras.layers.Layer, 'module:Class', or a name in the "
        "catalog such as 'gated_dense' or 'downstream-pkg/gated_dense'",
        mend="to put a layer on a tensor or a model use pipe()"
        if callable(layer_class) and not isinstance(layer_class, type)
        else "",
    )


def resolve(layer_class: Any) -> type:
    """The class itself that was given, or named; imported if need be.

    Raises:
        LayerError: there is no such layer class.
        UnknownNameError: nothing installed has that name.
        PluginError: the plugin that provides the name is broken.
    """
    target_name(layer_class)
    found = _load(layer_class) if isinstance(layer_class, str) else layer_class
    if is_layer_class(found):
        return found  # type: ignore[no-any-return]  # is_layer_class() says so
    what = f"{layer_class!r} is no layer class."
    raise LayerError(
        what,
        found=short(found),
        expected="a subclass of keras.layers.Layer",
    )


def _load(name: str) -> Any:
    module, colon, path = name.partition(":")
    if colon:
        found = _attribute(_import(module, name), path, name)
        if not is_stale(found):
            return found
        # keras.config.set_backend() gave this process another Keras since.
        return _attribute(importlib.reload(sys.modules[module]), path, name)
    from kerasplug import registry

    return registry.load(registry.claim("layer", name))


def _import(module: str, name: str) -> Any:
    try:
        return importlib.import_module(module)
    except ModuleNotFoundError as error:
        missing = error.name or ""
        if module != missing and not module.startswith(f"{missing}."):
            raise
        what = (
            f"The layer class {name!r} can't be found: there is no module {missing!r}."
        )
        raise LayerError(
            what,
            mend="install the package that has it, or correct the name",
        ) from error


def _attribute(value: Any, path: str, name: str) -> Any:
    for part in path.split("."):
        try:
            value = getattr(value, part)
        except AttributeError as error:
            what = f"The layer class {name!r} can't be found: there is no {part!r}."
            raise LayerError(
                what,
                found=short(value),
                mend=did_you_mean(part, dir(value)),
            ) from error
    return value


def did_you_mean(name: str, known: Iterable[str]) -> str:
    """A question that names what resembles `name`; empty where nothing does."""
    close = difflib.get_close_matches(name, list(known), n=3)
    return "did you mean " + " or ".join(map(repr, close)) + "?" if close else ""


def register_class(cls: type) -> None:
    """Register a layer class with its Keras, unless it is or is Keras' own.

    Raises:
        LayerError: the class is of `__main__`, or another one has its name.
    """
    saving = keras_of(cls).saving
    package = cls.__module__.partition(".")[0]
    if package == keras_of(cls).__name__:
        return
    if saving.get_registered_name(cls) != cls.__name__:
        return
    if package == "__main__":
        what = (
            f"{cls.__name__} can't be registered: it is defined in `__main__`, and a "
            "file would name something that no other program can import."
        )
        raise LayerError(
            what,
            mend="move the class into a module of a package, or leave out `register`",
        )
    name = f"{package}>{cls.__name__}"
    other = saving.get_registered_object(name)
    if other is not None and _place(other) != _place(cls):
        what = (
            f"{cls.__name__} can't be registered: another object is {name!r} already."
        )
        raise LayerError(
            what,
            found=f"{_place(other)} and {_place(cls)}",
            mend="rename one of them, or register this one yourself under another name "
            "with keras.saving.register_keras_serializable",
        )
    saving.register_keras_serializable(package=package)(cls)


def _place(value: Any) -> str:
    # By place, not identity: a module that was reloaded may register anew.
    return f"{value.__module__}.{value.__qualname__}"
