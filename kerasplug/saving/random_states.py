"""The states of random layers, which neither of Keras' formats keeps.

A model with Dropout goes on with the numbers that it would have drawn.
"""

import warnings
from typing import Any

from kerasplug.errors import KerasplugWarning

__all__ = ["random_states", "restore_states"]

#: A state: two whole numbers, the seed and how often it was used.
State = list[int]


def random_states(model: Any) -> list[State]:
    """The states of all seed generators of a model, in the model's order."""
    return [[int(one) for one in _array(state)] for state in _variables(model)]


def _variables(model: Any) -> list[Any]:
    """Those that are neither weights, nor a metric's, nor carried states of RNNs."""
    from kerasplug.models.state_carrying import carried_states  # few files need it

    known = (*model.weights, *model.metrics_variables, *carried_states(model))
    others = {id(one) for one in known}
    return [one for one in model.variables if id(one) not in others]


def _array(variable: Any) -> list[Any]:
    from kerasplug.implementation import implementation

    values = implementation().ops.convert_to_numpy(variable)
    return list(values.reshape(-1).tolist())


def _state(value: Any) -> State:
    """The two numbers.

    Raises:
        ValueError: it is something else.
    """
    if isinstance(value, list) and len(value) == 2 and all(map(_is_word, value)):  # noqa: PLR2004 -- a state is a pair
        return value
    message = f"no state of a seed generator: {value!r}"[:200]
    raise ValueError(message)


def _is_word(value: object) -> bool:
    return type(value) is int and 0 <= value < 1 << 63


def _holds(variable: Any, state: State) -> bool:
    """Whether it can have this state: engines keep it in 32 or in 64 bits."""
    dtype = str(variable.dtype).rpartition(".")[2]
    bits = 64 if dtype.endswith("64") else 32
    return max(state) < 1 << (bits - (not dtype.startswith("u")))


def restore_states(model: Any, found: object, path: str) -> None:
    """Let a loaded model go on with its random numbers, where the file has them.

    Args:
        model: a loaded one.
        found: what the file holds of them, unchecked.
        path: of the file, for the warning.
    """
    try:
        states = [_state(one) for one in found]  # type: ignore[attr-defined]  # anything else is a TypeError
    except (TypeError, ValueError):
        return
    variables = _variables(model)
    fits = len(variables) == len(states) and all(map(_holds, variables, states))
    if not fits:
        message = (
            f"{path}: the states of random layers do not fit and start anew. Found: "
            f"{len(states)} states. Expected: {len(variables)}, as the model has."
        )
        warnings.warn(message, KerasplugWarning, stacklevel=3)
        return
    for variable, state in zip(variables, states, strict=True):
        variable.assign(state)
