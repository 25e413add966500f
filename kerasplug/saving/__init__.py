"""Whole models in files: what they need, loading and saving them.

This front is light: loading needs little of what inspecting and saving need.
"""

TYPE_CHECKING = False
if TYPE_CHECKING:
    from kerasplug.saving.inspection import Mention as Mention
    from kerasplug.saving.inspection import ModelInspection as ModelInspection
    from kerasplug.saving.inspection import inspect_model as inspect_model
    from kerasplug.saving.loading import load_model as load_model
    from kerasplug.saving.writing import save_model as save_model

__all__ = ["Mention", "ModelInspection", "inspect_model", "load_model", "save_model"]

_HOME = {
    "Mention": "inspection",
    "ModelInspection": "inspection",
    "inspect_model": "inspection",
    "load_model": "loading",
    "save_model": "writing",
}


def __getattr__(name: str) -> object:
    if name not in _HOME:
        message = f"module {__name__!r} has no attribute {name!r}"
        raise AttributeError(message)
    module = __import__(f"{__name__}.{_HOME[name]}", None, None, (name,))
    return getattr(module, name)
