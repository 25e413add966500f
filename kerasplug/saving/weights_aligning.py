"""Which weight of a list is which, where only names and order tell.

HDF5 files of Keras 2 list a layer's weights with the trainable ones first: what was
frozen when the file was written decides the order, and the names say which is which.
"""

import re
from collections.abc import Callable, Sequence
from typing import Final

__all__ = ["aligned", "parts_of"]

_NUMBER: Final = re.compile(r"_(\d+)$")


def parts_of(label: str) -> list[str]:
    """The parts of a weight's name.

    Example:
        >>> parts_of("base/dense_1/kernel:0")
        ['base', 'dense_1', 'kernel']
    """
    return re.sub(r":\d+$", "", label).split("/")


def aligned(held: Sequence[str], wanted: Sequence[str], *, loosely: bool) -> list[int]:
    """For each wanted weight, the place of the held one that is the same.

    Args:
        held: names in the file, in its order.
        wanted: names in the model, in its order; as many.
        loosely: also where only the last part of the names agrees, or their order
            without the numbers that Keras gives; else by the whole name, without the
            outermost, or by the last two parts.

    Returns:
        By names where both sides have the same ones, each once; else by order.

    Example:
        >>> aligned(["a_7/bias", "a_7/kernel"], ["a/kernel", "a/bias"], loosely=True)
        [1, 0]
        >>> aligned(["d_7/k", "d_8/k"], ["d_1/k", "d/k"], loosely=True)
        [1, 0]
    """
    return by_names(held, wanted, loosely=loosely) or list(range(len(wanted)))


def by_names(
    held: Sequence[str], wanted: Sequence[str], *, loosely: bool
) -> list[int] | None:
    """As `aligned`; None, where names don't tell."""
    left, right = ([parts_of(one) for one in names] for names in (held, wanted))
    for key in _LOOSE if loosely else _STRICT:
        ours, theirs = key(right), key(left)
        places = {one: place for place, one in enumerate(theirs)}
        if len(places) == len(theirs) and places.keys() == set(ours):
            return [places[one] for one in ours] if len(ours) == len(theirs) else None
    return None


_Keys = Callable[[list[list[str]]], list[tuple[str, ...]]]


def _whole(names: list[list[str]]) -> list[tuple[str, ...]]:
    return [tuple(parts) for parts in names]


def _inner(names: list[list[str]]) -> list[tuple[str, ...]]:
    return [tuple(parts[1:] or parts) for parts in names]


def _two(names: list[list[str]]) -> list[tuple[str, ...]]:
    return [tuple(parts[-2:]) for parts in names]


def _last(names: list[list[str]]) -> list[tuple[str, ...]]:
    return [tuple(parts[-1:]) for parts in names]


def _ranked(names: list[list[str]]) -> list[tuple[str, ...]]:
    """Names with ranks for the numbers in them.

    Keras counts up as it makes names: `dense_7` and `dense_8` of one process are
    `dense` and `dense_1` of another.
    """
    numbers: dict[str, set[int]] = {}
    for parts in names:
        for part in parts:
            stem, number = _split(part)
            numbers.setdefault(stem, set()).add(number)
    ranks = {stem: sorted(found) for stem, found in numbers.items()}

    def ranked(part: str) -> str:
        stem, number = _split(part)
        return f"{stem} {ranks[stem].index(number)}"

    return [tuple(ranked(part) for part in parts) for parts in names]


def _ranked_inner(names: list[list[str]]) -> list[tuple[str, ...]]:
    """The same without the outermost, which may be called anything."""
    return _ranked([parts[1:] for parts in names])


def _split(part: str) -> tuple[str, int]:
    match = _NUMBER.search(part)
    return (part[: match.start()], int(match[1])) if match else (part, 0)


_STRICT: Final[tuple[_Keys, ...]] = (_whole, _inner, _two)
_LOOSE: Final[tuple[_Keys, ...]] = (
    _whole,
    _inner,
    _two,
    _last,
    _ranked,
    _ranked_inner,
)
