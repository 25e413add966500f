"""What a pickle may hold: arrays of plain types, and plain values; nothing is called.

The names that NumPy writes stand for marks of this module.
"""

import math
import re
from typing import Any, Final, NoReturn

import numpy as np

from kerasplug.errors import DatasetError

__all__ = ["Mark", "built", "called", "finished", "known", "refuse"]

_RECONSTRUCT: Final = "reconstruct"
_NDARRAY: Final = "ndarray"
_DTYPE: Final = "dtype"
_ENCODE: Final = "encode"
_BYTES: Final = "bytes"
_FROM_BUFFER: Final = "frombuffer"
#: What a pickle calls them -> what they are here.
_KNOWN: Final = {
    ("numpy.core.multiarray", "_reconstruct"): _RECONSTRUCT,
    ("numpy._core.multiarray", "_reconstruct"): _RECONSTRUCT,
    ("numpy.core.numeric", "_frombuffer"): _FROM_BUFFER,
    ("numpy._core.numeric", "_frombuffer"): _FROM_BUFFER,
    ("numpy", "ndarray"): _NDARRAY,
    ("numpy", "dtype"): _DTYPE,
    ("_codecs", "encode"): _ENCODE,
    ("__builtin__", "bytes"): _BYTES,  # no bytes at all, in protocols 1 and 2
    ("builtins", "bytes"): _BYTES,
}
#: A truth, or a whole number, a fraction, a complex one, of so many bytes.
_PLAIN_TYPE: Final = re.compile(r"b1|[iu][1248]|f(2|4|8|12|16)|c(8|16|24|32)")
#: How many values NumPy writes of an array, of a type, and of a buffer.
_ARRAY_STATE: Final = 5
_TYPE_STATES: Final = (8, 9)
_BUFFER_STATE: Final = 4
_LONGEST_TYPE: Final = 10
_MOST_AXES: Final = 32

#: Deeper nesting no data set has; a list within itself has no end.
_DEEPEST: Final = 20
_PLAIN: Final = frozenset((type(None), bool, int, float, str))


class Mark:
    """What a name in the pickle stands for; a pickle can't make or change one."""

    __slots__ = ("kind",)

    def __init__(self, kind: str) -> None:
        self.kind = kind


class _Type:
    """A dtype on its way."""

    __slots__ = ("code", "order")

    def __init__(self, code: str) -> None:
        self.code = code
        self.order = "="


class _Array:
    """An array on its way; `value` is what has become of it."""

    __slots__ = ("value",)

    def __init__(self) -> None:
        self.value: Any = None


def refuse(what: str, found: str, expected: str = "") -> NoReturn:
    """Raise the error for a pickle.

    Args:
        what: what is wrong.
        found: what was found.
        expected: what was expected.
    """
    message = f"The pickle {what}."
    rule = expected or "arrays and plain values"
    raise DatasetError(message, found=found[:200], expected=rule)


def known(module: object, name: object) -> Mark:
    """What a name in a pickle stands for.

    Args:
        module: as the pickle says.
        name: as the pickle says.

    Raises:
        DatasetError: it is nothing that an array needs.
    """
    if not isinstance(module, str) or not isinstance(name, str):
        refuse("is damaged", "a name that is no text")
    kind = _KNOWN.get((module, name))
    if kind is None:
        found = f"{module[:80]!r}, {name[:80]!r}"
        refuse("asks for something that is no array", found)
    return Mark(kind)


def called(mark: object, arguments: object) -> Any:
    """What stands for the result of a call that a pickle wants.

    Args:
        mark: what shall be called.
        arguments: with what.

    Raises:
        DatasetError: it is no array, type or text of bytes that this would make.
    """
    kind = mark.kind if isinstance(mark, Mark) else ""
    if kind == _BYTES and arguments == ():
        return memoryview(b"")
    if not isinstance(arguments, tuple) or not arguments:
        refuse("is damaged", "arguments that are none")
    first = arguments[0]
    if kind == _RECONSTRUCT and isinstance(first, Mark) and first.kind == _NDARRAY:
        return _Array()
    if kind == _DTYPE:
        return _Type(_text(first))
    if kind == _FROM_BUFFER and len(arguments) == _BUFFER_STATE:
        content, dtype, shape, order = arguments
        made = _Array()
        made.value = _array(shape, dtype, order == "F", content)
        return made
    if kind == _ENCODE and isinstance(first, str) and arguments[1:] == ("latin1",):
        return memoryview(first.encode("latin-1"))
    refuse("wants something to be called", kind or type(mark).__name__)


