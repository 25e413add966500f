"""The numbers that Keras gives to callbacks, as plain ones."""

import math
from collections.abc import Mapping
from typing import Any

__all__ = ["brief", "plain", "seconds"]


def plain(logs: Mapping[str, Any] | None) -> dict[str, Any]:
    """The numbers of some logs as floats, lists of them, or texts.

    Example:
        >>> plain({"loss": 1, "name": "a"}), plain(None)
        ({'loss': 1.0, 'name': 'a'}, {})
    """
    return {str(name): _plain(value) for name, value in (logs or {}).items()}


def _plain(value: Any) -> Any:
    if hasattr(value, "numpy"):
        value = value.numpy()
    if hasattr(value, "tolist"):
        value = value.tolist()
    if isinstance(value, list | tuple):
        return [_plain(one) for one in value]
    try:
        return value if isinstance(value, str) else float(value)
    except (TypeError, ValueError):
        return str(value)


def brief(name: str, value: Any) -> str:
    """A number as a progress line shows it.

    Example:
        >>> brief("loss", 0.123456), brief("learning_rate", 1e-5)
        ('loss 0.1235', 'learning_rate 1e-05')
    """
    return f"{name} {value:.4g}" if isinstance(value, float) else f"{name} {value}"


def seconds(time: float) -> str:
    """A time for people.

    Example:
        >>> seconds(0.0000123), seconds(0.5), seconds(75), seconds(3700)
        ('12 us', '500 ms', '1 min 15 s', '1 h 1 min')
    """
    if not math.isfinite(time):
        return "-"
    if time < 1:
        return f"{time * 1e6:.0f} us" if time < 1e-3 else f"{time * 1e3:.3g} ms"  # noqa: PLR2004 -- a millisecond
    whole = round(time)
    if whole < 60:  # noqa: PLR2004 -- a minute
        return f"{time:.3g} s"
    minutes, rest = divmod(whole, 60)
    if minutes < 60:  # noqa: PLR2004 -- an hour
        return f"{minutes} min {rest} s"
    return f"{minutes // 60} h {minutes % 60} min"
