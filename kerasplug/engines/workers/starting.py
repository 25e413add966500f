"""How a worker's process begins, and how it ends."""

import contextlib
import json
import os
import shutil
import signal
import subprocess
import tempfile
import weakref
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final, NamedTuple

from kerasplug.engines.workers import wire
from kerasplug.engines.workers.engine import WorkerEngine
from kerasplug.engines.workers.waiting import Watch

__all__ = ["Line", "Order", "begin"]

#: What would make another Python, or another engine, of the one that is started.
_TAKEN_OUT: Final = ("PYTHONPATH", "PYTHONHOME", "PYTHONSTARTUP", "KERAS_BACKEND")
#: Seconds in which a worker ends that has been asked to, or whose pipes are closed.
_POLITE: Final = 2.0
#: Descriptors can be given to a process by number, and be waited for.
_POSIX: Final = os.name == "posix"


class Order(NamedTuple):
    """What is to be started; the fields are the arguments of `Worker.start`."""

    engine: WorkerEngine
    python: str
    devices: Sequence[str]
    patience: float
    shared_memory: bool


class Line:
    """A worker's process, and all that this one holds for it.

    Args:
        home: the folder that is the worker's own; it is removed at the end.

    Attributes:
        owner: the process that made it; in a fork of that one, nothing is done.
        process: the worker.
        channel: to it; None before and after.
        watch: on it.
        held: descriptors of this process.
        lent: descriptors of the worker; closed here as soon as it has them.
        regions: to the worker, and from it; empty: arrays go through the pipes.
    """

    def __init__(self, home: str) -> None:
        self.owner = os.getpid()
        self.process: subprocess.Popen[bytes] | None = None
        self.channel: wire.Channel | None = None
        self.watch: Watch | None = None
        self.held: list[int] = []
        self.lent: list[int] = []
        self.regions: list[wire.Region] = []
        self._home = home
        self._over = False
        _LINES.add(self)

    @property
    def home(self) -> str:
        """The folder that is the worker's own."""
        return self._home

    def pipe(self, *, keep: int) -> tuple[int, int]:
        """A pipe, of which this process keeps the end 0 or 1 and lends the other."""
        ends = os.pipe()
        self.held.append(ends[keep])
        self.lent.append(ends[1 - keep])
        return ends

    def end(self, *, polite: bool = False) -> int | None:
        """End the process and give everything back; again is no error.

        Args:
            polite: let it end by itself first, for two seconds.

        Returns:
            Its exit code, negative: the signal; None where it did not end by itself.
        """
        if self._over or os.getpid() != self.owner:
            return None
        code = self._ended(_POLITE if polite else 0)
        if self.watch:
            self.watch.close()
        self._release()
        with contextlib.suppress(OSError):
            # For an empty one this needs no descriptor, of which none may be left.
            Path(self._home).rmdir()
        shutil.rmtree(self._home, ignore_errors=True)
        self._over = True
        return code

    def kill(self) -> None:
        """End the process and those that it started, now."""
        if self.process and not self._over and os.getpid() == self.owner:
            with contextlib.suppress(OSError):
                if _POSIX:
                    os.killpg(self.process.pid, signal.SIGKILL)
            with contextlib.suppress(OSError):
                self.process.kill()

    def _ended(self, patience: float) -> int | None:
        if not self.process:
            return None
        code = None
        with contextlib.suppress(subprocess.TimeoutExpired):
            code = self.process.wait(patience)
        self.kill()
        self.process.wait()
        return code

    def _release(self) -> None:
        """Give back descriptors and memory."""
        self.channel = None
        while self.regions:
            self.regions.pop().close()
        self.close_lent()
        while self.held:
            with contextlib.suppress(OSError):
                os.close(self.held.pop())
        for stream in (self.process.stdin, self.process.stdout) if self.process else ():
            if stream:
                with contextlib.suppress(OSError):
                    stream.close()

    def close_lent(self) -> None:
        """Close what the worker has now."""
        while self.lent:
            os.close(self.lent.pop())

    def leave(self) -> None:
        """In a fork of the owner: hold nothing that keeps the worker alive."""
        if self.process:
            # Nothing to wait for: it is no child of this process.
            self.process.returncode = 0
        if self.watch:
            self.watch.leave()
        self._release()


