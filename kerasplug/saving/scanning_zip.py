"""`.keras` files as what they are, zip files: which members are dangerous.

Python reads the whole directory of a zip file at once, so its size is looked at
before; afterwards Keras reads the file with the same module as we do.
"""

import contextlib
import stat
import struct
import zipfile
import zlib
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Final

from kerasplug.errors import ModelFileError
from kerasplug.saving.dangers import Danger, refusal, shown
from kerasplug.saving.limits import Limits
from kerasplug.zip_directory import directory_size

__all__ = [
    "MISFITS",
    "ZIP_FAULTS",
    "damaged",
    "is_path",
    "member_dangers",
    "open_zip",
    "stored_at",
    "verify",
]

#: What zipfile raises for archives that are cut short, encrypted or made up.
ZIP_FAULTS: Final = (
    zipfile.BadZipFile,
    zlib.error,
    EOFError,
    OSError,
    RuntimeError,
    ValueError,
    struct.error,
    KeyError,
    AttributeError,
    TypeError,
    OverflowError,
)
#: The members of which Keras reads one and passes by the others.
MISFITS: Final = ("model.weights.h5", "model.weights.npz")

#: Bytes of the directory for each member that is allowed: head, name, what is extra.
_ENTRY: Final = 300
_HEADER: Final = 30
_ENCRYPTED: Final = 0x41
_CHUNK: Final = 1 << 20
_SHOWN_DANGERS: Final = 100


@contextlib.contextmanager
def open_zip(path: str, limits: Limits) -> Iterator[zipfile.ZipFile]:
    """The zip file at `path`, once its directory was found to be of a sane size.

    Args:
        path: the file.
        limits: `members` counts.

    Raises:
        ModelFileError: it is no zip file, it is cut short, or it has too many members.
    """
    with Path(path).open("rb") as file:
        size = directory_size(file)
        if size > limits.members * _ENTRY:
            raise _too_many(path, f"a directory of {size:,} bytes", limits)
        try:
            archive = zipfile.ZipFile(file)
        except ZIP_FAULTS as error:
            raise damaged(path, error) from error
        with archive:
            count = len(archive.filelist)
            if count > limits.members:
                raise _too_many(path, f"{count:,} members", limits)
            yield archive


def damaged(path: str, error: Exception) -> ModelFileError:
    """The error for a file that is no whole zip file."""
    return ModelFileError(
        f"{path} is damaged: it can't be read as a zip file.",
        found=f"{type(error).__name__}: {error}"[:200],
        expected="a whole .keras file",
        mend="copy or save it again",
    )


def _too_many(path: str, found: str, limits: Limits) -> ModelFileError:
    danger = Danger(
        "too-many-members",
        "its directory",
        "is refused: it holds more members than any real one",
        found,
        f"at most {limits.members:,} members",
        "if you trust it: limits=Limits(members=…)",
    )
    return refusal(path, [danger])


def is_path(name: str) -> bool:
    r"""Whether a name leads out of a folder, or means two things to two systems.

    Example:
        >>> [is_path(one) for one in ("a/b", "../a", "/a", "C:\\a", "a//b", "")]
        [False, True, True, True, True, True]
    """
    if "\\" in name or "\0" in name or name[1:2] == ":":
        return True
    parts = name.removesuffix("/").split("/")
    return any(part in ("", ".", "..") for part in parts)


def member_dangers(archive: zipfile.ZipFile, limits: Limits) -> list[Danger]:
    """What is dangerous in the directory of a zip file; nothing is unpacked.

    Args:
        archive: the open file.
        limits: what is believed.
    """
    found = [*_doubles(archive), *_overlaps(archive)]
    for info in archive.infolist():
        found += _of_member(info, limits)
        if len(found) > _SHOWN_DANGERS:
            break
    total = sum(info.file_size for info in archive.infolist())
    packed = sum(info.compress_size for info in archive.infolist())
    if total > limits.floor_bytes and total > limits.expansion * packed:
        found.append(_expansion("all members", total, packed))
    return found


def _doubles(archive: zipfile.ZipFile) -> Iterator[Danger]:
    names = Counter(info.filename for info in archive.infolist())
    for name, count in names.items():
        if count > 1:
            what = f"holds {count} members of one name; readers could see two models"
            yield Danger("duplicate-member", shown(name), what, expected="one")
    if all(name in names for name in MISFITS):
        what = "holds weights twice; readers could see two models"
        yield Danger("duplicate-member", MISFITS[1], what, expected=MISFITS[0])


def _overlaps(archive: zipfile.ZipFile) -> Iterator[Danger]:
    """Members that share bytes: a little file can unpack to a huge one so."""
    what = "holds members that share their bytes"
    end = 0
    for info in sorted(archive.infolist(), key=lambda one: one.header_offset):
        if info.header_offset < end:
            yield Danger("overlap", shown(info.filename), what)
            return
        end = info.header_offset + _HEADER + info.compress_size
    if end > archive.start_dir:
        yield Danger("overlap", "its directory", what)


def _of_member(info: zipfile.ZipInfo, limits: Limits) -> Iterator[Danger]:
    where = shown(info.orig_filename)
    if is_path(info.orig_filename):
        what = "holds a member whose name leads elsewhere"
        yield Danger("path-name", where, what, expected="a plain relative name")
    if info.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
        what = "holds a member packed in a way no Keras writes"
        rule = "stored or deflated members"
        yield Danger("packing", where, what, f"zip method {info.compress_type}", rule)
    if info.flag_bits & _ENCRYPTED:
        yield Danger("encrypted", where, "holds an encrypted member")
    mode = info.external_attr >> 16
    if stat.S_IFMT(mode) not in (0, stat.S_IFREG, stat.S_IFDIR):
        what = "holds a member that is a link or a device"
        yield Danger("link", where, what, expected="files")
    size, packed = info.file_size, info.compress_size
    if size > limits.floor_bytes and size > limits.expansion * packed:
        yield _expansion(where, size, packed)


def _expansion(where: str, size: int, packed: int) -> Danger:
    return Danger(
        "expansion",
        where,
        "is refused: it unpacks to far more than it is",
        f"{size:,} bytes from {packed:,}",
        "what Keras writes, which is not packed",
        "if you trust it: limits=Limits(expansion=…)",
    )


def stored_at(file: IO[bytes], info: zipfile.ZipInfo) -> int:
    """Where in the file the bytes of a member begin.

    Raises:
        zipfile.BadZipFile: no member begins where the directory says.
    """
    file.seek(info.header_offset)
    head = file.read(_HEADER)
    if len(head) != _HEADER or head[:4] != b"PK\x03\x04":
        message = f"no member at {info.header_offset}"
        raise zipfile.BadZipFile(message)
    name, extra = struct.unpack_from("<HH", head, 26)
    return info.header_offset + _HEADER + int(name) + int(extra)


def verify(
    archive: zipfile.ZipFile, into: IO[bytes] | None = None, *names: str
) -> None:
    """Read members to their end, so that their checksums are compared.

    Args:
        archive: the open file.
        into: where their bytes are put; None: nowhere.
        names: the members.

    Raises:
        zipfile.BadZipFile: a member is damaged; or what else is in `ZIP_FAULTS`.
    """
    for name in names:
        with archive.open(name) as member:
            while chunk := member.read(_CHUNK):
                if into is not None:
                    into.write(chunk)
