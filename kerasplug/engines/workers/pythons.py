"""Which Python a private environment is made of, and what makes and fills it."""

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from typing import TYPE_CHECKING, Final, NamedTuple

from kerasplug._frameworks.metadata import satisfies
from kerasplug._frameworks.presence import state_of
from kerasplug.config import says_yes
from kerasplug.engines.workers.children import plain_variables
from kerasplug.engines.workers.inspecting import interpreter_place
from kerasplug.errors import ConfigError, KerasMissingError
from kerasplug.registry.starting import interpreter

if TYPE_CHECKING:
    from kerasplug.engines.workers.engine import WorkerEngine

__all__ = ["Python", "fitting", "install_commands", "installer", "is_offline"]

#: Minor versions of Python 3 that are looked for on PATH, the newest first.
_MINORS: Final = range(30, 5, -1)

_ASK: Final = "import sys; print('%d.%d.%d' % sys.version_info[:3])"

#: Seconds for an interpreter to say its version, and for uv to find one.
_PATIENCE: Final = 60

#: An address that nobody answers: for an installer that must not reach any other.
_NOWHERE: Final = "http://127.0.0.1:9"


class Python(NamedTuple):
    """An interpreter that could be the base of an environment.

    Attributes:
        path: of the program.
        version: three numbers, such as "3.11.7".
    """

    path: str
    version: str

    @property
    def minor(self) -> str:
        """Its first two numbers."""
        return ".".join(self.version.split(".")[:2])


def fitting(engine: "WorkerEngine", asked: str | None = None) -> Python:
    """An interpreter that an engine's environment can be made of.

    That of this process where it fits; else one on `PATH`; else what uv finds, which
    downloads none.

    Args:
        engine: says in `python` which versions will do.
        asked: a path, or the name of a program on `PATH`: this one and no other.

    Raises:
        ConfigError: what was asked for is no Python, or has another version.
        KerasMissingError: there is none; it says which would do.
    """
    if asked is not None:
        return _asked(engine, asked)
    seen: list[Python] = []
    for one in _candidates(engine.python):
        if satisfies(one.version, engine.python):
            return one
        seen.append(one)
    message = f"No Python here can run {engine.name}."
    raise KerasMissingError(
        message,
        found=", ".join(f"{one.version} at {one.path}" for one in seen),
        expected=f"Python {engine.python}",
        mend="install one, and then: "
        f"kerasplug backend install {engine.name} --python <its path>",
    )


def _asked(engine: "WorkerEngine", asked: str) -> Python:
    path = shutil.which(os.path.expanduser(asked))  # noqa: PTH111 -- a name is no path
    found = _known(os.path.abspath(path)) if path else None  # noqa: PTH100 -- links stay
    mend = f"kerasplug backend install {engine.name} --python <its path>"
    if found is None:
        message = f"{asked} is no Python that can be started."
        raise ConfigError(message, expected=f"Python {engine.python}", mend=mend)
    if not satisfies(found.version, engine.python):
        message = f"{engine.name} can't run on the Python at {asked}."
        raise ConfigError(
            message,
            found=f"Python {found.version}",
            expected=f"Python {engine.python}",
            mend=mend,
        )
    return found


def _candidates(wanted: str) -> Iterator[Python]:
    own = interpreter()
    if own:
        yield Python(own, ".".join(map(str, sys.version_info[:3])))
    names = [f"python3.{minor}" for minor in _MINORS if _may_fit(wanted, minor)]
    for name in (*names, "python3", "python"):
        path = shutil.which(name)
        found = _known(path) if path else None
        if found is not None:
            yield found
    path = _found_by_uv(wanted)
    found = _known(path) if path else None
    if found is not None:
        yield found


def _may_fit(wanted: str, minor: int) -> bool:
    """Whether some release of a minor version would do: the first, or a late one."""
    return any(satisfies(f"3.{minor}.{patch}", wanted) for patch in (0, 99))


def _known(path: str) -> Python | None:
    """The interpreter there; None where none starts: a shim of pyenv, say."""
    said = _said([path, "-I", "-S", "-c", _ASK])
    return Python(path, said) if re.fullmatch(r"\d+\.\d+\.\d+", said) else None


def _said(command: list[str]) -> str:
    """The line that a program prints; empty where it fails."""
    try:
        done = subprocess.run(  # noqa: S603 -- an interpreter on the user's own PATH
            command,
            env=plain_variables(),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=_PATIENCE,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired, UnicodeDecodeError):
        return ""
    return done.stdout.strip() if done.returncode == 0 else ""


def uv() -> list[str]:
    """How uv is called; empty where it is neither on `PATH` nor installed here."""
    path = shutil.which("uv")
    if path:
        return [path]
    own = interpreter()
    if own and state_of("uv")[0] == "found":
        return [own, "-m", "uv"]
    return []


def _found_by_uv(wanted: str) -> str:
    """A Python that uv knows of; it may have brought it itself."""
    tool = uv()
    if not tool:
        return ""
    flags = ["--offline", "--no-python-downloads", "--no-project", "--system"]
    return _said([*tool, "python", "find", *flags, wanted])


def is_offline() -> bool:
    """Whether nothing may be downloaded, as for the files of data sets."""
    return says_yes("KERASPLUG_OFFLINE")


def installer() -> str:
    """What installs: "uv" or "pip"."""
    return "uv" if uv() else "pip"


def install_commands(
    base: Python, folder: str, requirements: tuple[str, ...]
) -> list[list[str]]:
    """What makes an environment, and then installs into it.

    Args:
        base: the Python that it is made of.
        folder: where; it is there, and empty.
        requirements: pinned, with all that they depend on: nothing else is installed.
    """
    tool = uv()
    inside = interpreter_place(folder)
    if tool:
        closed = ["--offline"] if is_offline() else []
        making = [*tool, "venv", "-q", *closed, "--no-project", "--no-python-downloads"]
        making += ["--python", base.path, folder]
        filling = [*tool, "pip", "install", *closed, "--python", inside, "--no-deps"]
    else:
        making = [base.path, "-I", "-m", "venv", folder]
        filling = [inside, "-I", "-m", "pip", "install", "--no-deps", "--no-input"]
        filling += ["--disable-pip-version-check", "--no-warn-script-location"]
        if is_offline():
            filling += ["--no-index", "--retries", "0", "--proxy", _NOWHERE]
    return [making, [*filling, *requirements]] if requirements else [making]
