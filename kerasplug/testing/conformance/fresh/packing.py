"""Structures of arrays as JSON beside one `.npz` file: no pickle, nothing that runs."""

from collections.abc import Callable
from typing import Any

from kerasplug.testing.conformance.check import NotApplicable

__all__ = ["pack", "unpack"]


def pack(value: Any, arrays: list[Any], array_of: Callable[[Any], Any]) -> list[Any]:
    """A structure as plain lists; its arrays are appended to `arrays`.

    Args:
        value: nested lists, tuples and dicts of plain values, arrays and tensors.
        arrays: where the arrays go; the structure holds their numbers.
        array_of: makes an array of a tensor or an array.

    Raises:
        NotApplicable: it holds something else, which another process can't be given.
    """
    if value is None or isinstance(value, bool | int | float | str):
        return ["plain", value]
    if isinstance(value, dict):
        pairs = [[key, pack(one, arrays, array_of)] for key, one in value.items()]
        return ["dict", pairs]
    if isinstance(value, list | tuple):
        kind = "list" if isinstance(value, list) else "tuple"
        return [kind, [pack(one, arrays, array_of) for one in value]]
    if not hasattr(value, "shape"):
        reason = f"another process can't be given a {type(value).__name__}"
        raise NotApplicable(reason)
    arrays.append(array_of(value))
    return ["array", len(arrays) - 1]


def unpack(packed: list[Any], arrays: list[Any]) -> Any:
    """The structure again, with the arrays in it."""
    kind, held = packed
    if kind == "dict":
        return {key: unpack(one, arrays) for key, one in held}
    if kind == "array":
        return arrays[held]
    if kind == "plain":
        return held
    parts = [unpack(one, arrays) for one in held]
    return parts if kind == "list" else tuple(parts)
