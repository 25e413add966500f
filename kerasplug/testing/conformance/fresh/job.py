"""One job, in a process of its own: what comes of it goes into files of its folder.

A layer can do here what it likes: print, hang, leave, crash. The host reads the reply
where there is one; else how the process ended, what it was about, and where it was.
"""

import contextlib
import faulthandler
import json
import os
import sys
import tempfile
import traceback
import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final, NoReturn

from kerasplug.testing.conformance import arrays

__all__ = ["OUTPUT", "REPLY", "STAGE", "TRACE", "do", "is_under_way"]

#: The files in a job's folder, beside those that the host puts there.
OUTPUT: Final = "output"
REPLY: Final = "reply"
STAGE: Final = "stage"
TRACE: Final = "trace"

_leave: Final = os._exit

_under_way: list[str] = []


def is_under_way() -> bool:
    """Whether this process is one that does a job."""
    return bool(_under_way)


def do(request: Mapping[str, Any], environment: Mapping[str, str]) -> NoReturn:
    """Do it and end the process.

    Args:
        request: as `kerasplug.testing.conformance.fresh.asking` makes it.
        environment: variables that stay as this process has them.
    """
    folder = Path(request["folder"])
    _under_way.append(str(folder))
    tempfile.tempdir = str(folder)  # a process that just leaves does not clean up
    code = 0
    try:
        _settle(request, environment)
        _watch(folder, request["limit"])
        _reply(folder, request)
    except BaseException:  # noqa: BLE001 -- no way back into the server's own code
        traceback.print_exc()
        code = 1
    with contextlib.suppress(Exception):
        sys.stdout.flush()
        sys.stderr.flush()
    _leave(code)


def _settle(request: Mapping[str, Any], environment: Mapping[str, str]) -> None:
    """Be where the host is: its folder, its variables, its path; output to a file."""
    output = os.open(
        Path(request["folder"]) / OUTPUT, os.O_WRONLY | os.O_CREAT | os.O_APPEND
    )
    for descriptor in (1, 2):
        os.dup2(output, descriptor)
    os.environ.clear()
    os.environ.update({**request["environ"], **environment})
    sys.path[:] = request["path"]
    os.chdir(request["cwd"])
    warnings.simplefilter("ignore")


def _watch(folder: Path, limit: float) -> None:
    """End a job that takes too long, and leave a traceback however it ends."""
    trace = os.open(folder / TRACE, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    faulthandler.enable(trace)
    faulthandler.dump_traceback_later(limit, exit=True, file=trace)
    process = os.getpid()

    def noted(status: int) -> NoReturn:
        if os.getpid() == process:  # not in a fork of the layer's own
            frames = traceback.extract_stack(sys._getframe(1))  # noqa: SLF001 -- the caller is what matters
            # The latest first, as faulthandler has it.
            lines = [f"  {_where(one)} in {one.name}" for one in reversed(frames)]
            text = "\n".join([f"os._exit({status}) was called:", *lines])
            os.write(trace, text.encode())
        _leave(status)

    os._exit = noted


def _where(frame: traceback.FrameSummary) -> str:
    return f'File "{frame.filename}", line {frame.lineno}'


def _reply(folder: Path, request: Mapping[str, Any]) -> None:
    from kerasplug.testing.conformance.fresh.actions import act

    def note(stage: str) -> None:
        (folder / STAGE).write_text(stage, encoding="utf-8")

    found: list[Any] = []
    try:
        said = {"done": act(request, found, note)}
    except BaseException as error:  # noqa: BLE001 -- whatever it is, it is the answer
        said = {"raised": _told(error)}
    arrays.write(folder / f"{REPLY}.npz", found)
    # Whole or not at all: what is there was said to the end.
    draft = folder / f"{REPLY}.draft"
    draft.write_text(json.dumps(said), encoding="utf-8")
    draft.replace(folder / f"{REPLY}.json")


def _told(error: BaseException) -> dict[str, str]:
    return {"type": type(error).__name__, "text": str(error), "place": _place(error)}


def _place(error: BaseException) -> str:
    """The last line of code that is not Keras' or ours."""
    for frame in reversed(traceback.extract_tb(error.__traceback__)):
        parts = set(Path(frame.filename).parts)
        if frame.filename[:1] != "<" and not parts & _PASSED:
            return f"{frame.filename}:{frame.lineno}"
    return ""


#: Code in these folders is not the place that an author mends.
_PASSED = {"keras", "tf_keras", "tensorflow", "jax", "torch", "kerasplug"}
