"""From the arguments that a caller gave to a layer."""

import inspect
from collections.abc import Callable, Mapping
from typing import Any

from kerasplug.errors import LayerError
from kerasplug.wrapping.classes import (
    clipped,
    did_you_mean,
    is_keras_own,
    keras_of,
    own_signature,
    short,
)

__all__ = ["check_modifiers", "construct"]

Modifiers = Mapping[str, Callable[[Any], Any]]

#: None counts as "not given" for these, as in the R interface.
_DROPPED = frozenset(
    {
        "batch_input_shape",
        "batch_size",
        "dtype",
        "input_shape",
        "name",
        "trainable",
        "weights",
    }
)

#: Arguments that layers took in Keras 2, and what to do in Keras 3.
_REPLACED = {
    "batch_input_shape": "`input_shape=...`, or `keras.Input(batch_shape=...)` first",
    "batch_size": "`keras.Input(shape, batch_size=...)` first",
    "weights": "`layer.set_weights(...)` once the layer is built",
}

#: What the base of all layers takes behind its `**kwargs`.
_COMMON = ("input_shape", "input_dim", "activity_regularizer", "autocast", *_REPLACED)


def _whole(value: Any) -> int:
    if value != int(value):
        message = f"{value!r} is not a whole number"
        raise ValueError(message)
    return int(value)


def _shape(value: Any) -> tuple[int | None, ...]:
    sizes = value if hasattr(value, "__iter__") else (value,)
    return tuple(None if size is None else _whole(size) for size in sizes)


_DEFAULT_MODIFIERS: Modifiers = {
    "input_shape": _shape,
    "batch_input_shape": _shape,
    "batch_size": _whole,
}


def check_modifiers(modifiers: Mapping[str, object], cls: type | None) -> None:
    """Raise `LayerError` where modifiers are no functions, or for unknown arguments."""
    for name, modifier in modifiers.items():
        if not callable(modifier):
            what = f"The modifier for {name!r} can't be called."
            raise LayerError(
                what,
                found=short(modifier),
                expected="a function that converts the argument's value, such as int",
            )
        if cls is not None and name not in _known(cls):
            what = (
                f"There is a modifier for {name!r}, which is no argument of "
                f"{cls.__name__}."
            )
            raise LayerError(
                what,
                expected=f"an argument of {cls.__name__}{own_signature(cls)}",
                mend=did_you_mean(name, _known(cls)),
            )


def _known(cls: type) -> dict[str, None]:
    """The arguments that a class is known to take, its bases' behind `**kwargs` too."""
    known: dict[str, None] = {}
    for base in cls.__mro__:
        parameters = own_signature(base).parameters.values()
        kinds = {item.name: item.kind for item in parameters}
        known.update({name: None for name, kind in kinds.items() if kind not in _OPEN})
        if inspect.Parameter.VAR_KEYWORD not in kinds.values():
            return known
        if is_keras_own(base) and base.__name__ == "Layer":
            break
    return known | dict.fromkeys(_COMMON)


_OPEN = (inspect.Parameter.VAR_POSITIONAL, inspect.Parameter.VAR_KEYWORD)


def construct(
    cls: type,
    label: str,
    args: tuple[Any, ...],
    kwargs: Mapping[str, Any],
    modifiers: Modifiers | None = None,
) -> Any:
    """A new layer of `cls`; `modifiers` None leaves the arguments as they are.

    Raises:
        LayerError: an argument is missing, unknown or can't be converted; `label` is
            how the message calls the layer.
    """
    given = {k: v for k, v in kwargs.items() if v is not None or k not in _DROPPED}
    try:
        bound = own_signature(cls).bind(*args, **given)
    except TypeError as error:
        raise _wrong_arguments(cls, label, given, error) from error
    if modifiers is not None:
        modifiers = {**_DEFAULT_MODIFIERS, **modifiers}
    _convert(bound, label, modifiers or {})
    try:
        return cls(*bound.args, **bound.kwargs)
    except (TypeError, ValueError) as error:
        # What is behind **kwargs only Keras itself can refuse.
        if _refused(cls, given, error):
            raise _wrong_arguments(cls, label, given, error) from error
        raise


def _refused(cls: type, given: Mapping[str, Any], error: Exception) -> list[str]:
    """The given arguments that an error of Keras' is about."""
    known = _known(cls).keys() - (_REPLACED.keys() - own_signature(cls).parameters)
    return [name for name in given if name not in known and name in str(error)]


def _wrong_arguments(
    cls: type, label: str, given: Mapping[str, Any], error: Exception
) -> LayerError:
    wrong = [name for name in given if name not in _known(cls)]
    wrong = wrong or _refused(cls, given, error)
    hints = [_hint(cls, name) for name in wrong]
    return LayerError(
        f"{label}(): {clipped(str(error), 200)}.",
        found=", ".join(f"{name}={short(given[name], 40)}" for name in wrong),
        expected=f"{label}{own_signature(cls)}",
        mend="; ".join(filter(None, hints)),
    )


def _hint(cls: type, name: str) -> str:
    if name in _REPLACED and keras_of(cls).__name__ == "keras":
        return f"Keras 3 takes no `{name}` here: use {_REPLACED[name]}"
    return did_you_mean(name, _known(cls))


def _convert(bound: inspect.BoundArguments, label: str, modifiers: Modifiers) -> None:
    """Apply modifiers, in place."""

    def convert(name: str, value: Any) -> Any:
        if name in modifiers and value is not None:
            value = _modified(label, name, value, modifiers[name])
        return value

    parameters = bound.signature.parameters
    for name, value in bound.arguments.items():
        kind = parameters[name].kind
        if kind is inspect.Parameter.VAR_KEYWORD:
            bound.arguments[name] = {k: convert(k, v) for k, v in value.items()}
        elif kind is not inspect.Parameter.VAR_POSITIONAL:
            bound.arguments[name] = convert(name, value)


def _modified(label: str, name: str, value: Any, modifier: Callable[[Any], Any]) -> Any:
    try:
        return modifier(value)
    except (TypeError, ValueError) as error:
        what = (
            f"{label}(): the argument {name!r} can't be converted by "
            f"{getattr(modifier, '__name__', modifier)}: {error}."
        )
        raise LayerError(
            what,
            found=f"{name}={short(value)} (of type {type(value).__name__})",
        ) from error
