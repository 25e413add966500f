"""Waiting for a worker: with patience, with a limit, and hearing what it writes."""

import contextlib
import os
import select
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from kerasplug.engines.workers.interrupting import Interruptions
from kerasplug.engines.workers.wire import Channel, GoneError

if TYPE_CHECKING:
    import subprocess

__all__ = ["HungError", "LateError", "Watch"]

#: How much of what a worker wrote is kept, in bytes.
_KEPT = 4096
#: After so many seconds of silence it is looked whether the process is there at all.
_LOOK = 1.0
#: Who writes without end is not heard without end: 1 MB at a time.
_READS = 16


class HungError(Exception):
    """There was no sign of life for so many seconds."""


class LateError(Exception):
    """It takes longer than so many seconds."""


class Watch:
    """What a channel calls before it reads or writes.

    Args:
        process: the worker.
        errors: the descriptor that its output comes from; it must not block. A path
            where descriptors can't be waited for, which is Windows: there neither
            patience nor limit is kept, and only the end of a worker is noticed.
        patience: seconds without a sign of life.

    Attributes:
        interruptions: held back by whoever waits; let in by this between frames.
        channel: that calls this, as soon as there is one.
    """

    def __init__(
        self, process: "subprocess.Popen[bytes]", errors: int | Path, patience: float
    ) -> None:
        self.interruptions = Interruptions()
        self.channel: Channel | None = None
        self._process = process
        self._errors = errors
        self._open = isinstance(errors, int)
        self._patience = patience
        self._limit: float | None = None
        self._until: float | None = None
        self._polls: dict[int, Any] = {}
        self._kept = b""

    def expect(self, limit: float | None) -> None:
        """From now on, seconds until `LateError`; None: as long as it takes."""
        self._limit = limit
        self._until = None if limit is None else time.monotonic() + limit

    def __call__(self, descriptor: int, writing: bool) -> None:  # noqa: FBT001 -- as a channel calls it
        """Come back when the descriptor is ready.

        Raises:
            HungError: it was not in time.
            LateError: the limit is over.
            GoneError: the process has ended.
        """
        poll = self._poll(descriptor, writing=writing)
        hung = time.monotonic() + self._patience
        while not self._ready(poll, descriptor, hung):
            self._still_worth_it(poll, descriptor, hung)

    def _poll(self, descriptor: int, *, writing: bool) -> Any:
        poll = self._polls.get(descriptor)
        if poll is None:
            poll = self._polls[descriptor] = select.poll()
            poll.register(descriptor, select.POLLOUT if writing else select.POLLIN)
            if self._open and isinstance(self._errors, int):
                poll.register(self._errors, select.POLLIN)
        return poll

    def _ready(self, poll: Any, descriptor: int, hung: float) -> bool:
        """Wait a little; whether it is ready."""
        until = hung if self._until is None else min(hung, self._until)
        left = min(max(until - time.monotonic(), 0), _LOOK)
        ready = self._polled(poll, left * 1000)
        if self._errors in ready:
            self._hear()
        return descriptor in ready

    def _polled(self, poll: Any, milliseconds: float) -> list[int]:
        """Which descriptors are ready; between frames, this may be interrupted."""
        self.interruptions.open = self.channel is None or self.channel.whole
        try:
            if self.interruptions.open:
                self.interruptions.let_in()
            return [one for one, _ in poll.poll(milliseconds)]
        finally:
            self.interruptions.open = False

    def _still_worth_it(self, poll: Any, descriptor: int, hung: float) -> None:
        # Within a frame it goes on fast, or not at all.
        self.interruptions.let_in()
        now = time.monotonic()
        if self._process.poll() is not None:
            # A process that it started may keep the pipe open.
            if descriptor in [one for one, _ in poll.poll(0)]:
                return
            message = "the process has ended"
            raise GoneError(message)
        if self._until is not None and now >= self._until:
            raise LateError(self._limit)
        if now >= hung:
            raise HungError(self._patience)

    def _hear(self) -> None:
        """Keep the end of what there is to be read."""
        assert isinstance(self._errors, int)
        for _ in range(_READS if self._open else 0):
            try:
                some = os.read(self._errors, 1 << 16)
            except BlockingIOError:
                return
            self._kept = (self._kept + some)[-_KEPT:]
            if not some:
                self._deaf()
                return

    def _deaf(self) -> None:
        """Its output has ended."""
        self._open = False
        for poll in self._polls.values():
            with contextlib.suppress(KeyError):
                poll.unregister(self._errors)

    def output(self) -> str:
        """The last that the worker wrote, at most 4 kB."""
        if isinstance(self._errors, Path):
            with contextlib.suppress(OSError):
                self._kept = self._errors.read_bytes()[-_KEPT:]
        else:
            self._hear()
        return self._kept.decode(errors="replace").strip()

    def close(self) -> None:
        """Hear the rest, and then no more; the descriptor is the caller's to close."""
        with contextlib.suppress(OSError):
            self.output()
        self.leave()

    def leave(self) -> None:
        """Hear no more."""
        if isinstance(self._errors, int):
            self._deaf()
        self._polls.clear()
        self.channel = None
