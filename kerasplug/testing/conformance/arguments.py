"""The arguments of a layer's constructor, and other values that they may have."""

import enum
import inspect
import typing
from collections.abc import Iterator
from typing import Any, NamedTuple

from kerasplug.testing.conformance.case import Case
from kerasplug.wrapping.classes import is_keras_own, own_signature

__all__ = ["Trial", "trials"]

#: Every layer takes these, behind `**kwargs` for the most part.
_COMMON = {"name": None, "trainable": True, "dtype": None}
#: What Keras itself keeps in no configuration, or only together with something else.
_NOT_KEPT = (
    "autocast",
    "batch_input_shape",
    "batch_size",
    "dynamic",
    "input_dim",
    "input_length",
    "input_shape",
    "lora_alpha",
    "weights",
)

#: By the end of the name; these are said in the same way by all layers.
_BY_ENDING: dict[str, tuple[Any, ...]] = {
    "initializer": ("ones", "he_normal"),
    "regularizer": ("l2", "l1"),
    "constraint": ("non_neg", "unit_norm"),
    "activation": ("tanh", "sigmoid"),
}
_BY_NAME: dict[str, tuple[Any, ...]] = {
    "data_format": ("channels_first", "channels_last"),
    "dtype": ("float16", "bfloat16", "int32", "int64"),
    "fill_mode": ("constant", "nearest", "wrap"),
    "interpolation": ("nearest", "bilinear"),
    "merge_mode": ("sum", "concat", "ave"),
    "name": ("another_name", "yet_another"),
    "output_mode": ("multi_hot", "count", "int"),
    "padding": ("same", "valid", "causal"),
    "seed": (1337, 7331),
}
#: For an argument that is None and whose name says nothing.
_GUESSES = (3, 7, 0.25, "other")


class Trial(NamedTuple):
    """Other values for one argument.

    Args:
        name: the argument.
        values: to be tried one after the other; the constructor may refuse some.
        is_guess: whether the values may make no sense for it.
        is_unset: whether it is None, and so one of them may be what that stands for.
    """

    name: str
    values: tuple[Any, ...]
    is_guess: bool = False
    is_unset: bool = False

    def leaves_a_trace(self, case: Case, value: Any, layer: Any) -> bool:
        """Whether the value made any difference; one that is guessed may not.

        An argument that is taken and never looked at need not be kept, and a dtype
        that is none of the layer's business.
        """
        if self.name == "dtype":
            return _policy(layer) != _policy(case.still)
        return not self.is_guess or _mentions(case, layer, value, set())


def _policy(layer: Any) -> str:
    return str(layer.dtype_policy.name)


def _mentions(case: Case, value: Any, wanted: Any, seen: set[int]) -> bool:
    if type(value) is type(wanted) and value == wanted:
        return True
    if id(value) in seen:
        return False
    seen.add(id(value))
    if isinstance(value, dict):
        parts = list(value.values())
    elif isinstance(value, list | tuple | set):
        parts = list(value)
    elif case.engine.is_layer(value):
        # Keras keeps all arguments there, for layers without a get_config().
        parts = [one for key, one in vars(value).items() if "_auto_" not in key]
    else:
        return False
    return any(_mentions(case, one, wanted, seen) for one in parts)


def trials(case: Case) -> Iterator[Trial]:
    """Other values for each argument for which some are known."""
    for name, parameter in _parameters(case).items():
        current = case.subject.arguments.get(name, parameter.default)
        if name in case.alternatives:
            yield Trial(name, (case.alternatives[name],))
        elif name not in _NOT_KEPT:
            made = _trial(name, current, parameter.annotation)
            values = tuple(one for one in made.values if not _is(one, current))
            if values:
                yield made._replace(values=values, is_unset=current is None)


def _is(one: Any, other: Any) -> bool:
    return type(one) is type(other) and bool(one == other)


def _parameters(case: Case) -> dict[str, inspect.Parameter]:
    """The arguments that can be changed."""
    found = _of_class(case.cls)
    if not case.still.trainable_weights:
        found.pop("trainable", None)  # nothing comes of it
    if case.subject.factory is None:
        return found
    given = inspect.signature(case.subject.factory).parameters
    if any(one.kind is inspect.Parameter.VAR_KEYWORD for one in given.values()):
        return found | {name: one for name, one in given.items() if name in found}
    return {name: one for name, one in given.items() if name in found}


def _of_class(cls: type) -> dict[str, inspect.Parameter]:
    """The constructor's own arguments, and those that it hands on to its bases.

    A class of Keras' own may take what its subclasses make no sense of: of these only
    the arguments that every layer has.
    """
    found: dict[str, inspect.Parameter] = {}
    for base in cls.__mro__:
        parameters = own_signature(base).parameters.values()
        named = {one.name: one for one in parameters if one.kind not in _OPEN}
        found = named | found
        if not any(one.kind is inspect.Parameter.VAR_KEYWORD for one in parameters):
            return found
        if is_keras_own(base):
            break
    common = {name: _named(name, value) for name, value in _COMMON.items()}
    return common | found


_OPEN = (
    inspect.Parameter.VAR_POSITIONAL,
    inspect.Parameter.VAR_KEYWORD,
    inspect.Parameter.POSITIONAL_ONLY,
)


def _named(name: str, default: Any) -> inspect.Parameter:
    return inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, default=default)


def _trial(name: str, value: Any, annotation: Any) -> Trial:
    ending = name.rpartition("_")[2]
    if ending in _BY_ENDING and not isinstance(value, bool | int | float):
        return Trial(name, _BY_ENDING[ending])
    if name in _BY_NAME and (value is None or isinstance(value, str | int)):
        return Trial(name, _BY_NAME[name])
    if typing.get_origin(annotation) is typing.Literal:
        return Trial(name, typing.get_args(annotation))
    if value is None:
        return Trial(name, _GUESSES, is_guess=True)
    return Trial(name, tuple(_others(value)), is_guess=isinstance(value, str))


def _others(value: Any) -> Iterator[Any]:
    """Other values of the same kind; none where the kind says nothing."""
    if isinstance(value, enum.Enum):
        yield from type(value)
    elif isinstance(value, bool):
        yield not value
    elif isinstance(value, int):
        yield from (value + 1, value * 2, value + 2, value - 1, -value)
    elif isinstance(value, float):
        yield from (value / 2, value + 0.125, value * 2, value + 1)
    elif isinstance(value, str) and value.replace("-", "_").isidentifier():
        # One that is more than a word may be read, and what is added left out.
        yield f"{value}_other"
    elif isinstance(value, list | tuple) and value:
        yield from _other_lists(value)


def _other_lists(value: Any) -> Iterator[Any]:
    parts = [list(_others(one)) for one in value]
    if all(parts):
        yield from (type(value)(chosen) for chosen in zip(*parts, strict=False))
