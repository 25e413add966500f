"""Other programs, run with nothing of this Python in their environment variables."""

import collections
import os
import subprocess
from collections.abc import Callable, Sequence
from typing import Final, NamedTuple

__all__ = ["Ended", "Say", "plain_variables", "run"]

#: What is told how far something is, one line at a time.
Say = Callable[[str], None]

#: What would lead an installer to another environment than the one it is given.
_LEADING: Final = {
    "PIP_PREFIX",
    "PIP_PYTHON",
    "PIP_ROOT",
    "PIP_TARGET",
    "PIP_USER",
    "UV_PROJECT",
    "UV_PROJECT_ENVIRONMENT",
    "UV_PYTHON",
    "UV_SYSTEM_PYTHON",
    "UV_WORKING_DIRECTORY",
    "VIRTUAL_ENV",
    "__PYVENV_LAUNCHER__",
}

#: How many of the last lines of a program are kept.
_LAST: Final = 20

#: What shells have as the exit code of a program that is not there.
_NOT_STARTED: Final = 127


class Ended(NamedTuple):
    """How a program ended.

    Attributes:
        code: its exit code; negative: the signal that ended it.
        output: the last lines that it wrote.
    """

    code: int
    output: str


def plain_variables() -> dict[str, str]:
    """This process' environment variables, without those about Python.

    A `PYTHONPATH` of packages for this interpreter would break another one.
    """
    return {
        name: value
        for name, value in os.environ.items()
        if not name.startswith("PYTHON") and name not in _LEADING
    }


def run(
    command: Sequence[str], *, cwd: str, say: Say, keep: Sequence[int] = ()
) -> Ended:
    """Run a program to its end.

    Args:
        command: the program and its arguments; no shell is between.
        cwd: the folder it starts in.
        say: gets each line that it writes, as it comes.
        keep: file descriptors that it gets too, and so keeps open if it outlives us.

    Returns:
        How it ended; one that can't be started, as a shell tells it.

    Raises:
        KeyboardInterrupt: somebody pressed Ctrl-C; it was ended.
    """
    try:
        return _run(command, cwd, say, keep)
    except OSError as error:
        return Ended(_NOT_STARTED, f"{command[0]}: {error}")


def _run(command: Sequence[str], cwd: str, say: Say, keep: Sequence[int]) -> Ended:
    last: collections.deque[str] = collections.deque(maxlen=_LAST)
    with subprocess.Popen(  # noqa: S603 -- an interpreter or installer of the user's own
        command,
        cwd=cwd,
        env=plain_variables(),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        encoding="utf-8",
        errors="replace",
        pass_fds=keep,
    ) as process:
        try:
            assert process.stdout is not None
            for line in process.stdout:
                if line.strip():
                    last.append(line.rstrip())
                    say(line.rstrip())
            process.wait()
        except BaseException:
            process.kill()
            raise
    return Ended(process.returncode, "\n".join(last))
