"""Which files were hashed before, so that they are not hashed again.

A seal is a small file in kerasplug's own cache. It says: the file at this path, of this
size, these times and this inode, has this hash. Whatever of it is no longer so, or not
ours, is as if there were no seal.
"""

import hashlib
import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Final

from kerasplug.config import cache_folder
from kerasplug.fetching.hashing import hash_of
from kerasplug.files import make_own_folder, read_own_file, write_atomically

__all__ = ["digest_of", "folder", "forget", "seal", "sealed"]

_LARGEST: Final = 1 << 16


def folder() -> str:
    """Where the seals lie; it may not exist."""
    return f"{cache_folder()}/fetched"


def _place(path: str) -> str:
    key = hashlib.sha256(os.fsencode(path)).hexdigest()[:40]
    return f"{folder()}/{key}.json"


def _signs(path: str, status: os.stat_result) -> dict[str, object]:
    """What a change of a file can't leave as it was."""
    return {
        "path": path,
        "size": status.st_size,
        "mtime": status.st_mtime_ns,
        "ctime": status.st_ctime_ns,
        "inode": status.st_ino,
        "device": status.st_dev,
    }


def _hashes(path: str, status: os.stat_result) -> dict[str, str]:
    """Algorithm -> hash, of what is still as it was sealed."""
    data = read_own_file(_place(path), _LARGEST)
    try:
        found = json.loads(data or b"{}")
        hashes = found.pop("hashes")
        if found == _signs(path, status) and isinstance(hashes, dict):
            return {str(key): str(value) for key, value in hashes.items()}
    except (ValueError, KeyError, AttributeError, TypeError):  # damaged: no seal
        return {}
    return {}


def sealed(path: str, status: os.stat_result, algorithm: str) -> str:
    """The hash that a file was found to have; empty where nobody looked, or it changed.

    Args:
        path: absolute.
        status: of the file, now.
        algorithm: of the hash.
    """
    return _hashes(path, status).get(algorithm, "")


def seal(path: str, status: os.stat_result, algorithm: str, digest: str) -> None:
    """Remember a hash; where kerasplug has no cache of its own, nothing happens."""
    place = _place(path)
    if not make_own_folder(os.path.dirname(place)):  # noqa: PTH120 -- a text all along
        return
    hashes = {**_hashes(path, status), algorithm: digest}
    data = json.dumps({**_signs(path, status), "hashes": hashes}).encode()
    try:
        write_atomically(place, data)
    except OSError:  # the next call hashes once more, that is all
        return


def forget(path: str) -> None:
    """Remove the seal of a file."""
    try:
        Path(_place(path)).unlink()
    except OSError:
        return


def digest_of(
    path: str,
    algorithm: str,
    *,
    anew: bool = False,
    report: Callable[[int], object] | None = None,
) -> str:
    """The hash of a file: the sealed one, or what its bytes give.

    Args:
        path: absolute.
        algorithm: of the hash.
        anew: whether to hash even a sealed file.
        report: is called with the length of each piece that is hashed.

    Raises:
        OSError: it can't be read.
    """
    if not anew:
        known = sealed(path, os.stat(path), algorithm)  # noqa: PTH116 -- a text all along
        if known:
            return known
    with open(path, "rb") as file:  # noqa: PTH123 -- a text all along
        before = os.fstat(file.fileno())
        digest = hash_of(file, algorithm, report)
        after = os.fstat(file.fileno())
    if _signs(path, before) == _signs(path, after):
        seal(path, after, algorithm, digest)
    return digest
