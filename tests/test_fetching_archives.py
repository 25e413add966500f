"""Archives become folders whole or not at all, and nothing leaves its folder."""

import bz2
import gzip
import io
import os
import stat
import struct
import subprocess
import sys
import tarfile
import tempfile
import zipfile

import fetch_server as bad
import pytest
from fetch_kit import QUICK, listing
from fetch_kit import cache as cache  # noqa: PLC0414 -- a fixture, found by its name
from fetch_kit import server as server  # noqa: PLC0414 -- a fixture, found by its name

from kerasplug.errors import ArchiveError
from kerasplug.fetching import UnpackLimits, get_file
from kerasplug.fetching.locking import mark_as_used

LIMITS = UnpackLimits(total_bytes=32 << 20, members=100, floor_bytes=1 << 20)
OUTSIDE = tempfile.gettempdir()
GOOD = {"data/one.txt": b"first", "data/deep/two.bin": bytes(range(256)) * 300}


def tar(*members, mode="w:gz", **options):
    """A tar file: the good members, then these."""
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode=mode, **options) as archive:
        for name, data in GOOD.items():
            info = tarfile.TarInfo(name)
            info.size = len(data)
            archive.addfile(info, io.BytesIO(data))
        for info, data in members:
            info.size = len(data)
            archive.addfile(info, io.BytesIO(data))
    return stream.getvalue()


def member(name, kind=tarfile.REGTYPE, link="", mode=0o644, data=b""):
    """One member of a tar file."""
    info = tarfile.TarInfo(name)
    info.type, info.linkname, info.mode = kind, link, mode
    return info, data


def zipped(*members, packing=zipfile.ZIP_DEFLATED):
    """A zip file: the good members, then these."""
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", packing) as archive:
        for name, data in GOOD.items():
            archive.writestr(name, data)
        for name, data in members:
            archive.writestr(name, data)
    return stream.getvalue()


def entry(name, mode):
    """A member of a zip file of another kind."""
    info = zipfile.ZipInfo(name)
    info.create_system = 3
    info.external_attr = mode << 16
    return info


def huge_header():
    """A tar file whose first header says that it has an extended header of 8 GB."""
    info = tarfile.TarInfo("PaxHeader")
    info.type, info.size = tarfile.XHDTYPE, 8 << 30
    return gzip.compress(info.tobuf(tarfile.GNU_FORMAT) + bytes(1 << 20))


def bad_header():
    """A tar file whose second header is damaged: a reader could take it for the end."""
    data = bytearray(tar(mode="w"))
    data[1024 + 10] ^= 0xFF
    return bytes(data)


def encrypted():
    """A zip file whose members say that they are encrypted."""
    data = bytearray(zipped())
    for sign, place in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        at = data.find(sign)
        data[at + place] |= 1
    return bytes(data)


def wrong_checksum():
    """A zip file with a member whose bytes are not what was packed."""
    data = bytearray(zipped(packing=zipfile.ZIP_STORED))
    data[data.find(b"first")] ^= 0xFF
    return bytes(data)


def huge_directory():
    """A zip file that says its directory has 3 GB."""
    data = bytearray(zipped())
    struct.pack_into("<I", data, len(data) - 10, 3 << 30)
    return bytes(data)


HOSTILE = {
    "tar ..": lambda: tar(member("../../../x", data=b"x")),
    "tar inner ..": lambda: tar(member("data/../../x", data=b"x")),
    "tar absolute": lambda: tar(member(f"{OUTSIDE}/x-of-a-tar", data=b"x")),
    "tar backslashes": lambda: tar(member("..\\..\\x", data=b"x")),
    "tar drive": lambda: tar(member("C:/x", data=b"x")),
    "tar symlink": lambda: tar(
        member("out", tarfile.SYMTYPE, OUTSIDE), member("out/x", data=b"x")
    ),
    "tar relative symlink": lambda: tar(member("out", tarfile.SYMTYPE, "../..")),
    "tar inner symlink": lambda: tar(member("in", tarfile.SYMTYPE, "data/one.txt")),
    "tar hard link": lambda: tar(member("pw", tarfile.LNKTYPE, "/etc/passwd")),
    "tar inner hard link": lambda: tar(member("l", tarfile.LNKTYPE, "data/one.txt")),
    "tar fifo": lambda: tar(member("pipe", tarfile.FIFOTYPE)),
    "tar device": lambda: tar(member("null", tarfile.CHRTYPE)),
    "tar twice": lambda: tar(member("data/one.txt", data=b"again")),
    "tar file as folder": lambda: tar(member("data/one.txt/x", data=b"x")),
    "tar nameless": lambda: tar(member("./", data=b"x")),
    "tar long name": lambda: tar(member("n" * 300, data=b"x")),
    "tar many": lambda: tar(*(member(f"m{i}", data=b"x") for i in range(200))),
    "tar many folders": lambda: tar(member("/".join(["d"] * 200), tarfile.DIRTYPE)),
    "tar bomb": lambda: tar(member("zeros", data=bytes(40 << 20))),
    "tar bomb, bz2": lambda: tar(member("zeros", data=bytes(20 << 20)), mode="w:bz2"),
    "tar bomb, xz": lambda: tar(member("zeros", data=bytes(20 << 20)), mode="w:xz"),
    "tar header bomb": huge_header,
    "tar cut": lambda: tar(mode="w")[:-30_000],
    "tar.gz cut": lambda: tar()[:-100],
    "tar bad header": bad_header,
    "tar zeros": lambda: bytes(10_240),
    "zip ..": lambda: zipped(("../../x", b"x")),
    "zip absolute": lambda: zipped((f"{OUTSIDE}/x-of-a-zip", b"x")),
    "zip backslashes": lambda: zipped(("..\\x", b"x")),
    "zip drive": lambda: zipped(("C:\\x", b"x")),
    "zip symlink": lambda: zipped((entry("out", stat.S_IFLNK | 0o777), b"/etc")),
    "zip fifo": lambda: zipped((entry("pipe", stat.S_IFIFO | 0o644), b"")),
    "zip bomb": lambda: zipped(("zeros", bytes(40 << 20))),
    "zip many": lambda: zipped(*((f"m{i}", b"x") for i in range(200))),
    "zip lzma": lambda: zipped(packing=zipfile.ZIP_LZMA),
    "zip encrypted": encrypted,
    "zip wrong checksum": wrong_checksum,
    "zip huge directory": huge_directory,
    "zip cut": lambda: zipped()[:-40],
    "not an archive": lambda: b"just text" * 1000,
    "packed text": lambda: gzip.compress(b"just text" * 1000),
    "empty": lambda: b"",
}


