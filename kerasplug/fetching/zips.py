"""Unpacking zip files: stored and deflated members only, as real ones are."""

import stat
import struct
import zipfile
import zlib
from pathlib import Path
from typing import Final

from kerasplug.fetching.members import DAMAGE, Tree, refusal
from kerasplug.fetching.unpack_limits import UnpackLimits
from kerasplug.zip_directory import directory_size

__all__ = ["is_zip", "unpack_zip"]

_FAULTS: Final = (zipfile.BadZipFile, zlib.error, struct.error, *DAMAGE)
#: Bytes of the directory for each member that is allowed: head, name, what is extra.
_ENTRY: Final = 300
_ENCRYPTED: Final = 0x41


def is_zip(path: str) -> bool:
    """Whether a file ends as a zip file does."""
    return zipfile.is_zipfile(path)


def unpack_zip(path: str, tree: Tree, limits: UnpackLimits) -> None:
    """Write all members of a zip file.

    Args:
        path: the archive.
        tree: where to.
        limits: `members` counts before the directory is read.

    Raises:
        ArchiveError: it is damaged, hostile or too large.
        OSError: there is no room.
    """
    with Path(path).open("rb") as file:
        size = directory_size(file)
        if size > limits.members * _ENTRY:
            mend = "if you trust it: limits=UnpackLimits(members=…)"
            raise refusal(path, "has too large a directory", size, mend)
        try:
            with zipfile.ZipFile(file) as archive:
                for member in archive.infolist():
                    _write(archive, member, path, tree)
        except _FAULTS as error:
            if isinstance(error, OSError):
                raise
            found = f"{type(error).__name__}: {error}"
            what = "is damaged: it can't be read as a zip file"
            mend = "download it again, with force_download=True"
            raise refusal(path, what, found, mend) from error


def _write(
    archive: zipfile.ZipFile, member: zipfile.ZipInfo, path: str, tree: Tree
) -> None:
    # What Python made of the name may differ from what is written in the archive.
    name = member.orig_filename
    kind = stat.S_IFMT(member.external_attr >> 16)
    if kind not in (0, stat.S_IFREG, stat.S_IFDIR):
        raise refusal(path, "holds a link or a device", name)
    if member.flag_bits & _ENCRYPTED:
        raise refusal(path, "holds an encrypted member", name)
    if member.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
        what = f"holds a member packed by method {member.compress_type}"
        raise refusal(path, what, name, "pack it anew, stored or deflated")
    if name.endswith(("/", "\\")) or kind == stat.S_IFDIR:
        tree.folder(name)
        return
    with archive.open(member) as content:
        tree.file(name, content)
