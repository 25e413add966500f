"""Datasets of an HDF5 file: what they declare, and what is stored of it."""

import itertools
import math
import struct
from collections.abc import Mapping
from typing import Final, NamedTuple

from kerasplug.saving.hdf5_bytes import (
    UNDEFINED,
    Reader,
    Superblock,
    damaged,
    refuse,
    unusual,
)
from kerasplug.saving.hdf5_groups import tree_v1
from kerasplug.saving.hdf5_headers import (
    DATASPACE,
    DATATYPE,
    EXTERNAL_FILES,
    FILTERS,
    LAYOUT,
)
from kerasplug.saving.hdf5_types import Heaps, Type, count_of, shape_of, type_of

__all__ = ["Dataset", "dataset_of"]

#: The filters that HDF5 itself brings and that NumPy's users know: packing, sorting
#: the bytes, and a checksum. Others are libraries, which HDF5 looks for and loads.
_FILTERS: Final = {1: "deflate", 2: "shuffle", 3: "fletcher32"}
_DEFLATE, _FLETCHER = 1, 3
_MOST_FILTERS: Final = 8
_CHECKSUM_SIZE: Final = 4
#: What is unpacked at a time, in bytes.
_PIECE: Final = 1 << 20
#: What weights are made of. An opaque type of a byte or two is a small float, which
#: HDF5 has no name for: bfloat16.
_NUMBERS: Final = frozenset(("int", "float", "enum", "complex"))
_SMALL: Final = 2
_COMPACT, _CONTIGUOUS, _CHUNKED, _VIRTUAL = range(4)


class Dataset(NamedTuple):
    """What is known of a dataset.

    Args:
        type: of its elements.
        shape: its shape.
        declared: the bytes that it has in memory.
        stored: the bytes that it has in the file.
    """

    type: Type
    shape: tuple[int, ...]
    declared: int
    stored: int


def dataset_of(
    reader: Reader, block: Superblock, parts: Mapping[int, bytes], heaps: Heaps
) -> Dataset:
    """The dataset that has these messages.

    Args:
        reader: of the file.
        block: its superblock.
        parts: number of a message -> its bytes.
        heaps: of the file.

    Raises:
        Hdf5Fault: they don't fit together, or it is dangerous to read.
    """
    if EXTERNAL_FILES in parts:
        what = "holds a dataset whose values are read from another file"
        refuse("external-storage", what)
    if not {DATASPACE, DATATYPE, LAYOUT} <= set(parts):
        damaged("a dataset without a type, a shape or a layout")
    kind, shape = type_of(parts[DATATYPE]), shape_of(parts[DATASPACE])
    filters = _filters(parts.get(FILTERS))
    layout = _Layout.of(parts[LAYOUT])
    if layout.kind == _VIRTUAL:
        what = "holds a virtual dataset, whose values are read from other files"
        refuse("virtual-dataset", what)
    if shape is None:
        refuse("odd-type", "holds a dataset of no shape, not even an empty one")
    _check_type(kind, shape)
    declared = count_of(shape) * kind.size
    if filters and layout.kind != _CHUNKED:
        damaged("a filter without chunks")
    stored = _STORED[layout.kind](reader, block, layout, shape, kind, filters)
    if kind.kind == "vlen":
        _check_text(reader, layout, heaps)
    return Dataset(kind, shape, max(declared, layout.in_memory(stored)), stored)


def _check_type(kind: Type, shape: tuple[int, ...]) -> None:
    small = kind.kind == "opaque" and kind.size <= _SMALL
    text = kind.kind == "vlen" and kind.text and not shape
    if kind.kind not in _NUMBERS and not small and not text:
        what = "holds a dataset of a type that no weights have"
        refuse("odd-type", what, str(kind))


def _check_text(reader: Reader, layout: "_Layout", heaps: Heaps) -> None:
    """A single text, as kerasplug writes it beside the weights."""
    if layout.kind == _CONTIGUOUS and layout.address != UNDEFINED:
        heaps.texts(reader.read(layout.address, 16), 1)
    elif layout.kind == _COMPACT:
        heaps.texts(layout.data, 1)


def _filters(data: bytes | None) -> list[int]:
    """The numbers of the filters of a dataset."""
    if data is None:
        return []
    if len(data) < 2 or data[0] not in (1, 2) or data[1] > _MOST_FILTERS:  # noqa: PLR2004 -- version and number
        damaged("filters of an unknown version")
    old = data[0] == 1
    at = 8 if old else 2
    found = []
    for _ in range(data[1]):
        head = data[at : at + (8 if old else 6)]
        if len(head) < (8 if old else 6):
            damaged("filters are cut short")
        number = int.from_bytes(head[:2], "little")
        if number not in _FILTERS:
            what = "holds a dataset packed by a filter that Keras doesn't use"
            refuse("filter", what, f"filter {number}")
        # Version 2 gives names to foreign filters only.
        name = int.from_bytes(head[2:4], "little") if old else 0
        values = int.from_bytes(head[-2:], "little")
        at += len(head) + (name + 7) // 8 * 8
        at += 4 * (values + (values % 2 if old else 0))
        found.append(number)
    if at > len(data):
        damaged("filters are cut short")
    return found


