"""What arguments have to be: checked before Keras sees them."""

import inspect
import math
import os
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any, NamedTuple

from kerasplug.errors import RecordError
from kerasplug.training.basing import is_callback

__all__ = ["MODES", "Checked", "callbacks_of"]

#: The ways to improve.
MODES = ("auto", "min", "max")


class Checked(NamedTuple):
    """A call whose arguments are checked one by one; each check gives the value back.

    Args:
        call: the function or class that was called, as errors name it.

    Example:
        >>> Checked("callback_x()").whole("patience", 3)
        3
        >>> Checked("callback_x()").one_of("mode", "mni", ("min", "max"))
        Traceback (most recent call last):
        kerasplug.errors.RecordError: Invalid value received for ...
          found:    mode='mni' (of type str)
          expected: 'min' or 'max'
    """

    call: str

    def wrong(
        self, value: object, *, of: str, rule: str, mend: str = ""
    ) -> RecordError:
        """The error for an argument that is not what it has to be."""
        return RecordError(self.call, of, value, rule, mend)

    def one_of(self, name: str, value: Any, allowed: Iterable[Any]) -> Any:
        """One of a few values.

        Raises:
            RecordError: it is none of them.
        """
        same = [one for one in allowed if type(one) is type(value) and one == value]
        if not same:
            rule = " or ".join(repr(one) for one in allowed)
            raise self.wrong(value, of=name, rule=rule)
        return value

    def whole(self, name: str, value: Any, least: int = 0) -> Any:
        """A whole number.

        Raises:
            RecordError: it is not one, or too small.
        """
        if not _is_whole(value) or value < least:
            raise self.wrong(value, of=name, rule=f"a whole number, at least {least}")
        return value

    def number(
        self,
        name: str,
        value: Any,
        *,
        least: float = -math.inf,
        below: float = math.inf,
    ) -> Any:
        """A finite number, from `least` on and below `below`.

        Raises:
            RecordError: it is not one.
        """
        try:
            size = math.nan if isinstance(value, bool | str) else float(value)
        except (TypeError, ValueError):
            size = math.nan
        if not (math.isfinite(size) and least <= size < below):
            parts = ["a finite number"]
            parts += [f"at least {least:g}"] if least > -math.inf else []
            parts += [f"less than {below:g}"] if below < math.inf else []
            raise self.wrong(value, of=name, rule=", ".join(parts))
        return value

    def truth(self, name: str, value: Any) -> Any:
        """True or False.

        Raises:
            RecordError: it is something else.
        """
        return self.one_of(name, value, (True, False))

    def text(self, name: str, value: Any) -> Any:
        """A string that is not empty.

        Raises:
            RecordError: it is something else.
        """
        if not isinstance(value, str) or not value:
            raise self.wrong(value, of=name, rule="a text that is not empty")
        return value

    def path(self, name: str, value: Any, *endings: str) -> str:
        """A path as a string.

        Args:
            name: of the argument.
            value: what it was given.
            *endings: what the path may end with; none: anything.

        Raises:
            RecordError: it is no path, or ends otherwise.
        """
        plain = os.fspath(value) if isinstance(value, str | os.PathLike) else ""
        if not isinstance(plain, str) or not plain:
            raise self.wrong(value, of=name, rule="a path: a text or os.PathLike")
        if endings and not plain.endswith(endings):
            raise self.wrong(
                value, of=name, rule=f"a path that ends in {' or '.join(endings)}"
            )
        return plain

    def file(self, name: str, value: Any, *endings: str) -> str:
        """A path of a file, in a folder that is there.

        Raises:
            RecordError: it is no path, ends otherwise, or its folder is missing.
        """
        plain = self.path(name, value, *endings)
        folder = Path(plain).parent
        if not folder.is_dir() or Path(plain).is_dir():
            rule = "a file, in a folder that is there"
            raise self.wrong(
                value, of=name, rule=rule, mend=f"os.makedirs({str(folder)!r})"
            )
        return plain

    def function(self, name: str, value: Any, *takes: str) -> Callable[..., Any]:
        """A function that can be called with so many positional arguments.

        Raises:
            RecordError: it can't.
        """
        if not callable(value) or not _takes(value, len(takes)):
            rule = f"a function of {len(takes)} ({', '.join(takes)})"
            raise self.wrong(value, of=name, rule=rule)
        return value  # type: ignore[no-any-return]  # it is callable


def _is_whole(value: object) -> bool:
    return hasattr(value, "__index__") and not isinstance(value, bool)


def _takes(function: Callable[..., Any], count: int) -> bool:
    """Whether so many positional arguments will do; True where it can't be known."""
    try:
        inspect.signature(function).bind(*range(count))
    except TypeError:
        return False
    except ValueError:  # written in C
        return True
    return True


def callbacks_of(call: str, name: str, value: Any) -> list[Any]:
    """One callback or a list of them, as a list.

    Raises:
        RecordError: something in it is no callback.
    """
    found = list(value) if isinstance(value, list | tuple) else [value]
    for one in found:
        if isinstance(one, type) or not is_callback(one):
            raise RecordError(call, name, one, "a Keras callback, or a list of them")
    return found
