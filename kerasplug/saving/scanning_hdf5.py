"""What an HDF5 file holds and what is dangerous in it, seen without the library.

Every link is looked at and none that leads out of the file is followed.
"""

import contextlib
import struct
from collections.abc import Iterable, Iterator, Mapping
from typing import IO, Final, NamedTuple

from kerasplug.saving.dangers import Danger, shown
from kerasplug.saving.hdf5_bytes import (
    UNDEFINED,
    Hdf5Fault,
    Reader,
    Superblock,
    check_sum,
    damaged,
    open_reader,
    refuse,
)
from kerasplug.saving.hdf5_datasets import Dataset, dataset_of
from kerasplug.saving.hdf5_groups import Link, links_of
from kerasplug.saving.hdf5_headers import (
    ATTRIBUTE,
    ATTRIBUTE_INFO,
    DATASPACE,
    DATATYPE,
    LAYOUT,
    LINK,
    LINK_INFO,
    SYMBOL_TABLE,
    Message,
    messages_at,
)
from kerasplug.saving.hdf5_types import Attribute, Heaps, attribute_of
from kerasplug.saving.limits import Limits

__all__ = ["Weights", "scan_hdf5"]

#: So many dangers are told; a file with more is no better known by them.
_MOST_DANGERS: Final = 100
#: Steps for each group or dataset: its header and messages, tree, names, attributes.
_STEPS: Final = 16
#: A file may take so many steps for its own sake.
_STEPS_AT_LEAST: Final = 20_000
#: Groups within groups.
_DEEPEST: Final = 100
_GROUP: Final = frozenset((SYMBOL_TABLE, LINK, LINK_INFO))
_DATASET: Final = frozenset((DATASPACE, DATATYPE, LAYOUT))
#: Kind of a danger -> what would have been right, and what to do.
_ADVICE: Final = {
    "external-storage": ("weights in the file itself", ""),
    "virtual-dataset": ("weights in the file itself", ""),
    "external-link": ("groups and datasets in the file itself", ""),
    "soft-link": ("groups and datasets in the file itself", ""),
    "cyclic-link": ("each group in one place", ""),
    "odd-type": ("numbers", ""),
    "filter": ("deflate, shuffle and fletcher32", ""),
    "shape-bomb": (
        "weights that are there",
        "if you trust it: limits=Limits(expansion=…)",
    ),
    "too-many-objects": ("", "if you trust it: limits=Limits(objects=…)"),
    "too-large-attribute": ("", "if you trust it: limits=Limits(attribute_bytes=…)"),
    "damaged-weights": ("a whole HDF5 file", "copy or save it again"),
    "unusual-hdf5": ("", "load it with the program that wrote it, and save it again"),
}
#: Attributes are these; texts of any length are looked at on their own.
_PLAIN: Final = frozenset(("int", "float", "string", "enum"))


class Weights(NamedTuple):
    """What a file with weights holds.

    Args:
        arrays: path of a dataset or array -> (shape, bytes in memory).
        attributes: name of an attribute of the file itself -> its text; those that
            are no text are left out.
        dangers: what is dangerous in it.
        names: names at the top.
        readable: False where reading had to be given up.
    """

    arrays: dict[str, tuple[tuple[int, ...], int]]
    attributes: dict[str, bytes]
    dangers: tuple[Danger, ...]
    names: tuple[str, ...] = ()
    readable: bool = True

    @property
    def declared(self) -> int:
        """The bytes that all arrays have in memory."""
        return sum(size for _, size in self.arrays.values())


def scan_hdf5(
    file: IO[bytes], start: int, size: int, limits: Limits, label: str = ""
) -> Weights:
    """What the HDF5 file that lies in `file` from `start` on holds.

    Args:
        file: an open file that can seek.
        start: where the HDF5 file begins.
        size: how long it is.
        limits: what is believed.
        label: comes before each place: a member's name, where it is one.
    """
    scan = _Scan(size, limits, label)
    try:
        budget = _STEPS_AT_LEAST + _STEPS * limits.objects
        unpacked = max(limits.floor_bytes, limits.expansion * size)
        reader, block = open_reader(file, start, size, budget, unpacked)
        scan.walk(reader, block)
        reader.claims.check()
    except Hdf5Fault as fault:
        scan.note(fault, "/")
        scan.readable = False
    scan.judge()
    return Weights(
        scan.arrays, scan.attributes, tuple(scan.dangers), scan.names, scan.readable
    )


