"""Arguments of data sets: told by name, before anything is loaded."""

import difflib
import operator
from collections.abc import Callable, Mapping
from typing import Any, Final

from kerasplug.errors import DatasetError
from kerasplug.signatures import parameters

__all__ = [
    "demand_batches_known",
    "demand_batching",
    "demand_count",
    "demand_known",
    "own_arguments",
    "rows_wanted",
]

SPLITS: Final = ("train", "test")
_SIDES: Final = ("pre", "post")
#: What a table of padded rows holds: 32-bit numbers, as in Keras.
_NUMBERS: Final = range(-(2**31), 2**31)
#: What `Dataset.as_numpy_batches` takes itself; a misspelt one may be meant.
_OURS: Final = (
    "split",
    "shuffle",
    "seed",
    "drop_last",
    "padding",
    "pad_value",
    "synthetic",
)


def own_arguments(loader: Callable[..., Any]) -> dict[str, Any]:
    """Name -> default, of what a data set's loader takes; None where it has none.

    Args:
        loader: the function.

    Example:
        >>> own_arguments(lambda path="x.npz", *, test_split=0.2: None)
        {'path': 'x.npz', 'test_split': 0.2}
    """
    return {
        one.name: None if one.default is one.empty else one.default
        for one in parameters(loader) or ()
    }


def demand_known(
    name: str,
    function: Callable[..., Any],
    given: Mapping[str, Any],
    *,
    ours: tuple[str, ...] = (),
    near: tuple[str, ...] = (),
) -> None:
    """Raise `DatasetError` unless a data set's function can be called like this.

    Args:
        name: of the data set.
        function: that loads, streams or makes up.
        given: the arguments.
        ours: names that it is given besides, and that are no user's.
        near: names that may have been meant, besides those of the function.
    """
    taken = parameters(function)
    if taken is None:
        return
    known = [one.name for one in taken if one.name not in ours]
    for one in given:
        if one not in known:
            _refuse(name, one, known, near)
    for parameter in taken:
        if parameter.default is parameter.empty and parameter.name not in ours:
            _demand_given(name, parameter.name, given)


def _refuse(name: str, wrong: str, known: list[str], near: tuple[str, ...]) -> None:
    close = difflib.get_close_matches(wrong, {*known, *near} - {wrong}, n=1)
    what = f"The data set {name!r} takes no argument {wrong!r}."
    raise DatasetError(
        what,
        found=wrong,
        expected=", ".join(known) or "no arguments of its own",
        mend=f"did you mean {close[0]!r}?" if close else "",
    )


def _demand_given(name: str, argument: str, given: Mapping[str, Any]) -> None:
    if argument not in given:
        what = f"The data set {name!r} has to be told {argument!r}."
        found = ", ".join(given) or "no arguments"
        raise DatasetError(what, found=found, expected=f"{argument}=…")


def _demand(name: str, value: object, rule: str, *, good: bool) -> None:
    if not good:
        what = f"{name} is not of its form."
        raise DatasetError(what, found=f"{name}={value!r}"[:200], expected=rule)


def _demand_one_of(name: str, value: object, choices: tuple[str, ...]) -> None:
    good = isinstance(value, str) and value in choices
    _demand(name, value, " or ".join(map(repr, choices)), good=good)


def demand_count(name: str, value: Any, least: int) -> int:
    """A whole number as Python's own; a boolean is none.

    Args:
        name: of the argument.
        value: what was given.
        least: what it is at least.

    Raises:
        DatasetError: it is no such number.

    Example:
        >>> demand_count("limit", 3, 1)
        3
    """
    try:
        number = None if isinstance(value, bool) else operator.index(value)
    except TypeError:
        number = None
    good = number is not None and number >= least
    _demand(name, value, f"a whole number from {least}", good=good)
    return number  # type: ignore[return-value]  # a number by now


def demand_batching(
    split: object,
    batch_size: object,
    *,
    shuffle: object = None,
    seed: object = 0,
    drop_last: object = False,
    padding: object = "pre",
    pad_value: object = 0,
) -> None:
    """Raise `DatasetError` unless the arguments of batches are of their form.

    Args:
        split: "train" or "test".
        batch_size: rows of a batch.
        shuffle: True, False, or None for what the split is for.
        seed: of the shuffle.
        drop_last: True or False.
        padding: "pre" or "post".
        pad_value: a number of 32 bits.
    """
    _demand_one_of("split", split, SPLITS)
    demand_count("batch_size", batch_size, 1)
    choice = shuffle is None or isinstance(shuffle, bool)
    _demand("shuffle", shuffle, "True, False or None", good=choice)
    demand_count("seed", seed, 0)
    good = isinstance(drop_last, bool)
    _demand("drop_last", drop_last, "True or False", good=good)
    _demand_one_of("padding", padding, _SIDES)
    fits = isinstance(pad_value, int) and pad_value in _NUMBERS
    _demand("pad_value", pad_value, "a whole number of 32 bits", good=fits)


def demand_batches_known(
    name: str, loader: Callable[..., Any], given: Mapping[str, Any]
) -> None:
    """The same as `demand_known`, where arguments of batches may be misspelt.

    Args:
        name: of the data set.
        loader: its function.
        given: the arguments that are none of batches.
    """
    demand_known(name, loader, given, near=_OURS)


def rows_wanted(synthetic: object) -> int | None:
    """How many rows a stand-in has in its training half; None: as many as the real one.

    Args:
        synthetic: True, or a number of rows.

    Raises:
        DatasetError: it is something else.
    """
    return None if synthetic is True else demand_count("synthetic", synthetic, 1)
