"""Which layers keep states from batch to batch, where they lie and what they hold.

Keras' own are the recurrent ones made with `stateful=True`. A layer of somebody else's
takes part with the same three things: `stateful`, `reset_states()` or `reset_state()`,
and `states`, the variables.
"""

import operator
from collections.abc import Iterator
from typing import Any, Final

from kerasplug.errors import ModelError
from kerasplug.models.kinds import family, walk
from kerasplug.wrapping.classes import is_keras_own, keras_of

__all__ = [
    "arrays",
    "assign",
    "hidden",
    "in_reach",
    "readable",
    "recurrent",
    "reset",
    "resettable",
    "stateful_layers",
    "unbuilt",
    "variables_of",
]

#: Keras 2's name and Keras 3's.
_RESETS: Final = ("reset_states", "reset_state")


def stateful_layers(layer: Any) -> dict[str, Any]:
    """Path -> layer for all that hold states, parents first, each once.

    What only passes states on is left out: a `Bidirectional`'s lie in its two layers.
    The layer itself has its name for a path. Of equal paths the later ones get a
    number: `"rnn#2"`.
    """
    found: dict[str, Any] = {}
    for path, one in resettable(layer):
        if _holds(one):
            found[_apart(path, found)] = one
    return found


def resettable(layer: Any) -> list[tuple[str, Any]]:
    """(path, layer) for all that have something to reset, the layer itself included."""
    everything = [(str(layer.name), layer), *walk(layer)]
    return [(path, one) for path, one in everything if _keeps_states(one)]


def recurrent(layer: Any) -> list[str]:
    """The paths of the layers that would keep states if they were made stateful."""
    everything = [(str(layer.name), layer), *walk(layer)]
    return [path for path, one in everything if _has_base(one, "RNN")]


def _apart(path: str, taken: dict[str, Any]) -> str:
    numbers = (f"{path}#{number}" for number in range(2, len(taken) + 3))
    return next(one for one in (path, *numbers) if one not in taken)


def _keeps_states(layer: Any) -> bool:
    """Whether it is stateful, as models of Keras 2 use the word, but for its metrics.

    What Keras itself resets and has no states is something else: a `Normalization`
    would forget its statistics, a model of Keras 2 does what is done here.
    """
    if not getattr(layer, "stateful", False) or _has_base(layer, "Metric"):
        return False
    return hasattr(layer, "states") or _own_reset(layer) is not None


def _has_base(layer: Any, name: str) -> bool:
    bases = type(layer).__mro__
    return any(base.__name__ == name and is_keras_own(base) for base in bases)


def _own_reset(layer: Any) -> Any:
    """The method that somebody has written for this class; None: it has Keras'."""
    for name in _RESETS:
        defining = (base for base in type(layer).__mro__ if name in vars(base))
        base = next(defining, None)
        if base is not None and not is_keras_own(base):
            return getattr(layer, name)
    return None


def _holds(layer: Any) -> bool:
    """Whether states lie in it, not only in what it is made of."""
    return bool(variables_of(layer)) or not _stateful_parts(layer)


def _stateful_parts(layer: Any) -> list[Any]:
    return [one for _, one in walk(layer) if _keeps_states(one)]


def variables_of(layer: Any) -> list[Any]:
    """Its own states as Keras orders them, flat, without those of its parts.

    None: it is not built, or it lists none.
    """
    theirs = {id(each) for one in _stateful_parts(layer) for each in _listed(one)}
    return [one for one in _listed(layer) if id(one) not in theirs]


def _listed(layer: Any) -> list[Any]:
    return [one for one in _flat(getattr(layer, "states", None)) if one is not None]


def _flat(states: Any) -> Iterator[Any]:
    """One by one: stacked cells nest them, and Keras 2 has None before it builds."""
    if isinstance(states, dict):
        states = [states[key] for key in sorted(states)]
    if not isinstance(states, list | tuple):
        yield states
        return
    for one in states:
        yield from _flat(one)


