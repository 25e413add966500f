"""The links of a group in an HDF5 file, in its old and in its new way of storing them.

No link is followed here: a soft one, or one into another file, is only named.
"""

import struct
from collections.abc import Iterable, Iterator, Sequence
from typing import Final, NamedTuple

from kerasplug.saving.hdf5_bytes import (
    UNDEFINED,
    Reader,
    Superblock,
    check_sum,
    damaged,
    unusual,
)
from kerasplug.saving.hdf5_headers import LINK, LINK_INFO, SYMBOL_TABLE, Message

__all__ = ["Link", "TreeNode", "links_of", "tree_v1"]

_TREE: Final = b"TREE"
_TREE_HEAD: Final = 24
_SYMBOLS: Final = b"SNOD\x01"
_SYMBOL: Final = 40
_HEAP: Final = b"HEAP\x00"
_HEAP_HEAD: Final = 32
#: The largest table of names that is read: 50,000 names of 300 bytes.
_LARGEST_HEAP: Final = 1 << 24
_LONGEST_NAME: Final = 4096
#: The end of the list of free parts of a table of names.
_NO_FREE: Final = (1, UNDEFINED)
_DEEPEST: Final = 16
_SOFT_ENTRY: Final = 2
_KINDS: Final = {0: "hard", 1: "soft", 64: "external"}


class Link(NamedTuple):
    """A name in a group.

    Args:
        name: the name.
        kind: `"hard"`, `"soft"` or `"external"`.
        address: of the object's header, for a hard link.
        cached: what the link repeats of a group's own header; empty: nothing.
    """

    name: str
    kind: str
    address: int = UNDEFINED
    cached: bytes = b""


def links_of(
    reader: Reader, block: Superblock, messages: Iterable[Message]
) -> list[Link]:
    """All links of the group that has these messages.

    Raises:
        Hdf5Fault: they don't fit together.
    """
    found: list[Link] = []
    for message in messages:
        if message.kind == SYMBOL_TABLE:
            found.extend(_old_links(reader, block, message.data))
        elif message.kind == LINK:
            found.append(_link(message.data))
        elif message.kind == LINK_INFO:
            found.extend(_dense_links(reader, message.data))
    names = {link.name for link in found}
    if len(names) != len(found):
        damaged("a group has a name twice")
    return found


def _named(name: bytes) -> str:
    if not name or b"/" in name:
        damaged("a group has a thing without a name")
    try:
        return name.decode("utf-8")
    except UnicodeDecodeError as error:
        damaged("a name that is no text", error)


# --- the old way: a tree of symbol tables, and a heap of names ---


def _old_links(reader: Reader, block: Superblock, data: bytes) -> Iterator[Link]:
    if len(data) < 16:  # noqa: PLR2004 -- two addresses
        damaged("a group is cut short")
    tree, heap = struct.unpack_from("<QQ", data)
    names = _names(reader, heap)
    for node in tree_v1(reader, tree, 0, 8, block.group_k):
        for child in node.children:
            yield from _symbols(reader, block, child, names)


def _names(reader: Reader, address: int) -> bytes:
    """The names of a group one after another, with the free parts checked."""
    head = reader.claim(address, _HEAP_HEAD)
    size, free, start = struct.unpack_from("<3Q", head, 8)
    if not head.startswith(_HEAP) or size > _LARGEST_HEAP:
        damaged(f"no names at address {address}")
    data = reader.claim(start, size)
    seen: set[int] = set()
    while free not in _NO_FREE:
        if free in seen or free + 16 > size:
            damaged("the free parts of a table of names")
        seen.add(free)
        reader.spend(1)
        at = free
        free, length = struct.unpack_from("<QQ", data, free)
        if at + length > size:
            damaged("the free parts of a table of names")
    return data


