"""Which hash a caller means, and the hash of a file.

Source: Keras 3.15.1, `resolve_hasher` in `keras/src/utils/file_utils.py`; it takes
every algorithm that it does not know for MD5, and so do we not.
"""

import re
from collections.abc import Callable
from typing import IO, TYPE_CHECKING, Final

if TYPE_CHECKING:
    from hashlib import _Hash

from kerasplug.fetching.faults import refused

__all__ = ["ALGORITHMS", "hash_of", "meant", "new_hash"]

#: Algorithm -> the number of hexadecimal digits of its hash.
ALGORITHMS: Final = {"sha256": 64, "sha512": 128, "md5": 32}

_DIGITS: Final = re.compile(r"[0-9a-f]+\Z")
_CHUNK: Final = 1 << 20


def meant(file_hash: object, algorithm: object = "auto") -> tuple[str, str]:
    """The algorithm and the digits in lower case; `("sha256", "")` for no hash.

    Args:
        file_hash: hexadecimal digits; None or an empty text: no hash.
        algorithm: one of `ALGORITHMS`, or "auto": the one whose hash is as long.

    Raises:
        RecordError: there is no such algorithm, or its hash looks otherwise.

    Example:
        >>> meant("D41D8CD98F00B204E9800998ECF8427E")
        ('md5', 'd41d8cd98f00b204e9800998ecf8427e')
    """
    if algorithm != "auto" and algorithm not in ALGORITHMS:
        rule = "one of auto, " + ", ".join(ALGORITHMS)
        raise refused(algorithm, "hash_algorithm", rule)
    if file_hash is None or file_hash == "":
        return "sha256" if algorithm == "auto" else str(algorithm), ""
    digits = file_hash.strip().lower() if isinstance(file_hash, str) else ""
    fits = [one for one, length in ALGORITHMS.items() if len(digits) == length]
    chosen = bool(fits) if algorithm == "auto" else algorithm in fits
    if chosen and _DIGITS.match(digits):
        return fits[0], digits
    wanted = ALGORITHMS if algorithm == "auto" else [str(algorithm)]
    rule = " or ".join(f"{ALGORITHMS[one]} ({one})" for one in wanted)
    raise refused(file_hash, "file_hash", f"{rule} hexadecimal digits")


def new_hash(algorithm: str) -> "_Hash":
    """A hash that has seen nothing yet."""
    import hashlib

    return hashlib.new(algorithm, usedforsecurity=algorithm != "md5")


def hash_of(
    file: IO[bytes], algorithm: str, report: Callable[[int], object] | None = None
) -> str:
    """The hexadecimal digits of what can still be read from an open file.

    Args:
        file: opened for bytes.
        algorithm: one of `ALGORITHMS`.
        report: is called with the length of each piece.
    """
    seen = new_hash(algorithm)
    buffer = memoryview(bytearray(_CHUNK))
    while length := file.readinto(buffer):  # type: ignore[attr-defined]  # every binary file has it
        seen.update(buffer[:length])
        if report is not None:
            report(length)
    return seen.hexdigest()
