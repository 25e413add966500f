"""The kind `layer`: its record and its hook."""

import dataclasses
from collections.abc import Iterable
from typing import ClassVar

from kerasplug.hooks.markers import hookspec
from kerasplug.hooks.record import Record

__all__ = ["LayerRecord", "kerasplug_layers"]


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class LayerRecord(Record):
    """A layer class that a plugin provides; all its arguments are `Record`'s.

    Raises:
        RecordError: a value is not of the form its argument asks for.

    Example:
        >>> record = LayerRecord(name="gate", target="my_package.layers:Gate")
        >>> record.kind, record.name
        ('layer', 'gate')
    """

    kind: ClassVar[str] = "layer"


@hookspec
def kerasplug_layers() -> Iterable[LayerRecord]:
    """Records of the layers that this plugin provides.

    Returns:
        Any iterable of `LayerRecord`; it is read once.
    """
    return ()
