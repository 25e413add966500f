"""Arrays: making them, comparing them, saying how they differ.

The only module of the suite that imports NumPy, and only when a check runs.
"""

import os
from collections.abc import Sequence
from typing import Any

from kerasplug.testing.conformance.check import NotApplicable
from kerasplug.testing.conformance.structures import paths

__all__ = [
    "as_array",
    "at",
    "chosen",
    "close",
    "cut",
    "difference",
    "differences",
    "ending_early",
    "everywhere",
    "is_float",
    "is_number",
    "joined",
    "kind",
    "largest",
    "overlap",
    "projection",
    "random",
    "read",
    "relative",
    "rounded",
    "rows",
    "seed",
    "steps",
    "tolerance",
    "write",
]

#: Relative and absolute tolerance by dtype, a small multiple of the rounding error.
_TOLERANCES = {
    "float16": (1e-2, 1e-2),
    "bfloat16": (5e-2, 5e-2),
    "float32": (1e-4, 1e-5),
    "float64": (1e-9, 1e-10),
}


def as_array(value: Any) -> Any:
    """A NumPy array of a value; what NumPy can't compute with becomes float32."""
    import numpy as np

    found = np.asarray(value)
    return found.astype("float32") if found.dtype.kind == "V" else found


def kind(array: Any) -> str:
    """The letter of an array's kind: "f" float, "i" int, "b" bool, "S" bytes."""
    return str(as_array(array).dtype.kind)


def is_float(dtype: str) -> bool:
    """Whether a dtype has a fractional part."""
    return "float" in dtype


def is_number(dtype: str) -> bool:
    """Whether a dtype is one of numbers; `bool` and `string` are none."""
    return "float" in dtype or "int" in dtype or "complex" in dtype


def tolerance(dtype: str) -> tuple[float, float]:
    """Relative and absolute tolerance for a dtype; 0 for what is exact."""
    return _TOLERANCES.get(dtype, (0.0, 0.0))


def random(
    shape: tuple[int, ...],
    dtype: str,
    *,
    seed: Any,
    low: float | None = None,
    high: float | None = None,
) -> Any:
    """Random values: normal floats, integers from `low` below `high`, or booleans.

    Args:
        shape: the shape.
        dtype: the dtype; `bfloat16` comes as float32, NumPy has none.
        seed: whatever `numpy.random.default_rng` takes.
        low: the least value; default 0 for integers; floats are normal without it.
        high: for integers, the first one that does not occur, default 2.
    """
    import numpy as np

    generator = np.random.default_rng(seed)
    if dtype == "bool":
        return generator.integers(0, 2, shape).astype(bool)
    if "int" in dtype:
        least = 0 if low is None else int(low)
        return generator.integers(
            least, least + 2 if high is None else int(high), shape
        ).astype(dtype)
    name = "float32" if dtype == "bfloat16" else dtype
    if low is not None or high is not None:
        bounds = 0.0 if low is None else low, 1.0 if high is None else high
        return generator.uniform(*bounds, shape).astype(name)
    return generator.standard_normal(shape).astype(name)


def seed(value: int) -> None:
    """Seed Python's and NumPy's own generators."""
    import random as python

    import numpy as np

    python.seed(value)
    np.random.seed(value)  # noqa: NPY002 -- the one that Keras and layers draw on


def rows(array: Any, count: int, *, shift: int = 0) -> Any:
    """`count` rows of an array, from its row `shift` on, round and round."""
    import numpy as np

    found = np.asarray(array)
    return found[[(number + shift) % len(found) for number in range(count)]]


def joined(*batches: Any) -> Any:
    """The rows of several arrays, one after the other."""
    import numpy as np

    return np.concatenate(batches)


def cut(array: Any, axis: int, size: int) -> Any:
    """The first `size` along an axis; round and round where there are fewer."""
    import numpy as np

    found = np.asarray(array)
    return np.take(found, range(size), axis=axis, mode="wrap")


def overlap(first: Any, second: Any) -> tuple[Any, Any]:
    """What two arrays of one rank have in common, from the start of each axis."""
    sizes = zip(first.shape, second.shape, strict=True)
    part = tuple(slice(min(pair)) for pair in sizes)
    return first[part], second[part]


def steps(parts: list[Any]) -> Any:
    """Arrays of one shape as the steps of a sequence: stacked along axis 1."""
    import numpy as np

    return np.stack(parts, axis=1)


def ending_early(rows: int, steps: int) -> Any:
    """A mask of time steps: each row ends early, the next one a step earlier."""
    import numpy as np

    lengths = np.array([steps - (row + 1) % steps for row in range(rows)])
    return np.arange(steps) < lengths[:, None]


def everywhere(array: Any) -> Any:
    """A mask of the first axis that is true."""
    import numpy as np

    return np.ones(array.shape[:1], bool)


def chosen(mask: Any, first: Any, second: Any) -> Any:
    """`first` where the mask is true, else `second`; the mask has the first axes."""
    import numpy as np

    wide = np.asarray(mask).reshape(mask.shape + (1,) * (first.ndim - mask.ndim))
    return np.where(wide, first, second)


