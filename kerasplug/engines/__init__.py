"""What computes: choosing a backend, those in packages, workers, comparing them.

This front is light: each name is loaded when it is used.
"""

TYPE_CHECKING = False
if TYPE_CHECKING:
    from kerasplug.engines.choosing import use_backend as use_backend
    from kerasplug.engines.comparing import Comparison as Comparison
    from kerasplug.engines.comparing import compare_backends as compare_backends
    from kerasplug.engines.devices import Devices as Devices
    from kerasplug.engines.handle import Backend as Backend
    from kerasplug.engines.workers.engine import Carried as Carried
    from kerasplug.engines.workers.engine import TranslatedLayer as TranslatedLayer
    from kerasplug.engines.workers.engine import Translation as Translation
    from kerasplug.engines.workers.engine import WorkerEngine as WorkerEngine
    from kerasplug.engines.workers.locating import use_condaenv as use_condaenv
    from kerasplug.engines.workers.locating import use_virtualenv as use_virtualenv
    from kerasplug.engines.workers.remote import RemoteModel as RemoteModel
    from kerasplug.engines.workers.remote import to_backend as to_backend

_HOME = {
    "Backend": "handle",
    "Carried": "workers.engine",
    "Comparison": "comparing",
    "Devices": "devices",
    "RemoteModel": "workers.remote",
    "TranslatedLayer": "workers.engine",
    "Translation": "workers.engine",
    "WorkerEngine": "workers.engine",
    "compare_backends": "comparing",
    "to_backend": "workers.remote",
    "use_backend": "choosing",
    "use_condaenv": "workers.locating",
    "use_virtualenv": "workers.locating",
}

__all__ = [*_HOME]  # noqa: PLE0604 -- strings, and the test of the public names proves it


def __getattr__(name: str) -> object:
    if name not in _HOME:
        message = f"module {__name__!r} has no attribute {name!r}"
        raise AttributeError(message)
    import importlib

    module = importlib.import_module(f"{__name__}.{_HOME[name]}")
    return getattr(module, name)
