"""What a comparison of backends found: plain data, and JSON of it."""

import dataclasses
import math
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import os

__all__ = ["BackendRun", "Comparison", "Difference", "Timing", "jsonable"]


@dataclasses.dataclass(frozen=True, slots=True)
class Timing:
    """How long the parts of one run took, in seconds.

    Attributes:
        start: importing Keras and the backend.
        load: loading the model from its file.
        first: the first batch; where a backend compiles, it does so here.
        median: one batch after that, until its outputs are NumPy arrays.
        lower: the lower quartile of the same.
        upper: the upper quartile of the same.
        repeats: how many batches these three come from.
    """

    start: float
    load: float
    first: float
    median: float
    lower: float
    upper: float
    repeats: int


@dataclasses.dataclass(frozen=True, slots=True, eq=False)
class BackendRun:
    """What one backend did with the model.

    Attributes:
        name: the backend.
        state: `"ok"` or `"failed"`.
        error: why it failed: the error's type and text, or how the process ended and
            what it wrote last; empty where it did not fail.
        outputs: name of an output -> NumPy array `(samples, ...)`. A dtype that NumPy
            lacks, such as bfloat16, comes as float32, which holds each of its values.
        dtypes: name of an output -> the dtype that the backend gave it.
        timing: how long it took; None where it failed.
        versions: what computed: `"keras"`, and the backend's name, with their versions.
    """

    name: str
    state: str
    error: str = ""
    outputs: Mapping[str, Any] = dataclasses.field(default_factory=dict)
    dtypes: Mapping[str, str] = dataclasses.field(default_factory=dict)
    timing: Timing | None = None
    versions: Mapping[str, str] = dataclasses.field(default_factory=dict)


@dataclasses.dataclass(frozen=True, slots=True)
class Difference:
    """How far one output of one backend is from the reference's.

    Attributes:
        backend: the backend that is compared with the reference.
        output: the output's name.
        absolute: the greatest `|a - r|`, with `r` the reference's number. Equal
            infinities, and NaN on both sides, are no difference; NaN on one side is
            an infinite one.
        relative: the greatest `|a - r| / max(|a|, |r|)`, from 0 to 2.
        deviation: what counts: the greatest `|a - r| / max(1, |r|)` of floats, the
            greatest `|a - r|` of whole numbers.
        index: where the deviation is greatest; None where there is none.
        here: the backend's value at that place.
        there: the reference's value at that place.
        note: why the two can't be compared; empty where they can.
        ok: whether the deviation is within the tolerance.
    """

    backend: str
    output: str
    absolute: float
    relative: float
    deviation: float
    index: tuple[int, ...] | None = None
    here: Any = None
    there: Any = None
    note: str = ""
    ok: bool = True


