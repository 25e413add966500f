"""How much of a model file is believed: the limits, which a caller can raise."""

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Final

__all__ = ["DEFAULTS", "Limits", "available_memory"]

_MIB: Final = 1 << 20
#: What Linux calls the memory that can still be had, in `/proc/meminfo`, in KiB.
_AVAILABLE: Final = "MemAvailable:"


@dataclass(frozen=True, slots=True)
class Limits:
    """What a model file may ask for; a caller who trusts a file raises one for a call.

    The defaults let pass what Keras writes, and keep refusing cheap: a file that asks
    for more is refused within two seconds and 300 MB.

    Args:
        config_bytes: of one configuration, as text.
        config_values: objects, lists, texts and numbers in one configuration. A layer
            has about sixty.
        config_depth: levels of objects and lists in one another.
        string_length: characters of one text or key in a configuration.
        not_finite: whether NaN and infinity may stand in a configuration. They are no
            JSON, and other readers see other values.
        members: files in a `.keras` file, or in its folder form.
        expansion: how many times larger a packed member may be than what is stored of
            it, and what weights declare than what is stored of them. It counts above
            `floor_bytes` only.
        floor_bytes: what may be declared without anything being stored.
        objects: groups and datasets in one HDF5 file, or arrays in an `.npz` file.
        attribute_bytes: of all attributes of one HDF5 file.
        weight_bytes: of all weights in memory; None: as much as this machine has
            available, where that can be known.

    Example:
        >>> Limits(config_depth=400).config_depth
        400
        >>> Limits(config_depth=0)
        Traceback (most recent call last):
        kerasplug.errors.RecordError: Invalid value received for argument \
`config_depth` of Limits.
          found:    config_depth=0 (of type int)
          expected: a whole number from 1
    """

    config_bytes: int = 64 * _MIB
    config_values: int = 250_000
    config_depth: int = 200
    string_length: int = _MIB
    not_finite: bool = False
    members: int = 10_000
    expansion: int = 100
    floor_bytes: int = 64 * _MIB
    objects: int = 20_000
    attribute_bytes: int = 16 * _MIB
    weight_bytes: int | None = None

    def __post_init__(self) -> None:
        from kerasplug.errors import RecordError

        for field in self.__slots__:
            value = getattr(self, field)
            flag = field == "not_finite"
            if isinstance(value, bool) if flag else _is_whole(value):
                continue
            if field == "weight_bytes" and value is None:
                continue
            rule = "True or False" if flag else "a whole number from 1"
            raise RecordError(type(self).__name__, field, value, rule)


def _is_whole(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value > 0


#: What holds where a caller says nothing.
DEFAULTS: Final = Limits()


def available_memory() -> int | None:
    """The memory in bytes that this machine can still give; None: not known.

    Example:
        >>> memory = available_memory()
        >>> memory is None or memory > 0
        True
    """
    try:
        lines = Path("/proc/meminfo").read_text(encoding="ascii").splitlines()
        line = next(one for one in lines if one.startswith(_AVAILABLE))
        return int(line.split()[1]) * 1024
    except (OSError, StopIteration, ValueError, IndexError):
        return _physical_memory()


def _physical_memory() -> int | None:
    """All the memory there is, where no better number can be had."""
    try:
        return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    except (AttributeError, OSError, ValueError):  # Windows; no such setting
        return None
