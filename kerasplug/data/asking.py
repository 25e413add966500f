"""Arguments of data sets: told by name, before anything is loaded."""

import difflib
import inspect
from collections.abc import Callable, Mapping
from typing import Any, Final

from kerasplug.errors import DatasetError

__all__ = ["demand_batching", "demand_known", "own_arguments", "rows_wanted"]

SPLITS: Final = ("train", "test")
_SIDES: Final = ("pre", "post")


def own_arguments(loader: Callable[..., Any]) -> dict[str, Any]:
    """Name -> default, of what a data set's loader takes; None where it has none.

    Args:
        loader: the function.
    """
    parameters = inspect.signature(loader).parameters.values()
    return {
        one.name: None if one.default is one.empty else one.default
        for one in parameters
        if one.kind in (one.POSITIONAL_OR_KEYWORD, one.KEYWORD_ONLY)
    }


def demand_known(
    name: str, loader: Callable[..., Any], given: Mapping[str, Any]
) -> None:
    """Raise `DatasetError` for an argument that a data set's loader does not take.

    Args:
        name: of the data set.
        loader: its function.
        given: the arguments.
    """
    parameters = inspect.signature(loader).parameters.values()
    if any(one.kind is one.VAR_KEYWORD for one in parameters):
        return
    known = own_arguments(loader)
    for one in given:
        if one not in known:
            close = difflib.get_close_matches(one, known, n=1)
            mend = f"did you mean {close[0]!r}?" if close else ""
            what = f"The data set {name!r} takes no argument {one!r}."
            rule = ", ".join(known) or "no arguments"
            raise DatasetError(what, found=one, expected=rule, mend=mend)


def _demand(name: str, value: object, rule: str, *, good: bool) -> None:
    if not good:
        what = f"{name} is not of its form."
        raise DatasetError(what, found=f"{name}={value!r}"[:200], expected=rule)


def _demand_one_of(name: str, value: object, choices: tuple[str, ...]) -> None:
    _demand(name, value, " or ".join(map(repr, choices)), good=value in choices)


def _demand_count(name: str, value: object, least: int, rule: str) -> None:
    number = isinstance(value, int) and not isinstance(value, bool)
    _demand(name, value, rule, good=number and value >= least)  # type: ignore[operator]  # a number by then


def demand_batching(
    split: object, batch_size: object, *, seed: object = 0, padding: object = "pre"
) -> None:
    """Raise `DatasetError` unless the arguments of batches are of their form.

    Args:
        split: "train" or "test".
        batch_size: rows of a batch.
        seed: of the shuffle.
        padding: "pre" or "post".
    """
    _demand_one_of("split", split, SPLITS)
    _demand_one_of("padding", padding, _SIDES)
    _demand_count("batch_size", batch_size, 1, "a whole number from 1")
    _demand_count("seed", seed, 0, "a whole number from 0")


def rows_wanted(synthetic: object) -> int | None:
    """How many rows a stand-in has in its training half; None: as many as the real one.

    Args:
        synthetic: True, or a number of rows.

    Raises:
        DatasetError: it is something else.
    """
    if synthetic is True:
        return None
    _demand_count("synthetic", synthetic, 1, "True, or how many rows, from 1")
    assert isinstance(synthetic, int)
    return synthetic
