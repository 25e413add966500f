"""Whole models in files: what they need, loading and saving them.

This front is light: loading needs little of what inspecting and saving need.
"""

TYPE_CHECKING = False
if TYPE_CHECKING:
    from kerasplug.saving.architecture import model_from_json as model_from_json
    from kerasplug.saving.architecture import model_from_yaml as model_from_yaml
    from kerasplug.saving.architecture import model_to_json as model_to_json
    from kerasplug.saving.architecture import model_to_yaml as model_to_yaml
    from kerasplug.saving.in_memory import dumps as dumps
    from kerasplug.saving.in_memory import loads as loads
    from kerasplug.saving.inspection import Mention as Mention
    from kerasplug.saving.inspection import ModelInspection as ModelInspection
    from kerasplug.saving.inspection import inspect_model as inspect_model
    from kerasplug.saving.limits import Limits as Limits
    from kerasplug.saving.loading import load_model as load_model
    from kerasplug.saving.loading import load_model_hdf5 as load_model_hdf5
    from kerasplug.saving.resolver import Resolver as Resolver
    from kerasplug.saving.resolver import install_resolver as install_resolver
    from kerasplug.saving.weights import (
        load_model_weights_hdf5 as load_model_weights_hdf5,
    )
    from kerasplug.saving.weights import (
        save_model_weights_hdf5 as save_model_weights_hdf5,
    )
    from kerasplug.saving.weights_report import WeightsReport as WeightsReport
    from kerasplug.saving.writing import save_model as save_model
    from kerasplug.saving.writing import save_model_hdf5 as save_model_hdf5

_HOME = {
    "Limits": "limits",
    "Mention": "inspection",
    "ModelInspection": "inspection",
    "Resolver": "resolver",
    "WeightsReport": "weights_report",
    "dumps": "in_memory",
    "inspect_model": "inspection",
    "install_resolver": "resolver",
    "load_model": "loading",
    "load_model_hdf5": "loading",
    "load_model_weights_hdf5": "weights",
    "loads": "in_memory",
    "model_from_json": "architecture",
    "model_from_yaml": "architecture",
    "model_to_json": "architecture",
    "model_to_yaml": "architecture",
    "save_model": "writing",
    "save_model_hdf5": "writing",
    "save_model_weights_hdf5": "weights",
}

__all__ = [*_HOME]  # noqa: PLE0604 -- strings, and the test of the list proves it


def __getattr__(name: str) -> object:
    if name not in _HOME:
        message = f"module {__name__!r} has no attribute {name!r}"
        raise AttributeError(message)
    module = __import__(f"{__name__}.{_HOME[name]}", None, None, (name,))
    return getattr(module, name)
