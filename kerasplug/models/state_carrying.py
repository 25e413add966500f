"""Stateful RNNs that carry their states through fit, evaluate and predict on JAX, too.

On JAX Keras hands a model's variables to a compiled function and takes them back from
it. It hands over what `model.variables` lists, and the states of RNNs are not in it: so
each batch begins with the states of the first, without a word. Here they are listed,
where Keras lists the states of its random layers: there they travel, and no file has
them.
"""

from typing import Any, Final

from kerasplug.errors import ModelError
from kerasplug.models.kinds import family, require_layer, walk
from kerasplug.models.state_layers import (
    arrays,
    hidden,
    in_reach,
    readable,
    stateful_layers,
    unbuilt,
    variables_of,
)
from kerasplug.wrapping.classes import keras_of

__all__ = ["carried_states", "carry", "carry_states", "is_uncarried"]

#: What calls a layer each time as Python does, and so never loses what it assigns.
_EAGER: Final = ("tensorflow", "torch", "numpy")
#: Where Keras lists what has a `state`, besides weights, of which files know nothing.
_LIST: Final = "_seed_generators"
_FUNCTIONS: Final = ("train", "test", "predict")


class _Carried:
    """What stands in that list: all that Keras asks of an entry is its `state`."""

    def __init__(self, state: Any) -> None:
        self.state = state


class _Detached:
    """A state's `assign` that lets no gradient through.

    A layer that is called twice in a step goes on with the first call's states. On
    every other backend they are numbers then; on JAX the gradient would run back
    through them, and training would go another way.
    """

    def __init__(self, state: Any) -> None:
        self._state = state

    def __call__(self, value: Any) -> Any:
        state = self._state
        ops = keras_of(type(state)).ops
        tensor = ops.convert_to_tensor(value, dtype=state.dtype)
        return type(state).assign(state, ops.stop_gradient(tensor))


def carry_states(model: Any) -> Any:
    """Let the stateful RNNs of a model keep their states through every batch on JAX.

    Keras 3.15 does this on TensorFlow and forgets it on JAX: there the states of a
    batch never reach the next one in `fit`, `evaluate`, `predict` and the `*_on_batch`
    methods. Where Keras carries them, and for models without stateful layers, this does
    nothing.

    Call it once the model is built, and again for a loaded or cloned model: files and
    configurations hold nothing of it. `reset_states`, `set_states` and `ResetStates`
    call it.

    Args:
        model: a layer or a model, of Keras 3 or of `tf_keras`.

    Returns:
        The same model.

    Raises:
        ModelError: it is no layer or model; on JAX: a stateful layer is not built yet
            or does not show its states; this Keras offers no way (Flax NNX is on), or
            runs on a backend of which it is not known.

    Guarantees:
        After an error the model is as it was. Files are the same with and without.

    Example:
        >>> from kerasplug import implementation
        >>> keras = implementation()
        >>> lstm = keras.layers.LSTM(4, stateful=True)
        >>> model = keras.Sequential([keras.Input(batch_shape=(2, 3, 1)), lstm])
        >>> carry_states(model) is model
        True
    """
    require_layer("carry_states", model)
    carry("carry_states", model)
    return model


def carry(call: str, layer: Any) -> None:
    """The same, for the call that is named in errors."""
    holders = stateful_layers(layer)
    if not holders or _is_eager(call, layer):
        return
    _refuse(call, layer, holders)
    in_reach(call, layer)
    changed = [one for one in holders.values() if _list_states(one)]
    if is_uncarried(layer):
        for one in changed:
            _unlist_states(one)
        raise _no_way(call, f"what stands in {_LIST!r} is not in `variables`")
    for one in changed:
        _keep_apart(one)
    if changed:
        _make_functions_anew(layer)


def is_uncarried(layer: Any) -> bool:
    """Whether its states do not reach the next batch: Keras forgets them, so far."""
    if family(layer) != "keras" or _backend(layer) != "jax":
        return False
    known = {id(one) for one in layer.variables}
    states = [
        each for one in stateful_layers(layer).values() for each in variables_of(one)
    ]
    return any(id(one) not in known for one in states)


def carried_states(layer: Any) -> list[Any]:
    """The states that stand in `layer.variables` because they were put there."""
    everything = (layer, *(one for _, one in walk(layer)))
    return [
        entry.state
        for one in everything
        for entry in getattr(one, _LIST, ())
        if isinstance(entry, _Carried)
    ]


