"""Starting a server, giving it jobs, and ending it: the host's side."""

import contextlib
import json
import os
import queue
import signal
import subprocess
import sys
import threading
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

from kerasplug.errors import CheckSetupError
from kerasplug.registry.starting import interpreter
from kerasplug.testing.conformance.check import NotApplicable
from kerasplug.testing.conformance.fresh.server import GRACE, MARK

__all__ = ["Ended", "Server", "ServerDiedError", "Setting"]

_PROGRAM = """
import json, sys
sys.path[:], environment, forks = json.loads(sys.argv[1])
from kerasplug.testing.conformance.fresh.server import main
main(environment, forks=forks)
"""

#: How many seconds Keras may take to start in a server.
_START = 300.0

#: How much of what a server printed is shown, in characters.
_TAIL = 1500

_Answer = queue.SimpleQueue["Ended | None"]


class Setting(NamedTuple):
    """Which Keras a server starts, as the environment variables say it."""

    implementation: str
    backend: str

    def __str__(self) -> str:
        return f"{self.implementation} on {self.backend}"

    def environment(self, folder: Path) -> dict[str, str]:
        """The variables that a server and its jobs have, whatever the host's are.

        Args:
            folder: where they may keep files.
        """
        found = {
            "KERASPLUG_IMPLEMENTATION": self.implementation,
            "KERAS_BACKEND": self.backend,
            # The host may have taken all of a GPU's memory.
            "CUDA_VISIBLE_DEVICES": "-1",
            "JAX_PLATFORMS": "cpu",
            # Another order of sets than the host's, and the same each time.
            "PYTHONHASHSEED": "1" if os.environ.get("PYTHONHASHSEED") == "0" else "0",
            "TF_CPP_MIN_LOG_LEVEL": os.environ.get("TF_CPP_MIN_LOG_LEVEL", "3"),
        }
        if self.backend == "jax" and "JAX_COMPILATION_CACHE_DIR" not in os.environ:
            # Else each job compiles the same few operations anew.
            found |= {
                "JAX_COMPILATION_CACHE_DIR": str(folder / "compiled"),
                "JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS": "0",
                "JAX_PERSISTENT_CACHE_MIN_ENTRY_SIZE_BYTES": "-1",
            }
        return found


class Ended(NamedTuple):
    """How the process of a job ended: its exit code, and whether its time was over."""

    code: int | None
    late: bool


class ServerDiedError(Exception):
    """A server ended, and was not told to; the job has perhaps not been done."""


