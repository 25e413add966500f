"""Types, shapes and attributes in HDF5 files."""

import math
import struct
from typing import Final, NamedTuple

from kerasplug.saving.hdf5_bytes import (
    Reader,
    damaged,
    refuse,
    unusual,
)

__all__ = [
    "Attribute",
    "Heaps",
    "Type",
    "attribute_of",
    "count_of",
    "shape_of",
    "type_of",
]

_NAMES: Final = {
    0: "int",
    1: "float",
    2: "time",
    3: "string",
    4: "bits",
    5: "opaque",
    6: "compound",
    7: "reference",
    8: "enum",
    9: "vlen",
    10: "array",
    11: "complex",
}
#: Types stand within types no deeper than this: an array of a text.
_DEEPEST: Final = 3
_WIDEST_NUMBER: Final = 16
#: How texts are filled up: with an end, with zeros, with blanks.
_LAST_PADDING: Final = 2
_MOST_DIMENSIONS: Final = 32
#: A reference to a text: its length, the address of its collection, its number.
_REFERENCE: Final = 16
_COLLECTION: Final = b"GCOL"
_COLLECTION_HEAD: Final = 16


class Type(NamedTuple):
    """The type of a dataset's or an attribute's elements.

    Args:
        kind: `"int"`, `"float"`, `"string"`, …
        size: of one element in bytes.
        base: what it is made of, for `"vlen"` and `"enum"`.
        text: whether a `"vlen"` is a text.
        used: how many bytes describe it.
    """

    kind: str
    size: int
    base: "Type | None" = None
    text: bool = False
    used: int = 8

    def __str__(self) -> str:
        return f"{self.kind}{self.size * 8}" if self.kind != "vlen" else "vlen"


def type_of(data: bytes, depth: int = 0) -> Type:
    """The type that a message describes.

    Raises:
        Hdf5Fault: it describes none.
    """
    if len(data) < 8 or depth > _DEEPEST:  # noqa: PLR2004 -- class, bits and size
        damaged("a type is cut short, or made of itself")
    kind = _NAMES.get(data[0] & 0x0F, "unknown")
    version = data[0] >> 4
    size = int.from_bytes(data[4:8], "little")
    if not 1 <= version <= 5 or not size or kind == "unknown":  # noqa: PLR2004 -- known ones
        damaged(f"a type of version {version}, {size} bytes, {kind}")
    make = _MAKERS.get(kind)
    return Type(kind, size) if make is None else make(version, size, data, depth)


def _string(_version: int, size: int, data: bytes, _depth: int) -> Type:
    if data[1] & 0x0F > _LAST_PADDING or data[1] >> 4 > 1:
        damaged("a text of an unknown sort")
    return Type("string", size)


def _vlen(_version: int, size: int, data: bytes, depth: int) -> Type:
    base = type_of(data[8:], depth + 1)
    if data[1] & 0x0F > 1 or data[1] >> 4 > _LAST_PADDING or data[2] & 0x0F > 1:
        damaged("a text of an unknown sort")
    return Type("vlen", size, base, text=data[1] & 0x0F == 1, used=8 + base.used)


def _compound(version: int, size: int, data: bytes, _depth: int) -> Type:
    is_complex = _is_complex(version, size, data)
    return Type("complex" if is_complex else "compound", size)


def _opaque(_version: int, size: int, data: bytes, _depth: int) -> Type:
    return Type("opaque", size, used=8 + data[1])


def _integer(_version: int, size: int, data: bytes, _depth: int) -> Type:
    if len(data) < 12 or size > _WIDEST_NUMBER:  # noqa: PLR2004 -- with its properties
        damaged(f"a number of {size} bytes")
    offset, precision = struct.unpack_from("<HH", data, 8)
    if not precision or offset + precision > size * 8:
        damaged(f"a number with {precision} bits in {size} bytes")
    return Type("int", size, used=12)


