"""Standard output for the command alone, whatever plugins print.

On the warm path: nothing is imported but what Python itself has loaded.
"""

import os
import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from types import TracebackType
    from typing import TextIO

__all__ = ["answering"]

_OUT, _ERR = 1, 2


class answering:  # noqa: N801 -- a context manager that reads as a participle
    """The real standard output, for the length of a `with` statement.

    Everything else that is written to standard output meanwhile, through Python, at
    the level of the file descriptor or by a child process, goes to standard error.

    Example:
        >>> with answering() as stream:
        ...     print("from a plugin", file=sys.stderr)
        ...     _ = stream.write("the answer" + chr(10))
        the answer
    """

    def __enter__(self) -> "TextIO":
        self._replaced: TextIO | None = sys.stdout
        self._flush(self._replaced)
        self._kept = _copy_of(_OUT)
        self._own: TextIO | None = None
        stream = self._replaced
        if stream is None:  # it was closed before the process started
            stream = self._own = open(os.devnull, "w", encoding="utf-8")  # noqa: PTH123 -- the warm path has no pathlib
        elif self._kept >= 0 and _descriptor(stream) == _OUT:
            stream = self._own = open(  # noqa: PTH123 -- the same
                os.dup(self._kept),
                "w",
                encoding=stream.encoding,
                errors="backslashreplace",
            )
        if self._kept >= 0:
            _turn_to_stderr()
        sys.stdout = sys.stderr
        return stream

    def __exit__(
        self,
        kind: "type[BaseException] | None",
        error: "BaseException | None",
        trace: "TracebackType | None",
    ) -> None:
        self._flush(sys.stdout)
        _flush_c()
        sys.stdout = self._replaced
        if self._kept >= 0:
            os.dup2(self._kept, _OUT)
            os.close(self._kept)
        if self._own is not None:
            try:
                self._own.close()
            except OSError:  # whoever read it has gone; that was told, or is no matter
                return

    @staticmethod
    def _flush(stream: "TextIO | None") -> None:
        try:
            if stream is not None:
                stream.flush()
        except (OSError, ValueError):  # closed, or nobody reads it
            return


def _descriptor(stream: "TextIO") -> int:
    try:
        return stream.fileno()
    except (OSError, ValueError, AttributeError):  # one that lives in memory
        return -1


def _copy_of(descriptor: int) -> int:
    try:
        return os.dup(descriptor)
    except OSError:  # the process was started without one
        return -1


def _turn_to_stderr() -> None:
    try:
        os.dup2(_ERR, _OUT)
    except OSError:  # no standard error either
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, _OUT)
        os.close(nowhere)


def _flush_c() -> None:
    """Let go what C code has printed and C's library still holds.

    Only where `ctypes` is loaded: whatever is heavy enough to print from C brings it,
    and it would cost more than a listing.
    """
    ctypes = sys.modules.get("ctypes")
    if ctypes is not None and os.name == "posix":
        ctypes.CDLL(None).fflush(None)
