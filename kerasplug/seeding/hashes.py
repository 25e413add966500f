"""The hash seed: what can be done about it once Python runs, which is to begin anew.

Python reads PYTHONHASHSEED when it starts. Set inside a program it changes only what
the programs do that this one starts.

Source: the documentation of PYTHONHASHSEED; `sys.flags.hash_randomization` is 0 for the
value 0 only, so that other values are compared by a hash.
"""

import os
import subprocess
import sys
import threading
from typing import Final, NoReturn

from kerasplug.errors import SeedError
from kerasplug.registry.starting import interpreter
from kerasplug.seeding.environment import set_for
from kerasplug.seeding.measures import Plan
from kerasplug.seeding.report import Measure

__all__ = ["MODES", "begin_anew", "is_fixed", "planned"]

MODES: Final = ("warn", "reexec", "ignore")
_NAME: Final = "hash seed"
_VARIABLE: Final = "PYTHONHASHSEED"
#: R's constant: it is not the seed of the session.
_FIXED: Final = "0"
#: In a program that has begun anew its own number, so that it does not do so for ever.
_AGAIN: Final = "KERASPLUG_BEGUN_ANEW"
_PROBE: Final = "kerasplug"


def planned(mode: str) -> Plan:
    """The measure for how Python hashes texts, and what sets it for other programs.

    Args:
        mode: one of `MODES`.
    """
    if is_fixed():
        value = os.environ.get(_VARIABLE, _FIXED)
        reason = f"{_VARIABLE}={value} when Python started"
        return Plan(Measure(name=_NAME, state="applied", reason=reason))
    if mode == "ignore":
        reason = 'not asked for: hash_seed="ignore"'
        return Plan(Measure(name=_NAME, state="not applicable", reason=reason))
    late = Measure(
        name=_NAME,
        state="too late",
        reason=f"{_VARIABLE}={_FIXED} holds for the programs that this one starts only",
        first="Python had started",
    )
    return Plan(late, lambda: set_for(_NAME, {_VARIABLE: _FIXED}))


def is_fixed() -> bool:
    """Whether texts have the same hashes in each process that is started like this one.

    Example:
        >>> is_fixed() in (True, False)
        True
    """
    if not sys.flags.hash_randomization:
        return True
    value = os.environ.get(_VARIABLE, "")
    if not value.isdecimal() or value == _FIXED or sys.flags.ignore_environment:
        return False
    return _hash_elsewhere(value) == hash(_PROBE)


def _hash_elsewhere(value: str) -> int | None:
    """The hash of a text in a Python that starts with this hash seed."""
    python = interpreter()
    if not python:
        return None
    done = subprocess.run(  # noqa: S603 -- our own interpreter and program
        [python, "-S", "-c", f"print(hash({_PROBE!r}))"],
        env={**os.environ, _VARIABLE: value},
        capture_output=True,
        text=True,
        check=False,
    )
    return int(done.stdout) if done.returncode == 0 else None


def begin_anew() -> NoReturn:
    """Start this program again in its own process, with the hash seed 0.

    Raises:
        SeedError: it can't be started again; nothing has changed.
    """
    if hindrance := _hindrance():
        message = "This program can't begin anew with a fixed hash seed."
        raise SeedError(
            message,
            found=hindrance,
            expected="a script, a module (-m) or a text (-c), and its main thread",
            mend=f'{_VARIABLE}={_FIXED} python …, or hash_seed="warn"',
        )
    environment = {**os.environ, _VARIABLE: _FIXED, _AGAIN: str(os.getpid())}
    for stream in (sys.stdout, sys.stderr):
        if stream is not None:
            stream.flush()
    arguments = [sys.executable, *sys.orig_argv[1:]]
    if os.name == "nt":  # there, exec leaves the one who waits for this process behind
        done = subprocess.run(arguments, env=environment, check=False)  # noqa: S603 -- this very program
        os._exit(done.returncode)
    os.execve(sys.executable, arguments, environment)  # noqa: S606 -- this very program


def _hindrance() -> str:
    """Why it can't begin anew; empty: it can."""
    others = sorted(one.name for one in threading.enumerate()[1:])
    command = sys.orig_argv
    hindrances = {
        "Python was started with -E or -I, and does not read the environment": bool(
            sys.flags.ignore_environment
        ),
        "it has begun anew already, and texts have other hashes all the same": (
            os.environ.get(_AGAIN) == str(os.getpid())
        ),
        f"its command line names no program: {command}": (
            not interpreter() or not _has_program(command[1:])
        ),
        "the call comes from another thread than the main one": (
            threading.current_thread() is not threading.main_thread()
        ),
        f"other threads are running, which would be lost: {', '.join(others)}": bool(
            others
        ),
        "pytest or a notebook runs it, and would lose its results": (
            "_pytest" in sys.modules or "ipykernel" in sys.modules
        ),
    }
    return next((why for why, holds in hindrances.items() if holds), "")


def _has_program(arguments: list[str]) -> bool:
    """Whether a command line names a script, a module or a text to run.

    Example:
        >>> _has_program(["-X", "dev", "train.py"]), _has_program(["-"])
        (True, False)
    """
    words = iter(arguments)
    for one in words:
        if one in ("-X", "-W", "--check-hash-based-pycs"):
            next(words, None)  # its value
        elif not one.startswith("-"):
            return True
        elif one == "-" or (not one.startswith("--") and one[-1] in "cm"):
            return one != "-"
    return False
