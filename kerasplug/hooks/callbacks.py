"""The kind `callback`: its record and its hook."""

import dataclasses
from collections.abc import Iterable
from typing import ClassVar

from kerasplug.hooks.markers import hookspec
from kerasplug.hooks.record import Record

__all__ = ["CallbackRecord", "kerasplug_callbacks"]


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class CallbackRecord(Record):
    """A callback class that a plugin provides; all its arguments are `Record`'s.

    Raises:
        RecordError: a value is not of the form its argument asks for.

    Example:
        >>> CallbackRecord(name="stop", target="my_package.callbacks:Stop").kind
        'callback'
    """

    kind: ClassVar[str] = "callback"


@hookspec
def kerasplug_callbacks() -> Iterable[CallbackRecord]:
    """Records of the callbacks that this plugin provides.

    Returns:
        Any iterable of `CallbackRecord`; it is read once.
    """
    return ()
