"""What HDF5 stores densely: many links of a group, many attributes of an object.

They lie in a heap of blocks that double in size, and trees tell where. The library
reads the tree by name and, where there is one, the tree by order: both are checked.
"""

import bisect
import struct
from collections.abc import Iterator
from typing import Final, NamedTuple

from kerasplug.saving.hdf5_bytes import (
    CHECKSUM,
    UNDEFINED,
    Reader,
    check_sum,
    damaged,
    unusual,
)

__all__ = ["dense_objects"]

_HEAP: Final = b"FRHP\x00"
_HEAP_SIZE: Final = 146
_DIRECT: Final = b"FHDB\x00"
_INDIRECT: Final = b"FHIB\x00"
_TREE: Final = b"BTHD\x00"
_TREE_SIZE: Final = 38
_INNER: Final = b"BTIN\x00"
_LEAF: Final = b"BTLF\x00"
_NODE_HEAD: Final = 6
_DEEPEST: Final = 8
_LARGEST_NODE: Final = 1 << 16
#: Blocks double in size; so many rows fill all memory there is.
_MOST_ROWS: Final = 64
_WIDEST: Final = 1024
#: Type of a tree's records -> (size but for the heap's number, where that is, where
#: what they are sorted by is, its size). Places behind the number count from its end.
_LINKS_BY_NAME, _LINKS_BY_ORDER = 5, 6
_ATTRIBUTES_BY_NAME, _ATTRIBUTES_BY_ORDER = 8, 9
_RECORDS: Final = {
    _LINKS_BY_NAME: (4, 4, 0, 4),
    _LINKS_BY_ORDER: (8, 8, 0, 8),
    _ATTRIBUTES_BY_NAME: (9, 0, -4, 4),
    _ATTRIBUTES_BY_ORDER: (5, 0, -4, 4),
}


def dense_objects(
    reader: Reader, heap: int, by_name: int, by_order: int, *, attributes: bool
) -> Iterator[tuple[int, bytes]]:
    """Each object in a heap, as its trees have them: checksum of its name, its bytes.

    Args:
        reader: of the file.
        heap: address of the heap.
        by_name: address of the tree by name.
        by_order: address of the tree by order of creation; undefined: there is none.
        attributes: whether they are attributes; else they are links.

    Raises:
        Hdf5Fault: something doesn't fit together.
    """
    found = _heap(reader, heap)
    kinds = (
        (_ATTRIBUTES_BY_NAME, _ATTRIBUTES_BY_ORDER)
        if attributes
        else (_LINKS_BY_NAME, _LINKS_BY_ORDER)
    )
    names = _numbers(reader, by_name, kinds[0], found.number_size)
    if by_order != UNDEFINED:
        order = _numbers(reader, by_order, kinds[1], found.number_size)
        shared = attributes and any(one[found.number_size] for one in order.values())
        if order.keys() != names.keys() or shared:
            damaged("two trees of one heap differ")
    if len(names) != found.objects:
        damaged("a heap and its tree differ")
    for number, record in names.items():
        if attributes and record[found.number_size]:
            unusual("an attribute that several objects share")
        yield (
            int.from_bytes(record[-4:] if attributes else record[:4], "little"),
            (found.get(number)),
        )


def _layout(kind: int, size: int) -> tuple[int, int, int, int]:
    """Where things are in a record, when the heap's numbers have this size."""
    more, where, key, key_size = _RECORDS[kind]
    return more, where, key if key >= 0 else size + more + key, key_size


class _Block(NamedTuple):
    """A block of a heap: where its bytes are in the heap, and what they are."""

    start: int
    data: bytes


class _Heap(NamedTuple):
    objects: int
    number_size: int
    offset_size: int
    length_size: int
    blocks: list[_Block]
    starts: list[int]

    def get(self, number: bytes) -> bytes:
        """The object with this number.

        Raises:
            Hdf5Fault: it has none.
        """
        if number[0] & 0xF0:
            unusual("an object too large for its heap")
        start = int.from_bytes(number[1 : 1 + self.offset_size], "little")
        rest = number[1 + self.offset_size :]
        length = int.from_bytes(rest[: self.length_size], "little")
        place = bisect.bisect_right(self.starts, start) - 1
        at = start - self.starts[place] if place >= 0 else 0
        found = self.blocks[place].data[at : at + length] if place >= 0 else b""
        if not length or len(found) != length:
            damaged("an object is not in its heap")
        return found