def _backend(layer: Any) -> str:
    return str(keras_of(type(layer)).backend.backend())


def _is_eager(call: str, layer: Any) -> bool:
    """Whether Keras itself carries states here.

    Raises:
        ModelError: nobody knows.
    """
    if family(layer) == "tf_keras" or _backend(layer) in _EAGER:
        return True
    if _backend(layer) == "jax":
        return False
    what = f"{call}() does not know whether states are carried on {_backend(layer)!r}."
    raise ModelError(
        what,
        found=f"a model with stateful layers, on the backend {_backend(layer)!r}",
        expected="one of tensorflow, jax, torch, numpy",
        mend="run it on one of these, or make the layers with stateful=False",
    )


def _refuse(call: str, layer: Any, holders: dict[str, Any]) -> None:
    """Raise where states can't be carried: wrong numbers would come of it."""
    late = [path for path, one in holders.items() if unbuilt(one)]
    if late:
        raise _not_built(call, late)
    for one in holders.values():
        readable(one)
    silent = [path for path, one in holders.items() if _is_silent(one)]
    if silent:
        raise _not_shown(call, silent)
    config = keras_of(type(layer)).config
    nnx = getattr(config, "is_nnx_enabled", None)
    listed = all(
        isinstance(getattr(one, _LIST, None), list) for one in holders.values()
    )
    if (nnx and nnx()) or not listed:
        raise _no_way(call, "Flax NNX is enabled" if listed else f"no list {_LIST!r}")


def _is_silent(layer: Any) -> bool:
    """Whether it has states nowhere: neither listed nor among its weights."""
    return hidden(layer) and not layer.non_trainable_variables


def _not_built(call: str, paths: list[str]) -> ModelError:
    return ModelError(
        f"{call}() needs a model that is built: its RNNs have no states yet.",
        found=f"not built: {', '.join(paths)}",
        expected="stateful layers that know their batch size",
        mend="begin with keras.Input(batch_shape=(batch_size, steps, features)), or "
        "call the model on one batch first",
    )


def _not_shown(call: str, paths: list[str]) -> ModelError:
    return ModelError(
        f"{call}() does not find the states of a stateful layer.",
        found=f"neither `states` nor weights that hold them: {', '.join(paths)}",
        expected="variables, as keras.layers.RNN has them",
        mend="give the layer an attribute `states`, a list of its variables",
    )


def _no_way(call: str, why: str) -> ModelError:
    return ModelError(
        f"{call}() can't make this Keras carry states on JAX.",
        found=why,
        expected="Keras 3.15 without NNX, which lists variables beside the weights",
        mend="run the model on TensorFlow, or make its layers with stateful=False",
    )


def _list_states(layer: Any) -> bool:
    """Put its states where Keras lists variables; whether anything has changed."""
    entries = getattr(layer, _LIST)
    before = [one.state for one in entries if isinstance(one, _Carried)]
    _unlist_states(layer)
    known = {id(one) for one in layer.variables}
    wanted = [one for one in variables_of(layer) if id(one) not in known]
    entries += map(_Carried, wanted)
    return [*map(id, before)] != [*map(id, wanted)]


def _unlist_states(layer: Any) -> None:
    entries = getattr(layer, _LIST)
    entries[:] = [one for one in entries if not isinstance(one, _Carried)]


def _keep_apart(layer: Any) -> None:
    """Let each have its own buffer and path: JAX and Keras want that of variables.

    Keras calls all states of an RNN `rnn_state`, and `get_state_tree` refuses two
    variables of one path.
    """
    states = zip(variables_of(layer), arrays(layer), strict=True)
    for number, (state, value) in enumerate(states):
        if not isinstance(state.assign, _Detached):
            state.assign = _Detached(state)
        state.assign(value)
        if number and hasattr(state, "_path"):
            state._path = f"{state._path}_{number}"  # noqa: SLF001 -- there is no other way


def _make_functions_anew(layer: Any) -> None:
    """Let Keras compile anew what it has compiled for fewer variables."""
    for name in _FUNCTIONS:
        if getattr(layer, f"{name}_function", None) is not None:
            getattr(layer, f"make_{name}_function")(force=True)
