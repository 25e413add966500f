"""Whether weights fit the layer they are for, before anything is read or changed."""

import math
import re
from collections.abc import Iterator, Mapping
from typing import Any, Final, NamedTuple

from kerasplug.saving.weights_holders import Holder, Slot
from kerasplug.saving.weights_matching import Match
from kerasplug.saving.weights_reading import Stored

__all__ = ["Fitted", "Wanted", "fitted", "reasons"]

#: Names of types without their sizes -> what can stand for one another.
_KINDS: Final = {"bfloat": "float", "uint": "int"}


class Wanted(NamedTuple):
    """A weight to read.

    Args:
        key: of the holder that takes it.
        stored: where it is.
        shape: to give it.
        dtype: the name of the type to give it; empty: as it is.
    """

    key: str
    stored: Stored
    shape: tuple[int, ...]
    dtype: str


class Fitted(NamedTuple):
    """A layer with weights that fit.

    Args:
        name: the layer's.
        parts: what holds weights in it, and the weights.
    """

    name: str
    parts: tuple[tuple[Holder, tuple[Wanted, ...]], ...]


def reasons(match: Match, *, reshape: bool) -> list[str]:
    """Why a layer's weights don't fit; empty: they do.

    Args:
        match: the layer and what the file has for it.
        reshape: whether as many values in another shape fit.
    """
    if match.problem:
        return [match.problem]
    return [
        reason
        for holder, weights in match.pairs
        for reason in _misfits(holder, weights, reshape=reshape)
    ]


def _misfits(
    holder: Holder, weights: Mapping[str, Stored], *, reshape: bool
) -> Iterator[str]:
    if holder.decides:
        return
    if weights.keys() != holder.slots.keys():
        yield f"{_count(weights)} in the file, {_count(holder.slots)} in the layer"
        return
    for key, slot in holder.slots.items():
        stored = weights[key]
        name = slot.label.rpartition("/")[2]
        if not _fits(stored.shape, slot.shape, reshape=reshape):
            yield f"{name} is {stored.shape} in the file, {slot.shape} in the layer"
        elif _kind(str(stored.dtype)) != _kind(slot.dtype or str(stored.dtype)):
            yield f"{name} is {stored.dtype} in the file, {slot.dtype} in the layer"


def _count(weights: Mapping[str, Any]) -> str:
    return f"{len(weights)} weight{'' if len(weights) == 1 else 's'}"


def _fits(held: tuple[int, ...], wanted: tuple[int, ...], *, reshape: bool) -> bool:
    return held == wanted or (reshape and math.prod(held) == math.prod(wanted))


def _kind(dtype: str) -> str:
    """What a type is, whatever its size.

    Example:
        >>> _kind("bfloat16"), _kind("uint8"), _kind("bool")
        ('float', 'int', 'bool')
    """
    stem = re.split(r"\d", dtype, maxsplit=1)[0]
    return _KINDS.get(stem, stem)


def fitted(match: Match, *, reshape: bool) -> Fitted:
    """A layer with its weights, for which there are no `reasons`."""
    parts = tuple(
        (holder, tuple(_wanted(holder, weights, reshape=reshape)))
        for holder, weights in match.pairs
    )
    return Fitted(match.name, parts)


def _wanted(
    holder: Holder, weights: Mapping[str, Stored], *, reshape: bool
) -> Iterator[Wanted]:
    for key, stored in weights.items():
        slot = holder.slots.get(key, Slot("", stored.shape, ""))
        fits = _fits(stored.shape, slot.shape, reshape=reshape)
        # One that decides by itself gets what is in the file.
        dtype = "" if holder.decides else slot.dtype
        yield Wanted(key, stored, slot.shape if fits else stored.shape, dtype)
