"""Zip files that are not what they seem, as `.keras` files."""

import json
import os
import stat
import struct
import warnings
import zipfile
from pathlib import Path

from hostile_kit import dense as dense_layer
from hostile_kit import model, sound, text_of, weights, write


def added(path: Path, name: str, data: bytes, mode: int = 0, kind: int = 0) -> Path:
    """The good file with one more member, whatever its name."""
    write(path)
    info = zipfile.ZipInfo("x" * len(name))
    info.external_attr = mode << 16
    info.compress_type = kind
    with zipfile.ZipFile(path, "a") as archive:
        archive.writestr(info, data)
    raw = path.read_bytes().replace(b"x" * len(name), name.encode())
    path.write_bytes(raw)
    return path


def twice(path: Path, name: str, data: bytes) -> Path:
    """The good file with a second member of a name."""
    write(path)
    with warnings.catch_warnings(), zipfile.ZipFile(path, "a") as archive:
        warnings.simplefilter("ignore")
        archive.writestr(name, data)
    return path


def two_configs(path: Path) -> Path:
    """The second one has another activation."""
    return twice(path, "config.json", text_of(model(dense_layer(activation="relu"))))


def two_weights(path: Path) -> Path:
    """The second ones are the same, which nobody knows before."""
    return twice(path, "model.weights.h5", weights())


def both_weights(path: Path) -> Path:
    """Weights in both forms; Keras takes the first."""
    return write(path, more={"model.weights.npz": b"PK\x05\x06" + b"\0" * 18})


def two_assets(path: Path) -> Path:
    """An asset twice: the second one is what is unpacked."""
    twice(path, "assets/words.txt", b"one")
    return twice_more(path)


def twice_more(path: Path) -> Path:
    """Once more the same name."""
    with warnings.catch_warnings(), zipfile.ZipFile(path, "a") as archive:
        warnings.simplefilter("ignore")
        archive.writestr("assets/words.txt", b"two")
    return path


def parent_name(path: Path) -> Path:
    """A member that leads out of the folder."""
    return added(path, "assets/../../evil.txt", b"out")


def absolute_name(path: Path) -> Path:
    """A member that names a place of the machine."""
    return added(path, "/tmp/evil.txt", b"out")  # noqa: S108 -- nothing writes there


def backslash_name(path: Path) -> Path:
    """A member that leads out of the folder on Windows."""
    return added(path, "assets\\..\\evil.txt", b"out")


def link_member(path: Path) -> Path:
    """A member that is a symbolic link."""
    return added(path, "assets/link", b"/etc/passwd", stat.S_IFLNK | 0o777)


def exotic_packing(path: Path) -> Path:
    """All members in a way that no Keras writes."""
    return write(path, packed=zipfile.ZIP_LZMA)


def encrypted(path: Path) -> Path:
    """Members that say they are encrypted."""
    data = bytearray(write(path).read_bytes())
    for sign, at in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        place = data.find(sign)
        while place >= 0:
            data[place + at] |= 1
            place = data.find(sign, place + 4)
    path.write_bytes(data)
    return path


def overlapping(path: Path) -> Path:
    """A member whose bytes are another member, head and all: each byte counts twice."""
    inner = path.with_suffix(".inner")
    with zipfile.ZipFile(inner, "w") as archive:
        archive.writestr("assets/b", b"B" * 1000)
    local = inner.read_bytes()[: 30 + len("assets/b") + 1000]
    inner.unlink()
    write(path, more={"assets/a": local})
    data = path.read_bytes()
    with zipfile.ZipFile(path) as archive:
        start = archive.start_dir
        offset = data.index(local)
        first = archive.getinfo("assets/a")
    entry_at = data.rindex(b"PK\x01\x02", start)
    entry = bytearray(data[entry_at : entry_at + 46 + len(first.filename)])
    struct.pack_into("<III", entry, 16, zipfile.crc32(b"B" * 1000), 1000, 1000)
    struct.pack_into("<I", entry, 42, offset)
    entry[46:] = b"assets/b"
    end = bytearray(data[-22:])
    count = struct.unpack_from("<H", end, 10)[0] + 1
    size = struct.unpack_from("<I", end, 12)[0] + len(entry)
    struct.pack_into("<HHI", end, 8, count, count, size)
    path.write_bytes(data[:-22] + entry + end)
    return path