def unbuilt(layer: Any) -> bool:
    """Whether a stateful layer will get its states only when it is built."""
    return hasattr(layer, "states") and not variables_of(layer)


def hidden(layer: Any) -> bool:
    """Whether a stateful layer does not list its states, so nobody can read them."""
    return not hasattr(layer, "states")


def in_reach(call: str, layer: Any) -> None:
    """Nothing, where the variables have their values; brings them home where it can.

    On JAX they are away while a model trains, evaluates or predicts.

    Args:
        call: the function that was called, for the error.
        layer: a layer or a model.

    Raises:
        ModelError: they are away, and this object can't bring them home.
    """
    if family(layer) != "keras":
        return
    if hasattr(layer, "jax_state_sync"):
        layer.jax_state_sync()
    if any(getattr(one, "_value", one) is None for one in layer.variables):
        what = f"{call}() finds no values in the variables of {layer.name!r}."
        raise ModelError(
            what,
            found="variables without values: on JAX Keras takes them away while a "
            "model trains, and does not give them back when predict() or evaluate() "
            "fails",
            expected="a layer or model at rest, or the very model that is in training",
            mend="give the whole model that trains; after a failure load it again",
        )


def readable(layer: Any) -> None:
    """Nothing, where its states can be read and set.

    Raises:
        ModelError: they are no variables.
    """
    wrong = [one for one in variables_of(layer) if not hasattr(one, "assign")]
    if wrong:
        what = f"The states of {layer.name!r} can't be read and set."
        raise ModelError(
            what,
            found=f"{type(wrong[0]).__name__} among its `states`",
            expected="variables, as keras.layers.RNN has them",
            mend="let the layer keep its states in variables of Keras",
        )


def arrays(layer: Any) -> list[Any]:
    """Copies of its states, as NumPy arrays.

    Raises:
        ModelError: they are no variables.
    """
    readable(layer)
    to_numpy = _to_numpy(layer)
    return [to_numpy(_value(one)).copy() for one in variables_of(layer)]


def _value(variable: Any) -> Any:
    """Its tensor: a variable of Keras itself warns when it becomes a NumPy array."""
    value = variable.value
    return value() if callable(value) else value


def _to_numpy(layer: Any) -> Any:
    if family(layer) == "keras":
        return keras_of(type(layer)).ops.convert_to_numpy
    return operator.methodcaller("numpy")


def assign(layer: Any, values: list[Any]) -> None:
    """Give it these states; they fit."""
    for variable, value in zip(variables_of(layer), values, strict=True):
        variable.assign(value)


def reset(layer: Any) -> None:
    """Let one layer begin anew: with its cell's initial states, for Keras' own zeros.

    Keras' own method is not called: that of Keras 3 fails for stacked cells, and
    both forget that a cell may begin with something else than zeros.
    """
    own = _own_reset(layer)
    if own is not None:
        own()
    elif _holds(layer):
        assign(layer, _beginning(layer))


def _beginning(layer: Any) -> list[Any]:
    now = arrays(layer)
    first = _initial(layer, len(now[0])) if now else []
    if [one.shape for one in first] == [one.shape for one in now]:
        return first
    for one in now:
        one.fill(0)
    return now


def _initial(layer: Any, batch_size: int) -> list[Any]:
    """What its cell begins with, each an array of its own; none: it does not say.

    Two states of one buffer would not survive JAX, which gives buffers away.
    """
    if family(layer) == "keras":
        make = getattr(layer, "get_initial_state", None)
        states = make(batch_size) if make else None
    else:
        make = getattr(getattr(layer, "cell", None), "get_initial_state", None)
        kind = layer.variable_dtype or "float32"
        given = {"inputs": None, "batch_size": batch_size, "dtype": kind}
        states = make(**given) if make else None
    to_numpy = _to_numpy(layer)
    return [to_numpy(one).copy() for one in _flat(states) if one is not None]
