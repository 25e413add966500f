"""Measuring side by side: what ran under the same noise can be compared.

CPU time, not wall time: other programs of the machine disturb it least.
"""

import os
import subprocess
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from statistics import median, quantiles

__all__ = ["BARE", "Interpreter", "Row", "interleaved", "ratio", "spread"]

#: The name of the task that does nothing; what it costs is taken off the others.
BARE = "bare interpreter"


@dataclass(frozen=True)
class Row:
    """One line of the results: a value with its quartiles, and what it should be.

    Args:
        section: which table it belongs to.
        what: what was measured.
        against: the peer, or the unit where there is none.
        value: ratio of the medians, or the median.
        lower: lower quartile of the paired values.
        upper: upper quartile of the paired values.
        goal: `upper` should not be above this; None: no goal, only told.
        own_ms: median CPU milliseconds of `what`, above the bare interpreter.
        peer_ms: the same of the peer; None where there is none.
    """

    section: str
    what: str
    against: str
    value: float
    lower: float
    upper: float
    goal: float | None
    own_ms: float
    peer_ms: float | None

    @property
    def met(self) -> bool | None:
        """Whether the upper quartile is within the goal; None without a goal."""
        return None if self.goal is None else self.upper <= self.goal

    def plain(self) -> dict[str, object]:
        """The row as JSON has it."""
        return {**asdict(self), "met": self.met}


def interleaved(
    tasks: Mapping[str, Callable[[], float]], repeats: int
) -> dict[str, list[float]]:
    """CPU seconds of each task, measured in turn: A B C, A B C, and so on.

    Args:
        tasks: name -> a call that does the work and returns its CPU seconds. Each is
            called once beforehand, so that caches and `.pyc` files exist.
        repeats: how many samples of each.

    Returns:
        Name -> `repeats` samples. Where a task is called `BARE`, its median is taken
        off all others.
    """
    for task in tasks.values():
        task()
    samples: dict[str, list[float]] = {name: [] for name in tasks}
    for _ in range(repeats):
        for name, task in tasks.items():
            samples[name].append(task())
    floor = median(samples[BARE]) if BARE in samples else 0.0
    return {name: [one - floor for one in values] for name, values in samples.items()}


def ratio(
    section: str,
    samples: Mapping[str, Sequence[float]],
    what: str,
    peer: str,
    goal: float | None = None,
) -> Row:
    """The row that compares two tasks of one interleaved run."""
    own, other = samples[what], samples[peer]
    pairs = [mine / theirs for mine, theirs in zip(own, other, strict=True)]
    lower, _, upper = quantiles(pairs, n=4, method="inclusive")
    return Row(
        section,
        what,
        peer,
        median(own) / median(other),
        lower,
        upper,
        goal,
        1000 * median(own),
        1000 * median(other),
    )


def spread(
    section: str,
    what: str,
    seconds: Sequence[float],
    goal: float | None = None,
    unit: str = "ms of CPU",
) -> Row:
    """The row that tells one task's own milliseconds."""
    values = [1000 * one for one in seconds]
    lower, middle, upper = quantiles(values, n=4, method="inclusive")
    return Row(section, what, unit, middle, lower, upper, goal, middle, None)


class Interpreter:
    """A Python of its own: an empty environment, a path and a cache folder.

    Args:
        python: the executable.
        folders: `PYTHONPATH`.
        home: an empty folder that children start in.
        cache: `XDG_CACHE_HOME`.
    """

    def __init__(
        self, python: Path, folders: Sequence[Path], home: Path, cache: Path
    ) -> None:
        self.python = python
        self.home = home
        self.cache = cache
        # Nothing else of this environment may reach the children; most of all not
        # PYTHONDONTWRITEBYTECODE: compiling would drown what is measured.
        self.environment = {
            "HOME": str(home),
            "LC_ALL": "C.UTF-8",
            "PATH": os.defpath,
            "PYTHONPATH": os.pathsep.join(map(str, folders)),
            "XDG_CACHE_HOME": str(cache),
        }

    def cpu(self, code: str) -> float:
        """CPU seconds, user and system, of a whole process that runs `code`.

        Raises:
            RuntimeError: the process failed; its own error went to stderr.
        """
        process = subprocess.Popen(
            [str(self.python), "-c", code],
            env=self.environment,
            cwd=self.home,
            stdout=subprocess.DEVNULL,
        )
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
        if process.returncode:
            message = f"this program failed: {code}"
            raise RuntimeError(message)
        return usage.ru_utime + usage.ru_stime

    def tasks(self, programs: Mapping[str, str]) -> dict[str, Callable[[], float]]:
        """What `interleaved` takes, from name -> program."""
        return {name: partial(self.cpu, code) for name, code in programs.items()}

    def says(self, code: str) -> str:
        """What a process that runs `code` prints."""
        done = subprocess.run(
            [str(self.python), "-c", code],
            env=self.environment,
            cwd=self.home,
            stdout=subprocess.PIPE,
            text=True,
            check=True,
        )
        return done.stdout.strip()
