"""The checksum of HDF5's newer structures: lookup3, by Bob Jenkins.

The library compares it, too, and has crashed where it differed (HDF5 1.14.6).
"""

import struct
from typing import Final

__all__ = ["lookup3"]

_MASK: Final = 0xFFFF_FFFF
_START: Final = 0xDEAD_BEEF


def lookup3(data: bytes) -> int:
    """The checksum of these bytes, a number of 32 bits.

    Args:
        data: any bytes.

    Example:
        >>> hex(lookup3(b"Four score and seven years ago"))
        '0x17770551'
    """
    size = len(data)
    a = b = c = (_START + size) & _MASK
    if not size:
        return c
    padded = data + bytes(-size % 12)
    words = struct.unpack(f"<{len(padded) // 4}I", padded)
    last = len(words) - 3
    for at in range(0, last, 3):
        a, b, c = _mixed(
            a + words[at] & _MASK,
            b + words[at + 1] & _MASK,
            c + words[at + 2] & _MASK,
        )
    a = a + words[last] & _MASK
    b = b + words[last + 1] & _MASK
    c = c + words[last + 2] & _MASK
    return _final(a, b, c)


def _mixed(a: int, b: int, c: int) -> tuple[int, int, int]:
    a = (a - c & _MASK) ^ ((c << 4 | c >> 28) & _MASK)
    c = c + b & _MASK
    b = (b - a & _MASK) ^ ((a << 6 | a >> 26) & _MASK)
    a = a + c & _MASK
    c = (c - b & _MASK) ^ ((b << 8 | b >> 24) & _MASK)
    b = b + a & _MASK
    a = (a - c & _MASK) ^ ((c << 16 | c >> 16) & _MASK)
    c = c + b & _MASK
    b = (b - a & _MASK) ^ ((a << 19 | a >> 13) & _MASK)
    a = a + c & _MASK
    c = (c - b & _MASK) ^ ((b << 4 | b >> 28) & _MASK)
    return a, b + a & _MASK, c


def _final(a: int, b: int, c: int) -> int:
    c = (c ^ b) - (b << 14 | b >> 18) & _MASK
    a = (a ^ c) - (c << 11 | c >> 21) & _MASK
    b = (b ^ a) - (a << 25 | a >> 7) & _MASK
    c = (c ^ b) - (b << 16 | b >> 16) & _MASK
    a = (a ^ c) - (c << 4 | c >> 28) & _MASK
    b = (b ^ a) - (a << 14 | a >> 18) & _MASK
    return (c ^ b) - (b << 24 | b >> 8) & _MASK
