"""A process that has started Keras and gives each job a process of its own.

It imports Keras once and computes nothing, so that no thread of an engine runs, and a
fork for each job is safe. Where there is no fork that is, it does one job and ends.

Requests are lines of JSON on its standard input; its answers are lines of JSON, each
after a mark, on what was its standard output. It ends when the host does.
"""

import contextlib
import importlib
import json
import os
import select
import signal
import sys
import time
import traceback
from collections.abc import Iterator
from types import FrameType
from typing import Any, Final, NamedTuple

from kerasplug.implementation import implementation
from kerasplug.testing.conformance.fresh import job

__all__ = ["GRACE", "MARK", "main"]

#: What a line of an answer begins with: whatever starts with Python may print as well.
MARK: Final = "kerasplug-fresh "

#: How many seconds a job has to end by itself after its time.
GRACE: Final = 3.0

#: How often a server looks whether its host is still there, in seconds.
_LOOK: Final = 1.0


class _Channel:
    """Requests and answers, on descriptors of their own."""

    def __init__(self) -> None:
        self.requests = os.dup(0)
        self._answers = os.dup(1)
        nothing = os.open(os.devnull, os.O_RDWR)
        os.dup2(nothing, 0)
        os.dup2(2, 1)  # what modules print goes where errors go
        os.close(nothing)
        self._begun = b""

    def say(self, **line: Any) -> None:
        os.write(self._answers, f"\n{MARK}{json.dumps(line)}\n".encode())

    def lines(self) -> list[dict[str, Any]] | None:
        """The requests that have come since; None at the end."""
        more = os.read(self.requests, 1 << 16)
        if not more:
            return None
        *whole, self._begun = (self._begun + more).split(b"\n")
        return [json.loads(line) for line in whole if line.strip()]

    def close(self) -> None:
        os.close(self.requests)
        os.close(self._answers)


def main(environment: dict[str, str], *, forks: bool) -> None:
    """Start Keras, then do jobs until the host ends.

    Args:
        environment: variables that each job has, whatever the host's are by then.
        forks: whether each job gets a fork of this process.
    """
    channel, host = _Channel(), os.getppid()
    try:
        _start()
    except BaseException as error:  # noqa: BLE001 -- the host has to hear of it
        trace = "".join(traceback.format_exception(error))
        channel.say(failed=f"{type(error).__name__}: {error}", trace=trace)
        return
    channel.say(ready=os.getpid())
    if forks:
        _Forks(channel, host, environment).serve()
    else:
        _one(channel, environment)


def _start() -> None:
    """Import what every job needs, and start nothing that computes."""
    import kerasplug.saving.loading
    import kerasplug.testing.conformance.fresh.actions  # noqa: F401 -- for the jobs

    implementation().layers  # noqa: B018 -- imports Keras


def _one(channel: _Channel, environment: dict[str, str]) -> None:
    requests: list[dict[str, Any]] = []
    while not requests:
        more = channel.lines()
        if more is None:
            return
        requests += more
    job.do(requests[0], environment)


class _Child(NamedTuple):
    number: int
    deadline: float


class _Forks:
    def __init__(
        self, channel: _Channel, host: int, environment: dict[str, str]
    ) -> None:
        self._channel = channel
        self._host = host
        self._environment = environment
        self._children: dict[int, _Child] = {}
        self._late: set[int] = set()

    def serve(self) -> None:
        with self._woken() as wake:
            while os.getppid() == self._host:
                ready, _, _ = select.select(
                    [self._channel.requests, wake], [], [], _LOOK
                )
                if wake in ready:
                    os.read(wake, 1 << 12)
                self._reap()
                self._stop_the_late()
                if self._channel.requests in ready and not self._take():
                    break
        for process in self._children:
            _kill(process)

    @contextlib.contextmanager
    def _woken(self) -> Iterator[int]:
        """A descriptor that can be read when a child has ended."""
        wake, wakes = os.pipe()
        os.set_blocking(wakes, False)
        signal.set_wakeup_fd(wakes, warn_on_full_buffer=False)
        signal.signal(signal.SIGCHLD, _nothing)
        try:
            yield wake
        finally:
            signal.set_wakeup_fd(-1)

    def _take(self) -> bool:
        """Begin what was requested; whether the host is still there."""
        requests = self._channel.lines()
        for request in requests or ():
            self._begin(request)
        return requests is not None

    def _begin(self, request: dict[str, Any]) -> None:
        for name in request["first"]:
            if name not in sys.modules:
                importlib.import_module(name)
        process = os.fork()
        if not process:
            self._be_a_child()
            job.do(request, self._environment)
        with contextlib.suppress(OSError):  # it does so too; whoever is first
            os.setpgid(process, process)
        deadline = time.monotonic() + request["limit"] + GRACE
        self._children[process] = _Child(request["number"], deadline)

    def _be_a_child(self) -> None:
        with contextlib.suppress(OSError):
            os.setpgid(0, 0)
        signal.set_wakeup_fd(-1)
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        self._channel.close()

    def _reap(self) -> None:
        for process in list(self._children):
            # Its own processes go first: after the wait its number may be another's.
            if os.waitid(os.P_PID, process, os.WEXITED | os.WNOHANG | os.WNOWAIT):
                _kill(process)
                _, status = os.waitpid(process, 0)
                child = self._children.pop(process)
                self._channel.say(
                    number=child.number,
                    code=os.waitstatus_to_exitcode(status),
                    late=process in self._late,
                )
                self._late.discard(process)

    def _stop_the_late(self) -> None:
        now = time.monotonic()
        for process, child in self._children.items():
            if now > child.deadline:
                self._late.add(process)
                _kill(process)


def _nothing(number: int, frame: FrameType | None) -> None:
    """Handle SIGCHLD: only what is handled wakes."""


def _kill(process: int) -> None:
    """End a job and the processes that it has started."""
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(process, signal.SIGKILL)
