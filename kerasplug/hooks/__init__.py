"""The contract with plugins: one module a kind (its record and its hook spec).

`lifecycle` has the hooks that belong to no kind.

Nothing here knows Keras. A plugin's hook module imports from `kerasplug`:

    from kerasplug import LayerRecord, hookimpl

    @hookimpl
    def kerasplug_layers():
        return [LayerRecord(name="gate", target="my_package.layers:Gate")]
"""

from kerasplug.hooks import (
    applications,
    backends,
    callbacks,
    datasets,
    layers,
    lifecycle,
    objects,
)
from kerasplug.hooks.applications import ApplicationRecord
from kerasplug.hooks.backends import BackendRecord
from kerasplug.hooks.callbacks import CallbackRecord
from kerasplug.hooks.datasets import DatasetRecord
from kerasplug.hooks.layers import LayerRecord
from kerasplug.hooks.markers import PROJECT, hookimpl
from kerasplug.hooks.objects import ObjectRecord
from kerasplug.hooks.record import HOOK_API_VERSION, Needs, Record, RemoteFile
from kerasplug.hooks.weight_files import PackagedFile, PublishedFile

__all__ = [
    "HOOK_API_VERSION",
    "PROJECT",
    "RECORD_TYPES",
    "SPEC_MODULES",
    "ApplicationRecord",
    "BackendRecord",
    "CallbackRecord",
    "DatasetRecord",
    "LayerRecord",
    "Needs",
    "ObjectRecord",
    "PackagedFile",
    "PublishedFile",
    "Record",
    "RemoteFile",
    "hookimpl",
]

#: The modules that hold the hook specs.
SPEC_MODULES = (
    applications,
    backends,
    callbacks,
    datasets,
    layers,
    lifecycle,
    objects,
)

#: Kind -> its record type.
RECORD_TYPES: dict[str, type[Record]] = {
    "layer": LayerRecord,
    "backend": BackendRecord,
    "application": ApplicationRecord,
    "dataset": DatasetRecord,
    "callback": CallbackRecord,
    "object": ObjectRecord,
}
