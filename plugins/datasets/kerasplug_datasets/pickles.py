"""Pickles of arrays and plain values, read by a small machine of our own.

Python's `pickle` runs what a file says. Here nothing is looked up, imported or called:
a few names that NumPy writes are known, and stand for marks of this module. What a
pickle may hold are None, truths, numbers, texts, bytes, lists, tuples, dicts, and
arrays of plain types. All else is refused, and so are texts as protocol 0 writes them.

Source: the opcodes of protocols 1 to 5 as CPython's `Lib/pickletools.py` describes
them, and what `numpy.ndarray.__reduce__` and `__reduce_ex__` write.
"""

import struct
from collections.abc import Callable
from typing import Any, Final

from kerasplug.errors import DatasetError
from kerasplug_datasets.pickle_arrays import built, called, finished, known, refuse

__all__ = ["read_pickle"]

#: A number in a pickle has so many bytes at most.
_LONGEST_NUMBER: Final = 32
#: A key of bytes is copied each time that it is used: a long one could be in no time.
_LONGEST_KEY: Final = 1000
#: Numbers and lines are read from copies of so many bytes: it is quicker.
_WINDOW: Final = 2048


def read_pickle(data: "bytes | memoryview") -> Any:
    """What a pickle holds: plain values, and arrays; an array of objects is a list.

    Args:
        data: the whole pickle; large arrays are views of it, and can't be written.

    Raises:
        DatasetError: it holds something else, or is damaged.

    Example:
        >>> import pickle
        >>> import numpy as np
        >>> read_pickle(pickle.dumps({"labels": [1, 2], "data": np.arange(3)}))
        {'labels': [1, 2], 'data': array([0, 1, 2])}
    """
    try:
        return _Machine(data).run()
    except DatasetError:
        raise
    except (IndexError, KeyError, ValueError, struct.error) as error:
        refuse("is damaged", type(error).__name__)


class _Machine:
    """The stack and the memory of one pickle."""

    def __init__(self, data: "bytes | memoryview") -> None:
        self.data = memoryview(data).cast("B")
        self.place = 0
        self.stack: list[Any] = []
        self.marks: list[int] = []
        self.memory: dict[int, Any] = {}
        self.encoded = 0

    def run(self) -> Any:
        """What is on the stack at the end."""
        table, data = _TABLE, self.data
        while True:
            code = data[self.place]
            self.place += 1
            if code == _STOP:
                break
            action = table.get(code)
            if action is None:
                refuse("asks for what no data need", f"opcode {bytes([code])!r}")
            action(self)
        if len(self.stack) != 1 or self.marks:
            refuse("is damaged", f"{len(self.stack)} values at its end", "one value")
        return finished(self.stack.pop())

    def take(self, count: int) -> memoryview:
        """The next bytes."""
        if count < 0 or count > len(self.data) - self.place:
            refuse("ends too early", f"{count:,} bytes are announced")
        start = self.place
        self.place += count
        return self.data[start : self.place]

    def number(self, form: str) -> int:
        """The next number, as `struct` names its form."""
        value: int = struct.unpack(form, self.take(struct.calcsize(form)))[0]
        return value

    def line(self) -> bytes:
        """The next bytes up to the end of the line."""
        start = self.place
        found, newline, _ = bytes(self.data[start : start + _WINDOW]).partition(b"\n")
        if not newline:
            refuse("has a line that does not end", f"{len(found):,} bytes")
        self.place += len(found) + 1
        return found

    def marked(self) -> list[Any]:
        """What lies above the last mark, which is taken away."""
        if not self.marks:
            refuse("is damaged", "a mark is missing")
        place = self.marks.pop()
        if place > len(self.stack):
            refuse("is damaged", "values are missing")
        items = self.stack[place:]
        del self.stack[place:]
        return items


# --- values ------------------------------------------------------------------------


def _pusher(value: Any) -> Callable[[_Machine], None]:
    return lambda machine: machine.stack.append(value)


def _number_pusher(form: str) -> Callable[[_Machine], None]:
    return lambda machine: machine.stack.append(machine.number(form))


