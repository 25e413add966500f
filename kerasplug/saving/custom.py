"""What users pass as `custom_objects`: a dict, a list, or one thing."""

from collections.abc import Iterable, Mapping
from typing import Any

from kerasplug.errors import RecordError
from kerasplug.implementation import implementation, loaded

__all__ = ["named_objects"]

_RULE = "a dict of names and objects, a list of classes or functions, or one of them"


def named_objects(custom_objects: object) -> dict[str, Any]:
    """`custom_objects` as a dict: a name in a file -> what it stands for.

    Args:
        custom_objects: None; a dict; or classes, functions or wrappers that
            `create_layer_wrapper` made, one or several: they get their own names.

    Raises:
        RecordError: something in it has no name.
    """
    if custom_objects is None:
        return {}
    if isinstance(custom_objects, Mapping):
        return _from_mapping(custom_objects)
    several = custom_objects if _is_several(custom_objects) else [custom_objects]
    found = [_unwrapped(one) for one in several]  # type: ignore[attr-defined]  # `_is_several` says that it can be iterated
    return {name: one for one in found for name in _names(one)}


def _from_mapping(objects: Mapping[Any, Any]) -> dict[str, Any]:
    for key in objects:
        if not isinstance(key, str) or not key:
            raise _refused(key)
    return {key: _unwrapped(value) for key, value in objects.items()}


def _is_several(value: object) -> bool:
    return isinstance(value, Iterable) and not isinstance(value, type | str | bytes)


def _unwrapped(value: Any) -> Any:
    """A wrapper is not what Keras writes into a file: its layer class is."""
    if isinstance(value, type):
        return value
    wrapped = getattr(value, "layer_class", None)
    return value if wrapped is None else wrapped


def _names(value: object) -> set[str]:
    """Its own name, and the one under which it is registered with Keras."""
    name = getattr(value, "__name__", None)
    if not isinstance(name, str) or not name.isidentifier():
        raise _refused(value)
    if loaded() is None:
        return {name}
    return {name, implementation().saving.get_registered_name(value)}


def _refused(value: object) -> RecordError:
    mend = 'pass a dict: {"name in the file": object}'
    return RecordError("load_model", "custom_objects", value, _RULE, mend)
