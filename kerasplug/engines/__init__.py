"""What computes: choosing a backend, those in packages of their own, comparing them.

This front is light: each name is loaded when it is used.
"""

TYPE_CHECKING = False
if TYPE_CHECKING:
    from kerasplug.engines.choosing import use_backend as use_backend
    from kerasplug.engines.comparing import Comparison as Comparison
    from kerasplug.engines.comparing import compare_backends as compare_backends
    from kerasplug.engines.devices import Devices as Devices
    from kerasplug.engines.handle import Backend as Backend

_HOME = {
    "Backend": "handle",
    "Comparison": "comparing",
    "Devices": "devices",
    "compare_backends": "comparing",
    "use_backend": "choosing",
}

__all__ = [*_HOME]  # noqa: PLE0604 -- strings, and the test of the public names proves it


def __getattr__(name: str) -> object:
    if name not in _HOME:
        message = f"module {__name__!r} has no attribute {name!r}"
        raise AttributeError(message)
    import importlib

    module = importlib.import_module(f"{__name__}.{_HOME[name]}")
    return getattr(module, name)