def many_members(path: Path) -> Path:
    """Twelve thousand members, each empty."""
    return write(path, more={f"assets/{number}": b"" for number in range(12_000)})


def bomb(
    path: Path, name: str, size: int, start: bytes = b"", end: bytes = b""
) -> Path:
    """The good file, with a member that unpacks to blanks of this size."""
    write(path, packed=zipfile.ZIP_DEFLATED)
    kept = {}
    with zipfile.ZipFile(path) as archive:
        kept = {one: archive.read(one) for one in archive.namelist() if one != name}
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for one, data in kept.items():
            archive.writestr(one, data)
        with archive.open(name, "w", force_zip64=True) as member:
            member.write(start)
            for _ in range(size >> 20):
                member.write(b" " * (1 << 20))
            member.write(end)
    return path


def padded_config(path: Path) -> Path:
    """A configuration with 300 MB of blanks behind it."""
    return bomb(path, "config.json", 300 << 20, text_of(model()))


def packed_weights(path: Path) -> Path:
    """Weights with 300 MB of blanks behind them."""
    return bomb(path, "model.weights.h5", 300 << 20, weights(sound))


def packed_asset(path: Path) -> Path:
    """An asset of 200 MB, from 200 kB."""
    return bomb(path, "assets/words.txt", 200 << 20)


def flipped_weights(path: Path) -> Path:
    """A weight with another bit than its checksum has."""
    data = bytearray(write(path).read_bytes())
    place = data.index(struct.pack("<2f", 4.0, 5.0))
    data[place + 3] ^= 0x80
    path.write_bytes(data)
    return path


def truncated(path: Path) -> Path:
    """Cut short in the middle."""
    data = write(path).read_bytes()
    path.write_bytes(data[: len(data) // 2])
    return path


def lying_size(path: Path) -> Path:
    """A configuration whose size is said to be a few bytes."""
    data = text_of(model())
    raw = write(path, data).read_bytes()
    size = struct.pack("<I", len(data))
    path.write_bytes(raw.replace(size, struct.pack("<I", 40)))
    return path


def linked_folder(path: Path) -> Path:
    """The folder form; its configuration is a link to elsewhere."""
    outside = path.parent / f"{path.name}.outside"
    outside.write_bytes(text_of(model()))
    folder(path)
    (path / "config.json").unlink()
    (path / "config.json").symlink_to(outside)
    return path


def folder(path: Path) -> Path:
    """The folder form of the good file."""
    path.mkdir()
    (path / "config.json").write_bytes(text_of(model()))
    (path / "metadata.json").write_text(json.dumps({"keras_version": "3.15.1"}))
    (path / "model.weights.h5").write_bytes(weights())
    return path


def pipe_folder(path: Path) -> Path:
    """The folder form; its configuration is a pipe that nobody writes to."""
    folder(path)
    (path / "config.json").unlink()
    os.mkfifo(path / "config.json")
    return path


def pickled_weights(path: Path) -> Path:
    """Weights as Python objects."""
    import io

    import numpy as np

    buffer = io.BytesIO()
    np.savez(buffer, layers=np.array({"a": 1}, dtype=object))
    write(path)
    with zipfile.ZipFile(path) as archive:
        kept = {one: archive.read(one) for one in archive.namelist()}
    del kept["model.weights.h5"]
    with zipfile.ZipFile(path, "w") as archive:
        for one, data in {**kept, "model.weights.npz": buffer.getvalue()}.items():
            archive.writestr(one, data)
    return path