class _Group(NamedTuple):
    path: str
    messages: list[Message]
    depth: int


class _Scan:
    """One walk through a file."""

    def __init__(self, size: int, limits: Limits, label: str) -> None:
        self._size, self._limits, self._label = size, limits, label
        self.arrays: dict[str, tuple[tuple[int, ...], int]] = {}
        self.attributes: dict[str, bytes] = {}
        self.dangers: list[Danger] = []
        self.names: tuple[str, ...] = ()
        self.readable = True
        self._datasets: dict[int, Dataset] = {}
        self._groups: set[int] = set()
        self._seen = 0
        self._attribute_bytes = 0

    def note(self, fault: Hdf5Fault, path: str) -> None:
        """Keep a fault as a danger, with its place."""
        if len(self.dangers) < _MOST_DANGERS:
            where = self._label + (path or "/")
            expected, mend = _ADVICE.get(fault.kind, ("", ""))
            danger = Danger(fault.kind, where, fault.what, fault.found, expected, mend)
            self.dangers.append(danger)

    def walk(self, reader: Reader, block: Superblock) -> None:
        """Look at everything that can be reached.

        Raises:
            Hdf5Fault: the root can't be read, or there is too much of it.
        """
        limits = self._limits
        heaps = Heaps(reader, limits.attribute_bytes + limits.config_bytes)
        messages = messages_at(reader, block.root)
        _check_cached(block.cached, {one.kind: one.data for one in messages})
        if not {message.kind for message in messages} & _GROUP:
            damaged("its root is no group")
        self._groups.add(block.root)
        waiting = [_Group("", messages, 0)]
        while waiting:
            group = waiting.pop()
            with self._noting(group.path):
                self._attributes(reader, group.messages, heaps, top=not group.path)
            with self._noting(group.path):
                links = links_of(reader, block, group.messages)
                if not group.path:
                    self.names = tuple(link.name for link in links)
                waiting.extend(self._groups_in(group, links, reader, block, heaps))

    @contextlib.contextmanager
    def _noting(self, path: str) -> Iterator[None]:
        """Go on behind a fault, unless there is too much of everything."""
        try:
            yield
        except Hdf5Fault as fault:
            if fault.kind == "too-many-objects":
                raise
            self.note(fault, path)

    def _groups_in(
        self,
        group: _Group,
        links: Iterable[Link],
        reader: Reader,
        block: Superblock,
        heaps: Heaps,
    ) -> Iterator[_Group]:
        """The groups in a group; its datasets are looked at in passing."""
        for link in links:
            path = f"{group.path}/{shown(link.name)[1:-1]}"
            with self._noting(path):
                self._count(link)
                if link.address in self._datasets:
                    self._array(path, self._datasets[link.address])
                    continue
                if link.address in self._groups or group.depth >= _DEEPEST:
                    what = "holds an HDF5 group within itself, or under two names"
                    refuse("cyclic-link", what)
                messages = messages_at(reader, link.address)
                parts = {one.kind: one.data for one in messages}
                _check_cached(link.cached, parts)
                if not parts.keys() & _GROUP:
                    self._attributes(reader, messages, heaps, top=False)
                    found = dataset_of(reader, block, parts, heaps)
                    self._datasets[link.address] = found
                    self._array(path, found)
                elif parts.keys() & _DATASET:
                    damaged("a group that is a dataset as well")
                else:
                    self._groups.add(link.address)
                    yield _Group(path, messages, group.depth + 1)

    def _count(self, link: Link) -> None:
        if link.kind != "hard":
            external = link.kind == "external"
            what = "holds a link into another file" if external else "holds a soft link"
            refuse(f"{link.kind}-link", what)
        self._seen += 1
        if self._seen > self._limits.objects:
            what = "is refused: it holds more groups and datasets than any real one"
            refuse("too-many-objects", what, f"more than {self._limits.objects:,}")

    def _array(self, path: str, found: Dataset) -> None:
        self.arrays[path] = (found.shape, found.declared)
        if _is_bomb(found.declared, found.stored, self._limits):
            what = "declares weights that are not in it"
            refuse("shape-bomb", what, _sizes(found.declared, found.stored))

    def _attributes(
        self, reader: Reader, messages: Iterable[Message], heaps: Heaps, *, top: bool
    ) -> None:
        names: set[str] = set()
        for one in _attributes_of(reader, messages):
            self._attribute_bytes += len(one.data)
            if self._attribute_bytes > self._limits.attribute_bytes:
                what = "is refused: its HDF5 attributes are larger than any real ones"
                refuse("too-large-attribute", what)
            if one.name in names:
                damaged(f"two attributes called {shown(one.name)}")
            names.add(one.name)
            texts = _texts(one, heaps)
            if top and one.scalar and texts:
                self.attributes[one.name] = texts[0]

    def judge(self) -> None:
        """Compare the whole with its size, and with the memory there is."""
        declared = sum(size for _, size in self.arrays.values())
        if any(one.kind == "shape-bomb" for one in self.dangers):
            return
        if _is_bomb(declared, self._size, self._limits):
            what = "declares weights that are not in it"
            found = _sizes(declared, self._size)
            self.note(Hdf5Fault("shape-bomb", what, found), "")


