"""Reading, setting and resetting the states of RNNs, through all nesting."""

from collections.abc import Mapping
from typing import Any, Final

from kerasplug.errors import ModelError
from kerasplug.models.kinds import require_layer
from kerasplug.models.state_arrays import compare, cut
from kerasplug.models.state_carrying import carry, is_uncarried
from kerasplug.models.state_layers import (
    arrays,
    assign,
    in_reach,
    readable,
    recurrent,
    reset,
    resettable,
    stateful_layers,
    unbuilt,
)

__all__ = ["get_states", "reset_states", "set_states"]

#: So many misfits or names are shown; a model can have hundreds.
_SHOWN: Final = 10


def reset_states(
    object: Any,  # noqa: A002 -- R's name for it
    *,
    strict: bool = False,
) -> Any:
    """Let all stateful layers of a layer or model begin anew.

    Works through all nesting: in `Bidirectional`, `TimeDistributed` and other wrappers,
    in layers of your own and in nested models; a shared layer is reset once. Keras 3
    has this for single layers only. On JAX it also makes the states be carried, see
    `carry_states`.

    How many layers were reset: `len(get_states(object))`.

    Args:
        object: a layer or a model, of Keras 3 or of `tf_keras`.
        strict: whether an object without stateful layers is an error, in place of
            nothing.

    Returns:
        The same object.

    Raises:
        ModelError: it is no layer or model; it is stateless, and strict; on JAX:
            states can't be carried (see `carry_states`), or the model is in training
            and this is only a part of it.

    Example:
        >>> from kerasplug import implementation
        >>> keras = implementation()
        >>> lstm = keras.layers.LSTM(4, stateful=True)
        >>> model = keras.Sequential([keras.Input(batch_shape=(2, 3, 1)), lstm])
        >>> reset_states(model) is model
        True
    """
    require_layer("reset_states", object)
    found = resettable(object)
    if strict and not found:
        raise _stateless(object)
    if found:
        _prepare("reset_states", object)
    for _, one in found:
        readable(one)
    for _, one in found:
        reset(one)
    return object


def _prepare(call: str, layer: Any) -> None:
    """Bring values home, then let JAX carry states: in this order, or they mix."""
    in_reach(call, layer)
    if not any(unbuilt(one) for one in stateful_layers(layer).values()):
        carry(call, layer)


def _stateless(layer: Any) -> ModelError:
    names = recurrent(layer)
    shown = ", ".join(names[:_SHOWN]) + (", …" if len(names) > _SHOWN else "")
    return ModelError(
        f"reset_states() finds no stateful layer in {layer.name!r}.",
        found=f"recurrent layers that keep no states: {shown}"
        if names
        else "no recurrent layer at all",
        expected="a layer made with stateful=True",
        mend="make them with stateful=True and begin with keras.Input(batch_shape=...)"
        if names
        else "",
    )


def get_states(object: Any) -> dict[str, list[Any]]:  # noqa: A002 -- R's name for it
    """The states of all stateful layers, as copies.

    Args:
        object: a layer or a model, of Keras 3 or of `tf_keras`.

    Returns:
        path -> NumPy arrays in Keras' order (for an LSTM: what it put out, and its
        cell). A path is made of the names from the outermost layer on:
        `"encoder/lstm"`; equal paths are told apart by a number: `"rnn#2"`. A layer
        that is not built has no arrays yet. Empty for a stateless object.

    Raises:
        ModelError: it is no layer or model; its states are no variables; on JAX: the
            model is in training and this is only a part of it.

    Warns:
        KerasplugWarning: on JAX the states are not carried, so `fit` and `predict`
            leave none behind.

    Example:
        >>> from kerasplug import implementation
        >>> keras = implementation()
        >>> gru = keras.layers.GRU(4, stateful=True, name="gru")
        >>> model = keras.Sequential([keras.Input(batch_shape=(2, 3, 1)), gru])
        >>> states = get_states(model)
        >>> [*states], states["gru"][0].shape
        (['gru'], (2, 4))
    """
    require_layer("get_states", object)
    in_reach("get_states", object)
    if is_uncarried(object):
        _warn(object)
    return {path: arrays(one) for path, one in stateful_layers(object).items()}


def _warn(layer: Any) -> None:
    from kerasplug.config import warn_caller

    warn_caller(
        f"On JAX Keras does not carry the states of {layer.name!r} from batch to "
        "batch: fit() and predict() leave them as they were. Call carry_states(model) "
        "first."
    )


def set_states(
    object: Any,  # noqa: A002 -- R's name for it
    states: Mapping[str, Any],
    *,
    partial: bool = False,
) -> Any:
    """Give stateful layers these states: all of them or, after an error, none.

    On JAX it also makes the states be carried, see `carry_states`.

    Args:
        object: a layer or a model, of Keras 3 or of `tf_keras`.
        states: path -> arrays, as `get_states` returns them.
        partial: whether layers that `states` does not mention keep their states, in
            place of an error.

    Returns:
        The same object.

    Raises:
        ModelError: it is no layer or model; a path is unknown or missing, or the
            number, a shape or the type of arrays does not fit: all misfits are named;
            `states` is no dict; on JAX: as `reset_states`.

    Guarantees:
        After an error no state has changed.

    Example:
        >>> from kerasplug import implementation
        >>> keras = implementation()
        >>> gru = keras.layers.GRU(4, stateful=True, name="gru")
        >>> model = keras.Sequential([keras.Input(batch_shape=(2, 3, 1)), gru])
        >>> set_states(model, get_states(model)) is model
        True
    """
    require_layer("set_states", object)
    _require_mapping(states)
    in_reach("set_states", object)
    layers = stateful_layers(object)
    values = _fitting(object, layers, states, partial=partial)
    if layers:
        _prepare("set_states", object)
    for path, arrays_ in values.items():
        assign(layers[path], arrays_)
    return object


def _require_mapping(states: object) -> None:
    if not isinstance(states, Mapping):
        what = "set_states() takes states by their paths."
        raise ModelError(
            what,
            found=f"{cut(states)} (of type {type(states).__name__})",
            expected="a dict: path -> list of arrays, as get_states() returns it",
        )


def _fitting(
    layer: Any, layers: dict[str, Any], states: Mapping[str, Any], *, partial: bool
) -> dict[str, list[Any]]:
    """The arrays, for layers that have such states.

    Raises:
        ModelError: something does not fit.
    """
    misfits = [f"unknown path {cut(path)}" for path in states if path not in layers]
    if not partial:
        misfits += [f"nothing for {path!r}" for path in layers if path not in states]
    values = {}
    for path, one in layers.items():
        if path in states:
            values[path], wrong = compare(path, arrays(one), states[path])
            misfits += wrong
    if misfits:
        raise _misfit(layer, layers, misfits)
    return values


def _misfit(layer: Any, layers: dict[str, Any], misfits: list[str]) -> ModelError:
    shown = "; ".join(misfits[:_SHOWN])
    if len(misfits) > _SHOWN:
        shown += f"; and {len(misfits) - _SHOWN} more"
    has = ", ".join(map(repr, list(layers)[:_SHOWN])) or "none"
    return ModelError(
        f"set_states(): the states do not fit {layer.name!r}; none was set.",
        found=shown,
        expected=f"states as get_states() gives them for its stateful layers: {has}",
        mend="take what get_states(object) returns; with partial=True some may be left "
        "out",
    )
