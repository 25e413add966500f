"""A process that computes with another engine, as this one holds it."""

import contextlib
import errno
import math
import os
import threading
import weakref
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final, Self

from kerasplug.engines.workers.engine import WorkerEngine
from kerasplug.engines.workers.starting import Line, Order, begin
from kerasplug.engines.workers.talking import Conversation
from kerasplug.errors import ConfigError, WorkerError

if TYPE_CHECKING:
    from kerasplug.engines.workers.wire import Arrays

    Answer = tuple[dict[str, Any], Arrays]

__all__ = ["Worker"]

#: So many times its patience a worker may take until it says hello.
_STARTS: Final = 5
#: Signs of life can't come much faster.
_LEAST: Final = 0.1
#: Seconds in which a call of another thread notices that its worker was killed.
_NOTICES: Final = 5.0


class Worker:
    """A worker that has said hello; `start` makes one.

    It has a session of its own, so that Ctrl-C at a terminal does not reach it. It ends
    when it is closed, when it is garbage, and with this process, whatever ends that.
    Threads may share it: their calls are answered one after the other. A forked process
    can't use it.

    On Windows, arrays go through the pipes, and neither `patience` nor `limit` is kept:
    only the end of a worker is noticed there.

    Attributes:
        hello: what the program says of itself, with `protocol`, `python`, `pid` and
            `commands`.
        pid: of the process.

    Example:
        >>> Worker.start.__name__
        'start'
    """

    def __init__(self, name: str, line: Line) -> None:
        self.hello: dict[str, Any] = {}
        self._name = name
        self._line = line
        self._talk = Conversation(name, line)
        self._lock = threading.Lock()
        assert line.process
        self.pid: int = line.process.pid
        # The line knows nothing of this object, which so can become garbage.
        weakref.finalize(self, line.end)

    @classmethod
    def start(
        cls,
        engine: WorkerEngine,
        python: str,
        *,
        devices: Sequence[str] = (),
        patience: float = 60.0,
        shared_memory: bool = True,
    ) -> Self:
        """Start a process with another interpreter, and wait until it has said hello.

        Args:
            engine: the plugin's.
            python: path of the interpreter in the engine's environment.
            devices: names of devices as the engine has them; empty: its own choice.
            patience: seconds without any sign of life after which it counts as hung.
                It may take five times as long to start, while it gives signs.
            shared_memory: False: arrays go through the pipes, which is slower.

        Raises:
            ConfigError: `patience` is no number of seconds, or below 0.1.
            WorkerError: it did not start; nothing of it is left.
        """
        _check_seconds("patience", patience, at_least=_LEAST)
        order = Order(engine, python, devices, patience, shared_memory)
        try:
            line = begin(order)
        except OSError as error:
            raise _not_started(order, error) from error
        worker = cls(engine.name, line)
        try:
            worker.hello = worker._talk.greet(patience * _STARTS)
        except BaseException:
            worker.kill()
            raise
        return worker

    @property
    def closed(self) -> bool:
        """Whether it was closed, or its end was noticed."""
        return bool(self._talk.why)

    def ask(
        self,
        do: str,
        arrays: "Mapping[str, Any] | None" = None,
        *,
        limit: float | None = None,
        **header: Any,
    ) -> "Answer":
        """Have a command of the program done.

        After a call that was interrupted, its answer is waited for first.

        Args:
            do: the command's name.
            arrays: name -> array of numbers.
            limit: seconds that it may take; None: as long as it gives signs of life.
            **header: what the command takes besides; plain data for JSON. The name
                `id` is taken.

        Returns:
            The answer, and its arrays, which are the caller's own.

        Raises:
            ConfigError: `limit` is no number of seconds.
            WorkerError: the command failed, or something can't be sent, and the worker
                goes on; or it ended, hung or took too long, and is no more.
        """
        if limit is not None:
            _check_seconds("limit", limit)
        with self._lock:
            self._usable()
            return self._talk.ask(do, header, arrays, limit)

    def ask_if_idle(self, do: str, *, wait: float, **header: Any) -> "Answer | None":
        """The same, unless another thread waits for an answer all the time.

        Args:
            do: the command's name.
            wait: seconds until it counts as busy.
            **header: what the command takes besides.

        Returns:
            The answer, and its arrays; None: it is busy.

        Raises:
            WorkerError: as `ask`.
        """
        if not self._lock.acquire(timeout=wait):
            return None
        try:
            self._usable()
            return self._talk.ask(do, header, None, None)
        finally:
            self._lock.release()

    def settle(self, grace: float) -> bool:
        """After a call that was interrupted: wait for its answer, and drop it.

        Args:
            grace: seconds to wait.

        Returns:
            Whether the worker can be asked again. Else it was killed.

        Raises:
            ConfigError: `grace` is no number of seconds.
        """
        _check_seconds("grace", grace)
        with self._lock:
            if self.closed or self._foreign:
                return False
            with contextlib.suppress(WorkerError):
                self._talk.settle(grace)
            return not self.closed

    def output(self) -> str:
        """The last that it wrote to standard output and error, at most 4 kB."""
        return self._talk.output()

    def close(self) -> None:
        """Let the process end, or end it where it does not; again is no error."""
        self._stop(polite=True)

    def kill(self) -> None:
        """End the process now."""
        self._stop(polite=False)

    @property
    def ours(self) -> bool:
        """Whether it is none of a process that this one was forked from."""
        return not self._foreign

    @property
    def _foreign(self) -> bool:
        """Whether this process is a fork of the one that has the worker."""
        return os.getpid() != self._line.owner

    def _usable(self) -> None:
        if self._foreign:
            message = f"The worker of {self._name} belongs to another process."
            raise WorkerError(
                message,
                found=f"process {os.getpid()}, forked from {self._line.owner}",
                expected=f"process {self._line.owner}, which started it",
                mend="start a worker in this process",
            )
        if self.closed:
            message = f"The worker of {self._name} is no more."
            raise WorkerError(
                message,
                found=f"it {self._talk.why}",
                mend="start another one",
                output=self.output(),
            )

    def _stop(self, *, polite: bool) -> None:
        if self._foreign:
            return
        ours = self._lock.acquire(blocking=False)
        if not ours:
            # Another thread waits for an answer: the end of the process tells it.
            self._talk.why = self._talk.why or "was closed"
            self._line.kill()
            ours = self._lock.acquire(timeout=_NOTICES)
        try:
            with contextlib.suppress(Exception):
                polite = polite and self._talk.say_farewell()
            with contextlib.suppress(Exception):
                self._talk.end("was closed", polite=polite)
        finally:
            if ours:
                self._lock.release()


def _check_seconds(name: str, value: float, at_least: float = 0.0) -> None:
    """Raise `ConfigError` for what is no time."""
    if not (math.isfinite(value) and value >= at_least):
        message = f"`{name}` is no number of seconds that can be waited."
        expected = f"a number, at least {at_least:g}"
        raise ConfigError(message, found=repr(value), expected=expected)


def _not_started(order: Order, error: OSError) -> WorkerError:
    name = order.engine.name
    absent = error.errno in (errno.ENOENT, errno.EACCES, errno.ENOEXEC, errno.ENOTDIR)
    return WorkerError(
        f"The worker of {name} could not be started.",
        found=f"{type(error).__name__}: {error}",
        expected=f"a Python interpreter at {order.python}"
        if absent
        else "descriptors, memory and a temporary folder for one more process",
        mend=f"kerasplug backend install {name}"
        if absent
        else "close workers and files that are not needed",
    )
