"""The numbers of each epoch, a line of JSON each."""

import json
import math
import os
from pathlib import Path
from typing import Any

from kerasplug.training.basing import KerasCallback
from kerasplug.training.checking import Checked
from kerasplug.training.numbers import plain

__all__ = ["JsonLog", "line_of"]


class JsonLog(KerasCallback):
    """A callback that adds a line of JSON to a file after each epoch.

    A number that JSON can't say (NaN, an infinity) is `null`, and the field
    `not_finite` says which it was. Each line is on the disk when the epoch is over; a
    last line that a killed process left half written stays, on a line of its own.

    Args:
        path: a file, in a folder that is there; made if it is missing.

    Raises:
        RecordError: `path` is no such path.

    Example:
        >>> JsonLog(3)
        Traceback (most recent call last):
        kerasplug.errors.RecordError: Invalid value received for ...
          found:    path=3 (of type int)
          expected: a path: a text or os.PathLike
    """

    def __init__(self, path: str | os.PathLike[str]) -> None:
        super().__init__()
        self.path = self._checked(path)

    @staticmethod
    def _checked(path: str | os.PathLike[str]) -> str:
        return Checked("JsonLog").file("path", path)

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        """Add a line."""
        line = line_of(epoch, plain(logs))
        with Path(self.path).open("ab+") as file:
            if file.seek(0, os.SEEK_END):
                file.seek(-1, os.SEEK_END)
                line = line if file.read(1) == b"\n" else f"\n{line}"
            file.write(line.encode())
            file.flush()


def line_of(epoch: int, numbers: dict[str, Any]) -> str:
    r"""An epoch as a line of JSON.

    Args:
        epoch: which, from 0.
        numbers: plain ones.

    Example:
        >>> line_of(1, {"loss": 0.5, "mae": float("nan")})
        '{"epoch": 1, "loss": 0.5, "mae": null, "not_finite": {"mae": "nan"}}\n'
    """
    odd: dict[str, Any] = {}
    told: dict[str, Any] = {"epoch": epoch}
    for name, value in numbers.items():
        told[name] = _finite(value)
        if told[name] != value:
            odd[name] = repr(value) if isinstance(value, float) else str(value)
    if odd:
        told["not_finite"] = odd
    return json.dumps(told, allow_nan=False, ensure_ascii=False) + "\n"


def _finite(value: Any) -> Any:
    if isinstance(value, list):
        return [_finite(one) for one in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value
