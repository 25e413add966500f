"""Arrays: making them, comparing them, saying how they differ.

The only module of the suite that imports NumPy, and only when a check runs.
"""

from typing import Any

from kerasplug.testing.conformance.structures import paths

__all__ = [
    "as_array",
    "close",
    "cut",
    "difference",
    "differences",
    "is_float",
    "is_number",
    "kind",
    "projection",
    "random",
    "rows",
    "tolerance",
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


def rows(array: Any, count: int, *, shift: int = 0) -> Any:
    """`count` rows of an array, from its row `shift` on, round and round."""
    import numpy as np

    found = np.asarray(array)
    return found[[(number + shift) % len(found) for number in range(count)]]


def cut(array: Any, axis: int, size: int) -> Any:
    """The first `size` along an axis; round and round where there are fewer."""
    import numpy as np

    found = np.asarray(array)
    return np.take(found, range(size), axis=axis, mode="wrap")


def projection(shape: tuple[int | None, ...], dtype: str, number: int) -> Any:
    """Fixed random weights, by which an output is summed up to one number."""
    return random(tuple(map(int, shape)), dtype, seed=(7, number))


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
