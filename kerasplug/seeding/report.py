"""What seeding did: each measure applied, too late, or not applicable, and why."""

import dataclasses
from typing import Any

from kerasplug.errors import SeedError

__all__ = ["STATES", "Measure", "SeedReport", "refused"]

#: What can become of a measure.
STATES = ("applied", "too late", "not applicable", "failed")

#: Measure -> what R's message calls it where it was wished.
_DISABLED = {"gpu": "GPU", "cpu parallelism": "CPU parallelism"}


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Measure:
    """One thing that seeding does, and what became of it.

    Attributes:
        name: `"hash seed"`, `"gpu"`, `"cpu parallelism"`, `"op determinism"`,
            `"session"`, `"python"`, `"numpy"`, `"keras"`, the engine's name such as
            `"tensorflow"`, `"models"`, or `"plugin "` and a distribution's name.
        state: one of `"applied"`, `"too late"`, `"not applicable"`; of a plugin's hook
            also `"failed"`.
        reason: what was set, or why it was not.
        first: where it was too late, what came first.
        disabled: whether something was wished to be off and is off.

    Example:
        >>> Measure(name="python", state="applied", reason="random.seed(42)").ok
        True
    """

    name: str
    state: str
    reason: str
    first: str = ""
    disabled: bool = False

    @property
    def ok(self) -> bool:
        """Whether nothing is left open: it is applied, or there is no need."""
        return self.state in ("applied", "not applicable")


@dataclasses.dataclass(frozen=True, slots=True)
class SeedReport:
    """What `use_session_with_seed` did.

    Attributes:
        seed: the seed.
        backend: what Keras computes with; empty where no Keras is installed.
        measures: in the order in which they were taken.

    Example:
        >>> python = Measure(name="python", state="applied", reason="random.seed(42)")
        >>> report = SeedReport(42, "jax", (python,))
        >>> report.ok, report["python"].reason
        (True, 'random.seed(42)')
        >>> report.message
        'Set session seed to 42'
    """

    seed: int
    backend: str
    measures: tuple[Measure, ...]

    @property
    def ok(self) -> bool:
        """Whether no measure came too late or failed; the hash seed counts as well."""
        return all(one.ok for one in self.measures)

    @property
    def applied(self) -> tuple[Measure, ...]:
        """The measures that hold now."""
        return self._in("applied")

    @property
    def too_late(self) -> tuple[Measure, ...]:
        """The measures that would have had to come earlier."""
        return self._in("too late")

    @property
    def not_applicable(self) -> tuple[Measure, ...]:
        """The measures that nobody asked for, or that nothing here needs."""
        return self._in("not applicable")

    @property
    def failed(self) -> tuple[Measure, ...]:
        """The plugins' hooks that raised."""
        return self._in("failed")

    def _in(self, state: str) -> tuple[Measure, ...]:
        return tuple(one for one in self.measures if one.state == state)

    @property
    def message(self) -> str:
        """R's line: `Set session seed to 42 (disabled GPU, CPU parallelism)`."""
        off = [_DISABLED[one.name] for one in self.measures if one.disabled]
        more = f" (disabled {', '.join(off)})" if off else ""
        return f"Set session seed to {self.seed}{more}"

    def __getitem__(self, name: str) -> Measure:
        """The measure of that name.

        Raises:
            KeyError: none has it; the text lists those that are there.
        """
        for one in self.measures:
            if one.name == name:
                return one
        there = ", ".join(one.name for one in self.measures)
        message = f"no measure {name!r}; there are: {there}"
        raise KeyError(message)

    def __str__(self) -> str:
        """R's line, and one for each measure."""
        width = max((len(one.name) for one in self.measures), default=0)
        wide = max(map(len, STATES))
        lines = [
            f"  {one.name:<{width}}  {one.state:<{wide}}  {_why(one)}"
            for one in self.measures
        ]
        return "\n".join([self.message, *lines])

    def as_dict(self) -> dict[str, Any]:
        """The same as plain data, for JSON beside the results of a run."""
        return {
            "seed": self.seed,
            "backend": self.backend,
            "measures": [dataclasses.asdict(one) for one in self.measures],
        }


def _why(measure: Measure) -> str:
    return f"{measure.reason}; {measure.first}" if measure.first else measure.reason


def refused(report: SeedReport, late: tuple[Measure, ...]) -> SeedError:
    """The error for measures that come too late; nothing has been changed.

    Args:
        report: with all that is known.
        late: the measures.
    """
    names = ", ".join(one.name for one in late)
    return SeedError(
        f"Too late to make this session repeatable: {names}.",
        report=report,
        found="; ".join(map(_why, late)),
        expected="use_session_with_seed() first, before anything is computed",
        mend="call it earlier; strict=False goes on without: its report says so",
    )
