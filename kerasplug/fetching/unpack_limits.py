"""How much of an archive is believed."""

from dataclasses import dataclass, fields
from typing import Final

from kerasplug.errors import RecordError

__all__ = ["UNPACK_LIMITS", "UnpackLimits"]


@dataclass(frozen=True, slots=True, kw_only=True)
class UnpackLimits:
    """What an archive may unpack to; a caller who trusts one raises a limit for a call.

    What is counted is what is really written or read, never what the archive declares.

    Args:
        total_bytes: of all files together.
        members: files and folders.
        expansion: how many times larger than the archive they may be. It counts above
            `floor_bytes` only.
        floor_bytes: what any archive may unpack to.

    Raises:
        RecordError: a limit is not a whole number from 1.

    Example:
        >>> UnpackLimits(members=500_000).members
        500000
    """

    total_bytes: int = 8 << 30
    members: int = 200_000
    expansion: int = 100
    floor_bytes: int = 64 << 20

    def __post_init__(self) -> None:
        for field in fields(self):
            value = getattr(self, field.name)
            good = isinstance(value, int) and not isinstance(value, bool) and value > 0
            if not good:
                rule = "a whole number from 1"
                raise RecordError(type(self).__name__, field.name, value, rule)


#: What holds where a caller says nothing.
UNPACK_LIMITS: Final = UnpackLimits()
