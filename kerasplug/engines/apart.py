"""A process of its own that answers one request, however that ends.

The host writes `request.json` into a folder, and starts a fresh Python that calls a
function with it. That one writes `answer.json` when it is done: a file, since native
libraries print to standard output. What both print is kept in `errors`.
"""

import contextlib
import faulthandler
import json
import os
import signal
import subprocess
import sys
import threading
import traceback
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Final, NamedTuple, NoReturn

from kerasplug.errors import KerasplugError
from kerasplug.files import write_atomically
from kerasplug.registry.starting import interpreter

__all__ = ["Ending", "answer_and_end", "ask_apart", "end_with_the_host"]

_PROGRAM: Final = """
import importlib, json, sys
with open(sys.argv[1], encoding="utf-8") as file:
    request = json.load(file)
sys.path[:] = request["path"]
importlib.import_module(sys.argv[2]).main(request)
"""

#: What each process has where this one's environment says nothing: this process, or
#: another one, may need the memory of a GPU as well.
_DEFAULTS: Final = {
    "TF_CPP_MIN_LOG_LEVEL": "3",
    "TF_FORCE_GPU_ALLOW_GROWTH": "true",
    "XLA_PYTHON_CLIENT_PREALLOCATE": "false",
}
#: What Python's fault handler begins with.
_LATE: Final = "Timeout ("
_MARKS: Final = ("Fatal Python error", _LATE)
#: How many lines of what a process wrote last are shown.
_LINES: Final = 12
#: Seconds that a process has, after its time, to say where it hangs and to end itself.
_GRACE: Final = 2.0
#: How much of an error's text is kept, in characters.
_LONGEST: Final = 4000


class Ending(NamedTuple):
    """How a process ended.

    Args:
        answer: what it answered; None where it ended without an answer.
        how: how it ended without one, and below that what it wrote last; else empty.
        last: what it wrote last, at most twelve lines.
    """

    answer: dict[str, Any] | None
    how: str
    last: str


# --- the host -----------------------------------------------------------------------


def ask_apart(
    module: str,
    request: Mapping[str, Any],
    folder: Path,
    *,
    timeout: float,
    environment: Mapping[str, str],
    command: str,
) -> Ending:
    """Ask `main` of a module, in a new process, and wait until that ends.

    Args:
        module: where the `main` is that gets the request.
        request: what JSON can say; this process' `sys.path` is added as `"path"` where
            it has none.
        folder: an empty folder, where the files are kept.
        timeout: seconds that it may take; the request's `"timeout"` for its own clock.
        environment: variables that it has besides those of this process.
        command: the command of kerasplug that does the same, for the error where no
            Python can be started from here.

    Raises:
        KeyboardInterrupt: somebody pressed Ctrl-C; the process is ended.
        KerasplugError: no process can be started.
    """
    # Python itself passes over what is no text.
    path = [entry for entry in sys.path if isinstance(entry, str)]
    whole = {"path": path, "timeout": timeout, **request}
    (folder / "request.json").write_text(json.dumps(whole), encoding="utf-8")
    code = _waited(module, folder, timeout, environment, command)
    last = _last((folder / "errors").read_text("utf-8", errors="replace"))
    try:
        answer = json.loads((folder / "answer.json").read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return Ending(None, _how(code, timeout, last), last)
    return Ending(answer, "", last)


def _waited(
    module: str,
    folder: Path,
    timeout: float,
    environment: Mapping[str, str],
    command: str,
) -> int | None:
    """The exit code of the process; None where its time was over."""
    python = interpreter()
    if not python:
        what = "No Python can be started from this program."
        raise KerasplugError(what, mend=f"use the command: {command}")
    with (
        (folder / "errors").open("wb") as errors,
        subprocess.Popen(  # noqa: S603 -- our own interpreter and program
            [python, "-c", _PROGRAM, str(folder / "request.json"), module],
            env={**_DEFAULTS, **os.environ, **environment},
            # It ends itself when this end is closed, however this process ends.
            stdin=subprocess.PIPE,
            stdout=errors,
            stderr=errors,
            # Ctrl-C is for this process, which ends the other one and all it started.
            start_new_session=True,
        ) as process,
    ):
        try:
            return process.wait(timeout + _GRACE)
        except subprocess.TimeoutExpired:
            return None
        finally:
            _end(process)


def _end(process: "subprocess.Popen[bytes]") -> None:
    """End it, and what it has started."""
    with contextlib.suppress(ProcessLookupError, PermissionError):
        if hasattr(os, "killpg"):
            os.killpg(process.pid, signal.SIGKILL)
        else:
            process.kill()


def _how(code: int | None, timeout: float, last: str) -> str:
    """How a process ended that gave no answer, and what it wrote last."""
    if code is None or last.startswith(_LATE):
        how = f"it had not finished after {timeout:g} s"
    elif code < 0:
        how = f"its process was ended by {_signal(-code)}"
    else:
        how = f"its process ended with exit code {code}"
    return f"{how}\n{last}".strip()


def _signal(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:
        return f"signal {number}"


def _last(text: str) -> str:
    """The last lines; the first ones of a trace, which has the place at its top."""
    at = max(text.rfind(mark) for mark in _MARKS)
    lines = text[max(at, 0) :].strip().splitlines()
    return "\n".join(lines[:_LINES] if at >= 0 else lines[-_LINES:])


# --- the process --------------------------------------------------------------------


def answer_and_end(
    request: Mapping[str, Any],
    path: str,
    work: Callable[[dict[str, Any]], Mapping[str, Any]],
) -> NoReturn:
    """Do the work, write the answer, and end this process.

    Args:
        request: its `"timeout"` is how many seconds the work may take.
        path: the file of the answer; it appears whole or not at all.
        work: gets the answer as it is where the work fails, with `"state"` `"failed"`
            and no `"versions"`; may add to it, and returns what is to be added.
    """
    end_with_the_host()
    # Neither needs Python's cooperation: standard error says where it crashed or hung.
    faulthandler.enable()
    faulthandler.dump_traceback_later(request["timeout"], exit=True)
    answer: dict[str, Any] = {"state": "failed", "error": "", "versions": {}}
    try:
        answer |= work(answer)
    except BaseException as error:  # noqa: BLE001 -- the host has to hear of it
        traceback.print_exc()
        answer["error"] = f"{type(error).__name__}: {error}"[:_LONGEST]
    write_atomically(path, json.dumps(answer).encode())
    with contextlib.suppress(Exception):  # a program may have closed or replaced them
        sys.stdout.flush()
        sys.stderr.flush()
    # All is written; engines that crash or hang at the end of a process can't undo it.
    os._exit(0)


def end_with_the_host() -> None:
    """End this process when the host's end of standard input is closed."""
    kept = os.dup(0)
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, 0)
    os.close(nothing)

    def watch() -> None:
        os.read(kept, 1)
        os._exit(1)

    threading.Thread(target=watch, name="kerasplug-host", daemon=True).start()
