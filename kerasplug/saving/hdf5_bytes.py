"""The bytes of an HDF5 file that nobody trusts: bounded reads, and what was claimed.

The library that reads HDF5 files is native code, and crashes on some damaged ones: of
2,500 mutated model files one killed its process (HDF5 1.14.6). So a file's structure is
read here first, in Python, and only a sound one comes before the library. Anything that
doesn't fit is a fault, and so is anything that no Keras has ever written.

Source: the HDF5 File Format Specification, version 3.0; HDF5 1.14.6 and 2.0 write
nothing else by themselves.
"""

import struct
from collections.abc import Iterator
from typing import IO, Final, NamedTuple, NoReturn

from kerasplug.saving.hdf5_checksums import lookup3

__all__ = [
    "CHECKSUM",
    "UNDEFINED",
    "Claims",
    "Hdf5Fault",
    "Reader",
    "Superblock",
    "check_sum",
    "damaged",
    "open_reader",
    "refuse",
    "unusual",
]

#: The address of what is not there.
UNDEFINED: Final = 0xFFFF_FFFF_FFFF_FFFF

#: Bytes of a checksum.
CHECKSUM: Final = 4

_SIGNATURE: Final = b"\x89HDF\r\n\x1a\n"
#: The signature stands at the start, or behind a user block of one of these sizes.
_PLACES: Final = (0, 512, 1024, 2048)
#: No structure is larger, but the values of weights and texts, which are read in parts.
_LARGEST_PIECE: Final = 1 << 24
#: A read counts once, and once more for so many bytes.
_PAGE: Final = 4096
#: Values are read in parts of so many bytes.
_PART: Final = 1 << 16
_OLD_TAIL: Final = 96
_NEW_SIZE: Final = 48
#: Addresses and lengths have so many bytes in each file of a 64-bit machine.
_WIDTH: Final = 8


class Hdf5Fault(Exception):  # noqa: N818 -- never leaves this room: it becomes a Danger
    """Why a part of an HDF5 file is not read any further.

    Args:
        kind: the kind of the danger.
        what: what is wrong, as the end of a sentence whose subject is the file.
        found: what was found there.
    """

    def __init__(self, kind: str, what: str, found: str = "") -> None:
        super().__init__(what)
        self.kind, self.what, self.found = kind, what, found


def refuse(kind: str, what: str, found: str = "") -> NoReturn:
    """Stop reading a part of the file.

    Args:
        kind: as for `Hdf5Fault`.
        what: as for `Hdf5Fault`.
        found: as for `Hdf5Fault`.

    Raises:
        Hdf5Fault: always.
    """
    raise Hdf5Fault(kind, what, found)


def damaged(found: str, cause: Exception | None = None) -> NoReturn:
    """Stop at what doesn't fit together.

    Args:
        found: what was found.
        cause: the exception that told.

    Raises:
        Hdf5Fault: always.
    """
    kind, what = "damaged-weights", "is damaged: it can't be read as an HDF5 file"
    raise Hdf5Fault(kind, what, found) from cause


def unusual(found: str) -> NoReturn:
    """Stop at what HDF5 allows and no Keras writes.

    Args:
        found: what was found.

    Raises:
        Hdf5Fault: always.
    """
    what = "is HDF5 of a sort that no Keras writes, and that can't be checked"
    refuse("unusual-hdf5", what, found)


class Claims:
    """Which bytes have been claimed for what; two claims must not overlap."""

    def __init__(self) -> None:
        self._sizes: dict[int, int] = {}

    def add(self, address: int, size: int) -> None:
        """Claim a part.

        Raises:
            Hdf5Fault: it begins where another one does.
        """
        if not size:
            return
        if address in self._sizes:
            damaged(f"two structures begin at address {address}")
        self._sizes[address] = size

    def check(self) -> None:
        """Compare all claims with each other.

        Raises:
            Hdf5Fault: two overlap.
        """
        end = 0
        for address in sorted(self._sizes):
            if address < end:
                text = f"two structures claim the bytes at address {address}"
                refuse("overlap", "holds HDF5 structures that overlap", text)
            end = address + self._sizes[address]