class _Layout(NamedTuple):
    """How the values of a dataset lie in the file.

    Args:
        kind: compact, contiguous, chunked or virtual.
        address: of the values, or of the tree of chunks.
        size: of the values in bytes; of a chunk, for chunks.
        chunk: the shape of a chunk, with an element's size at the end.
        data: the values themselves, where they are compact.
    """

    kind: int
    address: int = UNDEFINED
    size: int = 0
    chunk: tuple[int, ...] = ()
    data: bytes = b""

    @classmethod
    def of(cls, data: bytes) -> "_Layout":
        """The layout that a message describes.

        Raises:
            Hdf5Fault: it describes none, or one that can't be checked.
        """
        version, kind = data[:2] if len(data) > 1 else (0, 0)
        if version not in (3, 4) or kind > _VIRTUAL:
            unusual(f"a layout of version {version}, class {kind}")
        if kind == _COMPACT:
            return cls._compact(data)
        if kind == _CONTIGUOUS and len(data) >= 18:  # noqa: PLR2004 -- address and size
            return cls(kind, *struct.unpack_from("<QQ", data, 2))
        if kind == _CHUNKED and version == 3:  # noqa: PLR2004 -- trees of version 1
            return cls._chunked(data)
        if kind != _VIRTUAL:
            unusual(f"a layout of version {version}, class {kind}")
        return cls(kind)

    @classmethod
    def _compact(cls, data: bytes) -> "_Layout":
        size = int.from_bytes(data[2:4], "little")
        if len(data) < 4 + size:
            damaged("values in a header are cut short")
        return cls(_COMPACT, size=size, data=data[4 : 4 + size])

    @classmethod
    def _chunked(cls, data: bytes) -> "_Layout":
        rank = data[2] if len(data) > 2 else 0  # noqa: PLR2004 -- the third byte
        if not 2 <= rank <= 33 or len(data) < 11 + 4 * rank:  # noqa: PLR2004 -- one more than the shape
            damaged(f"chunks of {rank} dimensions")
        address = int.from_bytes(data[3:11], "little")
        chunk = struct.unpack_from(f"<{rank}I", data, 11)
        if not all(chunk):
            damaged("chunks of no size")
        return cls(_CHUNKED, address, math.prod(chunk), chunk)

    def in_memory(self, stored: int) -> int:
        """The bytes that one chunk takes in memory: the library unpacks it whole."""
        return self.size if self.kind == _CHUNKED and stored else 0


def _compact(
    _reader: Reader,
    _block: Superblock,
    layout: _Layout,
    shape: tuple[int, ...],
    kind: Type,
    _filters: list[int],
) -> int:
    if layout.size != count_of(shape) * kind.size:
        damaged("values in a header have another size than their shape")
    return layout.size


def _contiguous(
    reader: Reader,
    _block: Superblock,
    layout: _Layout,
    shape: tuple[int, ...],
    kind: Type,
    _filters: list[int],
) -> int:
    if layout.address == UNDEFINED:
        return 0
    if layout.size != count_of(shape) * kind.size:
        damaged("values have another size than their shape")
    reader.check_range(layout.address, layout.size)
    reader.claims.add(layout.address, layout.size)
    return layout.size


def _chunked(
    reader: Reader,
    block: Superblock,
    layout: _Layout,
    shape: tuple[int, ...],
    kind: Type,
    filters: list[int],
) -> int:
    *chunk, size = layout.chunk
    if len(chunk) != len(shape) or size != kind.size:
        damaged("chunks have another shape than their dataset")
    if layout.address == UNDEFINED:
        return 0
    rank = len(layout.chunk)
    stored, seen = 0, set()
    for node in tree_v1(reader, layout.address, 1, 8 + 8 * rank, block.chunk_k):
        for key, address in zip(node.keys, node.children, strict=False):
            length, mask, *place = struct.unpack(f"<II{rank}Q", key)
            fits = all(
                not at % step and at < end
                for at, step, end in itertools.zip_longest(place[:-1], chunk, shape)
            )
            if not fits or place[-1] or tuple(place) in seen:
                damaged("a chunk is not within its dataset")
            seen.add(tuple(place))
            used = [one for at, one in enumerate(filters) if not mask >> at & 1]
            if mask >> len(filters):
                damaged("a chunk without filters that there are not")
            reader.check_range(address, length)
            reader.claims.add(address, length)
            stored += length
            _check_chunk(reader, address, length, used, layout.size)
    return stored


def _check_chunk(
    reader: Reader, address: int, length: int, filters: list[int], size: int
) -> None:
    """See that a chunk unpacks to its size: the library has crashed where it doesn't.

    Sorting bytes changes no size; a checksum stands at the end of what it is of.
    """
    sums = _CHECKSUM_SIZE * filters.count(_FLETCHER)
    if _DEFLATE not in filters:
        if length != size + sums:
            damaged(f"a chunk of {length:,} bytes")
        return
    place = filters.index(_DEFLATE)
    outer = _CHECKSUM_SIZE * filters[place:].count(_FLETCHER)
    if filters.count(_DEFLATE) > 1:
        unusual("a chunk that is packed twice")
    if length <= outer:
        damaged(f"a chunk of {length:,} bytes")
    inner = size + sums - outer
    if _unpacked_size(reader, address, length - outer, inner) != inner:
        damaged("a chunk that unpacks to another size")


def _unpacked_size(reader: Reader, address: int, length: int, most: int) -> int:
    """How many bytes a packed chunk unpacks to; one more than expected is enough."""
    import zlib

    machine, found = zlib.decompressobj(), 0
    try:
        for part in reader.parts(address, length):
            rest = part
            while rest and found <= most:
                data = machine.decompress(rest, _PIECE)
                rest = machine.unconsumed_tail
                found += len(data)
                reader.unpacked -= len(data)
                if reader.unpacked < 0:
                    what = "is refused: its weights unpack to far more than they are"
                    refuse("shape-bomb", what)
        found += len(machine.flush()) if machine.eof else most + 1
    except zlib.error as error:
        damaged("a chunk that can't be unpacked", error)
    return found


_STORED: Final = {_COMPACT: _compact, _CONTIGUOUS: _contiguous, _CHUNKED: _chunked}
