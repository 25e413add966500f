"""Arguments of applications: looked at before anything is built or downloaded."""

import difflib
import operator
import warnings
from collections.abc import Callable, Mapping
from typing import Any, Final

from kerasplug.callers import level_outside
from kerasplug.errors import ApplicationError, KerasplugWarning
from kerasplug.hooks import ApplicationRecord
from kerasplug.signatures import parameters

__all__ = ["checked", "refusal"]

_POOLINGS: Final = ("avg", "max")
#: An image has height, width and channels.
_AXES: Final = 3


def refusal(
    record: ApplicationRecord, what: str, found: object, rule: str, mend: str = ""
) -> ApplicationError:
    """The error for an argument of an application.

    Args:
        record: of the application.
        what: of the argument, as in `"pooling"`.
        found: what was given.
        rule: what may be.
        mend: what to do about it.
    """
    text = f"{record.name}: {what} is not of its form."
    return ApplicationError(
        text, found=f"{what}={found!r}"[:200], expected=rule, mend=mend
    )


def checked(
    record: ApplicationRecord, build: Callable[..., Any], given: Mapping[str, Any]
) -> dict[str, Any]:
    """The arguments to build with; the shape as a tuple.

    Args:
        record: of the application.
        build: what builds it.
        given: the arguments of the user, without `weights`.

    Raises:
        ApplicationError: one is unknown, or not of its form.
    """
    _demand_known(record, build, given)
    arguments = dict(given)
    top = arguments.get("include_top", True)
    if not isinstance(top, bool):
        raise refusal(record, "include_top", top, "True or False")
    _check_pooling(record, arguments.get("pooling"), top=top)
    if "classes" in arguments:
        _check_classes(record, arguments["classes"])
    if arguments.get("input_shape") is not None:
        arguments["input_shape"] = _shape(record, arguments["input_shape"], top=top)
    return arguments


def _demand_known(
    record: ApplicationRecord, build: Callable[..., Any], given: Mapping[str, Any]
) -> None:
    taken = parameters(build)
    if taken is None:
        return
    known = sorted({one.name for one in taken} | {"weights"})
    for name in given:
        if name not in known:
            close = difflib.get_close_matches(name, known, n=1)
            what = f"The application {record.name!r} takes no argument {name!r}."
            raise ApplicationError(
                what,
                found=name,
                expected=", ".join(known),
                mend=f"did you mean {close[0]!r}?" if close else "",
            )


def _check_pooling(record: ApplicationRecord, pooling: object, *, top: bool) -> None:
    if pooling is None:
        return
    if pooling not in _POOLINGS:
        close = difflib.get_close_matches(str(pooling), _POOLINGS, n=1)
        mend = f"did you mean {close[0]!r}?" if close else ""
        raise refusal(record, "pooling", pooling, "'avg', 'max' or None", mend)
    if top:
        message = f"{record.name}: pooling={pooling!r} does nothing with the top."
        # The functions under R's names are in the plugin's own package.
        owner = record.target.partition(":")[0].partition(".")[0]
        level = level_outside("kerasplug.pretrained", owner)
        warnings.warn(message, KerasplugWarning, stacklevel=level)


def _check_classes(record: ApplicationRecord, classes: object) -> None:
    if _number(classes) < 1:
        raise refusal(record, "classes", classes, "a whole number from 1")


def _shape(
    record: ApplicationRecord, shape: Any, *, top: bool
) -> tuple[int | None, ...]:
    """Height, width and channels, or what else the model takes, as a tuple."""
    try:
        sizes = tuple(None if one is None else operator.index(one) for one in shape)
    except TypeError as error:
        rule = "whole numbers, without the batch; None for any"
        raise refusal(record, "input_shape", shape, rule) from error
    if any(size is not None and size < 1 for size in sizes):
        raise refusal(record, "input_shape", shape, "whole numbers from 1")
    least = record.min_size
    if least is None:
        return sizes
    if len(sizes) != _AXES:
        raise refusal(record, "input_shape", shape, "height, width and channels")
    sides = sorted(sizes, key=lambda one: one or least)[1:]  # channels are fewer
    if any(side is not None and side < least for side in sides):
        rule = f"sides of {least} pixels at least"
        raise refusal(record, "input_shape", shape, rule)
    if top and None in sizes:
        mend = "give numbers, or include_top=False"
        raise refusal(record, "input_shape", shape, "no None with the top", mend)
    return sizes


def _number(value: Any) -> int:
    """A whole number; -1 where it is none."""
    try:
        return -1 if isinstance(value, bool) else operator.index(value)
    except TypeError:
        return -1
