"""How far arrays are apart, and what is in one, in short."""

from collections.abc import Mapping
from typing import Any, Final, NamedTuple

from kerasplug.engines.comparing_result import BackendRun, Difference

__all__ = ["differences", "quartiles", "summary"]

#: So many values of an output stand in its summary.
_FIRST: Final = 8
#: The bits of the widest whole numbers.
_WORD: Final = 64
_NEVER: Final = float("inf")


class _Apart(NamedTuple):
    """Element by element: how far, and how far as it counts."""

    distance: Any
    relative: Any
    deviation: Any


def differences(
    run: BackendRun, reference: BackendRun, tolerance: float
) -> list[Difference]:
    """How far each output of a run is from the reference's, in the reference's order.

    Args:
        run: one that succeeded.
        reference: the same.
        tolerance: the greatest deviation that is within bounds.
    """
    names = dict.fromkeys([*reference.outputs, *run.outputs])
    return [_compared(run, reference, name, tolerance) for name in names]


def _compared(
    run: BackendRun, reference: BackendRun, name: str, tolerance: float
) -> Difference:
    note = _incomparable(run.outputs, reference.outputs, name)
    if note:
        never = (_NEVER, _NEVER, _NEVER)
        return Difference(run.name, name, *never, note=note, ok=False)
    here, there = run.outputs[name], reference.outputs[name]
    if not here.size:
        return Difference(run.name, name, 0.0, 0.0, 0.0)
    import numpy as np

    apart = _apart(here, there)
    deviation = float(apart.deviation.max())
    where = np.unravel_index(int(apart.deviation.argmax()), here.shape)
    return Difference(
        run.name,
        name,
        absolute=float(apart.distance.max()),
        relative=float(apart.relative.max()),
        deviation=deviation,
        index=tuple(map(int, where)) if deviation else None,
        here=here[where].item() if deviation else None,
        there=there[where].item() if deviation else None,
        ok=deviation <= tolerance,
    )


def _incomparable(here: Mapping[str, Any], there: Mapping[str, Any], name: str) -> str:
    """Why there is nothing to compare; empty where there is."""
    if name not in here:
        return f"it has no output {name!r}, the reference has"
    if name not in there:
        return f"it has an output {name!r}, the reference has not"
    if here[name].shape != there[name].shape:
        found, expected = here[name].shape, there[name].shape
        return f"its shape is {found}, the reference's {expected}"
    kinds = {_is_text(here[name]), _is_text(there[name])}
    return "one is text, the other is numbers" if len(kinds) > 1 else ""


def _is_text(array: Any) -> bool:
    return array.dtype.kind in "SU"


def _apart(here: Any, there: Any) -> _Apart:
    import numpy as np

    if _is_text(here):
        differ = np.where(here == there, 0.0, _NEVER)
        return _Apart(differ, differ, differ)
    if here.dtype.kind in "biu" and there.dtype.kind in "biu":
        distance = _whole_distance(here, there)
        return _Apart(distance, _divided(distance, here, there), distance)
    wide = "complex128" if "c" in here.dtype.kind + there.dtype.kind else "float64"
    one, two = here.astype(wide), there.astype(wide)
    with np.errstate(invalid="ignore", over="ignore"):
        equal = (one == two) | (np.isnan(one) & np.isnan(two))
        distance = np.where(equal, 0.0, np.abs(one - two))
        distance = np.where(np.isnan(distance), _NEVER, distance)
        scale = np.maximum(1.0, np.nan_to_num(np.abs(two), nan=1.0, posinf=1.0))
        return _Apart(distance, _divided(distance, one, two), distance / scale)


def _whole_distance(here: Any, there: Any) -> Any:
    """The distance of whole numbers, right where a float64 could not hold them."""
    import numpy as np

    unsigned = "bu"
    kinds = {here.dtype.kind in unsigned, there.dtype.kind in unsigned}
    if len(kinds) > 1 and "uint64" in (here.dtype.name, there.dtype.name):
        return np.abs(here.astype("float64") - there.astype("float64"))
    wide = f"uint{_WORD}" if kinds == {True} else f"int{_WORD}"
    one, two = here.astype(wide), there.astype(wide)
    # Unsigned subtraction wraps, so the result is right even across the whole range.
    upper, lower = np.maximum(one, two), np.minimum(one, two)
    return (upper.astype("uint64") - lower.astype("uint64")).astype("float64")


def _divided(distance: Any, here: Any, there: Any) -> Any:
    """The distance as a part of the greater one; infinite where it is."""
    import numpy as np

    kind = "complex128" if "c" in here.dtype.kind + there.dtype.kind else "float64"
    with np.errstate(invalid="ignore", over="ignore", divide="ignore"):
        sizes = np.abs(here.astype(kind)), np.abs(there.astype(kind))
        greater = np.fmax(*sizes)
        part = distance / greater
    part = np.where(distance == 0, 0.0, part)
    return np.where(np.isfinite(distance), part, _NEVER)


def summary(array: Any) -> dict[str, Any]:
    """What is in an array, as plain values.

    Args:
        array: of any shape; of numbers, booleans or texts.

    Returns:
        shape, dtype, min, max, mean (of the finite numbers, None where there are none),
        not_finite (how many others there are) and first (the first values).
    """
    import numpy as np

    told: dict[str, Any] = {
        "shape": list(array.shape),
        "dtype": str(array.dtype),
        "min": None,
        "max": None,
        "mean": None,
        "not_finite": 0,
        "first": array.reshape(-1)[:_FIRST].tolist(),
    }
    if array.dtype.kind not in "biuf":
        return told
    finite = array[np.isfinite(array)]
    told["not_finite"] = int(array.size - finite.size)
    if finite.size:
        told |= {
            "min": finite.min().item(),
            "max": finite.max().item(),
            "mean": float(finite.astype("float64").mean()),
        }
    return told


def quartiles(seconds: list[float]) -> tuple[float, float, float]:
    """Median, lower and upper quartile.

    Example:
        >>> quartiles([4.0, 1.0, 3.0, 2.0, 5.0])
        (3.0, 2.0, 4.0)
    """
    import numpy as np

    lower, median, upper = np.quantile(seconds, (0.25, 0.5, 0.75)).tolist()
    return median, lower, upper