@dataclasses.dataclass(frozen=True, slots=True, eq=False)
class Comparison:
    """One model on several backends: outputs, differences and times.

    Attributes:
        path: the model's file.
        reference: the backend that the others are compared with; empty where none
            succeeded.
        tolerance: the greatest deviation that is within bounds.
        batch_size: samples in a batch.
        samples: how many samples were predicted.
        runs: one for each backend, in the order in which they were asked for.
        differences: one for each output of each backend but the reference.
    """

    path: str
    reference: str
    tolerance: float
    batch_size: int
    samples: int
    runs: tuple[BackendRun, ...]
    differences: tuple[Difference, ...] = ()

    @property
    def ok(self) -> bool:
        """Whether all backends succeeded, and all differences are within bounds."""
        succeeded = all(run.state == "ok" for run in self.runs)
        return succeeded and all(one.ok for one in self.differences)

    def run(self, name: str) -> BackendRun:
        """What one backend did.

        Args:
            name: a backend that was compared.

        Raises:
            KeyError: it was not.
        """
        found = {run.name: run for run in self.runs}
        return found[name]

    def worst(self, name: str) -> Difference | None:
        """The difference of a backend that deviates most.

        Args:
            name: a backend that was compared.

        Returns:
            One of `differences`; None for the reference and for what failed.
        """
        own = [one for one in self.differences if one.backend == name]
        return max(own, key=lambda one: (not one.ok, one.deviation), default=None)

    def to_dict(self) -> dict[str, Any]:
        """All of it as JSON has it.

        Returns:
            A dict of dicts, lists, texts, numbers and None. A number that JSON can't
            say is the text `"nan"`, `"inf"` or `"-inf"`. Of each output there are
            shape, dtype, least, greatest and mean of its finite numbers, how many are
            not finite, and the first values.

        Example:
            >>> one = BackendRun("jax", "failed", "it ended by SIGKILL")
            >>> found = Comparison("m.keras", "", 1e-4, 32, 32, (one,)).to_dict()
            >>> found["ok"], found["backends"]["jax"]["error"]
            (False, 'it ended by SIGKILL')
        """
        return {
            "model": self.path,
            "ok": self.ok,
            "reference": self.reference or None,
            "tolerance": self.tolerance,
            "batch_size": self.batch_size,
            "samples": self.samples,
            "backends": {run.name: _run(run) for run in self.runs},
            "differences": [jsonable(dataclasses.asdict(d)) for d in self.differences],
        }

    def plot(self, path: "str | os.PathLike[str]") -> None:
        """Draw times and differences into a file, which appears whole or not at all.

        Args:
            path: a file that ends in `.png`, `.svg` or `.pdf`, in a folder that is
                there.

        Raises:
            RecordError: `path` is not of these.
            MissingExtraError: matplotlib is not installed.
        """
        from kerasplug.engines.comparing_plot import draw

        draw(self, path)

    def __str__(self) -> str:
        lines = [f"{self.path}: {'ok' if self.ok else 'not ok'}"]
        for run in self.runs:
            lines += [f"  {run.name}: {line}" for line in self._told(run)]
        return "\n".join(lines)

    def _told(self, run: BackendRun) -> list[str]:
        if run.timing is None:
            return [f"failed: {run.error}"]
        time = f"{run.timing.median * 1000:.3g} ms a batch"
        if run.name == self.reference:
            return [f"{time}, the reference"]
        own = [one for one in self.differences if one.backend == run.name]
        return [time, *(f"{one.output}: {differs(one)}" for one in own)]


def differs(one: Difference) -> str:
    """A difference in words.

    Example:
        >>> differs(Difference("jax", "out", 0.5, 0.5, 0.5, (0, 1), 1.5, 1.0, ok=False))
        'deviates by 0.5 at [0, 1]: 1.5, the reference has 1'
        >>> differs(Difference("jax", "out", 0.0, 0.0, 0.0))
        'equal'
    """
    if one.note:
        return one.note
    if not one.absolute:
        return "equal"
    where = f"at {list(one.index)}: " if one.index else ""
    pair = f"{shown(one.here)}, the reference has {shown(one.there)}"
    return f"deviates by {one.deviation:.3g} {where}{pair}"


def shown(value: Any) -> str:
    """A value of an output for people."""
    return f"{value:.9g}" if isinstance(value, float) else str(value)


def _run(run: BackendRun) -> dict[str, Any]:
    return {
        "state": run.state,
        "error": run.error or None,
        "seconds": dataclasses.asdict(run.timing) if run.timing else None,
        "versions": dict(run.versions),
        "outputs": {name: _summary(run, name) for name in run.outputs},
    }


def _summary(run: BackendRun, name: str) -> dict[str, Any]:
    from kerasplug.engines.comparing_numbers import summary

    told = summary(run.outputs[name])
    return {**jsonable(told), "dtype": run.dtypes.get(name, told["dtype"])}


def jsonable(value: Any) -> Any:
    """The same with nothing in it that JSON can't say.

    Example:
        >>> jsonable({"a": (1, float("nan"), -float("inf")), "b": 1 + 2j})
        {'a': [1, 'nan', '-inf'], 'b': '(1+2j)'}
    """
    if isinstance(value, dict):
        return {str(key): jsonable(one) for key, one in value.items()}
    if isinstance(value, list | tuple):
        return [jsonable(one) for one in value]
    if isinstance(value, float):
        return value if math.isfinite(value) else str(value)
    if value is None or isinstance(value, bool | int | str):
        return value
    return value.decode("utf-8", "replace") if isinstance(value, bytes) else str(value)
