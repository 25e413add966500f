"""Looking inside a model: the outputs of its layers, and a model that ends earlier."""

import difflib
from collections.abc import Sequence
from typing import Any

from kerasplug.errors import (
    AmbiguousNameError,
    ModelError,
    RecordError,
    UnknownNameError,
)
from kerasplug.models.choosing import Chooser, Layers, One, choose, is_one, position
from kerasplug.models.graph import Call, calls_of, inputs_of, model_class, needed_inputs
from kerasplug.models.kinds import graph_of, is_model, require_model, walk

__all__ = ["layer_outputs", "truncate_model"]


def layer_outputs(model: Any, which: Layers, *, node: int | None = None) -> Any:
    """A model with the same inputs that returns what some layers return.

    It shares layers, and so weights, with `model`, which is left as it is.

    Args:
        model: a functional model, or a Sequential that knows its input.
        which: a layer's name, its position in `model.layers` or itself; or a path into
            models in this one: `"base/block5_conv3"`. Then the new model returns that
            layer's output. A sequence of those, a truth value for each layer, or a
            function that is given a layer and says whether: it returns a list.
        node: where a layer is called several times in the model, which of these calls
            is meant, from 0 on in the order in which they were made; None: there has
            to be one only.

    Raises:
        ModelError: `model`, or a model on the path, has no graph.
        UnknownNameError: there is no layer of that name; close ones are named.
        LayerIndexError: there is no such position.
        AmbiguousNameError: a layer is called several times, and `node` does not say
            which call is meant.
        RecordError: there is no such `node`, or `which` chooses nothing.

    Example:
        >>> from kerasplug import implementation
        >>> keras = implementation()
        >>> layers = [keras.Input((2,)), keras.layers.Dense(3), keras.layers.Dense(1)]
        >>> layer_outputs(keras.Sequential(layers), 0).output_shape
        (None, 3)

    Source: the R interface's FAQ, "How can I obtain the output of an intermediate
    layer?"
    """
    call = "layer_outputs()"
    require_model("layer_outputs", model)
    graph_of("layer_outputs", model)
    if not is_one(which):
        outputs: Any = [_output(call, model, one, node) for one in _each(model, which)]
    else:
        outputs = _output(call, model, which, node)
    return model_class(model)(inputs_of(model), outputs)


def truncate_model(
    model: Any, upto: One, *, node: int | None = None, name: str | None = None
) -> Any:
    """A model that ends with one layer of `model`, which is left as it is.

    For functional models, which have no last layer to remove; a Sequential serves, too.
    The layers are shared, and so the weights. The new model is not compiled.

    Args:
        model: a functional model, or a Sequential that knows its input.
        upto: the layer that becomes the last one: its name, its position, itself, or a
            path into models in this one.
        node: as for `layer_outputs`.
        name: of the new model; None: Keras makes one.

    Raises:
        ModelError: `model` has no graph.
        UnknownNameError: there is no such layer.
        LayerIndexError: there is no such position.
        AmbiguousNameError: the layer is called several times, and `node` does not say
            which call is meant.
        RecordError: there is no such `node`, or several layers are given.

    Example:
        >>> from kerasplug import implementation
        >>> keras = implementation()
        >>> x = inputs = keras.Input((2,))
        >>> for size in (3, 4, 5):
        ...     x = keras.layers.Dense(size)(x)
        >>> truncate_model(keras.Model(inputs, x), -2).output_shape
        (None, 4)
    """
    call = "truncate_model()"
    require_model("truncate_model", model)
    if not is_one(upto):
        raise RecordError(call, "upto", upto, "one layer")
    output = _output(call, model, upto, node)
    return model_class(model)(_needed(model, output), output, name=name)


def _each(model: Any, which: Any) -> Sequence[Any]:
    """One layer after the other; paths and layers stay as they are."""
    chooser = Chooser("layer_outputs()", model)
    if not callable(which):
        items = list(which)
        if any(isinstance(one, str) for one in items):
            return items
    layers = chooser.layers
    return [layers[place] for place in choose(chooser, which)]


def _output(call: str, model: Any, one: Any, node: int | None) -> Any:
    """The tensor or tensors of one layer, in the graph of `model`."""
    if isinstance(one, str) and one not in (layer.name for layer in model.layers):
        split = _split(model, one)
        if split is not None:
            return _output_within(call, model, *split, node)
        _refuse_path(call, model, one)
    layer = model.layers[position(Chooser(call, model), one)]
    outputs = _call_of(call, model, layer, node).outputs
    return outputs[0] if len(outputs) == 1 else outputs


def _split(model: Any, path: str) -> tuple[Any, str] | None:
    """(a layer of the model, the rest of a path that begins with it)."""
    for layer in model.layers:
        if path.startswith(f"{layer.name}/"):
            return layer, path.removeprefix(f"{layer.name}/")
    return None


def _refuse_path(call: str, model: Any, path: str) -> None:
    """Raise where the name is that of a layer deeper in the model.

    A name that is nowhere is left to the caller, which knows close ones.
    """
    paths = [deep for deep, _ in walk(model, deep=False)]
    fits = [deep for deep in paths if deep.endswith(f"/{path}")]
    fits = fits or [
        deep for deep in difflib.get_close_matches(path, paths, 3) if "/" in deep
    ]
    if fits:
        what = f"{call}: the model {model.name!r} has no layer {path!r} itself."
        mend = f"did you mean {' or '.join(map(repr, fits))}?"
        raise UnknownNameError(what, close=fits, mend=mend)


def _output_within(
    call: str, model: Any, inner: Any, rest: str, node: int | None
) -> Any:
    """The output of a layer of an inner model, for what that is given in the outer."""
    if not is_model(inner):
        what = f"{call}: {inner.name!r} is no model, so nothing in it can be looked at."
        found = f"a {type(inner).__name__}"
        raise ModelError(what, found=found, expected="a path of models and one layer")
    several = len(calls_of(call.removesuffix("()"), model, inner)) > 1
    given = _call_of(call, model, inner, node if several else None).given
    output = _output(call, inner, rest, None if several else node)
    return model_class(inner)(inputs_of(inner), output)(given)


def _call_of(call: str, model: Any, layer: Any, node: int | None) -> Call:
    calls = calls_of(call.removesuffix("()"), model, layer)
    if node is None and len(calls) == 1:
        return calls[0]
    if node is None:
        what = f"{call}: {layer.name!r} is called {len(calls)} times in {model.name!r}."
        raise AmbiguousNameError(
            what,
            claims=[f"node={place}" for place in range(len(calls))],
            found="no node",
            expected="the call that is meant",
            mend=f"node=0 for the first call, up to node={len(calls) - 1}",
        )
    if isinstance(node, bool) or not isinstance(node, int):
        raise RecordError(call, "node", node, "a whole number")
    if not -len(calls) <= node < len(calls):
        rule = f"a number from 0 to {len(calls) - 1}: {layer.name!r} is called so often"
        raise RecordError(call, "node", node, rule)
    return calls[node]


def _needed(model: Any, outputs: Any) -> Any:
    """The inputs that the outputs need, in the model's structure if that is all."""
    inputs, _ = graph_of("truncate_model", model)
    needed = needed_inputs("truncate_model", model, outputs)
    return inputs_of(model) if len(needed) == len(inputs) else needed
