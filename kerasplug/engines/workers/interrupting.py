"""Ctrl-C where it harms nothing: while waiting, and not within a word."""

import signal
import threading
from types import FrameType
from typing import TYPE_CHECKING, Any, Self

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["Interruptions"]


class Interruptions:
    """Holds Ctrl-C back within a `with`, but for the times when `open` is True.

    Python raises `KeyboardInterrupt` between any two steps, also between taking bytes
    and keeping them. In other threads than the main one it raises none, and this does
    nothing. May be entered again within itself.

    Attributes:
        open: whether an interruption may come now.

    Example:
        >>> with Interruptions() as interruptions:
        ...     interruptions.let_in()
    """

    def __init__(self) -> None:
        self.open = False
        self._depth = 0
        self._before: Callable[[int, FrameType | None], Any] | None = None
        self._came = False

    def __enter__(self) -> Self:
        """Hold back from here."""
        if threading.current_thread() is threading.main_thread():
            before = signal.getsignal(signal.SIGINT)
            if self._depth == 0 and callable(before):
                self._before = before
                signal.signal(signal.SIGINT, self._hear)
            self._depth += 1
        return self

    def __exit__(self, *_: object) -> None:
        """Let everything in again, and what was held back first."""
        if threading.current_thread() is not threading.main_thread():
            return
        self._depth -= 1
        if self._depth == 0 and self._before:
            signal.signal(signal.SIGINT, self._before)
            self.let_in()
            self._before = None

    def let_in(self) -> None:
        """Let in what was held back."""
        if self._came and self._before:
            self._came = False
            self._before(signal.SIGINT, None)

    def _hear(self, number: int, frame: FrameType | None) -> None:
        if self.open and self._before:
            self._before(number, frame)
        else:
            self._came = True
