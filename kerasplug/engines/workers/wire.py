"""What a worker and its host say to each other: frames, and arrays beside them.

A frame is a line of JSON over a pipe. Arrays lie in memory that both processes have
mapped, one region for each direction; where there is none, they follow their frame.

The worker's interpreter loads this very file by its path, in an environment that has no
kerasplug and maybe Python 3.7. So it imports the standard library, and NumPy where it
is used, and nothing else.
"""

from __future__ import annotations

import json
import mmap
import os
import re
import select
import struct
import tempfile
import threading
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    import numpy as np

    Arrays = dict[str, "np.ndarray[Any, Any]"]

__all__ = [
    "PROTOCOL",
    "Channel",
    "GoneError",
    "Region",
    "UnreadableError",
    "UnsendableError",
    "WireError",
]

#: The version of what is said. Host and worker have to agree on it.
PROTOCOL = 1

_FRAME = struct.Struct("<4sIQ")
_MAGIC = b"KPW1"
_LARGEST_HEADER = 1 << 26
#: Arrays begin where processors like to read them.
_ALIGNED = 64
#: What is read at once; a pipe seldom holds more.
_CHUNK = 1 << 20
#: The dtypes that travel: numbers and truth values of either byte order.
_DTYPE = re.compile(r"[<>|]?[biufc][0-9]{1,2}\Z")


class WireError(Exception):
    """The other side has gone, or what came is not what this protocol says."""


class GoneError(WireError):
    """The other side has gone."""


class UnsendableError(WireError):
    """It is not of what travels; nothing of it was sent."""


class UnreadableError(WireError):
    """There is no room here to look at the arrays of a frame, which has come whole.

    `header` is what it said.
    """

    def __init__(self, message: str, header: dict[str, Any]) -> None:
        super().__init__(message)
        self.header = header