@pytest.fixture
def fetched(server, cache):
    """Serves bytes and gets them as an unpacked archive."""

    def get(data, **options):
        url = server.serve("/f", bad.of(data))
        options = {"extract": True, "limits": LIMITS, "progress": False, **options}
        return get_file("set.tgz", url, cache_dir=cache, patience=QUICK, **options)

    return get


@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_archive_is_refused_whole(name, fetched, cache, tmp_path):
    """Nothing of it is unpacked, inside or outside; only the archive is there."""
    before = listing(tmp_path)
    assert before == []

    with pytest.raises(ArchiveError):
        fetched(HOSTILE[name]())

    assert listing(cache) == ["datasets", "datasets/set.tgz"]
    assert sorted(os.listdir(tmp_path)) == ["deep", "own"]
    for path in ("x-of-a-tar", "x-of-a-zip"):
        assert not os.path.exists(os.path.join(OUTSIDE, path))


GOOD_ONES = {
    "tar": lambda: tar(mode="w"),
    "tar.gz": tar,
    "tar.bz2": lambda: tar(mode="w:bz2"),
    "tar.xz": lambda: tar(mode="w:xz"),
    "pax": lambda: tar(format=tarfile.PAX_FORMAT),
    "ustar": lambda: tar(format=tarfile.USTAR_FORMAT),
    "zip": zipped,
    "stored zip": lambda: zipped(packing=zipfile.ZIP_STORED),
}


@pytest.mark.parametrize("name", GOOD_ONES)
def test_a_good_archive_becomes_a_folder(name, fetched, cache):
    """Its path is that of Keras, its files are what was packed."""
    folder = fetched(GOOD_ONES[name]())

    assert folder == str(cache / "datasets" / "set_extracted")
    found = {}
    for path in GOOD:
        with open(os.path.join(folder, path), "rb") as file:
            found[path] = file.read()
    assert found == GOOD


def test_modes_of_an_archive_are_not_taken_over(fetched):
    """A file that is to run as another user is a plain one."""
    folder = fetched(tar(member("tool", mode=0o6777, data=b"x")))

    mode = stat.S_IMODE(os.stat(os.path.join(folder, "tool")).st_mode)
    assert mode & 0o7111 == 0


def test_folders_and_dots_are_allowed(fetched):
    """`./` and folders of their own are what tar programs write."""
    folder = fetched(
        tar(member("./", tarfile.DIRTYPE), member("./empty", tarfile.DIRTYPE))
    )

    assert os.listdir(os.path.join(folder, "empty")) == []


def test_an_unpacked_archive_is_not_unpacked_again(fetched):
    """What a user changed stays; `verify=True` tells it, force_download replaces it."""
    data = tar()
    folder = fetched(data)
    path = os.path.join(folder, "data", "one.txt")
    with open(path, "w") as file:
        file.write("mine!")
    with open(os.path.join(folder, "notes"), "w") as file:
        file.write("mine too")

    assert fetched(data) == folder
    with pytest.raises(ArchiveError, match="holds something else"):
        fetched(data, verify=True)
    with open(path) as file:
        assert file.read() == "mine!"

    fetched(data, force_download=True)
    with open(path) as file:
        assert file.read() == "first"
    assert sorted(os.listdir(folder)) == ["data"]


