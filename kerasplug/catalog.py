"""The public collections, one a kind: a name becomes what users hold.

On the warm path: listing names imports nothing but the light part of the registry.
"""

from kerasplug import registry

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Any

    from kerasplug.data.handle import Dataset
    from kerasplug.engines.handle import Backend
    from kerasplug.hooks import Record
    from kerasplug.pretrained.handle import Application

__all__ = [
    "Catalog",
    "applications",
    "backends",
    "callbacks",
    "datasets",
    "layers",
    "objects",
]

#: How many names a collection shows of itself.
_SHOWN = 20


class Catalog:
    """All contributions of one kind that installed plugins provide, by name.

    It is iterable, sized and has `in`; `catalog[name]` imports that one and nothing
    else. A name is bare (`gated_dense`) while one distribution has it, and canonical
    (`downstream-pkg/gated_dense`) always.

    Args:
        kind: `"layer"`, `"backend"`, `"application"`, `"dataset"`, `"callback"` or
            `"object"`.

    Example:
        >>> import kerasplug
        >>> "no_such_layer" in kerasplug.layers
        False
    """

    def __init__(self, kind: str) -> None:
        self.kind = kind

    def __iter__(self) -> "Iterator[str]":
        return iter(registry.names(self.kind))

    def __len__(self) -> int:
        return len(registry.names(self.kind))

    def __contains__(self, name: object) -> bool:
        if name in registry.names(self.kind):
            return True
        return "/" in str(name) and any(
            claim.canonical == name for claim in registry.claims(self.kind)
        )

    def __getitem__(self, name: str) -> "Any":
        """The thing of that name, imported now.

        Raises:
            UnknownNameError: no plugin has it; a `KeyError`, with close names.
            AmbiguousNameError: several distributions have it.
            NeedsError: this environment lacks what it needs.
            PluginError: its plugin is broken.
        """
        return registry.load(registry.claim(self.kind, name))

    def record(self, name: str) -> "Record":
        """The full description of one contribution; its code is not imported.

        Raises:
            UnknownNameError: no plugin has it.
            AmbiguousNameError: several distributions have it.
            PluginError: its plugin is broken.
        """
        return registry.claim(self.kind, name).record()

    def records(self) -> "tuple[Record, ...]":
        """The descriptions of all contributions, sorted by name."""
        return tuple(claim.record() for claim in registry.claims(self.kind))

    def keys(self) -> tuple[str, ...]:
        """The names, as `dict` has them."""
        return registry.names(self.kind)

    def _ipython_key_completions_(self) -> list[str]:
        return list(self)

    def __repr__(self) -> str:
        names = list(self)
        shown = ", ".join(names[:_SHOWN]) or "none"
        if len(names) > _SHOWN:
            shown += f", … {len(names)} in all"
        return f"<kerasplug.{registry.KINDS[self.kind]}: {shown}>"


class _Layers(Catalog):
    """Layers get an output shape derived where their class has none."""

    def __getitem__(self, name: str) -> "Any":
        layer_class = super().__getitem__(name)
        from kerasplug.wrapping.output_shape import ensure_output_shape

        ensure_output_shape(layer_class)
        return layer_class


class _Datasets(Catalog):
    """Data sets come with their description and are read by `load`."""

    def __getitem__(self, name: str) -> "Dataset":
        from kerasplug.data.handle import Dataset

        return Dataset(registry.claim(self.kind, name))


class _Applications(Catalog):
    """Applications come with their weights, and know what their outputs mean."""

    def __getitem__(self, name: str) -> "Application":
        from kerasplug.pretrained.handle import Application

        return Application(registry.claim(self.kind, name))


class _Backends(Catalog):
    """Backends are chosen, not imported: Keras does that."""

    def __getitem__(self, name: str) -> "Backend":
        from kerasplug.engines.handle import Backend

        return Backend(registry.claim(self.kind, name))


applications = _Applications("application")
backends = _Backends("backend")
callbacks = Catalog("callback")
datasets = _Datasets("dataset")
layers = _Layers("layer")
objects = Catalog("object")
