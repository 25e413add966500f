"""Starting the child that asks, waiting for it, and learning how it ended."""

import json
import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal, NamedTuple

from kerasplug.registry.child import CHAIN

__all__ = ["Ending", "interpreter", "start"]

_PROGRAM = """
import json, sys
with open(sys.argv[1], encoding="utf-8") as file:
    request = json.load(file)
sys.path[:] = request["path"]
from kerasplug.registry.child import main
main(request)
"""

#: How somebody ends a whole job; that says nothing about a plugin.
_FROM_OUTSIDE = {"SIGINT", "SIGTERM", "SIGHUP", "SIGQUIT"}

#: The switches of an interpreter that decide where it finds modules.
_SWITCHES = (("isolated", "-I"), ("no_site", "-S"), ("no_user_site", "-s"))

#: How much of a crash is kept, in characters.
_TRACE = 20_000


class Ending(NamedTuple):
    """How a child ended.

    Args:
        how: `"done"`; `"crashed"`: it ended, or had to be ended, while a plugin's code
            ran; `"stopped"`: somebody else ended it; `"interrupted"`: by Ctrl-C;
            `"failed"`: it never got as far as asking.
        answers: the questions' numbers, each with what was said.
        begun: what it was asking when it ended, outermost first.
        reason: how it ended, for people.
        trace: where it was then.
    """

    how: Literal["done", "crashed", "stopped", "interrupted", "failed"]
    answers: dict[int, dict[str, Any]]
    begun: list[str]
    reason: str = ""
    trace: str = ""


def interpreter() -> str:
    """The Python to start; empty where `sys.executable` is none.

    In a program that embeds Python, or is frozen into one file, it is that program.
    """
    name = os.path.basename(sys.executable or "").lower()
    if getattr(sys, "frozen", False) or not name.startswith(("python", "pypy")):
        return ""
    return sys.executable


def start(
    questions: Mapping[int, Mapping[str, Any]], limit: float, *, stop: bool
) -> Ending:
    """Ask in a new process and wait until it ends.

    Args:
        questions: as `kerasplug.registry.child` takes them, by number.
        limit: how many seconds each one may take.
        stop: whether it ends after one that imports something heavy.

    Raises:
        KeyboardInterrupt: somebody pressed Ctrl-C; the child is ended.
    """
    with tempfile.TemporaryDirectory(
        prefix="kerasplug-asks-", ignore_cleanup_errors=True
    ) as name:
        folder = Path(name)
        for file in ("journal", "trace", "output", "errors"):
            (folder / file).touch()
        request = {
            # Python itself passes over what is no text.
            "path": [entry for entry in sys.path if isinstance(entry, str)],
            "questions": list(questions.items()),
            "journal": str(folder / "journal"),
            "trace": str(folder / "trace"),
            "limit": limit,
            "stop": stop,
        }
        (folder / "request").write_text(json.dumps(request), encoding="utf-8")
        # The child keeps the time of each; this is for one that can't even do that.
        try:
            code = _run(folder, limit * (len(questions) + 1) + 30)
        except OSError:  # no processes to be had here
            return Ending("failed", {}, [])
        return _ending(folder, code)


def _run(folder: Path, patience: float) -> int | None:
    """The exit code; None where it had to be ended."""
    switches = [flag for name, flag in _SWITCHES if getattr(sys.flags, name)]
    with (
        open(folder / "output", "ab") as output,
        open(folder / "errors", "ab") as errors,
        subprocess.Popen(  # noqa: S603 -- our own interpreter and program
            [interpreter(), *switches, "-c", _PROGRAM, str(folder / "request")],
            env={**os.environ, CHAIN: "-"},
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=errors,
        ) as process,
    ):
        try:
            return process.wait(patience)
        except subprocess.TimeoutExpired:
            process.kill()
            return None
        except BaseException:
            process.kill()
            raise


def _ending(folder: Path, code: int | None) -> Ending:
    answers: dict[int, dict[str, Any]] = {}
    begun: list[str] = []
    flags: set[str] = set()
    for line in _lines(folder / "journal"):
        if "answer" in line:
            answers[line["answer"]] = line["said"]
        elif "begin" in line:
            begun.append(line["begin"])
        elif "end" in line:
            begun.remove(line["end"])
        else:
            flags |= line.keys()
    if "done" in flags:
        return Ending("done", answers, [])
    if "interrupted" in flags:
        return Ending("interrupted", answers, [])
    if "ready" not in flags:
        return Ending("failed", answers, [])
    trace = _text(folder / "trace")
    outside = code is not None and _signal(code) in _FROM_OUTSIDE
    return Ending(
        "stopped" if outside else "crashed",
        answers,
        begun,
        _reason(code, trace),
        "\n".join(filter(None, [trace, _text(folder / "errors")[-2000:]])),
    )


def _lines(path: Path) -> list[dict[str, Any]]:
    """The whole lines of the journal; a process can end within the last one."""
    whole = path.read_bytes().split(b"\n")[:-1]
    return [json.loads(line) for line in whole]


def _text(path: Path) -> str:
    return path.read_text(encoding="utf-8", errors="replace")[:_TRACE].strip()


def _reason(code: int | None, trace: str) -> str:
    if trace.startswith("Timeout ("):
        limit = trace.partition("(")[2].partition(")")[0]
        return f"it had not answered after {limit}"
    if code is None:
        return "it did not answer, and its process could not be stopped in time"
    name = _signal(code)
    if name:
        return f"it ended the process that asked it, by {name}"
    return f"it ended the process that asked it, with exit code {code}"


def _signal(code: int) -> str:
    """The name of the signal that ended a process; empty where none did."""
    if code >= 0:
        return ""
    try:
        return signal.Signals(-code).name
    except ValueError:
        return f"signal {-code}"
