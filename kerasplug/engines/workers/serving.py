"""The worker: what the interpreter of another environment runs, by this file's path.

It imports an engine's program, says hello, and answers what the host asks, until the
host has gone. A program is a Python file that has `describe()`, which imports the
engine and gives plain data about it, and `COMMANDS`: name -> function of a header and
arrays that gives a header and arrays. What it is given is good until it has answered.

There is no kerasplug where this runs, and maybe Python 3.7: only the standard library,
and `wire`, which is loaded by its path as well.
"""

from __future__ import annotations

import contextlib
import faulthandler
import importlib.util
import json
import os
import shutil
import signal
import sys
import threading
import time
import traceback
from pathlib import Path
from typing import Any

__all__ = ["Server", "main"]

#: Seconds between two signs of life while something is being computed; less where the
#: host has little patience.
_BEAT = 1.0
#: So many times the host's patience, and a worker that hangs ends itself.
_HANGS = 2
#: How much of an error's text is told, in characters.
_LONGEST = 20_000


def main(text: str) -> None:
    """Serve until the host has gone.

    Args:
        text: JSON: `frames`, the descriptors to read and to write; `memory`, those of
            the shared memory to this process and from it, or none; `wire` and
            `program`, paths; `patience`, in seconds; `home`, this process' own folder.
    """
    said = json.loads(text)
    # Neither needs Python's cooperation: standard error says where it crashed or hung.
    faulthandler.enable()
    with contextlib.suppress(ValueError, OSError):
        signal.signal(signal.SIGINT, signal.SIG_IGN)
    streams: Any = (sys.stdout, sys.stderr)
    for stream in streams:
        stream.reconfigure(line_buffering=True, errors="backslashreplace")
    reading, writing = _frames(*said["frames"])
    wire = _loaded("kerasplug_wire", said["wire"], keep=False)
    # What the host sends through is what this process receives through.
    regions = [wire.Region(descriptor) for descriptor in reversed(said["memory"])]
    Server(wire, wire.Channel(reading, writing, *regions), said).run()


def _frames(reading: int, writing: int) -> tuple[int, int]:
    """The descriptors for frames, out of reach of native libraries that print."""
    kept = os.dup(reading), os.dup(writing)
    for used in {reading, writing} - {0, 1, 2}:
        os.close(used)
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, 0)
    os.close(nothing)
    os.dup2(2, 1)
    return kept


def _loaded(name: str, path: str, *, keep: bool = True) -> Any:
    """The module that a file is; with `keep`, other modules find it by its name."""
    spec = importlib.util.spec_from_file_location(name, path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    if keep:
        sys.modules[name] = module
    before, sys.dont_write_bytecode = sys.dont_write_bytecode, not keep
    try:
        spec.loader.exec_module(module)
    finally:
        sys.dont_write_bytecode = before
    return module


class Server:
    """What answers, and what beats meanwhile.

    Args:
        wire: the module.
        channel: to the host.
        said: as `main` has it.
    """

    def __init__(self, wire: Any, channel: Any, said: dict[str, Any]) -> None:
        self._wire = wire
        self._channel = channel
        self._said = said
        self._busy = True
        self._commands: dict[str, Any] = {}

    def run(self) -> None:
        """Say hello and answer; does not come back."""
        threading.Thread(target=self._beat, name="kerasplug-beat", daemon=True).start()
        code = 1
        try:
            code = self._served()
        except self._wire.GoneError:
            code = 0
        except BaseException:  # noqa: BLE001 -- the host reads it
            traceback.print_exc()
        finally:
            self._end(code)

    def _served(self) -> int:
        try:
            self._channel.send({"hello": self._hello()})
        except BaseException as error:  # noqa: BLE001 -- the host has to hear of it
            self._channel.send({"error": _told(error)})
            return 1
        while True:
            self._busy = False
            try:
                header, arrays = self._channel.receive()
            except self._wire.UnreadableError as error:
                self._reply(error.header.get("id"), {"error": _told(error)}, {})
                continue
            self._busy = True
            if header.get("do") == "close":
                return 0
            self._reply(header.get("id"), *self._answer(header, arrays))
            del header, arrays

    def _hello(self) -> dict[str, Any]:
        path = Path(self._said["program"])
        sys.path.insert(0, str(path.parent))
        program = _loaded(path.stem, str(path))
        self._commands = dict(program.COMMANDS)
        described = dict(program.describe())
        version = ".".join(str(part) for part in sys.version_info[:3])
        ours = {"protocol": self._wire.PROTOCOL, "python": version, "pid": os.getpid()}
        return dict(described, commands=sorted(self._commands), **ours)

    def _answer(self, header: dict[str, Any], arrays: Any) -> tuple[Any, Any]:
        try:
            name = header.get("do")
            if name not in self._commands:
                message = f"no command {name!r}; there are {sorted(self._commands)}"
                raise LookupError(message)
            reply, given = self._commands[name](header, arrays)
            return {"ok": dict(reply)}, given
        except BaseException as error:  # noqa: BLE001 -- the host has to hear of it
            return {"error": _told(error)}, {}

    def _reply(self, number: Any, reply: dict[str, Any], arrays: Any) -> None:
        try:
            self._channel.send(dict(reply, id=number), arrays)
        except (OSError, MemoryError, self._wire.UnsendableError) as error:
            # Nothing of it was sent, so that this can be.
            self._channel.send({"id": number, "error": _told(error)})

    def _beat(self) -> None:
        beat, patience = 0, self._said["patience"]
        while True:
            # What holds Python's lock stops this thread: then it ends, host or none.
            with contextlib.suppress(RuntimeError, MemoryError):
                faulthandler.dump_traceback_later(_HANGS * patience, exit=True)
            time.sleep(min(_BEAT, patience / 4))
            beat += 1
            try:
                if self._busy:
                    self._channel.hint({"beat": beat})
            except self._wire.GoneError:
                self._end(0)
            except MemoryError:
                continue

    def _end(self, code: int) -> None:
        """End, whatever threads and libraries would still like to do."""
        with contextlib.suppress(Exception):
            shutil.rmtree(self._said["home"], ignore_errors=True)
            sys.stderr.flush()
        os._exit(code)


def _told(error: BaseException) -> dict[str, str]:
    """What the host is told of an error."""
    try:
        trace = "".join(
            traceback.format_exception(type(error), error, error.__traceback__)
        )
        text = str(error)
    except Exception:  # noqa: BLE001 -- memory is short, or the error is broken itself
        trace, text = "", ""
    kind = type(error).__name__
    return {"type": kind, "message": text[:_LONGEST], "traceback": trace[-_LONGEST:]}


if __name__ == "__main__":
    main(sys.argv[1])
