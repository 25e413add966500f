"""How long a download is waited for, and how often it is tried."""

import math
from dataclasses import dataclass, fields
from typing import Final

from kerasplug.errors import RecordError

__all__ = ["PATIENCE", "Patience"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Patience:
    """When a source counts as dead, and when all of them do.

    Args:
        tries: how often the sources are gone through.
        wait: seconds before the second time; they double each time.
        connect: seconds until a server must have answered the call.
        stall: seconds that may pass without a byte.
        window: seconds over which the rate is measured.
        slowest: bytes a second that must arrive over a window; 0: any rate will do.
        total: seconds that one file may take in all; None: any time.
        lock: seconds to wait for another process that downloads the same file. After
            them it is downloaded a second time: that costs traffic and nothing else.

    Raises:
        RecordError: a value is not a number of its range.

    Example:
        >>> Patience(tries=2, stall=5).stall
        5
    """

    tries: int = 4
    wait: float = 0.5
    connect: float = 10.0
    stall: float = 15.0
    window: float = 30.0
    slowest: float = 1024.0
    total: float | None = None
    lock: float = 600.0

    def __post_init__(self) -> None:
        for field in fields(self):
            value = getattr(self, field.name)
            if field.name == "total" and value is None:
                continue
            rule = _rule_broken(field.name, value)
            if rule:
                raise RecordError(type(self).__name__, field.name, value, rule)


def _rule_broken(name: str, value: object) -> str:
    """What a value should have been; empty where it is right."""
    if name == "tries":
        good = isinstance(value, int) and not isinstance(value, bool) and value > 0
        return "" if good else "a whole number from 1"
    number = isinstance(value, int | float) and not isinstance(value, bool)
    least = name in ("wait", "slowest", "lock")
    if number and math.isfinite(value) and (value > 0 or (least and value == 0)):  # type: ignore[arg-type,operator]  # the check before it
        return ""
    return f"a number {'from' if least else 'above'} 0"


#: What holds where a caller says nothing.
PATIENCE: Final = Patience()