def _bytes_pusher(form: str) -> Callable[[_Machine], None]:
    return lambda machine: machine.stack.append(machine.take(machine.number(form)))


def _text_pusher(form: str) -> Callable[[_Machine], None]:
    def push(machine: _Machine) -> None:
        data = machine.take(machine.number(form))
        machine.stack.append(str(data, "utf-8", "surrogatepass"))

    return push


def _long_pusher(form: str) -> Callable[[_Machine], None]:
    def push(machine: _Machine) -> None:
        count = machine.number(form)
        if count > _LONGEST_NUMBER:
            refuse("holds a number that is too long", f"{count:,} bytes")
        value = int.from_bytes(machine.take(count), "little", signed=True)
        machine.stack.append(value)

    return push


def _written_number(machine: _Machine) -> None:
    text = machine.line()
    if len(text) > 3 * _LONGEST_NUMBER:
        refuse("holds a number that is too long", f"{len(text):,} digits")
    if text in (b"00", b"01"):
        machine.stack.append(text == b"01")
    else:
        machine.stack.append(int(text.rstrip(b"L")))


def _written_fraction(machine: _Machine) -> None:
    machine.stack.append(float(machine.line()))


def _numbers(machine: _Machine) -> None:
    """This number and all that follow: lists of them are most of some files."""
    push, start = machine.stack.append, machine.place - 1
    data = bytes(machine.data[start : start + _WINDOW])
    # What begins close to the end of the copy is left for the next one. The end of
    # the pickle within a number is an IndexError.
    last = len(data) - 4 if len(data) == _WINDOW else len(data)
    place = 0
    while place < last:
        code = data[place]
        if code == _BININT2:
            push(data[place + 1] | data[place + 2] << 8)
            place += 3
        elif code == _BININT1:
            push(data[place + 1])
            place += 2
        elif code == _BININT:
            low = data[place + 1] | data[place + 2] << 8 | data[place + 3] << 16
            push(low + ((data[place + 4] ^ 0x80) - 0x80 << 24))
            place += 5
        else:
            break
    machine.place = start + place


def _list(machine: _Machine) -> None:
    machine.stack.append(machine.marked())


def _tuple(machine: _Machine) -> None:
    machine.stack.append(tuple(machine.marked()))


def _short_tuple(count: int) -> Callable[[_Machine], None]:
    def push(machine: _Machine) -> None:
        if len(machine.stack) < count:
            refuse("is damaged", "values are missing")
        items = tuple(machine.stack[-count:])
        machine.stack[-count:] = [items]

    return push


def _append(machine: _Machine) -> None:
    item = machine.stack.pop()
    _holder(machine, list).append(item)


def _appends(machine: _Machine) -> None:
    items = machine.marked()
    _holder(machine, list).extend(items)


def _set_item(machine: _Machine) -> None:
    value, key = machine.stack.pop(), machine.stack.pop()
    _put(_holder(machine, dict), [key, value])


def _set_items(machine: _Machine) -> None:
    items = machine.marked()
    _put(_holder(machine, dict), items)


def _dict(machine: _Machine) -> None:
    items = machine.marked()
    found: dict[Any, Any] = {}
    _put(found, items)
    machine.stack.append(found)


def _holder(machine: _Machine, kind: type) -> Any:
    found = machine.stack[-1]
    if type(found) is not kind:
        refuse("is damaged", f"a {type(found).__name__} where a {kind.__name__} is due")
    return found


def _key(key: Any) -> Any:
    if not isinstance(key, memoryview):
        return key
    if len(key) > _LONGEST_KEY:
        refuse("has a key that is too long", f"{len(key):,} bytes")
    return bytes(key)


def _put(into: dict[Any, Any], items: list[Any]) -> None:
    if len(items) % 2:
        refuse("is damaged", "a key without a value")
    for key, value in zip(items[::2], items[1::2], strict=True):
        plain = _key(key)
        if type(plain) not in (bytes, str, int):
            refuse("has a key that is none", type(plain).__name__, "a text or a number")
        into[plain] = value


# --- memory ------------------------------------------------------------------------


def _putter(form: str) -> Callable[[_Machine], None]:
    def put(machine: _Machine) -> None:
        machine.memory[machine.number(form)] = machine.stack[-1]

    return put


