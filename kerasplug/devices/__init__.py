"""Models on several devices: which there are, and what runs where.

This front is light: each name is loaded when it is used.
"""

TYPE_CHECKING = False
if TYPE_CHECKING:
    from kerasplug.devices.listing import available_devices as available_devices
    from kerasplug.devices.multi import multi_gpu_model as multi_gpu_model
    from kerasplug.devices.noting import Placements as Placements
    from kerasplug.devices.noting import placements as placements
    from kerasplug.devices.placing import place as place
    from kerasplug.devices.scopes import device_scope as device_scope
    from kerasplug.devices.slices import split_sizes as split_sizes
    from kerasplug.devices.virtual import virtual_devices as virtual_devices

_HOME = {
    "Placements": "noting",
    "available_devices": "listing",
    "device_scope": "scopes",
    "multi_gpu_model": "multi",
    "place": "placing",
    "placements": "noting",
    "split_sizes": "slices",
    "virtual_devices": "virtual",
}

__all__ = [*_HOME]  # noqa: PLE0604 -- strings, and the test of the public names proves it


def __getattr__(name: str) -> object:
    if name not in _HOME:
        message = f"module {__name__!r} has no attribute {name!r}"
        raise AttributeError(message)
    import importlib

    module = importlib.import_module(f"{__name__}.{_HOME[name]}")
    return getattr(module, name)
