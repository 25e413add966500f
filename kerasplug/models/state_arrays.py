"""Comparing what somebody gives for states with the states that there are."""

from typing import Any, Final

__all__ = ["compare", "cut"]

_WIDTH: Final = 80


def compare(path: str, now: list[Any], given: Any) -> tuple[list[Any], list[str]]:
    """The arrays of one layer, and what is wrong about them."""
    import numpy as np

    given = list(given) if isinstance(given, list | tuple) else [given]
    if len(given) != len(now):
        return [], [f"{path!r}: {len(given)} arrays, not {len(now)}"]
    try:
        # Copies: JAX gives buffers away, and may take over one that it is handed.
        values = [np.array(one) for one in given]
    except (TypeError, ValueError) as error:
        return [], [f"{path!r}: {cut(str(error))}"]
    wrong = []
    for number, (value, old) in enumerate(zip(values, now, strict=True)):
        if value.shape != old.shape:
            wrong.append(f"{path!r}[{number}]: shape {value.shape}, not {old.shape}")
        elif not _castable(value.dtype, old.dtype):
            wrong.append(f"{path!r}[{number}]: dtype {value.dtype}, not {old.dtype}")
    return values, wrong


def _castable(given: Any, wanted: Any) -> bool:
    """Whether nothing but precision is lost; NumPy knows no bfloat16."""
    import numpy as np

    known = wanted if wanted.kind in "biuf" else np.dtype("float16")
    return given == wanted or (
        given.kind in "biuf" and np.can_cast(given, known, "same_kind")
    )


def cut(value: object) -> str:
    """Its repr, as much as a line holds."""
    text = repr(value)
    return text if len(text) <= _WIDTH else f"{text[:_WIDTH]}…"