_LINES: "weakref.WeakSet[Line]" = weakref.WeakSet()


def _leave_all() -> None:
    for line in list(_LINES):
        line.leave()


if hasattr(os, "register_at_fork"):
    # A fork that kept the pipes would keep the worker from noticing the host's end.
    os.register_at_fork(after_in_child=_leave_all)


def begin(order: Order) -> Line:
    """Start a process that serves the engine's program.

    Args:
        order: what to start.

    Returns:
        The line to it. It has not said hello.

    Raises:
        OSError: there is no such interpreter, or no room; nothing is left.
    """
    line = Line(tempfile.mkdtemp(prefix="kerasplug-worker-"))
    try:
        if order.shared_memory and _POSIX:
            for _ in range(2):
                line.regions.append(wire.Region())
        reading, writing, errors = (_posix if _POSIX else _windows)(line, order)
        line.close_lent()
        assert line.process
        line.watch = Watch(line.process, errors, order.patience)
        wait = line.watch if _POSIX else None
        sending, receiving = line.regions or (None, None)
        line.channel = wire.Channel(reading, writing, sending, receiving, wait)
        line.watch.channel = line.channel
    except BaseException:
        line.end()
        raise
    return line


def _posix(line: Line, order: Order) -> tuple[int, int, int]:
    """Start it with descriptors of its own, so that no print gets among the frames."""
    taking, asking = line.pipe(keep=1)
    hearing, answering = line.pipe(keep=0)
    errors, output = line.pipe(keep=0)
    os.set_blocking(asking, False)
    os.set_blocking(errors, False)
    memory = [region.descriptor for region in line.regions]
    line.process = subprocess.Popen(  # noqa: S603 -- an interpreter of the user's choice, our program
        _command(order, line.home, [taking, answering], memory),
        stdin=subprocess.DEVNULL,
        stdout=output,
        stderr=output,
        env=_environment(order, line.home),
        # Ctrl-C at a terminal is for the host, which ends the worker or lets it live.
        start_new_session=True,
        pass_fds=[taking, answering, *memory],
    )
    return hearing, asking, errors


def _windows(line: Line, order: Order) -> tuple[int, int, Path]:
    """Start it with the standard streams for frames: no others can be handed over."""
    path = Path(line.home, "output.txt")
    with path.open("ab") as errors:
        line.process = subprocess.Popen(  # noqa: S603 -- an interpreter of the user's choice, our program
            _command(order, line.home, [0, 1], []),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=errors,
            env=_environment(order, line.home),
            bufsize=0,
            creationflags=getattr(subprocess, "CREATE_NEW_PROCESS_GROUP", 0),
        )
    assert line.process.stdin
    assert line.process.stdout
    return line.process.stdout.fileno(), line.process.stdin.fileno(), path


def _command(
    order: Order, home: str, frames: list[int], memory: list[int]
) -> list[str]:
    """The command that serves; what `serving.main` is told is its last part."""
    said: dict[str, Any] = {
        "wire": wire.__file__,
        "program": order.engine.program,
        "patience": order.patience,
        "home": home,
        "frames": frames,
        "memory": memory,
    }
    serving = str(Path(__file__).with_name("serving.py"))
    return [order.python, "-I", "-W", "ignore", serving, json.dumps(said)]


def _environment(order: Order, home: str) -> dict[str, str]:
    """The host's variables without what would mislead the worker, and its own."""
    variables: dict[str, str | None] = dict(os.environ)
    variables |= dict.fromkeys(_TAKEN_OUT)
    variables["KERAS_HOME"] = home
    variables |= order.engine.variables(tuple(order.devices))
    return {name: value for name, value in variables.items() if value is not None}
