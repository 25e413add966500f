"""Object headers of HDF5 files: the messages that describe a group or a dataset."""

import struct
from collections.abc import Iterator
from typing import Final, NamedTuple

from kerasplug.saving.hdf5_bytes import (
    CHECKSUM,
    Reader,
    damaged,
    unusual,
)

__all__ = [
    "ATTRIBUTE",
    "ATTRIBUTE_INFO",
    "DATASPACE",
    "DATATYPE",
    "EXTERNAL_FILES",
    "FILTERS",
    "LAYOUT",
    "LINK",
    "LINK_INFO",
    "SYMBOL_TABLE",
    "Message",
    "messages_at",
]

DATASPACE: Final = 0x01
LINK_INFO: Final = 0x02
DATATYPE: Final = 0x03
_OLD_FILL: Final = 0x04
_FILL: Final = 0x05
LINK: Final = 0x06
EXTERNAL_FILES: Final = 0x07
LAYOUT: Final = 0x08
_GROUP_INFO: Final = 0x0A
FILTERS: Final = 0x0B
ATTRIBUTE: Final = 0x0C
_CONTINUATION: Final = 0x10
SYMBOL_TABLE: Final = 0x11
_MODIFIED: Final = 0x12
ATTRIBUTE_INFO: Final = 0x15
_REFERENCES: Final = 0x16

#: Each sort stands in a header once at most, but these.
_SEVERAL: Final = frozenset((0x00, LINK, ATTRIBUTE, _CONTINUATION))
#: What Keras' files have. All others are old, or for databases.
_KNOWN: Final = _SEVERAL | {
    DATASPACE,
    LINK_INFO,
    DATATYPE,
    _OLD_FILL,
    _FILL,
    EXTERNAL_FILES,
    LAYOUT,
    _GROUP_INFO,
    FILTERS,
    SYMBOL_TABLE,
    _MODIFIED,
    ATTRIBUTE_INFO,
    _REFERENCES,
}
#: A message that lies elsewhere and is shared by several objects.
_SHARED: Final = 0x02
#: Continued more often, it is a loop.
_MOST_CHUNKS: Final = 10_000
_SIGNATURE: Final = b"OHDR"
_CONTINUED: Final = b"OCHK"
#: A header's first number of messages is followed by its size, and by padding.
_OLD_PREFIX: Final = 16
_OLD_MESSAGE: Final = 8
#: Flags of a header of version 2.
_TRACKS_ORDER, _HAS_PHASES, _HAS_TIMES = 0x04, 0x10, 0x20


class Message(NamedTuple):
    """One message of an object's header.

    Args:
        kind: its number.
        data: its bytes.
    """

    kind: int
    data: bytes


def messages_at(reader: Reader, address: int) -> list[Message]:
    """All messages of the object whose header is at this address.

    Raises:
        Hdf5Fault: they don't fit together, or no Keras writes such an object.
    """
    start = reader.read(address, _OLD_PREFIX)
    new = start.startswith(_SIGNATURE)
    found = list(_new(reader, address) if new else _old(reader, address, start))
    once: set[int] = set()
    for message in found:
        if message.kind not in _KNOWN:
            unusual(f"a header message of type {message.kind}")
        if message.kind in once:
            damaged(f"two header messages of type {message.kind}")
        if message.kind not in _SEVERAL:
            once.add(message.kind)
        if message.kind in (_FILL, _OLD_FILL):
            _check_fill(message)
    return found


def _old(reader: Reader, address: int, start: bytes) -> Iterator[Message]:
    version, _, count, _, size = struct.unpack_from("<BBHII", start)
    if version != 1:
        damaged(f"no object's header at address {address}")
    reader.claims.add(address, _OLD_PREFIX)
    parts = [(address + _OLD_PREFIX, size)]
    seen = 0
    while parts:
        data = reader.claim(*parts.pop())
        at = 0
        while at < len(data):
            if at + _OLD_MESSAGE > len(data):
                damaged("a header message is cut short")
            kind, length, flags = struct.unpack_from("<HHB", data, at)
            at += _OLD_MESSAGE
            message = _message(kind, flags, data[at : at + length], length)
            at += length
            seen += 1
            reader.spend(1)
            if kind == _CONTINUATION:
                parts.append(_continuation(message))
                _check_number(seen)
            yield message
    if seen != count:
        damaged(f"{seen} header messages of {count}")


def _new(reader: Reader, address: int) -> Iterator[Message]:
    """Version 2: wider, with a checksum, which the library compares."""
    version, flags = reader.read(address + 4, 2)
    if version != 2:  # noqa: PLR2004 -- the only version with this signature
        damaged(f"an object's header of version {version}")
    width = 1 << (flags & 3)
    before = 6 + (16 if flags & _HAS_TIMES else 0) + (4 if flags & _HAS_PHASES else 0)
    size = int.from_bytes(reader.read(address + before, width), "little")
    head = before + width
    data = reader.checked(address, head + size + CHECKSUM)[head:]
    parts = [data]
    seen = 0
    while parts:
        for message in _new_messages(parts.pop(), wide=bool(flags & _TRACKS_ORDER)):
            reader.spend(1)
            if message.kind == _CONTINUATION:
                at, length = _continuation(message)
                part = reader.checked(at, length)
                if not part.startswith(_CONTINUED):
                    damaged("a header goes on where no header is")
                parts.append(part[len(_CONTINUED) :])
                seen += 1
                _check_number(seen)
            yield message


def _new_messages(data: bytes, *, wide: bool) -> Iterator[Message]:
    head = 6 if wide else 4
    at = 0
    while at + head <= len(data):
        kind, length, flags = struct.unpack_from("<BHB", data, at)
        at += head
        yield _message(kind, flags, data[at : at + length], length)
        at += length


def _message(kind: int, flags: int, data: bytes, length: int) -> Message:
    if len(data) != length:
        damaged("a header message is longer than its header")
    if flags & _SHARED:
        unusual("a header message that several objects share")
    return Message(kind, data)


def _continuation(message: Message) -> tuple[int, int]:
    if len(message.data) < 16:  # noqa: PLR2004 -- an address and a length
        damaged("a header's continuation is cut short")
    address, length = struct.unpack_from("<QQ", message.data)
    return address, length


def _check_number(seen: int) -> None:
    if seen > _MOST_CHUNKS:
        damaged("a header without an end")


def _check_fill(message: Message) -> None:
    """The value that stands for what was never written; the library copies it."""
    data = message.data
    if message.kind == _OLD_FILL:
        at = 0
    elif data[:1] in (b"\x01", b"\x02"):
        defined = len(data) > 3 and data[3]  # noqa: PLR2004 -- the fourth byte
        at = 4
        if data[:1] == b"\x02" and not defined:
            return
    elif data[:1] == b"\x03":
        at = 2
        if not (len(data) > 1 and data[1] & 0x20):
            return
    else:
        damaged("a fill value of an unknown version")
    size = int.from_bytes(data[at : at + 4], "little")
    if len(data) < at + 4 or size > len(data) - at - 4:
        damaged("a fill value is longer than its message")
