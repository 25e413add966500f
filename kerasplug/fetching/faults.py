"""The errors of fetching: what was wanted, what came, and where to look."""

from collections.abc import Iterable
from typing import Final

from kerasplug.errors import KerasplugError, RecordError

__all__ = [
    "ArchiveError",
    "FetchError",
    "HashError",
    "OfflineError",
    "StorageError",
    "refused",
]

_SHOWN: Final = 200


class FetchError(KerasplugError, OSError):
    """A file could not be had; nothing wrong is in the cache.

    `path` is where it would lie; `failures` has a line for each request that failed.
    """

    def __init__(
        self,
        what: str,
        *,
        path: str = "",
        failures: Iterable[str] = (),
        found: str = "",
        expected: str = "",
        mend: str = "",
    ) -> None:
        super().__init__(what, found=found, expected=expected, mend=mend)
        self.path = path
        self.failures = tuple(failures)


class HashError(FetchError, ValueError):
    """What came is not the file that was asked for; it was thrown away."""


class OfflineError(FetchError):
    """A file is not in the cache, and nothing may be downloaded.

    `path` says where to put it.
    """


class StorageError(FetchError):
    """The cache can't take the file: no room, no permission, something in the way."""


class ArchiveError(FetchError, ValueError):
    """An archive is damaged, hostile or too large; nothing of it was unpacked."""


def refused(
    value: object, argument: str, rule: str, *, of: str = "get_file", mend: str = ""
) -> RecordError:
    """The error for an argument that is not of its form; a long text is cut.

    Args:
        value: what was received.
        argument: its name.
        rule: what was expected.
        of: the function.
        mend: what to do about it.
    """
    shown = value[:_SHOWN] if isinstance(value, str) else value
    return RecordError(of, argument, shown, rule, mend)
