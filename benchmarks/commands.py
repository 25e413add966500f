"""What the command `kerasplug list` costs, beside a Python that does nothing."""

import os
import subprocess
from functools import partial
from pathlib import Path

from timing import Interpreter, Row, interleaved, ratio
from workshop import Workshop

__all__ = ["measure"]

_NOTHING = "python -c pass"
_NAMES = 1000
_GOAL = 3.5

#: How installers write a console script. The second costs the import of `re`.
_SCRIPTS = {
    "suffix": "sys.argv[0] = sys.argv[0].removesuffix('.exe')",
    "re": "import re; sys.argv[0] = re.sub(r'(-script.pyw|.exe)?$', '', sys.argv[0])",
}
_SCRIPT = """\
#!{python}
import sys
from kerasplug.cli import main
if __name__ == '__main__':
    {line}
    sys.exit(main())
"""
_COMMANDS = {
    "kerasplug list": ("suffix", "list"),
    "kerasplug list, script with re": ("re", "list"),
    "kerasplug list layers": ("suffix", "list", "layers"),
    "kerasplug list --json": ("suffix", "list", "--json"),
}
#: What has a goal; the others are only told.
_WITH_GOAL = ("kerasplug list", "kerasplug list, script with re")


def measure(workshop: Workshop, repeats: int) -> list[Row]:
    """Rows about whole processes: nothing is taken off for the bare interpreter."""
    interpreter = workshop.interpreter(workshop.site(_NAMES, _NAMES))
    scripts = {name: _write(workshop, name) for name in _SCRIPTS}
    tasks = {
        what: partial(_piped, interpreter, [str(scripts[script]), *words], _NAMES)
        for what, (script, *words) in _COMMANDS.items()
    }
    tasks[_NOTHING] = partial(_piped, interpreter, ["-c", "pass"], 0)
    samples = interleaved(tasks, repeats)
    section = f"the command, {_NAMES:,} plugins, piped, whole processes"
    return [
        ratio(section, samples, what, _NOTHING, _GOAL if what in _WITH_GOAL else None)
        for what in _COMMANDS
    ]


def _write(workshop: Workshop, name: str) -> Path:
    """A console script, as an installer writes it."""
    path = workshop.folder / f"kerasplug-{name}"
    text = _SCRIPT.format(python=workshop.python, line=_SCRIPTS[name])
    path.write_text(text, encoding="utf-8")
    return path


def _piped(interpreter: Interpreter, arguments: list[str], names: int) -> float:
    """CPU seconds, user and system, of a whole process whose output is read.

    Raises:
        RuntimeError: it failed, or did not print so many names.
    """
    process = subprocess.Popen(
        [str(interpreter.python), *arguments],
        env=interpreter.environment,
        cwd=interpreter.home,
        stdout=subprocess.PIPE,
    )
    assert process.stdout is not None
    with process.stdout:
        said = process.stdout.read()
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode or said.count(b"Layers number ") != names:
        message = f"{arguments} ended with {process.returncode}"
        raise RuntimeError(message)
    return usage.ru_utime + usage.ru_stime
