"""The arrays that runs have kept: reading one, and where two of them part."""

import contextlib
import dataclasses
import hashlib
import importlib
import math
from collections import Counter
from collections.abc import Iterable
from pathlib import Path
from typing import Any, Final

from kerasplug.engines.comparing_numbers import differences
from kerasplug.engines.comparing_result import BackendRun
from kerasplug.reproducing.reading import Event

__all__ = ["Parting", "kept", "part", "rows"]

#: Kinds of NumPy's dtypes that are plain bytes; objects are none.
_PLAIN: Final = "biufcSU"
#: So many elements are compared at once.
_PIECE: Final = 1 << 20


@dataclasses.dataclass(frozen=True, slots=True)
class Parting:
    """Where two arrays part.

    Attributes:
        index: the first element whose bytes differ.
        values: that element of each.
        largest: the greatest absolute difference; None where there are no numbers.
    """

    index: tuple[int, ...]
    values: tuple[Any, Any]
    largest: float | None


def kept(folder: Path, event: Event) -> Any:
    """The array of an event; None where it was not kept, or is none that NumPy knows.

    Args:
        folder: the run's.
        event: one of its journal.
    """
    import numpy as np

    dtype = _dtype(event.dtype)
    path = folder / "arrays.bin"
    if event.at is None or dtype is None or not path.is_file():
        return None
    count = math.prod(event.shape)
    inside = 0 <= event.at <= path.stat().st_size - event.size
    if not inside or count * dtype.itemsize != event.size or min((0, *event.shape)) < 0:
        return None
    with path.open("rb") as file:
        file.seek(event.at)
        return np.frombuffer(file.read(event.size), dtype, count).reshape(event.shape)


def _dtype(name: str) -> Any:
    """NumPy's dtype of that name; the small floats of engines come from ml_dtypes."""
    import numpy as np

    with contextlib.suppress(TypeError):
        found = np.dtype(name)
        if found.kind in _PLAIN:
            return found
    try:
        return np.dtype(getattr(importlib.import_module("ml_dtypes"), name))
    except (ImportError, AttributeError, TypeError):
        return None


def part(left: Any, right: Any) -> Parting | None:
    """Where two arrays part; None where all bytes are the same.

    Args:
        left: an array.
        right: one of the same dtype and shape.
    """
    import numpy as np

    one, two = _bytes(left), _bytes(right)
    differ = (one != two).any(axis=1)
    if not differ.any():
        return None
    at = int(differ.argmax())
    index = tuple(map(int, np.unravel_index(at, left.shape)))
    values = left.reshape(-1)[at].item(), right.reshape(-1)[at].item()
    return Parting(index, values, _largest(left.reshape(-1), right.reshape(-1)))


def _bytes(array: Any) -> Any:
    """The bytes of each element: for them a zero is not a negative one."""
    import numpy as np

    return np.frombuffer(array.tobytes(), np.uint8).reshape(-1, array.dtype.itemsize)


def _largest(left: Any, right: Any) -> float | None:
    if left.dtype.kind in "SU":
        return None
    if left.dtype.kind == "V":
        left, right = left.astype("float32"), right.astype("float32")
    found = 0.0
    for start in range(0, len(left), _PIECE):
        pieces = (one[start : start + _PIECE] for one in (left, right))
        runs = [
            BackendRun(str(n), "ok", outputs={"": one}) for n, one in enumerate(pieces)
        ]
        found = max(found, differences(runs[0], runs[1], 0.0)[0].absolute)
    return found


def rows(arrays: Iterable[Any]) -> "Counter[bytes]":
    """How often each row is there, by a digest, whatever their order.

    Args:
        arrays: arrays whose first axis is that of the rows.
    """
    found: Counter[bytes] = Counter()
    for array in arrays:
        found.update(hashlib.blake2b(one.tobytes()).digest() for one in array)
    return found