def _float(_version: int, size: int, data: bytes, _depth: int) -> Type:
    if len(data) < 20 or size > _WIDEST_NUMBER:  # noqa: PLR2004 -- with its properties
        damaged(f"a number of {size} bytes")
    offset, precision, *fields, _ = struct.unpack_from("<HHBBBBI", data, 8)
    exponent, exponent_size, mantissa, mantissa_size = fields
    end = size * 8
    sound = (
        precision
        and offset + precision <= end
        and exponent_size
        and exponent + exponent_size <= end
        and mantissa_size
        and mantissa + mantissa_size <= end
        and data[2] < end
        and (
            exponent >= mantissa + mantissa_size or mantissa >= exponent + exponent_size
        )
        and data[1] & 0x30 != 0x30  # noqa: PLR2004 -- a norm that there is not
    )
    if not sound:
        damaged(f"a number of {size} bytes with impossible parts")
    return Type("float", size, used=20)


def _enum(version: int, size: int, data: bytes, depth: int) -> Type:
    base = type_of(data[8:], depth + 1)
    count = int.from_bytes(data[1:3], "little")
    at = 8 + base.used
    if base.kind != "int" or base.size != size:
        damaged("an enumeration of no numbers")
    for _ in range(count):
        end = data.find(b"\0", at)
        if end < 0:
            damaged("a name of an enumeration is cut short")
        length = end + 1 - at
        at += length if version >= 3 else _padded(length)  # noqa: PLR2004 -- since version 3
    if at + count * size > len(data):
        damaged("an enumeration is cut short")
    return Type("enum", size, base, used=at + count * size)


def _is_complex(version: int, size: int, data: bytes) -> bool:
    """Whether it is two floats, r and i: so complex numbers are written."""
    if int.from_bytes(data[1:3], "little") != 2 or version < 1:  # noqa: PLR2004 -- two parts
        return False
    half = size // 2
    at = 8
    for place, name in enumerate((b"r\0", b"i\0")):
        if data[at : at + 2] != name:
            return False
        at += 2 if version >= 3 else 8  # noqa: PLR2004 -- names are padded before
        width = 1 if version >= 3 else 4  # noqa: PLR2004 -- of the offset
        if int.from_bytes(data[at : at + width], "little") != place * half:
            return False
        at += width + (28 if version == 1 else 0)
        part = type_of(data[at:], 1)
        if (part.kind, part.size) != ("float", half):
            return False
        at += part.used
    return True


_MAKERS: Final = {
    "int": _integer,
    "float": _float,
    "string": _string,
    "opaque": _opaque,
    "compound": _compound,
    "enum": _enum,
    "vlen": _vlen,
}


def shape_of(data: bytes) -> tuple[int, ...] | None:
    """The shape that a message describes; None: there are no elements at all.

    Raises:
        Hdf5Fault: it describes none.
    """
    version, rank = data[:1], data[1] if len(data) > 1 else 0
    if version == b"\x01":
        at, null = 8, False
    elif version == b"\x02":
        at, null = 4, len(data) > 3 and data[3] == 2  # noqa: PLR2004 -- the fourth byte; 2: null
    else:
        damaged("a shape of an unknown version")
    sets = 1 + (data[2] & 1 if len(data) > 2 else 0)  # noqa: PLR2004 -- the third byte
    if rank > _MOST_DIMENSIONS or len(data) < at + 8 * rank * sets:
        damaged(f"a shape of {rank} dimensions")
    if null:
        return None
    shape = struct.unpack_from(f"<{rank}Q", data, at)
    most = struct.unpack_from(f"<{rank}Q", data, at + 8 * rank * (sets - 1))
    if any(one > limit for one, limit in zip(shape, most, strict=True)):
        damaged("a shape larger than its own maximum")
    return shape


def count_of(shape: tuple[int, ...] | None) -> int:
    """How many elements a shape has."""
    return 0 if shape is None else math.prod(shape)


class Attribute(NamedTuple):
    """A named value on a group or a dataset.

    Args:
        name: its name.
        type: of its elements.
        length: how many.
        data: their bytes; for texts of any length: references to them.
        scalar: whether it is a single value, and no list of one.
    """

    name: str
    type: Type
    length: int
    data: bytes
    scalar: bool


