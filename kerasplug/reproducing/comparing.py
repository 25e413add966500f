"""Walking through the journals of several runs until they part."""

import dataclasses
import itertools
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final, NamedTuple

from kerasplug.reproducing.numbers import kept, part
from kerasplug.reproducing.reading import Event, tensors
from kerasplug.reproducing.result import Difference

__all__ = ["Found", "compared", "is_earlier"]

#: In which order things come within a step.
_ORDER: Final = (
    "initial weight",
    "input batch",
    "activation",
    "loss",
    "gradient",
    "order",
    "seed state",
    "weight",
    "result",
)


class Found(NamedTuple):
    """Where journals part.

    Args:
        first: the difference; None where there is none.
        events: what the two runs have there; None for what is missing.
        steps: how many steps of training were compared.
        tensors: how many tensors of a run were compared.
    """

    first: Difference | None
    events: tuple[Event | None, Event | None]
    steps: int
    tensors: int


class _Parted(NamedTuple):
    """The same of two journals, before any array is read."""

    events: tuple[Event | None, Event | None]
    instead: Event | None
    steps: int
    tensors: int


def compared(
    folders: Sequence[Path], numbers: Sequence[int], *, without: str = ""
) -> Found:
    """The earliest place where any run parts from the first one.

    Args:
        folders: those of two or more runs.
        numbers: what the runs are called, in the same order.
        without: a kind of tensors that does not count.
    """
    parted = [_parted(folders[0], folder, without) for folder in folders[1:]]
    at = min(range(len(parted)), key=lambda one: _place(parted[one]))
    one = parted[at]
    if one.events == (None, None):
        return Found(None, one.events, one.steps, one.tensors)
    runs = numbers[0], numbers[at + 1]
    first = _difference(one, runs, (folders[0], folders[at + 1]))
    return Found(first, one.events, one.steps, one.tensors)


def _place(one: _Parted) -> tuple[bool, int]:
    return one.events == (None, None), one.tensors


def is_earlier(one: Difference, other: Difference) -> bool:
    """Whether a difference comes before another one, or in its place.

    Args:
        one: of any runs.
        other: the same.
    """
    places = [
        # A result is the last thing of all, whatever the step.
        (two.kind == "result", two.step, _ORDER.index(two.kind))
        for two in (one, other)
    ]
    return places[0] <= places[1]


# --- two journals -------------------------------------------------------------------


def _parted(left: Path, right: Path, without: str) -> _Parted:
    """Go through both at once; where names differ, within a step by name."""
    here, there = (_counting(side, without) for side in (left, right))
    steps = seen = 0
    while True:
        one, two = next(here, None), next(there, None)
        if one is None and two is None:
            return _Parted((None, None), None, steps, seen)
        if one is not None and two is not None and one.is_like(two):
            steps, seen = max(steps, one.step), seen + 1
            continue
        step = min(each.step for each in (one, two) if each is not None)
        (mine, here), (yours, there) = _rest(step, one, here), _rest(step, two, there)
        found = _unmatched(mine, yours)
        if found is not None:
            # What differs was compared as well.
            return _Parted(*found, max(steps, step), seen + 1)
        steps, seen = max(steps, step), seen + len(mine)


def _counting(folder: Path, without: str) -> Iterator[Event]:
    return (one for one in tensors(folder) if one.kind != without)


def _rest(
    step: int, first: Event | None, more: Iterator[Event]
) -> tuple[list[Event], Iterator[Event]]:
    """What is left of a step, and what comes after it."""
    if first is None:
        return [], more
    found: list[Event] = []
    whole = itertools.chain([first], more)
    for one in whole:
        if one.step != step:
            return found, itertools.chain([one], whole)
        found.append(one)
    return found, iter(())


def _unmatched(
    mine: list[Event], yours: list[Event]
) -> tuple[tuple[Event | None, Event | None], Event | None] | None:
    """The first that is not in both, or not the same, and what came instead of it."""
    there = {one.key: one for one in yours}
    keys = {one.key for one in mine}
    extra = next((one for one in yours if one.key not in keys), None)
    for one in mine:
        other = there.get(one.key)
        if other is None:
            return (one, None), extra
        if not one.is_like(other):
            return (one, other), None
    return None if extra is None else ((None, extra), None)


# --- one difference -----------------------------------------------------------------


def _difference(
    parted: _Parted, runs: tuple[int, int], folders: tuple[Path, Path]
) -> Difference:
    one, two = parted.events
    if one is None or two is None:
        return _missing(parted, runs)
    known = Difference(
        one.kind,
        one.name,
        one.step,
        runs,
        dtype=one.dtype,
        shape=one.shape,
        occurrence=one.occurrence,
        note=_unlike(one, two, runs),
    )
    return known if known.note else _with_numbers(known, (one, two), folders)


def _missing(parted: _Parted, runs: tuple[int, int]) -> Difference:
    """One run has what the other has not."""
    one, two = parted.events
    has, lacks = runs if one is not None else runs[::-1]
    event = one if one is not None else two
    assert event is not None
    note = f"run {has} has {event.kind} {event.name} here, run {lacks} has not"
    if parted.instead is not None:
        note += f", but {parted.instead.kind} {parted.instead.name}"
    return Difference(
        "order",
        event.name,
        event.step,
        runs,
        dtype=event.dtype,
        shape=event.shape,
        occurrence=event.occurrence,
        note=note,
    )


def _unlike(one: Event, two: Event, runs: tuple[int, int]) -> str:
    """Why elements can't be compared; empty where they can."""
    for what, mine, yours in (
        ("shape", one.shape, two.shape),
        ("dtype", one.dtype, two.dtype),
    ):
        if mine != yours:
            return f"the {what} is {mine} in run {runs[0]}, {yours} in run {runs[1]}"
    return ""


def _with_numbers(
    known: Difference, events: tuple[Event, Event], folders: tuple[Path, Path]
) -> Difference:
    """The same with the elements that differ, where both arrays were kept."""
    left, right = (kept(*pair) for pair in zip(folders, events, strict=True))
    parting = None if left is None or right is None else part(left, right)
    if parting is None:
        return known
    return dataclasses.replace(known, **dataclasses.asdict(parting))