class Server:
    """A started process.

    Args:
        setting: the Keras that it starts.
        folder: where it may leave files; each server has one of its own.
        forks: whether it gives each job a fork of itself; else it does one job.

    Raises:
        NotApplicable: no Python can be started here.
    """

    def __init__(self, setting: Setting, folder: Path, *, forks: bool) -> None:
        self.setting = setting
        self.is_dead = False
        self._forks = forks
        self._log = folder / "log"
        self._lock = threading.Lock()
        self._waiting: dict[int, _Answer] = {}
        self._count = 0
        self._settled = threading.Event()
        self._failed = ""
        self._process = self._started(folder)
        self._listener = threading.Thread(
            target=self._listen, name="kerasplug-fresh", daemon=True
        )
        self._listener.start()

    @property
    def pid(self) -> int:
        """The number of its process."""
        return self._process.pid

    def _started(self, folder: Path) -> "subprocess.Popen[bytes]":
        python = interpreter()
        if not python:
            reason = "no Python can be started from this program"
            raise NotApplicable(reason)
        kept = self.setting.environment(folder)
        path = [one for one in sys.path if isinstance(one, str)]
        with self._log.open("ab") as log:
            return subprocess.Popen(  # noqa: S603 -- our own interpreter and program
                [python, "-c", _PROGRAM, json.dumps([path, kept, self._forks])],
                env={**os.environ, **kept},
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=log,
                # Ctrl-C is for the host; its servers end when it does.
                start_new_session=True,
            )

    # --- listening -----------------------------------------------------------------

    def _listen(self) -> None:
        assert self._process.stdout is not None
        with self._process.stdout as answers:
            for line in answers:
                if line.startswith(MARK.encode()):
                    self._hear(json.loads(line[len(MARK) :]))
        code = self._process.wait()
        with self._lock:
            self.is_dead = True
            self._close_requests()
            waiting, self._waiting = self._waiting, {}
        for one in waiting.values():
            one.put(None if self._forks else Ended(code, late=False))
        self._settled.set()

    def _hear(self, said: Mapping[str, Any]) -> None:
        if "number" not in said:
            self._failed = said.get("trace", "")
            self._settled.set()
            return
        with self._lock:
            one = self._waiting.pop(said["number"], None)
        if one is not None:
            one.put(Ended(said["code"], late=said["late"]))

    # --- jobs ----------------------------------------------------------------------

    def run(self, request: Mapping[str, Any]) -> Ended:
        """Have a job done, and wait until its process has ended.

        Args:
            request: as `kerasplug.testing.conformance.fresh.asking` makes it.

        Raises:
            CheckSetupError: Keras can't be started in it.
            ServerDiedError: it is not there any more.
        """
        if not self._settled.wait(_START):
            self.kill()
            found = f"it had not started after {_START:g} s"
            raise self.cannot_start(found)
        if self._failed:
            raise self.cannot_start(self._failed.strip()[-_TAIL:])
        answer: _Answer = queue.SimpleQueue()
        self._write(request, answer)
        # The server, or the job itself, keeps the time; this is for one that can't.
        patience = request["limit"] + GRACE + (60.0 if self._forks else 0.0)
        try:
            ended = answer.get(timeout=patience)
        except queue.Empty:
            self.kill()
            ended = None if self._forks else Ended(None, late=True)
        if ended is None:
            raise ServerDiedError
        return ended

    def _write(self, request: Mapping[str, Any], answer: _Answer) -> None:
        assert self._process.stdin is not None
        with self._lock:
            if self.is_dead:
                raise ServerDiedError
            self._count += 1
            line = json.dumps({**request, "number": self._count}) + "\n"
            try:
                self._process.stdin.write(line.encode())
                self._process.stdin.flush()
            except (OSError, ValueError) as error:  # it ended, or was closed
                raise ServerDiedError from error
            self._waiting[self._count] = answer

    def cannot_start(self, found: str) -> CheckSetupError:
        """The error for a Keras that does not start in another process.

        Args:
            found: what it did instead; empty: what its process has printed last.
        """
        if not found:
            with contextlib.suppress(OSError):
                found = self._log.read_text("utf-8", errors="replace").strip()[-_TAIL:]
            found = f"its process ended twice. {found}"
        what = f"Keras does not start in another process ({self.setting})."
        variables = f"KERASPLUG_IMPLEMENTATION={self.setting.implementation}"
        if self.setting.implementation != "tf_keras":
            variables += f" KERAS_BACKEND={self.setting.backend}"
        return CheckSetupError(
            what,
            found=found,
            expected="a Keras that starts; so far nothing was said about the layer",
            mend=f"{variables} kerasplug doctor",
        )

    # --- ending --------------------------------------------------------------------

    def kill(self) -> None:
        """End it, and what it has started that is in no group of its own."""
        with contextlib.suppress(ProcessLookupError, PermissionError):
            if hasattr(os, "killpg"):
                os.killpg(self._process.pid, signal.SIGKILL)
            else:
                self._process.kill()

    def close(self) -> None:
        """End it, and its jobs before."""
        busy = bool(self._waiting) and self._forks
        self._close_requests()
        if busy:
            # It ends its jobs first, which nobody else can.
            with contextlib.suppress(subprocess.TimeoutExpired):
                self._process.wait(5.0)
        if self._process.poll() is None:
            self.kill()
        self._listener.join(5.0)

    def _close_requests(self) -> None:
        assert self._process.stdin is not None
        with contextlib.suppress(OSError):
            self._process.stdin.close()

    def disown(self) -> None:
        """Know nothing more of it: this process is a fork of the one it belongs to."""
        self._process.returncode = 0
