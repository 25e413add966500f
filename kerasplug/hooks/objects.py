"""The kind `object`: everything else that a saved model can mention."""

import dataclasses
from collections.abc import Iterable
from typing import ClassVar

from kerasplug.hooks.markers import hookspec
from kerasplug.hooks.record import Record

__all__ = ["OBJECT_TYPES", "ObjectRecord", "kerasplug_objects"]

#: What an object can be. Empty means: not said, so nothing is checked.
OBJECT_TYPES = (
    "",
    "activation",
    "constraint",
    "dtype_policy",
    "function",
    "initializer",
    "loss",
    "metric",
    "model",
    "optimizer",
    "regularizer",
    "schedule",
)


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class ObjectRecord(Record):
    """A loss, metric, optimizer, activation, function, … that a plugin provides.

    Args:
        object_type: one of `OBJECT_TYPES`; empty where it is not said. The other
            arguments are `Record`'s.

    Raises:
        RecordError: a value is not of the form its argument asks for.

    Example:
        >>> ObjectRecord(
        ...     name="swishy", target="my_package.ops:swishy", object_type="activation"
        ... ).object_type
        'activation'
    """

    kind: ClassVar[str] = "object"

    object_type: str = ""

    def check(self) -> None:
        """Raise `RecordError` unless `object_type` is known."""
        rule = "one of " + ", ".join(map(repr, OBJECT_TYPES))
        self.demand("object_type", self.object_type in OBJECT_TYPES, rule)


@hookspec
def kerasplug_objects() -> Iterable[ObjectRecord]:
    """Records of the other things that this plugin provides to saved models.

    Returns:
        Any iterable of `ObjectRecord`; it is read once.
    """
    return ()
