"""What came of running a program several times: plain data, and how it reads."""

import dataclasses
from collections.abc import Mapping
from typing import Any

from kerasplug.engines.comparing_result import jsonable, shown
from kerasplug.errors import ReproducibilityError

__all__ = ["Difference", "Reproducibility"]

#: Kinds of things that belong to something with a name.
_OF = frozenset({"activation", "gradient", "weight", "seed state"})


@dataclasses.dataclass(frozen=True, slots=True)
class Difference:
    """The first thing that two runs do not have in common.

    Attributes:
        kind: `"initial weight"`, `"input batch"`, `"activation"`, `"loss"`,
            `"gradient"`, `"weight"` (after the step), `"seed state"`, `"result"`; or
            `"order"`: one run has something here that the other has not.
        name: the path of a variable or of a layer, the part of a batch or of a result.
        step: the step of training, from 1; 0: before the first one.
        runs: which two runs differ, from 1.
        largest: the greatest absolute difference of two elements; None where it is
            unknown: no numbers, other shapes, or arrays that were not kept.
        index: the first element that differs; None where it is unknown.
        values: that element in the one run and in the other one.
        dtype: of the tensor, as its backend names it.
        shape: of the tensor.
        occurrence: which time within the step, from 0: a layer may be called twice.
        note: what can't be said by numbers; else empty.

    Example:
        >>> values = {"largest": 0.5, "index": (0, 4), "values": (0.25, 0.75)}
        >>> print(Difference("gradient", "out/kernel", 3, (1, 2), **values))
        gradient of out/kernel in step 3: runs 1 and 2 differ, largest difference 0.5...
    """

    kind: str
    name: str
    step: int
    runs: tuple[int, int]
    largest: float | None = None
    index: tuple[int, ...] | None = None
    values: tuple[Any, Any] | None = None
    dtype: str = ""
    shape: tuple[int, ...] = ()
    occurrence: int = 0
    note: str = ""

    def __str__(self) -> str:
        parts = ["runs {} and {} differ".format(*self.runs)]
        if self.note:
            parts.append(self.note)
        if self.largest is not None:
            parts.append(f"largest difference {self.largest:.3g}")
        if self.index is not None and self.values is not None:
            where = f" at {self.index}" if self.index else ""
            parts.append("first{}: {} and {}".format(where, *self.texts))
        return f"{self.what}: {', '.join(parts)}"

    @property
    def what(self) -> str:
        """The thing and its step: `"gradient of mlp/out/kernel in step 3"`."""
        again = f", time {self.occurrence + 1}," if self.occurrence else ""
        return f"{self._thing()}{again} {self._when()}".strip()

    @property
    def texts(self) -> tuple[str, str]:
        """Both values for people: in full where they look alike otherwise."""
        if self.values is None:
            return "", ""
        one, two = map(shown, self.values)
        return (
            (one, two) if one != two else (repr(self.values[0]), repr(self.values[1]))
        )

    def _thing(self) -> str:
        if self.kind == "result":
            return self.name
        return f"{self.kind}{' of' if self.kind in _OF else ''} {self.name}"

    def _when(self) -> str:
        if self.kind in ("result", "initial weight"):
            return ""
        if not self.step:
            return "before the first step"
        return f"{'after' if self.kind == 'weight' else 'in'} step {self.step}"


@dataclasses.dataclass(frozen=True, slots=True)
class Reproducibility:
    """Whether a program gave the same numbers each time; true where it did.

    Attributes:
        target: the program, as people know it.
        first: the first thing that differs; None where all is the same, bit by bit.
        runs: how often it ran.
        steps: how many steps of training were compared.
        tensors: how many tensors of each run were compared.
        causes: what the likely causes are and what to do, the likeliest first.
        notes: what could not be seen, and what was changed in order to see.
        backend: what computed.
        versions: of Python, Keras and what computed.
    """

    target: str
    first: Difference | None
    runs: int
    steps: int
    tensors: int
    causes: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    backend: str = ""
    versions: Mapping[str, str] = dataclasses.field(default_factory=dict)

    @property
    def same(self) -> bool:
        """Whether all that was compared is the same in each run, bit by bit."""
        return self.first is None

    def __bool__(self) -> bool:
        return self.same

    def raise_if_different(self) -> None:
        """Do nothing where all is the same.

        Raises:
            ReproducibilityError: something differs; its `result` is this one.

        Example:
            >>> first = Difference("loss", "mlp", 1, (1, 2), 0.5, (), (1.0, 1.5))
            >>> Reproducibility("train.py", first, 2, 1, 9).raise_if_different()
            Traceback (most recent call last):
            kerasplug.errors.ReproducibilityError: train.py gave other numbers ...
              found:    loss mlp in step 1: runs 1 and 2 differ, largest difference ...
        """
        if self.first is not None:
            what = f"{self.target} gave other numbers when it ran again."
            mend = "\n".join(self.causes)
            found = str(self.first)
            raise ReproducibilityError(what, result=self, found=found, mend=mend)

    def as_dict(self) -> dict[str, Any]:
        """All of it as JSON has it.

        Returns:
            A dict of dicts, lists, texts, numbers and None; a number that JSON can't
            say is the text `"nan"`, `"inf"` or `"-inf"`.

        Example:
            >>> Reproducibility("train.py", None, 2, 10, 70).as_dict()["same"]
            True
        """
        told = {one.name: getattr(self, one.name) for one in dataclasses.fields(self)}
        first = None if self.first is None else dataclasses.asdict(self.first)
        told |= {"same": self.same, "first": first, "versions": dict(self.versions)}
        return dict(jsonable(told))

    def __str__(self) -> str:
        on = f" on {self.backend}" if self.backend else ""
        seen = f"{self.runs} runs{on}, {self.steps} steps, {self.tensors} tensors"
        lines = [f"{self.target}: {'the same' if self.same else 'differs'} ({seen})"]
        if self.first is not None:
            lines.append(f"  first:    {self.first}")
        lines += [f"  cause:    {one}" for one in self.causes]
        lines += [f"  note:     {one}" for one in self.notes]
        return "\n".join(lines)
