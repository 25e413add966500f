"""What training steps take: time, and the memory of the process."""

import dataclasses
import statistics
import sys
import time
from typing import Any

from kerasplug.training.basing import KerasCallback
from kerasplug.training.numbers import seconds

__all__ = ["StepCosts", "StepReport", "peak_memory"]


@dataclasses.dataclass(frozen=True, slots=True)
class StepReport:
    """What the steps of a training took; times in seconds, memory in bytes.

    Args:
        steps: how many there were; with `steps_per_execution` those that Keras runs at
            once are one.
        total: all of them together.
        first: the first one, which compiles.
        median: of all but the first.
        slowest: the longest of all but the first.
        slowest_at: (epoch, batch) of that one, from 0.
        memory_before: the most that the process had used before training; None on
            Windows, which does not tell.
        memory: the most that it had used after it.

    Example:
        >>> print(StepReport(3, 2.2, 2.0, 0.1, 0.12, (0, 2), None, None))
        3 steps in 2.2 s: the first 2 s, then 100 ms each (median), at most 120 ms ...
    """

    steps: int
    total: float
    first: float
    median: float
    slowest: float
    slowest_at: tuple[int, int] | None
    memory_before: int | None
    memory: int | None

    def __str__(self) -> str:
        if not self.steps:
            return "no steps"
        text = f"{self.steps} steps in {seconds(self.total)}: the first "
        text += seconds(self.first)
        if self.slowest_at is not None:
            epoch, batch = self.slowest_at
            text += (
                f", then {seconds(self.median)} each (median), at most "
                f"{seconds(self.slowest)} (epoch {epoch}, batch {batch})"
            )
        if self.memory is not None and self.memory_before is not None:
            grown = (self.memory - self.memory_before) / 2**20
            text += f"; {self.memory / 2**20:.0f} MiB at most, {grown:.0f} MiB more"
        return text


class StepCosts(KerasCallback):
    """A callback that measures each training step.

    While it does, Keras waits for each step before it begins the next: the times are
    true, and training is slower where steps would overlap.

    Attributes:
        times: seconds of each step of the last training, in order.

    Example:
        >>> StepCosts.__mro__[1].__name__
        'KerasCallback'
    """

    def __init__(self) -> None:
        super().__init__()
        self.times: list[float] = []
        self._places: list[tuple[int, int]] = []
        self._epoch = 0
        self._begun = 0.0
        self._memory_before = peak_memory()
        self._memory = self._memory_before

    def on_train_begin(self, logs: Any = None) -> None:  # noqa: ARG002 -- Keras' own signature
        """Begin anew."""
        self.times, self._places = [], []
        self._memory_before = self._memory = peak_memory()

    def on_epoch_begin(self, epoch: int, logs: Any = None) -> None:  # noqa: ARG002 -- Keras' own signature
        """Remember the epoch."""
        self._epoch = epoch

    def on_train_batch_begin(self, batch: int, logs: Any = None) -> None:  # noqa: ARG002 -- Keras' own signature
        """Look at the clock."""
        self._begun = time.perf_counter()

    def on_train_batch_end(self, batch: int, logs: Any = None) -> None:  # noqa: ARG002 -- Keras' own signature
        """Look at it again."""
        self.times.append(time.perf_counter() - self._begun)
        self._places.append((self._epoch, batch))

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:  # noqa: ARG002 -- Keras' own signature
        """Look at the memory."""
        self._memory = peak_memory()

    @property
    def report(self) -> StepReport:
        """What the steps took, so far."""
        rest = self.times[1:]
        slowest = max(rest, default=0.0)
        return StepReport(
            steps=len(self.times),
            total=sum(self.times),
            first=self.times[0] if self.times else 0.0,
            median=statistics.median(rest) if rest else 0.0,
            slowest=slowest,
            slowest_at=self._places[1 + rest.index(slowest)] if rest else None,
            memory_before=self._memory_before,
            memory=self._memory,
        )


def peak_memory() -> int | None:
    """The most memory that this process has used, in bytes; None on Windows.

    Example:
        >>> peak_memory() is None or peak_memory() > 1 << 20
        True
    """
    try:
        import resource
    except ImportError:
        return None
    size = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return size if sys.platform == "darwin" else size * 1024
