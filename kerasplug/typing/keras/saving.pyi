from collections.abc import Callable
from typing import Any, TypeVar

_T = TypeVar("_T")

def register_keras_serializable(
    package: str = "Custom", name: str | None = None
) -> Callable[[_T], _T]: ...
def get_registered_name(obj: Any) -> str: ...
def serialize_keras_object(obj: Any) -> Any: ...
def deserialize_keras_object(
    config: Any,
    custom_objects: dict[str, Any] | None = None,
    safe_mode: bool = True,
    **kwargs: Any,
) -> Any: ...
def __getattr__(name: str) -> Any: ...