def _symbols(
    reader: Reader, block: Superblock, address: int, names: bytes
) -> Iterator[Link]:
    data = reader.claim(address, 8 + 2 * block.leaf_k * _SYMBOL)
    count = int.from_bytes(data[6:8], "little")
    if not data.startswith(_SYMBOLS) or count > 2 * block.leaf_k:
        damaged(f"no symbol table at address {address}")
    reader.spend(count)
    for place in range(count):
        at, header, cached = struct.unpack_from("<QQI", data, 8 + place * _SYMBOL)
        end = names.find(b"\0", at, at + _LONGEST_NAME)
        if at >= len(names) or end < 0 or cached > _SOFT_ENTRY:
            damaged("a name is not in its table")
        name = _named(names[at:end])
        if cached == _SOFT_ENTRY or header == UNDEFINED:
            yield Link(name, "soft")
            continue
        repeated = data[24 + 8 + place * _SYMBOL :][:16] if cached else b""
        yield Link(name, "hard", header, repeated)


class TreeNode(NamedTuple):
    """A leaf of a tree of version 1.

    Args:
        keys: the keys; one more than there are children.
        children: addresses of what the tree has.
    """

    keys: Sequence[bytes]
    children: Sequence[int]


def tree_v1(
    reader: Reader, root: int, kind: int, key_size: int, half: int
) -> Iterator[TreeNode]:
    """The leaves of a tree, from left to right.

    Args:
        reader: of the file.
        root: address of the tree.
        kind: 0 for a group, 1 for the chunks of a dataset.
        key_size: in bytes.
        half: half the number of children that a node has room for.

    Raises:
        Hdf5Fault: it is no tree.
    """
    waiting: list[tuple[int, int | None]] = [(root, None)]
    while waiting:
        address, level = waiting.pop()
        size = _TREE_HEAD + (2 * half + 1) * key_size + 2 * half * 8
        data = reader.claim(address, size)
        found, depth, count = struct.unpack_from("<BBH", data, 4)
        sound = (
            data.startswith(_TREE)
            and found == kind
            and count <= 2 * half
            and (depth <= _DEEPEST if level is None else depth == level)
        )
        if not sound:
            damaged(f"no tree at address {address}")
        reader.spend(count)
        step = key_size + 8
        places = range(_TREE_HEAD, _TREE_HEAD + count * step, step)
        keys = [data[at : at + key_size] for at in (*places, _TREE_HEAD + count * step)]
        children = [
            int.from_bytes(data[at + key_size : at + step], "little") for at in places
        ]
        if depth:
            waiting.extend((child, depth - 1) for child in reversed(children))
        else:
            yield TreeNode(keys, children)


# --- the new way: messages, or a heap of them ---


def _link(data: bytes) -> Link:
    flags = data[1] if len(data) > 1 else 0
    if data[:1] != b"\x01" or flags & ~0x1F:
        damaged("a link of an unknown version")
    at = 2
    number = 0
    if flags & 0x08:
        number = data[at] if len(data) > at else 0
        at += 1
    at += (8 if flags & 0x04 else 0) + (1 if flags & 0x10 else 0)
    width = 1 << (flags & 3)
    length = int.from_bytes(data[at : at + width], "little")
    at += width
    kind = _KINDS.get(number)
    if kind is None:
        unusual(f"a link of type {number}")
    name = data[at : at + length]
    rest = data[at + length :]
    if len(name) != length or len(rest) < (8 if kind == "hard" else 2):
        damaged("a link is cut short")
    if kind == "hard":
        return Link(_named(name), kind, int.from_bytes(rest[:8], "little"))
    return Link(_named(name), kind)


def _dense_links(reader: Reader, data: bytes) -> Iterator[Link]:
    flags = data[1] if len(data) > 1 else 0
    at = 2 + (8 if flags & 1 else 0)
    if data[:1] != b"\x00" or len(data) < at + 16 + (8 if flags & 2 else 0):
        damaged("a group is cut short")
    heap, tree = struct.unpack_from("<QQ", data, at)
    order = struct.unpack_from("<Q", data, at + 16)[0] if flags & 2 else UNDEFINED
    if heap == UNDEFINED:
        return
    from kerasplug.saving.hdf5_dense import dense_objects  # few files need it

    for total, found in dense_objects(reader, heap, tree, order, attributes=False):
        link = _link(found)
        check_sum(link.name.encode(), total.to_bytes(4, "little"))
        yield link
