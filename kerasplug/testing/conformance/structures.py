"""Nested lists, tuples and dicts, of whatever leaves.

Keras' own `tree` differs between Keras 2 and 3, and needs Keras.
"""

from collections.abc import Callable
from typing import Any

__all__ = ["flatten", "mapped", "paths"]


def flatten(value: Any) -> list[Any]:
    """The leaves, those of dicts in the order of their keys; None is no leaf.

    So does Keras; what a dict went through, as a model, changes the order of insertion.
    """
    return [leaf for _, leaf in paths(value)]


def paths(value: Any, at: str = "") -> list[tuple[str, Any]]:
    """The leaves, each with where it is: `"[0]['a']"`; a single leaf is at `""`."""
    if value is None:
        return []
    if isinstance(value, dict):
        parts = [(f"{at}[{key!r}]", value[key]) for key in _ordered(value)]
    elif isinstance(value, list | tuple):
        parts = [(f"{at}[{number}]", one) for number, one in enumerate(value)]
    else:
        return [(at, value)]
    return [leaf for where, one in parts for leaf in paths(one, where)]


def mapped(function: Callable[..., Any], value: Any, *others: Any) -> Any:
    """The structure with `function` of each leaf; `others` have the same structure."""
    if value is None:
        return None
    if isinstance(value, dict):
        found = {
            key: mapped(function, value[key], *(other[key] for other in others))
            for key in _ordered(value)
        }
        return {key: found[key] for key in value}
    if isinstance(value, list | tuple):
        parts = [
            mapped(function, *together) for together in zip(value, *others, strict=True)
        ]
        return _like(value, parts)
    return function(value, *others)


def _ordered(value: dict[Any, Any]) -> list[Any]:
    return sorted(value, key=str)


def _like(value: Any, parts: list[Any]) -> Any:
    if hasattr(value, "_fields"):  # a named tuple takes its parts one by one
        return type(value)(*parts)
    return parts if isinstance(value, list) else tuple(parts)