def attribute_of(data: bytes) -> Attribute:
    """The attribute that a message holds.

    Raises:
        Hdf5Fault: it holds none.
    """
    version = data[0] if data else 0
    if version not in (1, 2, 3) or len(data) < 9:  # noqa: PLR2004 -- its head
        damaged("an attribute of an unknown version")
    if version > 1 and data[1]:
        unusual("an attribute whose type is shared")
    sizes = struct.unpack_from("<HHH", data, 2)
    at = 9 if version == 3 else 8  # noqa: PLR2004 -- version 3 has a character set
    parts = []
    for size in sizes:
        parts.append(data[at : at + size])
        if len(parts[-1]) != size:
            damaged("an attribute is cut short")
        at += _padded(size) if version == 1 else size
    name, sign, rest = parts[0].partition(b"\0")
    if not sign or rest:
        damaged("an attribute's name of another length")
    kind, shape = type_of(parts[1]), shape_of(parts[2])
    count = count_of(shape)
    size = count * kind.size
    if size > len(data) - at:
        damaged(f"an attribute of {size:,} bytes in {len(data) - at:,}")
    try:
        text = name.decode("utf-8")
    except UnicodeDecodeError as error:
        damaged("an attribute's name that is no text", error)
    return Attribute(text, kind, count, data[at : at + size], shape == ())


def _padded(size: int) -> int:
    return (size + 7) // 8 * 8


class Heaps:
    """The texts of any length, which lie in collections somewhere in the file.

    Args:
        reader: of the file.
        cap: how many bytes of text are read in all.
    """

    def __init__(self, reader: Reader, cap: int) -> None:
        self._reader = reader
        self._left = cap
        self._collections: dict[int, dict[int, tuple[int, int]]] = {}

    def texts(self, data: bytes, count: int) -> list[bytes]:
        """The texts that these references point to.

        Raises:
            Hdf5Fault: they point elsewhere.
        """
        if len(data) < count * _REFERENCE:
            damaged("a reference to a text is cut short")
        return [self._text(data[at * _REFERENCE :]) for at in range(count)]

    def _text(self, reference: bytes) -> bytes:
        length, address, number = struct.unpack_from("<IQI", reference)
        if not length:
            return b""
        if address not in self._collections:
            self._collections[address] = self._collection(address)
        at, size = self._collections[address].get(number, (0, -1))
        if size < length:
            damaged(f"a text of {length:,} bytes that is not there")
        self._left -= length
        if self._left < 0:
            what = "is refused: its HDF5 attributes are larger than any real ones"
            refuse("too-large-attribute", what)
        return b"".join(
            self._reader.read(at + part, min(1 << 20, length - part))
            for part in range(0, length, 1 << 20)
        )

    def _collection(self, address: int) -> dict[int, tuple[int, int]]:
        """Number of a text -> where it is and how long; all are checked at once."""
        reader = self._reader
        head = reader.read(address, _COLLECTION_HEAD)
        size = int.from_bytes(head[8:], "little")
        if not head.startswith(_COLLECTION + b"\x01") or size < _COLLECTION_HEAD:
            damaged(f"no texts at address {address}")
        reader.check_range(address, size)
        reader.claims.add(address, size)
        found: dict[int, tuple[int, int]] = {}
        at, end = address + _COLLECTION_HEAD, address + size
        while at + _COLLECTION_HEAD <= end:
            entry = reader.read(at, _COLLECTION_HEAD)
            number, _, _, length = struct.unpack("<HHIQ", entry)
            if not number:  # the free rest; it counts its own head
                break
            if number in found or at + _COLLECTION_HEAD + length > end:
                damaged("a text is not in its collection")
            found[number] = (at + _COLLECTION_HEAD, length)
            at += _COLLECTION_HEAD + _padded(length)
        if at + _COLLECTION_HEAD <= end and length != end - at:
            damaged("a collection of texts doesn't add up")
        return found