class _Table(NamedTuple):
    """How the blocks of a heap double.

    Args:
        heap: address of the heap.
        width: blocks in a row.
        first: bytes of a block in the first two rows.
        largest: bytes of the largest block that holds objects.
        offset_size: bytes of an offset in the heap.
        checked: whether blocks that hold objects have a checksum.
    """

    heap: int
    width: int
    first: int
    largest: int
    offset_size: int
    checked: bool

    def size(self, row: int) -> int:
        return self.first << max(row - 1, 0)

    def rows(self, size: int) -> int:
        """How many rows a block that holds blocks, of this size in the heap, has."""
        return (size // self.width // self.first).bit_length()


def _heap(reader: Reader, address: int) -> _Heap:
    head = reader.checked(address, _HEAP_SIZE)
    number_size, filters, flags = struct.unpack_from("<HHB", head, 5)
    managed = int.from_bytes(head[10:14], "little")
    objects, *others = (struct.unpack_from("<Q", head, at)[0] for at in (70, 86, 102))
    if any(others):
        unusual("objects too large, or too small, for their heap")
    width, first, largest, bits, _, root, rows = struct.unpack_from(
        "<HQQHHQH", head, 110
    )
    if not head.startswith(_HEAP):
        damaged(f"no heap at address {address}")
    if filters:
        unusual("a packed heap")
    sound = (
        _power(width)
        and width <= _WIDEST
        and _power(first)
        and _power(largest)
        and first <= largest <= 1 << 24
        and 0 < bits <= 64  # noqa: PLR2004 -- bits of an offset
        and rows <= _MOST_ROWS
        and 0 < number_size <= 64  # noqa: PLR2004 -- far beyond any
    )
    if not sound:
        damaged("a heap with impossible numbers")
    offset_size = (bits + 7) // 8
    length_size = min(_bytes_for(largest), _bytes_for(managed))
    if number_size < 1 + offset_size + length_size:
        damaged("a heap with impossible numbers")
    table = _Table(address, width, first, largest, offset_size, bool(flags & 2))
    blocks: list[_Block] = []
    if root != UNDEFINED and rows:
        _indirect(reader, table, root, rows, 0, blocks)
    elif root != UNDEFINED:
        blocks.append(_direct(reader, table, root, first, 0))
    starts = [block.start for block in blocks]
    return _Heap(objects, number_size, offset_size, length_size, blocks, starts)


def _power(number: int) -> bool:
    return number > 0 and not number & (number - 1)


def _bytes_for(number: int) -> int:
    return (max(number, 1).bit_length() + 7) // 8


def _direct(
    reader: Reader, table: _Table, address: int, size: int, start: int
) -> _Block:
    data = reader.claim(address, size)
    _check_block(table, data, _DIRECT, start)
    if table.checked:
        at = 13 + table.offset_size
        found = data[at : at + CHECKSUM]
        check_sum(data[:at] + bytes(CHECKSUM) + data[at + CHECKSUM :], found)
    return _Block(start, data)


def _check_block(table: _Table, data: bytes, sign: bytes, start: int) -> None:
    owner = int.from_bytes(data[5:13], "little")
    found = int.from_bytes(data[13 : 13 + table.offset_size], "little")
    if not data.startswith(sign) or owner != table.heap or found != start:
        damaged("a block of a heap is another one")


def _indirect(
    reader: Reader,
    table: _Table,
    address: int,
    rows: int,
    start: int,
    blocks: list[_Block],
) -> None:
    """Collect the blocks below one that holds blocks; the numbers bound the depth."""
    head = 13 + table.offset_size
    data = reader.checked(address, head + rows * table.width * 8 + CHECKSUM)
    _check_block(table, data, _INDIRECT, start)
    at = head
    reader.spend(rows * table.width)
    for row in range(rows):
        size = table.size(row)
        for _ in range(table.width):
            child = int.from_bytes(data[at : at + 8], "little")
            at += 8
            if child != UNDEFINED and size <= table.largest:
                blocks.append(_direct(reader, table, child, size, start))
            elif child != UNDEFINED:
                _indirect(reader, table, child, table.rows(size), start, blocks)
            start += size


def _numbers(reader: Reader, address: int, kind: int, size: int) -> dict[bytes, bytes]:
    """The heap's numbers in all records of a tree, in its order, and the records."""
    head = reader.checked(address, _TREE_SIZE)
    node, width, depth = struct.unpack_from("<IHH", head, 6)
    root, count, total = struct.unpack_from("<QHQ", head, 16)
    more, where, key, key_size = _layout(kind, size)
    sound = (
        head.startswith(_TREE)
        and head[5] == kind
        and width - more == size
        and depth <= _DEEPEST
        and _NODE_HEAD + CHECKSUM + width <= node <= _LARGEST_NODE
    )
    if not sound:
        damaged(f"no tree at address {address}")
    if root == UNDEFINED or not count:
        return {}
    records = _Tree(reader, node, width, kind).records(root, count, depth)
    if len(records) != total:
        damaged("a tree that counts itself wrongly")
    keys = [record[key : key + key_size][::-1] for record in records]
    if keys != sorted(keys):
        damaged("a tree that is not in order")
    found = {record[where : where + size]: record for record in records}
    if len(found) != len(records):
        damaged("a tree has something twice")
    return found


class _Tree:
    """A tree of version 2; its nodes all have one size."""

    def __init__(self, reader: Reader, node: int, width: int, kind: int) -> None:
        self._reader, self._node, self._width = reader, node, width
        self._kind = kind
        #: The most records of a node, and of all below it, by its level.
        self._most = [(node - _NODE_HEAD - CHECKSUM) // width]
        self._total = [self._most[0]]

    def _pointer(self, level: int) -> tuple[int, int]:
        """Bytes of the counts in a pointer from this level to the one below."""
        while len(self._most) < level:
            self._grow()
        one = _bytes_for(self._most[0])
        return one, _bytes_for(self._total[level - 1]) if level > 1 else 0

    def _grow(self) -> None:
        level = len(self._most)
        one = _bytes_for(self._most[0])
        pointer = 8 + one + (_bytes_for(self._total[level - 1]) if level > 1 else 0)
        room = self._node - _NODE_HEAD - CHECKSUM - pointer
        most = room // (self._width + pointer)
        if most < 1:
            damaged("a tree whose nodes have no room")
        self._most.append(most)
        self._total.append((most + 1) * self._total[level - 1] + most)

    def records(self, address: int, count: int, level: int) -> list[bytes]:
        """The records of a node and of all below it, from left to right."""
        data = self._reader.claim(address, self._node)
        sign = _INNER if level else _LEAF
        while len(self._most) <= level:
            self._grow()
        if not data.startswith(sign) or data[5] != self._kind:
            damaged("a node of a tree is another one")
        if not 0 < count <= self._most[level]:
            damaged(f"a node of a tree with {count} records")
        self._reader.spend(count)
        at = _NODE_HEAD + count * self._width
        one, all_ = self._pointer(level) if level else (0, 0)
        step = 8 + one + all_ if level else 0
        end = at + (count + 1) * step
        check_sum(data[:end], data[end : end + CHECKSUM])
        found: list[bytes] = []
        for place in range(count + 1):
            if level:
                found += self._below(data[at : at + step], one, level)
                at += step
            if place < count:
                start = _NODE_HEAD + place * self._width
                found.append(data[start : start + self._width])
        return found

    def _below(self, pointer: bytes, one: int, level: int) -> list[bytes]:
        """The records of the node that a pointer leads to, and of all below it."""
        child, count = pointer[:8], pointer[8 : 8 + one]
        found = self.records(
            int.from_bytes(child, "little"), int.from_bytes(count, "little"), level - 1
        )
        if level > 1 and int.from_bytes(pointer[8 + one :], "little") != len(found):
            damaged("a tree that counts itself wrongly")
        return found