def _text(value: object) -> str:
    """A short text, which Python 2 wrote as bytes."""
    if isinstance(value, memoryview) and len(value) < _LONGEST_TYPE:
        return str(value, "ascii")
    if isinstance(value, str) and len(value) < _LONGEST_TYPE:
        return value
    refuse("is damaged", f"a {type(value).__name__} where a type is due")


def built(target: object, state: object) -> None:
    """Give a type its order, or an array its content.

    Args:
        target: the type or the array.
        state: what the pickle says of it.

    Raises:
        DatasetError: it is something else, or damaged.
    """
    if not isinstance(state, tuple):
        refuse("is damaged", "a state that is none")
    if isinstance(target, _Type) and len(state) in _TYPE_STATES:
        target.order = _text(state[1])
    elif (
        isinstance(target, _Array)
        and target.value is None
        and len(state) == _ARRAY_STATE
    ):
        target.value = _array(*state[1:])
    else:
        refuse("wants something to be built", type(target).__name__)


def _array(shape: object, kind: object, fortran: object, content: object) -> Any:
    """The array of such a state; a list where it holds objects."""
    if not isinstance(kind, _Type) or not isinstance(shape, tuple):
        refuse("is damaged", "an array without shape and type")
    if len(shape) > _MOST_AXES or not all(type(n) is int and n >= 0 for n in shape):
        refuse("is damaged", "an array of no shape")
    if kind.code in ("O", "O8", "O4"):
        if not isinstance(content, list) or shape != (len(content),):
            refuse("is damaged", "objects of another shape", "one axis of objects")
        return content
    dtype = _plain_dtype(kind)
    if not isinstance(content, memoryview):
        refuse("is damaged", "an array without bytes")
    if math.prod(shape) * dtype.itemsize != len(content):
        refuse("is damaged", f"{len(content):,} bytes for the shape {shape}")
    flat = np.frombuffer(content, dtype)
    return flat.reshape(shape, order="F" if fortran else "C")


def _plain_dtype(kind: _Type) -> "np.dtype[Any]":
    code = kind.code.lstrip("<>|=")
    if not _PLAIN_TYPE.fullmatch(code):
        refuse("holds an array of no plain type", repr(kind.code))
    order = kind.order if kind.order in ("<", ">") else "="
    try:
        return np.dtype(order + code)
    except TypeError:  # a fraction of a length that this machine has not
        refuse("holds an array of no plain type", repr(kind.code))


def finished(value: Any) -> Any:
    """The value with all arrays in their places.

    What a pickle holds in two places is made once: else a short pickle could make
    a value without end.

    Args:
        value: what a pickle holds.

    Raises:
        DatasetError: something in it is no data, or it is nested without an end.
    """
    return _Finisher().of(value, 0)


class _Finisher:
    """What has become of each value, by its identity; all live as long as this."""

    def __init__(self) -> None:
        self.made: dict[int, Any] = {}

    def of(self, value: Any, depth: int) -> Any:
        """What becomes of a value so far inside."""
        if type(value) in _PLAIN:
            return value
        if depth > _DEEPEST:
            refuse("is nested too deeply, or in itself", f"{depth} levels")
        place = id(value)
        if place not in self.made:
            self.made[place] = self._new(value, depth + 1)
        return self.made[place]

    def _new(self, value: Any, depth: int) -> Any:
        kind = type(value)
        if kind is list:
            return self._list(value, depth)
        if kind is dict:
            return {key: self.of(one, depth) for key, one in value.items()}
        if kind is tuple:
            return tuple([self.of(one, depth) for one in value])
        if kind is memoryview:
            return bytes(value)
        if kind is not _Array:
            refuse("holds something that is no data", kind.__name__)
        if value.value is None:
            refuse("is damaged", "an array without content")
        found = value.value
        return self.of(found, depth) if type(found) is list else found

    def _list(self, items: list[Any], depth: int) -> list[Any]:
        # Most lists hold whole numbers only: these need no second look.
        if _PLAIN.issuperset(map(type, items)):
            return items
        return [self.of(one, depth) for one in items]
