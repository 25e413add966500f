"""The kind `layer`: its record and its hook."""

import dataclasses
from collections.abc import Iterable
from typing import ClassVar

from kerasplug.hooks.markers import hookspec
from kerasplug.hooks.record import Record
from kerasplug.names import is_target

__all__ = ["LayerRecord", "kerasplug_layers"]


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class LayerRecord(Record):
    """A layer class that a plugin provides.

    Args:
        translators: what puts the layer into the words of another Keras, as pairs of
            the Keras and a target: `(("keras-2.2", "my_package.older:gate"),)`. The
            other arguments are `Record`'s.

    Raises:
        RecordError: a value is not of the form its argument asks for.

    Example:
        >>> record = LayerRecord(name="gate", target="my_package.layers:Gate")
        >>> record.kind, record.name
        ('layer', 'gate')
    """

    kind: ClassVar[str] = "layer"

    translators: tuple[tuple[str, str], ...] = ()

    def check(self) -> None:
        """Raise `RecordError` unless the translators are pairs of names and targets."""
        self.freeze("translators")
        given = self.translators
        good = isinstance(given, tuple) and all(map(_is_pair, given))
        rule = 'pairs such as ("keras-2.2", "my_package.older:gate")'
        self.demand("translators", good, rule)
        object.__setattr__(self, "translators", tuple(map(tuple, given)))


def _is_pair(value: object) -> bool:
    if not isinstance(value, list | tuple) or len(value) != 2:  # noqa: PLR2004 -- a pair
        return False
    keras, target = value
    return isinstance(keras, str) and keras != "" and is_target(target)


@hookspec
def kerasplug_layers() -> Iterable[LayerRecord]:
    """Records of the layers that this plugin provides.

    Returns:
        Any iterable of `LayerRecord`; it is read once.
    """
    return ()