class Reader:
    """Reads parts of an HDF5 file, by address, and never beyond its end.

    Args:
        file: an open file that can seek.
        start: where in it address 0 is.
        end: the first address behind the HDF5 file.
        budget: how many steps may be done; bounds the time.
        unpacked: how many bytes of packed values may be unpacked, to see that they
            are what they declare.
    """

    def __init__(
        self, file: IO[bytes], start: int, end: int, budget: int, unpacked: int = 0
    ) -> None:
        self._file, self._start = file, start
        self.end = end
        self._budget = budget
        self.unpacked = unpacked
        self.claims = Claims()

    def read(self, address: int, size: int) -> bytes:
        """The bytes at an address.

        Raises:
            Hdf5Fault: they are not all there, or too much was read already.
        """
        if size < 0 or size > _LARGEST_PIECE:
            damaged(f"a structure of {size:,} bytes")
        self.spend(1 + size // _PAGE)
        self.check_range(address, size)
        self._file.seek(self._start + address)
        data = self._file.read(size)
        if len(data) != size:
            damaged(f"it ends within the bytes at address {address}")
        return data

    def spend(self, steps: int) -> None:
        """Count what takes time.

        Args:
            steps: reads, or things within what was read.

        Raises:
            Hdf5Fault: there were too many.
        """
        self._budget -= steps
        if self._budget < 0:
            what = "is refused: its HDF5 structure is larger than any real one"
            refuse("too-many-objects", what)

    def parts(self, address: int, size: int) -> Iterator[bytes]:
        """Values, part by part; they count for no step.

        Raises:
            Hdf5Fault: they are not all there.
        """
        self.check_range(address, size)
        for at in range(0, size, _PART):
            self._file.seek(self._start + address + at)
            yield self._file.read(min(_PART, size - at))

    def check_range(self, address: int, size: int) -> None:
        """Refuse a part that is not within the file.

        Raises:
            Hdf5Fault: it is not.
        """
        if address + size > self.end:
            where = "nowhere" if address == UNDEFINED else f"at address {address}"
            damaged(f"something {where}, {size:,} bytes, is not in it")

    def claim(self, address: int, size: int) -> bytes:
        """The bytes of a structure that nothing else shares.

        Raises:
            Hdf5Fault: as `read`; or something else has claimed them.
        """
        data = self.read(address, size)
        self.claims.add(address, size)
        return data

    def checked(self, address: int, size: int) -> bytes:
        """The same, of a structure that ends in its checksum, which is left out.

        Raises:
            Hdf5Fault: as `claim`; or the checksum is another one.
        """
        data = self.claim(address, size)
        check_sum(data[:-CHECKSUM], data[-CHECKSUM:])
        return data[:-CHECKSUM]


def check_sum(data: bytes, found: bytes) -> None:
    """Compare a checksum.

    Args:
        data: what it is of.
        found: what it should be, in the file's words.

    Raises:
        Hdf5Fault: it is another one.
    """
    if int.from_bytes(found, "little") != lookup3(data):
        damaged("a checksum is another one")


class Superblock(NamedTuple):
    """What an HDF5 file says of itself.

    Args:
        version: of the superblock.
        root: address of the root group's header.
        leaf_k: half the number of entries in a leaf of an old-style group.
        group_k: half the number of children in a node of such a group's tree.
        chunk_k: the same for the tree of a dataset's chunks.
        cached: what it repeats of the root group's header; empty: nothing.
    """

    version: int
    root: int
    leaf_k: int = 4
    group_k: int = 16
    chunk_k: int = 32
    cached: bytes = b""


def open_reader(
    file: IO[bytes], start: int, size: int, budget: int, unpacked: int = 0
) -> tuple[Reader, Superblock]:
    """A reader for the HDF5 file that lies in `file` from `start` on.

    Args:
        file: an open file that can seek.
        start: where the HDF5 file begins.
        size: how long it is.
        budget: how many steps may be done.
        unpacked: as for `Reader`.

    Raises:
        Hdf5Fault: it is none, or one that this can't check.
    """
    for place in _PLACES:
        file.seek(start + place)
        if place + _OLD_TAIL <= size and file.read(len(_SIGNATURE)) == _SIGNATURE:
            break
    else:
        damaged("no HDF5 signature")
    reader = Reader(file, start + place, size - place, budget, unpacked)
    version = reader.read(len(_SIGNATURE), 1)[0]
    if version in (0, 1):
        return reader, _old(reader, place, version)
    if version in (2, 3):
        return reader, _new(reader, place, version)
    unusual(f"a superblock of version {version}")


def _old(reader: Reader, place: int, version: int) -> Superblock:
    size = _OLD_TAIL + 4 * version
    head = reader.read(0, min(size, reader.end))
    if len(head) < size:
        damaged("its superblock is cut short")
    others = (head[9], head[10], head[12])
    leaf, inner = struct.unpack_from("<HH", head, 16)
    chunk = struct.unpack_from("<H", head, 24)[0] if version else 32
    tail = struct.unpack_from("<4Q", head, 24 + 4 * version)
    entry = head[24 + 4 * version + 32 :]
    base, _, end, driver = tail
    _check_widths(head[13], head[14])
    if any(others) or not (leaf and inner and chunk):
        damaged("its superblock has impossible numbers")
    if driver != UNDEFINED:
        unusual("a driver information block")
    _set_end(reader, place, base, end)
    reader.claims.add(0, size)
    root, kind = struct.unpack_from("<QI", entry, 8)
    if kind > 1:
        damaged("its root is no group")
    return Superblock(version, root, leaf, inner, chunk, entry[24:40] if kind else b"")


def _new(reader: Reader, place: int, version: int) -> Superblock:
    head = reader.checked(0, _NEW_SIZE)
    _check_widths(head[9], head[10])
    base, extension, end, root = struct.unpack_from("<4Q", head, 12)
    if extension != UNDEFINED:
        unusual("a superblock extension")
    _set_end(reader, place, base, end)
    return Superblock(version, root)


def _check_widths(offsets: int, lengths: int) -> None:
    if (offsets, lengths) != (_WIDTH, _WIDTH):
        unusual(f"addresses of {offsets} and {lengths} bytes")


def _set_end(reader: Reader, place: int, base: int, end: int) -> None:
    """Check that it is as long as it says; what lies behind its end is not its own."""
    if base != place:
        damaged(f"it says it begins at {base}, and begins at {place}")
    # With a user block, some versions count the end from the file's start.
    if base and end - base == reader.end:
        end -= base
    if end > reader.end:
        damaged(f"{reader.end:,} bytes of {end:,} are there")
    reader.end = end