class Region:
    """Memory of two processes: a file without a name, which dies with the last of them.

    Args:
        descriptor: of the file; None makes a new one.

    Raises:
        OSError: no such file can be had.
    """

    def __init__(self, descriptor: int | None = None) -> None:
        self.descriptor = _nameless() if descriptor is None else descriptor
        self._map: mmap.mmap | None = None

    def reserve(self, size: int) -> mmap.mmap:
        """The memory, with at least so many bytes; the file grows by half at least.

        Args:
            size: in bytes.

        Raises:
            OSError: there is no room.
        """
        present = os.fstat(self.descriptor).st_size
        if size > present:
            _grow(self.descriptor, max(size, present + present // 2, _CHUNK))
        return self.view(size)

    def view(self, size: int) -> mmap.mmap:
        """The memory as it is, mapped anew where the other side has let it grow.

        Raises:
            WireError: the file is smaller than that.
        """
        if self._map is None or len(self._map) < size:
            present = os.fstat(self.descriptor).st_size
            if present < size:
                message = f"{size} bytes were announced, {present} are there"
                raise WireError(message)
            # The old one is closed when the last array in it is gone.
            self._map = mmap.mmap(self.descriptor, present)
        return self._map

    def close(self) -> None:
        """Give the memory back, as soon as no array lies in it."""
        self._map = None
        if self.descriptor >= 0:
            os.close(self.descriptor)
            self.descriptor = -1


def _nameless() -> int:
    if hasattr(os, "memfd_create"):
        return os.memfd_create("kerasplug")
    with tempfile.TemporaryFile() as file:
        return os.dup(file.fileno())


def _grow(descriptor: int, size: int) -> None:
    """Let the file grow, and be sure that there is memory behind it.

    Where it were only promised, writing into it could end the process with SIGBUS.
    """
    if hasattr(os, "posix_fallocate"):
        os.posix_fallocate(descriptor, 0, size)
    else:
        os.ftruncate(descriptor, size)


class Channel:
    """One end of the conversation.

    Args:
        reading: the descriptor that frames come from.
        writing: the descriptor that they go to.
        sending: where arrays go; None: after their frame.
        receiving: where arrays come from; None: after their frame.
        wait: called with a descriptor, and whether it is for writing, before each
            read and write; may raise. For a side that must not block for ever.

    Attributes:
        whole: False from the first byte of a frame to its last one: who is interrupted
            there can't go on with the conversation.
        begun: how many frames were sent, one that is being sent included.
    """

    def __init__(
        self,
        reading: int,
        writing: int,
        sending: Region | None = None,
        receiving: Region | None = None,
        wait: Callable[[int, bool], None] | None = None,
    ) -> None:
        self._reading = reading
        self._writing = writing
        self._sending = sending
        self._receiving = receiving
        self._wait = wait
        self._turn = threading.Lock()
        self.whole = True
        self.begun = 0

    def send(
        self, header: Mapping[str, Any], arrays: Mapping[str, Any] | None = None
    ) -> None:
        """Say something.

        Args:
            header: what JSON can hold, and scalars of NumPy.
            arrays: name -> array of numbers.

        Raises:
            UnsendableError: JSON can't hold it, or an array is not of numbers.
            GoneError: the other side has gone.
            OSError: there is no room for the arrays.
            MemoryError: there is none.
        """
        placed, size, said = _placed(arrays or {})
        text = _text(header, said, size)
        inline = bytearray() if self._sending or not size else bytearray(size)
        if size:
            memory = self._sending.reserve(size) if self._sending else inline
            for array, entry in zip(placed, said):  # noqa: B905 -- Python 3.7 has no `strict`
                _array_at(memory, entry)[1][...] = array
        with self._turn:
            self._write(_FRAME.pack(_MAGIC, len(text), len(inline)) + text, inline)

    def hint(self, header: Mapping[str, Any]) -> None:
        """Say something short, or not at all where it would have to wait.

        Args:
            header: what JSON can hold.

        Raises:
            GoneError: the other side has gone.
        """
        text = _text(header, [], 0)
        if self._turn.acquire(blocking=False):
            try:
                if _writable(self._writing):
                    self._write(_FRAME.pack(_MAGIC, len(text), 0) + text)
            finally:
                self._turn.release()

    def receive(self) -> tuple[dict[str, Any], Arrays]:
        """What the other side says next, and its arrays.

        Returns:
            The header, and name -> array. The arrays lie in shared memory: they are
            good until something is sent back.

        Raises:
            GoneError: the other side has gone.
            UnreadableError: there is no room to look at the arrays.
            WireError: it is no frame.
        """
        magic, length, inline = _FRAME.unpack(self._read(_FRAME.size))
        if magic != _MAGIC or length > _LARGEST_HEADER:
            message = f"no frame of this protocol: {magic!r}"
            raise WireError(message)
        header, said, size = _understood(self._read(length), inline)
        memory: Any = self._read(inline) if inline else None
        self.whole = True
        if size and not inline:
            if self._receiving is None:
                message = "arrays in shared memory, and there is none"
                raise WireError(message)
            memory = _seen(self._receiving, size, header)
        return header, dict(_array_at(memory, entry) for entry in said)

    def _read(self, size: int) -> bytearray:
        taken = _room(size)
        view, at = memoryview(taken), 0
        while at < size:
            if self._wait:
                self._wait(self._reading, False)
            self.whole = False
            got = os.readv(self._reading, [view[at : at + _CHUNK]]) if _READV else 0
            if not _READV:
                some = os.read(self._reading, min(size - at, _CHUNK))
                view[at : at + len(some)], got = some, len(some)
            if not got:
                message = "the other side has gone"
                raise GoneError(message)
            at += got
        return taken

    def _write(self, *parts: bytes | bytearray) -> None:
        begun = self.begun + 1
        for part in parts:
            view = memoryview(part)
            while view:
                if self._wait:
                    self._wait(self._writing, True)
                self.whole, self.begun = False, begun
                try:
                    view = view[os.write(self._writing, view[:_CHUNK]) :]
                except BlockingIOError:
                    continue
                except (BrokenPipeError, ConnectionResetError) as error:
                    message = "the other side has gone"
                    raise GoneError(message) from error
        self.whole = True


_READV = hasattr(os, "readv")


def _writable(descriptor: int) -> bool:
    """Whether a short frame can be written at once; True where nobody can tell."""
    if not hasattr(select, "poll"):
        return True
    poll = select.poll()
    poll.register(descriptor, select.POLLOUT)
    return bool(poll.poll(0))


def _text(header: Mapping[str, Any], arrays: list[Any], size: int) -> bytes:
    told = {"header": header, "arrays": arrays, "size": size}
    try:
        return json.dumps(told, separators=(",", ":"), default=_plain).encode()
    except (TypeError, ValueError, RecursionError) as error:
        message = f"JSON can't hold it: {error}"
        raise UnsendableError(message) from error


def _plain(value: Any) -> Any:
    """A scalar of NumPy as JSON has it."""
    if getattr(value, "ndim", None) == 0:
        return value.item()
    message = f"{type(value).__name__} is no plain data"
    raise TypeError(message)


def _room(size: int) -> bytearray:
    try:
        return bytearray(size)
    except (MemoryError, OverflowError) as error:
        message = f"{size} bytes were announced, which are more than there is room for"
        raise WireError(message) from error


def _understood(text: bytearray, inline: int) -> tuple[dict[str, Any], list[Any], int]:
    """What a frame's text says: the header, its arrays, and how large they are."""
    try:
        told = json.loads(bytes(text).decode())
        header, said, size = told["header"], told["arrays"], told["size"]
        if [type(part) for part in (header, said, size)] != [dict, list, int]:
            raise TypeError(told)
        if size < 0 or inline not in (0, size):
            raise ValueError(size)
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        message = f"the frame is damaged: {error!r}"[:200]
        raise WireError(message) from error
    return header, said, size


def _seen(region: Region, size: int, header: dict[str, Any]) -> mmap.mmap:
    try:
        return region.view(size)
    except (OSError, MemoryError) as error:
        message = f"no room to look at {size} bytes: {error}"
        raise UnreadableError(message, header) from error


def _placed(arrays: Mapping[str, Any]) -> tuple[list[Any], int, list[Any]]:
    """The arrays, how many bytes they take, and what is said of each."""
    import numpy as np

    some, said, at = [], [], 0
    for name, given in arrays.items():
        if type(name) is not str:
            message = f"{name!r} is no name of an array"
            raise UnsendableError(message)
        try:
            array = np.asarray(given)
        except (TypeError, ValueError) as error:
            message = f"{name} is no array: {error}"
            raise UnsendableError(message) from error
        if not _DTYPE.match(array.dtype.str):
            message = f"{name} is of {array.dtype}, which is no number"
            raise UnsendableError(message)
        some.append(array)
        said.append([name, array.dtype.str, list(array.shape), at])
        at += -(-array.nbytes // _ALIGNED) * _ALIGNED
    return some, at, said


def _array_at(memory: Any, entry: Any) -> tuple[str, np.ndarray[Any, Any]]:
    """The array that an entry of a frame tells of, and its name.

    Raises:
        WireError: there is no such array in the memory.
    """
    import numpy as np

    try:
        name, dtype, shape, offset = entry
        # NumPy takes an offset below 0, and would look at what lies before.
        if type(name) is not str or not _DTYPE.match(dtype) or offset < 0:
            raise ValueError(entry)
        if memory is None:
            memory = b""
        return name, np.ndarray(shape, dtype, memory, offset)
    except (ValueError, TypeError, BufferError, OverflowError, MemoryError) as error:
        message = f"an array is not where it should be: {error}"
        raise WireError(message) from error
