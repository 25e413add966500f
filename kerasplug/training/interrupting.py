"""The first Ctrl-C ends training in good order."""

import signal
import threading
import warnings
import weakref
from types import FrameType
from typing import Any

from kerasplug.errors import KerasplugWarning
from kerasplug.training.basing import KerasCallback, plain_class

__all__ = ["GracefulInterrupt"]


class GracefulInterrupt(KerasCallback):
    """A callback that ends `fit` after the batch when Ctrl-C is pressed.

    What `fit` does at its end is done: the history is returned, files are closed. A
    second Ctrl-C raises `KeyboardInterrupt` at once. A validation that is running comes
    to its end first. The handler that was there before is put back when `fit` ends;
    where `fit` ended with an error, at the next Ctrl-C, which then means what it meant
    before.

    Signals reach only the main thread: in another one this does nothing, and a
    `KerasplugWarning` says so.

    Attributes:
        interrupted: whether the last `fit` was ended by Ctrl-C.

    Example:
        >>> GracefulInterrupt.interrupted
        False
    """

    interrupted: bool = False
    _watched: Any = None
    _before: Any = None

    def on_train_begin(self, logs: Any = None) -> None:  # noqa: ARG002 -- Keras' own signature
        """Take Ctrl-C over."""
        self.interrupted = False
        if threading.current_thread() is not threading.main_thread():
            message = (
                "GracefulInterrupt does nothing here: fit() does not run in the main "
                "thread, and no other gets signals."
            )
            warnings.warn(message, KerasplugWarning, stacklevel=2)
            return
        self._put_back()
        self._watched = weakref.ref(self.model)  # type: ignore[attr-defined]  # Keras' class has it
        self._before = signal.signal(signal.SIGINT, self._interrupt)

    def on_train_end(self, logs: Any = None) -> None:  # noqa: ARG002 -- Keras' own signature
        """Give Ctrl-C back."""
        self._put_back()

    def __reduce__(self) -> tuple[Any, ...]:
        return plain_class(self), ()  # a handler can't be kept

    def _put_back(self) -> None:
        before, self._before = self._before, None
        if before is not None:
            signal.signal(signal.SIGINT, before)

    def _interrupt(self, number: int, frame: FrameType | None) -> None:
        """What Ctrl-C does now."""
        model = self._watched() if self._watched is not None else None
        if model is not None and not self.interrupted and _fits(model, frame):
            self.interrupted = True
            model.stop_training = True
            return
        before = self._before or signal.default_int_handler
        self._put_back()
        if callable(before):
            before(number, frame)
        else:
            raise KeyboardInterrupt


def _fits(model: Any, frame: FrameType | None) -> bool:
    """Whether `fit` of this model is running: an error may have ended it, unseen."""
    while frame is not None:
        if frame.f_code.co_name == "fit":
            one = frame.f_locals.get("self")
            # A remote model trains the one that it has as its host.
            if one is model or getattr(one, "host", None) is model:
                return True
        frame = frame.f_back
    return False
