"""What arguments hold besides numbers: activations, regularizers, plain data.

All of them are known by identity, never by a name: a function of somebody's own may
be called `relu`.
"""

from collections.abc import Mapping
from typing import Any, Final

from kerasplug_plaidml.translating.kinds import keras3
from kerasplug_plaidml.translating.refusing import refused, shown

__all__ = [
    "ACTIVATIONS",
    "CONSTRAINTS",
    "REGULARIZERS",
    "activation",
    "constraint",
    "plain",
    "regularizer",
]

#: Functions that are the same there.
ACTIVATIONS: Final = (
    "elu",
    "exponential",
    "linear",
    "relu",
    "selu",
    "sigmoid",
    "softmax",
    "softplus",
    "softsign",
    "tanh",
)
REGULARIZERS: Final = ("L1", "L1L2", "L2")
CONSTRAINTS: Final = ("MaxNorm", "MinMaxNorm", "NonNeg", "UnitNorm")

_MENDS: Final[Mapping[str, str]] = {
    "hard_sigmoid": "use 'sigmoid': what Keras 2.2.4 calls hard_sigmoid has a slope of "
    "0.2, and Keras 3's of 1/6",
    "leaky_relu": "use the layer LeakyReLU, and no activation here",
    "relu6": "use the layer ReLU with max_value=6, and no activation here",
}


def activation(where: str, key: str, function: Any) -> str:
    """The name there of an activation.

    Args:
        where: what it is of, for the error.
        key: the name of the argument.
        function: what the layer has; None: linear.

    Raises:
        TranslationError: Keras 2.2.4 has no such function, or another one of its name.
    """
    known = keras3().activations
    if function is None:
        return "linear"
    for name in ACTIVATIONS:
        if function is getattr(known, name):
            return name
    named = getattr(function, "__name__", type(function).__name__)
    mine = getattr(known, named, None)
    found = f"{key}={named!r}" if function is mine else f"{key}={shown(function)}"
    raise refused(
        where,
        f"{found}, which Keras 2.2.4 has not, or has with another meaning",
        "one of " + ", ".join(ACTIVATIONS),
        _MENDS.get(named if function is mine else "", ""),
    )


def regularizer(where: str, key: str, value: Any) -> dict[str, Any] | None:
    """A regularizer of weights there.

    Args:
        where: what it is of, for the error.
        key: the name of the argument.
        value: what the layer has.

    Raises:
        TranslationError: it is none of those that both have.
    """
    if value is None:
        return None
    known = keras3().regularizers
    if type(value) not in [getattr(known, name) for name in REGULARIZERS]:
        expected = "one of " + ", ".join(REGULARIZERS)
        raise refused(where, f"{key}={shown(value)}", expected)
    both = {name: float(getattr(value, name, 0.0)) for name in ("l1", "l2")}
    return {"class_name": "L1L2", "config": both}


def constraint(where: str, key: str, value: Any) -> dict[str, Any] | None:
    """A constraint of weights there.

    Args:
        where: what it is of, for the error.
        key: the name of the argument.
        value: what the layer has.

    Raises:
        TranslationError: it is none of those that both have.
    """
    if value is None:
        return None
    known = keras3().constraints
    named = type(value).__name__
    if named not in CONSTRAINTS or type(value) is not getattr(known, named):
        expected = "one of " + ", ".join(CONSTRAINTS)
        raise refused(where, f"{key}={shown(value)}", expected)
    return {"class_name": named, "config": plain_all(where, value.get_config())}


def plain_all(where: str, config: Mapping[str, Any]) -> dict[str, Any]:
    """Arguments as data for JSON.

    Raises:
        TranslationError: one is something else.
    """
    return {key: plain(where, key, one) for key, one in config.items()}


def plain(where: str, key: str, value: Any) -> Any:
    """A value as data for JSON: numbers, texts, and lists of them.

    Args:
        where: what it is of, for the error.
        key: the name of the argument.
        value: what the configuration has.

    Raises:
        TranslationError: it is something else.

    Example:
        >>> plain("layer 'd'", "shape", (1, (2, None)))
        [1, [2, None]]
    """
    if isinstance(value, list | tuple):
        return [plain(where, key, one) for one in value]
    if value is None or isinstance(value, str | bool | int | float):
        return value
    if hasattr(value, "item") and getattr(value, "ndim", None) == 0:
        return value.item()
    raise refused(where, f"{key}={shown(value)}", "a number, a text or a list of them")
