"""Which kinds of layers and models there are, and how to walk through them.

It goes by the object's own Keras, never by the one in use: so models of `tf.keras`,
stand-alone Keras and `tf_keras` are all served.
"""

from collections.abc import Iterator
from typing import Any, Final

from kerasplug.errors import ModelError
from kerasplug.implementation import family_of

__all__ = [
    "children",
    "family",
    "flat",
    "graph_of",
    "is_layer",
    "is_model",
    "is_older",
    "is_sequential",
    "require_layer",
    "require_model",
    "saved_for",
    "walk",
]

#: How Keras lists the layers that a layer holds; the same in tf_keras and in Keras 3.
_LISTING: Final = "_flatten_layers"

#: What every layer of the stand-alone Keras 2 has, and of the others as well.
_NODES: Final = "_inbound_nodes"


def is_layer(thing: object) -> bool:
    """Whether it is a layer of some Keras; a model is one, too.

    Example:
        >>> is_layer("dense")
        False
    """
    return (
        not isinstance(thing, type)
        and family_of(thing) is not None
        and (hasattr(thing, _LISTING) or hasattr(thing, _NODES))
    )


def is_model(thing: object) -> bool:
    """Whether it is a model of some Keras: a layer with `layers`, and with `fit`.

    Example:
        >>> is_model("dense")
        False
    """
    return is_layer(thing) and hasattr(thing, "fit") and hasattr(thing, "predict")


def is_sequential(model: Any) -> bool:
    """Whether it is a `Sequential` model, or of a class made of it."""
    names = {base.__name__ for base in type(model).__mro__}
    return is_model(model) and "Sequential" in names


def family(thing: Any) -> str:
    """`"keras"` for Keras 3, also as tf.keras, or `"tf_keras"` for any Keras 2."""
    old = family_of(thing) == "tf_keras" or is_older(thing)
    return "tf_keras" if old else "keras"


def is_older(thing: object) -> bool:
    """Whether it is a layer of the stand-alone Keras 2, which lists no parts.

    Example:
        >>> is_older("dense")
        False
    """
    return is_layer(thing) and not hasattr(thing, _LISTING)


def saved_for(model: Any) -> Any:
    """The model that files hold in place of this one; nearly always itself.

    A model that several devices compute says so by an attribute: where it computes is
    no matter of a file, and another computer has other devices.

    Args:
        model: anything.

    Example:
        >>> saved_for("no model")
        'no model'
    """
    return getattr(model, "_kerasplug_saves", model)


def require_layer(call: str, thing: object) -> None:
    """Nothing, where `thing` is a layer or a model.

    Args:
        call: the function that was called, for the error.
        thing: what it was given.

    Raises:
        ModelError: it is something else.
    """
    if not is_layer(thing):
        raise _wrong(call, thing, "a Keras layer or model")


def require_model(call: str, thing: object) -> None:
    """Nothing, where `thing` is a model.

    Args:
        call: the function that was called, for the error.
        thing: what it was given.

    Raises:
        ModelError: it is something else.

    Example:
        >>> require_model("pop_layer", [])
        Traceback (most recent call last):
        kerasplug.errors.ModelError: pop_layer() works on a Keras model.
          found:    [] (of type list)
          expected: a Keras model
    """
    if not is_model(thing):
        raise _wrong(call, thing, "a Keras model")


def _wrong(call: str, thing: object, rule: str) -> ModelError:
    shown = repr(thing)
    shown = shown if len(shown) <= 80 else f"{shown[:80]}…"  # noqa: PLR2004 -- as much as a line holds
    mend = ""
    if isinstance(thing, type) and family_of(thing) is not None:
        mend = "give an instance, not the class"
    return ModelError(
        f"{call}() works on {rule}.",
        found=f"{shown} (of type {type(thing).__name__})",
        expected=rule,
        mend=mend,
    )


def children(layer: Any) -> list[Any]:
    """The layers that a layer holds directly, in Keras' order, each once.

    A model's are those of its `layers`, followed by what else it holds, but for the
    input layer that a Sequential hides. A wrapper, an RNN or an attention layer has
    parts, too.
    """
    held = [*layer.layers] if is_model(layer) else []
    if is_older(layer):
        listed = [one for part in vars(layer).values() for one in _parts(part)]
    else:
        listed = getattr(layer, _LISTING)(include_self=False, recursive=False)
    if is_sequential(layer):
        listed = [one for one in listed if type(one).__name__ != "InputLayer"]
    unique = {id(one): one for one in (*held, *listed)}
    return list(unique.values())


def _parts(attribute: object) -> list[Any]:
    """The layers in an attribute of a layer: itself, or those in a list of cells."""
    several = attribute if isinstance(attribute, list | tuple) else [attribute]
    return [one for one in several if is_layer(one)]


def walk(layer: Any, *, deep: bool = True) -> Iterator[tuple[str, Any]]:
    """(path, layer) for everything that a layer holds, each once, parents first.

    A path is made of the names from the outermost layer on, which itself is left out:
    `"base/block1_conv1"`.

    Args:
        layer: a layer or a model.
        deep: False stops at layers that are no models: parts of wrappers are left out.
    """
    seen = {id(layer)}
    waiting = [("", one) for one in reversed(children(layer))]
    while waiting:
        prefix, one = waiting.pop()
        if id(one) in seen:
            continue
        seen.add(id(one))
        path = f"{prefix}{one.name}"
        yield path, one
        if deep or is_model(one):
            waiting += [(f"{path}/", part) for part in reversed(children(one))]


def graph_of(call: str, model: Any) -> tuple[list[Any], list[Any]]:
    """(inputs, outputs) of a model: the symbolic tensors of its graph, flat.

    Args:
        call: the function that was called, for the error.
        model: a model.

    Raises:
        ModelError: it has no graph: it is not built, or a subclass of `Model`.
    """
    inputs, outputs = _tensors(model, "inputs"), _tensors(model, "outputs")
    if inputs and outputs:
        return inputs, outputs
    if is_sequential(model):
        what = (
            f"{call}() needs a graph, and the Sequential {model.name!r} has none yet."
        )
        raise ModelError(
            what,
            found="a model that knows no input",
            expected="a Sequential that begins with keras.Input, or was built",
            mend="call model.build(input_shape), or add keras.Input(shape) first",
        )
    what = f"{call}() needs a graph, and {model.name!r} has none."
    raise ModelError(
        what,
        found=f"{type(model).__name__}, a subclass of Model with a `call` of its own",
        expected="a functional or Sequential model",
        mend="let its `call` return what you need, or make it with keras.Model()",
    )


def _tensors(model: Any, which: str) -> list[Any]:
    """A model's inputs or outputs, however they are nested; none: there is no graph."""
    try:
        return flat(getattr(model, which, None))
    except (AttributeError, ValueError):  # a Sequential that was never called
        return []


def flat(tensors: Any) -> list[Any]:
    """The tensors in nested lists, tuples and dicts.

    Example:
        >>> flat({"a": 1, "b": [2, (3,)]}), flat(None)
        ([1, 2, 3], [])
    """
    if tensors is None:
        return []
    if isinstance(tensors, dict):
        tensors = list(tensors.values())
    if isinstance(tensors, list | tuple):
        return [one for part in tensors for one in flat(part)]
    return [tensors]