def test_what_a_killed_process_left_of_unpacking_is_removed(fetched, cache):
    """The folder of a dead process goes; that of a living one stays."""
    dead = cache / "datasets" / ".set_extracted-1-abcdef.unpacking"
    living = cache / "datasets" / ".set_extracted-2-abcdef.unpacking"
    for folder in (dead, living):
        (folder / "data").mkdir(parents=True)
    held = os.open(living, os.O_RDONLY)
    mark_as_used(held)
    try:
        fetched(tar())
    finally:
        os.close(held)

    assert not dead.exists()
    assert living.exists()


def test_a_folder_that_keras_made_is_adopted_or_refused(fetched, cache):
    """With the same files it is taken as it is; with others it is an error."""
    folder = cache / "datasets" / "set_extracted"
    (folder / "data" / "deep").mkdir(parents=True)
    for name, content in GOOD.items():
        (folder / name).write_bytes(content)
    inode = folder.stat().st_ino

    assert fetched(tar()) == str(folder)
    assert folder.stat().st_ino == inode

    (cache / "datasets" / ".set_extracted.unpacked").unlink()
    (folder / "data" / "one.txt").write_bytes(b"other")
    with pytest.raises(ArchiveError, match="holds something else"):
        fetched(tar())


def test_limits_can_be_raised(fetched):
    """A caller who trusts an archive says so for one call."""
    data = HOSTILE["zip bomb"]()
    more = UnpackLimits(total_bytes=100 << 20, expansion=2000)

    folder = fetched(data, limits=more)

    assert os.path.getsize(os.path.join(folder, "zeros")) == 40 << 20


_BOMB = """
import resource, sys
from kerasplug.errors import ArchiveError
from kerasplug.fetching import get_file
resource.setrlimit(resource.RLIMIT_AS, (600 << 20, 600 << 20))
try:
    get_file("b.tgz", sys.argv[1], extract=True, cache_dir=sys.argv[2],
             allow_file=True)
except ArchiveError as error:
    print(error.what)
"""


@pytest.mark.parametrize("name", ["header", "bz2"])
def test_a_bomb_takes_no_memory(name, tmp_path):
    """A header of 8 GB, and 2 GB of packed zeros, are refused within 600 MB."""
    path = tmp_path / "bomb"
    if name == "header":
        path.write_bytes(huge_header())
    else:
        info = member("zeros")[0]
        info.size = 2 << 30
        with bz2.open(path, "wb") as file:
            file.write(info.tobuf())
            for _ in range(100):
                file.write(bytes(1 << 20))
    done = subprocess.run(
        [sys.executable, "-c", _BOMB, path.as_uri(), tmp_path / "home"],
        capture_output=True,
        text=True,
        check=False,
    )

    assert "nothing of it was unpacked" in done.stdout, done.stderr


# --- what plain Keras does ---

_PLAIN = """
import sys, warnings
import keras
keras.config.disable_interactive_logging()
with warnings.catch_warnings(record=True) as seen:
    warnings.simplefilter("always")
    print(keras.utils.get_file("set.tgz", sys.argv[1], extract=True,
                               cache_dir=sys.argv[2]))
print(*[one.message for one in seen])
"""


def plainly(data, server, cache):
    """What Keras' own get_file returns and warns of."""
    cache.mkdir(parents=True, exist_ok=True)
    url = server.serve("/plain", bad.of(data))
    done = subprocess.run(
        [sys.executable, "-c", _PLAIN, url, cache],
        capture_output=True,
        text=True,
        check=True,
    )
    return done.stdout.splitlines()[-2:]


@pytest.mark.engine
def test_plain_keras_returns_a_part_of_a_hostile_archive(server, cache):
    """It leaves the bad member out, and calls the rest a success."""
    folder, said = plainly(HOSTILE["tar .."](), server, cache)

    assert "Skipping invalid path" in said
    assert os.path.exists(os.path.join(folder, "data", "one.txt"))


@pytest.mark.engine
def test_plain_keras_unpacks_a_bomb(server, cache):
    """40 MB of zeros are written from 40 KB."""
    folder, _ = plainly(HOSTILE["tar bomb"](), server, cache)

    assert os.path.getsize(os.path.join(folder, "zeros")) == 40 << 20


@pytest.mark.engine
def test_plain_keras_returns_a_folder_that_is_not_there(server, cache):
    """A file that is no archive is a warning, and a path to nothing."""
    folder, said = plainly(HOSTILE["not an archive"](), server, cache)

    assert "Could not extract archive" in said
    assert not os.path.exists(folder)


@pytest.mark.engine
def test_plain_keras_loses_what_a_user_changed(server, cache):
    """Each call unpacks again."""
    folder, _ = plainly(tar(), server, cache)
    path = os.path.join(folder, "data", "one.txt")
    with open(path, "w") as file:
        file.write("mine!")

    plainly(tar(), server, cache)

    with open(path) as file:
        assert file.read() == "first"
