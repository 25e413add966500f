"""What an engine can be told so that it gives the same numbers again.

Every engine's module has `variables(measure)`, the environment variables that it reads
when it starts, and `plans(wish)`, what is to be done where it is loaded. Planning
changes nothing, so that what is too late can be refused before anything is done.
"""

from collections.abc import Callable
from typing import Any, NamedTuple

from kerasplug.seeding.environment import take_back
from kerasplug.seeding.report import Measure

__all__ = [
    "DETERMINISM",
    "GPU",
    "PARALLEL",
    "Plan",
    "Wish",
    "applied",
    "given_back",
    "not_asked",
    "too_late",
    "unneeded",
]

GPU = "gpu"
PARALLEL = "cpu parallelism"
DETERMINISM = "op determinism"

#: Measure -> how it is asked away.
_AWAY = {
    GPU: "disable_gpu=False",
    PARALLEL: "disable_parallel_cpu=False",
    DETERMINISM: "op_determinism=False",
}


class Wish(NamedTuple):
    """What is asked for.

    Attributes:
        disable_gpu: whether no GPU is to be used.
        disable_parallel_cpu: whether one thread is to compute.
        op_determinism: whether operations are to be the deterministic ones.
        undo: the measures of an earlier call that are to be taken back.
    """

    disable_gpu: bool
    disable_parallel_cpu: bool
    op_determinism: bool
    undo: frozenset[str] = frozenset()

    def asked(self) -> dict[str, bool]:
        """Measure -> whether it is wished, in the order in which they are taken."""
        return {
            GPU: self.disable_gpu,
            PARALLEL: self.disable_parallel_cpu,
            DETERMINISM: self.op_determinism,
        }


class Plan(NamedTuple):
    """A measure as it is going to be, and what makes it so.

    Attributes:
        measure: for the report.
        do: what to do; None: nothing.
    """

    measure: Measure
    do: Callable[[], Any] | None = None


def applied(name: str, reason: str, do: Callable[[], Any] | None = None) -> Plan:
    """A measure that takes hold."""
    off = name in (GPU, PARALLEL)
    return Plan(Measure(name=name, state="applied", reason=reason, disabled=off), do)


def unneeded(name: str, reason: str) -> Plan:
    """A measure that was asked for, and that nothing here needs."""
    off = name == GPU
    return Plan(Measure(name=name, state="not applicable", reason=reason, disabled=off))


def not_asked(name: str) -> Plan:
    """A measure that nobody asked for."""
    reason = f"not asked for: {_AWAY[name]}"
    return Plan(Measure(name=name, state="not applicable", reason=reason))


def given_back(name: str, do: Callable[[], Any] | None = None) -> Plan:
    """A measure of an earlier call that is taken back, with its variables."""

    def undo() -> None:
        take_back(name)
        if do is not None:
            do()

    reason = f"given back: {_AWAY[name]}"
    return Plan(Measure(name=name, state="not applicable", reason=reason), undo)


def too_late(name: str, reason: str, engine: str) -> Plan:
    """A measure that would have had to come before the engine started."""
    from kerasplug.implementation import first_user, loaded

    who = first_user() if loaded() else ""
    first = f"first use of Keras: {who}" if who else f"{engine} was used first"
    return Plan(Measure(name=name, state="too late", reason=reason, first=first))