def _check_cached(cached: bytes, parts: Mapping[int, bytes]) -> None:
    """Compare what a link repeats of its group: the library believes both.

    A group that was changed to the new way of storing links leaves old words behind.
    """
    if cached and SYMBOL_TABLE in parts and parts[SYMBOL_TABLE][:16] != cached:
        damaged("a link and its group differ")


def _attributes_of(reader: Reader, messages: Iterable[Message]) -> Iterator[Attribute]:
    """Each attribute of an object, in both ways of storing them."""
    for message in messages:
        if message.kind == ATTRIBUTE:
            yield attribute_of(message.data)
        elif message.kind == ATTRIBUTE_INFO:
            flags = message.data[1] if len(message.data) > 1 else 0
            at = 2 + (2 if flags & 1 else 0)
            if len(message.data) < at + 16 + (8 if flags & 2 else 0):
                damaged("attributes are cut short")
            heap, tree = struct.unpack_from("<QQ", message.data, at)
            by_order = message.data[at + 16 : at + 24] if flags & 2 else b""
            order = int.from_bytes(by_order, "little") if by_order else UNDEFINED
            if heap != UNDEFINED:
                yield from _dense(reader, heap, tree, order)


def _dense(reader: Reader, heap: int, tree: int, order: int) -> Iterator[Attribute]:
    from kerasplug.saving.hdf5_dense import dense_objects  # few files need it

    for total, data in dense_objects(reader, heap, tree, order, attributes=True):
        one = attribute_of(data)
        check_sum(one.name.encode(), total.to_bytes(4, "little"))
        yield one


def _texts(one: Attribute, heaps: Heaps) -> list[bytes]:
    """The texts of an attribute; none, where it is plain numbers."""
    if one.type.kind == "vlen" and one.type.text:
        return heaps.texts(one.data, one.length)
    if one.type.kind not in _PLAIN:
        what = "holds an attribute of a type that Keras doesn't write"
        refuse("odd-type", what, f"{shown(one.name)} of type {one.type}")
    if one.type.kind != "string":
        return []
    size = one.type.size
    places = range(0, one.length * size, size)
    return [one.data[at : at + size].rstrip(b"\0") for at in places]


def _is_bomb(declared: int, stored: int, limits: Limits) -> bool:
    return declared > limits.floor_bytes and declared > limits.expansion * stored


def _sizes(declared: int, stored: int) -> str:
    return f"{declared:,} bytes declared, {stored:,} stored"
