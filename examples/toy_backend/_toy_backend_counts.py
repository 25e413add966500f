"""How often Keras called each function of the backend.

The numbers are here, outside `keras_toy`, because `keras.config.set_backend` drops
every module whose name begins with `keras`, and what it holds.
"""

import collections
import functools
import threading
from collections.abc import Callable
from typing import ParamSpec, TypeVar

__all__ = ["calls", "counted", "reset_calls"]

P = ParamSpec("P")
R = TypeVar("R")

_counts: collections.Counter[str] = collections.Counter()
_lock = threading.Lock()


def counted(name: str, function: Callable[P, R]) -> Callable[P, R]:
    """The function, with each of its calls counted before it computes.

    Args:
        name: under which name, such as `"numpy.add"`.
        function: what computes.

    Example:
        >>> reset_calls()
        >>> counted("core.shape", len)("abc")
        3
        >>> calls()
        {'core.shape': 1}
        >>> reset_calls()
    """

    @functools.wraps(function)
    def count_and_call(*args: P.args, **kwargs: P.kwargs) -> R:
        with _lock:  # `IS_THREAD_SAFE` promises as much
            _counts[name] += 1
        return function(*args, **kwargs)

    return count_and_call


def calls() -> dict[str, int]:
    """How often each function was called since the last reset, sorted by name."""
    with _lock:
        return dict(sorted(_counts.items()))


def reset_calls() -> None:
    """Begin anew: all counts are 0."""
    with _lock:
        _counts.clear()
