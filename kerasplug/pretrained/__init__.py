"""Applications: models with weights, and what their inputs and outputs mean.

This front is light: each name is loaded when it is used.
"""

TYPE_CHECKING = False
if TYPE_CHECKING:
    from kerasplug.pretrained.handle import Application as Application
    from kerasplug.pretrained.meaning import (
        application_decode_predictions as application_decode_predictions,
    )
    from kerasplug.pretrained.meaning import (
        application_preprocess_inputs as application_preprocess_inputs,
    )
    from kerasplug.pretrained.source import ApplicationSource as ApplicationSource

_HOME = {
    "Application": "handle",
    "ApplicationSource": "source",
    "application_decode_predictions": "meaning",
    "application_preprocess_inputs": "meaning",
}

__all__ = [*_HOME]  # noqa: PLE0604 -- strings, and the test of the public names proves it


def __getattr__(name: str) -> object:
    if name not in _HOME:
        message = f"module {__name__!r} has no attribute {name!r}"
        raise AttributeError(message)
    import importlib

    module = importlib.import_module(f"{__name__}.{_HOME[name]}")
    return getattr(module, name)
