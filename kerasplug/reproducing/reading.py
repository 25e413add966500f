"""Reading what a run has written: its journal line by line, and nothing twice."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final, NamedTuple

__all__ = ["RANDOM", "Event", "engine_state", "events", "tensors"]

#: The kind of what is no tensor: an asking for random numbers that nobody seeded.
RANDOM: Final = "random"
#: The state of the generator that all code on an engine shares. Where nobody seeds it
#: it always differs; that matters only to those who use it.
_SHARED: Final = frozenset({("seed state", "torch")})


class Event(NamedTuple):
    """One line of a journal.

    Args:
        kind: what it is, as in `Difference.kind`, or `"random"`.
        name: whose it is.
        step: of training; 0: before the first one.
        occurrence: which time within the step.
        digest: of dtype, shape and bytes; the same for the same tensor only.
        dtype: as its backend names it.
        shape: of the tensor.
        at: where its bytes begin in the file of arrays; None: they were not kept.
        size: how many bytes it has.
        threads: names of other Python threads that were alive.
        python: a digest of the state of Python's `random`.
        numpy: a digest of the state of `numpy.random`; empty where it is not loaded.
    """

    kind: str
    name: str
    step: int
    occurrence: int
    digest: str
    dtype: str
    shape: tuple[int, ...]
    at: int | None
    size: int
    threads: tuple[str, ...]
    python: str
    numpy: str

    @property
    def key(self) -> tuple[str, str, int, int]:
        """What has to be there in each run."""
        return self.kind, self.name, self.step, self.occurrence

    def is_like(self, other: "Event") -> bool:
        """Whether it is the same tensor with the same content."""
        same = self.digest == other.digest and self.key == other.key
        return same and (self.dtype, self.shape) == (other.dtype, other.shape)


def events(folder: Path) -> Iterator[Event]:
    """All that a run has written down, in its order.

    Args:
        folder: the run's; a last line that is not whole is left out.
    """
    with (folder / "journal.jsonl").open("rb") as file:
        for line in file:
            if line.endswith(b"\n"):
                yield _event(json.loads(line))


def _event(told: dict[str, Any]) -> Event:
    at = told.get("at")
    return Event(
        str(told["kind"]),
        str(told["name"]),
        int(told["step"]),
        int(told.get("occurrence") or 0),
        str(told.get("digest") or ""),
        str(told.get("dtype") or ""),
        tuple(map(int, told.get("shape") or ())),
        None if at is None else int(at),
        int(told.get("size") or 0),
        tuple(map(str, told.get("threads") or ())),
        str(told.get("python") or ""),
        str(told.get("numpy") or ""),
    )


def tensors(folder: Path) -> Iterator[Event]:
    """The same without what is no tensor of the program.

    Args:
        folder: the run's.
    """
    return (
        one
        for one in events(folder)
        if one.kind != RANDOM and (one.kind, one.name) not in _SHARED
    )


def engine_state(folder: Path, until: Event) -> str:
    """A digest of the engine's own generator as it was last; empty: none is known.

    Args:
        folder: the run's.
        until: where to stop, one of its events.
    """
    found = ""
    for one in events(folder):
        if one.key == until.key:
            break
        found = one.digest if (one.kind, one.name) in _SHARED else found
    return found
