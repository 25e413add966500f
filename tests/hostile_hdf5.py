"""HDF5 files that read others, are not what they declare, or kill their reader."""

import re
import struct
from pathlib import Path

import h5py
import numpy as np
from hostile_kit import KERNEL, kernel, sound, weights, write, write_hdf5_model

#: Where a bomb declares something: 320 MB of zeros that nobody has stored.
BOMB = (80_000_000,)
#: How an HDF5 file describes the type of a text of any length.
TEXT_TYPE = re.compile(rb"\x19\x01[\x00\x01]\x00\x10\x00\x00\x00")


def external(group: h5py.Group) -> None:
    """Values that are read from a file of the machine."""
    storage = [("/etc/hostname", 0, KERNEL.nbytes)]
    group.create_dataset("0", KERNEL.shape, "float32", external=storage)


def soft_link(group: h5py.Group) -> None:
    """A name that stands for another place of the file."""
    group["there"] = KERNEL
    group["0"] = h5py.SoftLink(f"{group.name}/there")


def external_link(group: h5py.Group) -> None:
    """A name that stands for a place in another file."""
    group["0"] = h5py.ExternalLink("/tmp/other.h5", "/secret")  # noqa: S108 -- never opened


def virtual(group: h5py.Group) -> None:
    """Values that are put together from other files."""
    layout = h5py.VirtualLayout(KERNEL.shape, "float32")
    layout[:] = h5py.VirtualSource("other.h5", "secret", KERNEL.shape)
    group.create_virtual_dataset("0", layout)


def shape_bomb(group: h5py.Group) -> None:
    """Values of which nothing is stored."""
    group.create_dataset("0", BOMB, "float32", chunks=(1000,), compression="gzip")


def unallocated(group: h5py.Group) -> None:
    """Values in one piece, which was never written."""
    group.create_dataset("0", BOMB, "float32")


def chunk_bomb(group: h5py.Group) -> None:
    """One packed chunk that unpacks to 320 MB."""
    made = group.create_dataset(
        "0", BOMB, "uint8", chunks=BOMB, compression="gzip", compression_opts=1
    )
    del made


def big_packed(group: h5py.Group) -> None:
    """320 MB of zeros, packed to 300 kB and stored."""
    made = group.create_dataset("0", BOMB, "float32", chunks=True, compression="gzip")
    step = made.chunks[0] * 64
    for start in range(0, BOMB[0], step):
        made[start : start + step] = 0


def text_weights(group: h5py.Group) -> None:
    """Texts, where numbers are expected."""
    group["0"] = ["a", "b"]


def references(group: h5py.Group) -> None:
    """References to places of the file, where numbers are expected."""
    made = group.create_dataset("0", (2,), h5py.ref_dtype)
    made[0] = group.ref


def compound(group: h5py.Group) -> None:
    """Records, where numbers are expected."""
    group["0"] = np.zeros(3, [("a", "f4"), ("b", "S10")])


def foreign_filter(group: h5py.Group) -> None:
    """Packed by a filter that HDF5 would look for and load."""
    group.create_dataset("0", data=KERNEL, chunks=(1, 3), compression="lzf")


def many_groups(file: h5py.File) -> None:
    """More groups than any model has."""
    sound(file)
    for number in range(31_000):
        file.create_group(f"more/{number}")


def cyclic(file: h5py.File) -> None:
    """A group that holds itself."""
    sound(file)
    file["layers/dense/again"] = file["layers"]


def many_names(file: h5py.File) -> None:
    """A dataset of a megabyte under two hundred names."""
    sound(file)
    file["layers/dense/more/0"] = np.ones(1 << 18, "float32")
    for number in range(1, 200):
        file[f"layers/dense/more/{number}"] = file["layers/dense/more/0"]


def in_keras(make):
    """A builder: the kernel in a `.keras` file is made by `make`."""
    return lambda path: write(path, stored=weights(kernel(make)))


def in_file(spoil):
    """A builder: the weights of a `.keras` file are made by `spoil`."""
    return lambda path: write(path, stored=weights(spoil))


def in_hdf5(make):
    """A builder: the kernel in an HDF5 model is made by `make`."""
    return lambda path: write_hdf5_model(path, spoil=make)


def crashing(path: Path) -> Path:
    """One bit is another one: HDF5 1.14.6 takes a text for something that is not."""
    data = write_hdf5_model(path).read_bytes()
    found = TEXT_TYPE.search(data)
    assert found is not None
    place = found.start() + 1
    path.write_bytes(data[:place] + b"\x05" + data[place + 1 :])
    return path


def short_chunk(path: Path) -> Path:
    """A chunk with a checksum, and no room for it: HDF5 1.14.6 counts below nothing."""

    def summed(group: h5py.Group) -> None:
        group.create_dataset("0", data=KERNEL, chunks=KERNEL.shape, fletcher32=True)

    data = weights(kernel(summed))
    size = struct.pack("<II", KERNEL.nbytes + 4, 0)
    head = b"TREE\x01\x00\x01\x00" + b"\xff" * 16
    assert data.count(head + size) == 1
    return write(path, stored=data.replace(head + size, head + b"\x01" + size[1:]))


def truncated(path: Path) -> Path:
    """Cut short behind its first half."""
    data = write_hdf5_model(path).read_bytes()
    path.write_bytes(data[: len(data) // 2])
    return path


def moved_group(path: Path) -> Path:
    """A link that leads to the middle of something else."""
    data = bytearray(write_hdf5_model(path).read_bytes())
    place = data.index(b"SNOD") + 8 + 8
    data[place] ^= 0x18
    path.write_bytes(data)
    return path
