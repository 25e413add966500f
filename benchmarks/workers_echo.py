"""A worker's program that computes nothing: what carrying arrays costs."""

from typing import Any


def describe() -> dict[str, Any]:
    """Which engine it is."""
    return {"engine": "echo"}


def _take(_header: Any, arrays: Any) -> tuple[dict[str, Any], dict[str, Any]]:
    return {"bytes": sum(array.nbytes for array in arrays.values())}, {}


def _echo(_header: Any, arrays: Any) -> tuple[dict[str, Any], dict[str, Any]]:
    return {}, dict(arrays)


COMMANDS = {"take": _take, "echo": _echo}
