"""What Keras 2.2.4 takes for granted, and Python has taken away since.

The worker's interpreter and `use_backend("plaidml")` both need it before they import
that Keras. It imports the standard library only, and runs on Python 3.7 and later.
"""

from __future__ import annotations

import collections
import collections.abc
import inspect
from typing import Any

__all__ = ["mend_python"]


def mend_python() -> None:
    """Put back the names that Keras 2.2.4 and PlaidML 0.7.0 import; none is replaced.

    Source: `collections.Iterable` went with Python 3.10, `getargspec` with 3.11.
    """
    for name in collections.abc.__all__:
        if not hasattr(collections, name):
            setattr(collections, name, getattr(collections.abc, name))
    if not hasattr(inspect, "getargspec"):
        inspect.getargspec = _getargspec  # type: ignore[attr-defined]  # it is not there


_Arguments = collections.namedtuple(  # noqa: PYI024 -- as the standard library had it
    "_Arguments", ["args", "varargs", "keywords", "defaults"]
)


def _getargspec(function: Any) -> _Arguments:
    found = inspect.getfullargspec(function)
    return _Arguments(found.args, found.varargs, found.varkw, found.defaults)