def at(array: Any, mask: Any) -> Any:
    """The parts of an array where a mask of its first axes is true."""
    return array[mask.astype(bool)]


def projection(shape: tuple[int | None, ...], dtype: str, number: int) -> Any:
    """Fixed random weights, by which an output is summed up to one number."""
    return random(tuple(one or 0 for one in shape), dtype, seed=(7, number))


def close(
    first: Any, second: Any, rtol: float | None = None, atol: float | None = None
) -> bool:
    """Whether two arrays are equal but for rounding; NaN equals NaN."""
    return not difference(first, second, rtol, atol)


def difference(
    first: Any, second: Any, rtol: float | None = None, atol: float | None = None
) -> str:
    """How two arrays differ by more than rounding, in words; empty: they don't.

    Args:
        first: an array.
        second: what it is compared with.
        rtol: relative tolerance; default: by the coarser dtype.
        atol: absolute tolerance; default: by the coarser dtype.
    """
    import numpy as np

    one, two = as_array(first), as_array(second)
    if one.shape != two.shape:
        return f"shape {one.shape} against {two.shape}"
    if not one.size:
        return ""
    if {one.dtype.kind, two.dtype.kind} & set("SUO"):
        return "" if (one == two).all() else f"{_few(one)} against {_few(two)}"
    default = max(tolerance(str(one.dtype)), tolerance(str(two.dtype)))
    limits = (
        default[0] if rtol is None else rtol,
        default[1] if atol is None else atol,
    )
    left, right = (
        part.astype("complex128" if part.dtype.kind == "c" else "float64")
        for part in (one, two)
    )
    if np.allclose(left, right, rtol=limits[0], atol=limits[1], equal_nan=True):
        return ""
    with np.errstate(invalid="ignore"):
        apart = np.abs(left - right)
    if np.isnan(apart).any() or np.isinf(apart).any():
        return f"{_few(one)} against {_few(two)}"
    at = np.unravel_index(int(apart.argmax()), apart.shape)
    return (
        f"up to {apart.max():.3g} apart (at {tuple(map(int, at))}: "
        f"{one[at]:.6g} against {two[at]:.6g})"
    )


def _few(array: Any) -> str:
    flat = array.reshape(-1)
    return (
        f"[{', '.join(str(one) for one in flat[:4])}{', …' if flat.size > 4 else ''}]"  # noqa: PLR2004 -- as many as fit on a line
    )


def differences(
    first: Any, second: Any, rtol: float | None = None, atol: float | None = None
) -> str:
    """How two structures of arrays differ: the first leaf that does; empty: none."""
    one, two = paths(first), paths(second)
    if [where for where, _ in one] != [where for where, _ in two]:
        return f"{len(one)} arrays against {len(two)}, or in another order"
    for (where, left), (_, right) in zip(one, two, strict=True):
        if said := difference(left, right, rtol, atol):
            return f"{where}: {said}" if where else said
    return ""


def relative(first: Any, second: Any) -> float:
    """How far two arrays are apart as a whole, as a part of the second one's norm."""
    import numpy as np

    one, two = (as_array(part).astype("float64") for part in (first, second))
    floor = 1e-3 * np.sqrt(two.size)
    return float(np.linalg.norm(one - two) / max(float(np.linalg.norm(two)), floor))


def rounded(array: Any, dtype: str) -> Any:
    """A float array with the values that a coarser dtype has; in its own dtype."""
    import numpy as np

    found = as_array(array)
    if found.dtype.kind != "f" or dtype not in ("float16", "bfloat16"):
        return found
    if dtype == "float16":
        return found.astype("float16").astype(found.dtype)
    # NumPy has no bfloat16: it is the upper half of a float32.
    bits = found.astype("float32").reshape(-1).view("uint32") + np.uint32(0x8000)
    upper = bits & np.uint32(0xFFFF0000)
    return upper.view("float32").reshape(found.shape).astype(found.dtype)


def largest(structure: Any) -> float:
    """The largest size of a number in it; NaN and infinity are infinite."""
    import numpy as np

    found = [
        np.abs(one).max()
        for _, one in paths(structure)
        if one.dtype.kind == "f" and one.size
    ]
    largest = max(map(float, found), default=0.0)
    return largest if all(map(np.isfinite, found)) else float("inf")


def write(path: str | os.PathLike[str], values: Sequence[Any]) -> None:
    """Write arrays into one `.npz` file, without pickle.

    Raises:
        NotApplicable: an array holds Python objects that are no texts.
    """
    import numpy as np

    np.savez(path, *map(_storable, values))


def _storable(value: Any) -> Any:
    found = as_array(value)
    if found.dtype.kind != "O":
        return found
    kinds = {type(one) for one in found.reshape(-1)}
    if kinds <= {bytes} or kinds <= {str}:
        return found.astype("S" if bytes in kinds else "U")
    reason = f"another process can't be given {sorted(one.__name__ for one in kinds)}"
    raise NotApplicable(reason)


def read(path: str | os.PathLike[str]) -> list[Any]:
    """The arrays of such a file, in their order."""
    import numpy as np

    with np.load(path, allow_pickle=False) as file:
        return [file[f"arr_{number}"] for number in range(len(file.files))]
