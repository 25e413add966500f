"""Running a model on one backend in a process of its own, however that ends."""

import contextlib
import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any, Final, NamedTuple

from kerasplug.engines.comparing_inputs import Inputs
from kerasplug.engines.comparing_result import BackendRun, Timing
from kerasplug.errors import KerasplugError
from kerasplug.registry.starting import interpreter

__all__ = ["Job", "run_on", "write_inputs"]

_PROGRAM: Final = """
import json, sys
with open(sys.argv[1], encoding="utf-8") as file:
    request = json.load(file)
sys.path[:] = request["path"]
from kerasplug.engines.comparing_child import main
main(request)
"""

#: What each process has, whatever this one's environment says.
_FIXED: Final = {"KERASPLUG_IMPLEMENTATION": "keras"}
#: And what it has where this one's environment says nothing: this process, or another
#: one, may need the memory of a GPU as well.
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


class Job(NamedTuple):
    """What every backend is asked.

    Attributes:
        model: path of the model's file, absolute.
        inputs: what goes in.
        folder: where the processes keep their files.
        repeats: how many batches are timed.
        seed: for random layers.
        timeout: seconds that one backend may take.
    """

    model: str
    inputs: Inputs
    folder: Path
    repeats: int
    seed: int
    timeout: float


def write_inputs(job: Job) -> None:
    """Put the arrays where the processes find them."""
    import numpy as np

    np.savez(job.folder / "inputs.npz", *job.inputs.arrays)


def run_on(backend: str, job: Job) -> BackendRun:
    """What a backend does with the model, in a new process.

    Args:
        backend: its name.
        job: what it is asked; `write_inputs` has been called.

    Raises:
        KeyboardInterrupt: somebody pressed Ctrl-C; the process is ended.
        KerasplugError: no process can be started.
    """
    folder = job.folder / backend.replace("/", "-")
    folder.mkdir()
    request = _request(backend, job, folder)
    (folder / "request.json").write_text(json.dumps(request), encoding="utf-8")
    code = _waited(backend, folder, job.timeout)
    try:
        answer = json.loads((folder / "answer.json").read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return BackendRun(backend, "failed", _ending(code, job.timeout, folder))
    return _told(backend, answer, folder)


def _request(backend: str, job: Job, folder: Path) -> dict[str, Any]:
    return {
        # Python itself passes over what is no text.
        "path": [entry for entry in sys.path if isinstance(entry, str)],
        "backend": backend,
        "model": job.model,
        "inputs": str(job.folder / "inputs.npz"),
        "structure": job.inputs.structure,
        "names": job.inputs.names,
        "batch_size": job.inputs.batch_size,
        "repeats": job.repeats,
        "seed": job.seed,
        "timeout": job.timeout,
        "answer": str(folder / "answer.json"),
        "outputs": str(folder / "outputs.npz"),
    }


def _waited(backend: str, folder: Path, timeout: float) -> int | None:
    """The exit code of the process; None where its time was over."""
    python = interpreter()
    if not python:
        what = "No Python can be started from this program."
        raise KerasplugError(what, mend="use the command: kerasplug compare")
    fixed = {**_FIXED, "KERAS_BACKEND": backend.rpartition("/")[2]}
    with (
        (folder / "errors").open("wb") as errors,
        subprocess.Popen(  # noqa: S603 -- our own interpreter and program
            [python, "-c", _PROGRAM, str(folder / "request.json")],
            env={**_DEFAULTS, **os.environ, **fixed},
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


def _ending(code: int | None, timeout: float, folder: Path) -> str:
    """How a process ended that gave no answer, and what it wrote last."""
    last = _last((folder / "errors").read_text("utf-8", errors="replace"))
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


def _told(backend: str, answer: dict[str, Any], folder: Path) -> BackendRun:
    """The answer of a process that came to its end."""
    if answer["state"] != "ok":
        error = answer["error"]
        return BackendRun(backend, "failed", error, versions=answer["versions"])
    import numpy as np

    from kerasplug.engines.comparing_numbers import quartiles

    with np.load(folder / "outputs.npz", allow_pickle=False) as file:
        arrays = [file[f"arr_{number}"] for number in range(len(file.files))]
    seconds = answer["seconds"]
    timing = Timing(
        answer["start"],
        answer["load"],
        answer["first"],
        *quartiles(seconds),
        repeats=len(seconds),
    )
    return BackendRun(
        backend,
        "ok",
        outputs=dict(zip(answer["names"], arrays, strict=True)),
        dtypes=answer["dtypes"],
        timing=timing,
        versions=answer["versions"],
    )