def _memoize(machine: _Machine) -> None:
    machine.memory[len(machine.memory)] = machine.stack[-1]


def _written_put(machine: _Machine) -> None:
    machine.memory[int(machine.line()[:20])] = machine.stack[-1]


def _getter(form: str) -> Callable[[_Machine], None]:
    return lambda machine: machine.stack.append(machine.memory[machine.number(form)])


def _written_get(machine: _Machine) -> None:
    machine.stack.append(machine.memory[int(machine.line()[:20])])


# --- arrays ------------------------------------------------------------------------


def _global(machine: _Machine) -> None:
    module, name = machine.line(), machine.line()
    machine.stack.append(known(str(module, "utf-8"), str(name, "utf-8")))


def _stack_global(machine: _Machine) -> None:
    name, module = machine.stack.pop(), machine.stack.pop()
    machine.stack.append(known(module, name))


def _call(machine: _Machine) -> None:
    arguments, mark = machine.stack.pop(), machine.stack.pop()
    made = called(mark, arguments)
    if isinstance(made, memoryview):
        # One text of the file may be encoded again and again; who writes does it once.
        machine.encoded += len(made)
        if machine.encoded > len(machine.data):
            refuse("makes more bytes than it has", f"{machine.encoded:,} bytes")
    machine.stack.append(made)


def _build(machine: _Machine) -> None:
    state = machine.stack.pop()
    built(machine.stack[-1], state)


_STOP: Final = ord(".")
_BININT: Final = ord("J")
_BININT1: Final = ord("K")
_BININT2: Final = ord("M")


def _ignored(count: int) -> Callable[[_Machine], None]:
    def skip(machine: _Machine) -> None:
        machine.take(count)

    return skip


def _mark(machine: _Machine) -> None:
    machine.marks.append(len(machine.stack))


def _pop(machine: _Machine) -> None:
    """Take a value away, or the mark that is above it."""
    above = machine.marks and machine.marks[-1] == len(machine.stack)
    (machine.marks if above else machine.stack).pop()


_ACTIONS: Final[dict[bytes, Callable[[_Machine], None]]] = {
    b"\x80": _ignored(1),  # PROTO
    b"\x95": _ignored(8),  # FRAME
    b"(": _mark,
    b"0": _pop,
    b"N": _pusher(None),
    b"\x88": _pusher(True),
    b"\x89": _pusher(False),
    b"I": _written_number,
    b"L": _written_number,
    b"F": _written_fraction,
    b"J": _numbers,
    b"K": _numbers,
    b"M": _numbers,
    b"G": _number_pusher(">d"),
    b"\x8a": _long_pusher("<B"),
    b"\x8b": _long_pusher("<i"),
    b"U": _bytes_pusher("<B"),  # of Python 2
    b"T": _bytes_pusher("<i"),  # of Python 2
    b"C": _bytes_pusher("<B"),
    b"B": _bytes_pusher("<I"),
    b"\x8e": _bytes_pusher("<Q"),
    b"\x96": _bytes_pusher("<Q"),  # a bytearray
    b"X": _text_pusher("<I"),
    b"\x8c": _text_pusher("<B"),
    b"\x8d": _text_pusher("<Q"),
    b"]": lambda machine: machine.stack.append([]),
    b"}": lambda machine: machine.stack.append({}),
    b")": _pusher(()),
    b"l": _list,
    b"d": _dict,
    b"t": _tuple,
    b"\x85": _short_tuple(1),
    b"\x86": _short_tuple(2),
    b"\x87": _short_tuple(3),
    b"a": _append,
    b"e": _appends,
    b"s": _set_item,
    b"u": _set_items,
    b"q": _putter("<B"),
    b"r": _putter("<I"),
    b"\x94": _memoize,
    b"p": _written_put,
    b"h": _getter("<B"),
    b"j": _getter("<I"),
    b"g": _written_get,
    b"c": _global,
    b"\x93": _stack_global,
    b"R": _call,
    b"b": _build,
}
_TABLE: Final = {code[0]: action for code, action in _ACTIONS.items()}
