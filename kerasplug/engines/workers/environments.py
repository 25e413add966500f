"""The private environment of an engine: made whole or not at all, repaired, removed.

Several processes at once make one environment. What a killed one has left is without
the mark that says "whole", and is removed before it is made again.
"""

import os
import shutil
import time
from pathlib import Path
from typing import TYPE_CHECKING, Final, NamedTuple

from kerasplug.engines.workers import inspecting, places, pythons
from kerasplug.engines.workers.children import Ended, Say, run
from kerasplug.engines.workers.turns import alone, storing
from kerasplug.errors import (
    KerasplugError,
    OfflineError,
    OwnershipError,
    WorkerError,
)
from kerasplug.files import belongs_to_us

if TYPE_CHECKING:
    from kerasplug.engines.workers.engine import WorkerEngine

__all__ = ["Installed", "install", "remove"]

#: How often a folder is emptied: a worker that ends may write in it until then.
_TRIES: Final = 5
_PAUSE: Final = 0.2


class Installed(NamedTuple):
    """A private environment that is whole.

    Attributes:
        folder: where it is.
        python: its interpreter.
        made: whether it was made now; False: it was there.
    """

    folder: str
    python: str
    made: bool


def _silent(line: str) -> None:
    """Tell nobody."""


def install(
    engine: "WorkerEngine",
    *,
    python: str | None = None,
    reinstall: bool = False,
    say: Say = _silent,
) -> Installed:
    """Make the private environment of an engine, unless it is there.

    Args:
        engine: whose `requirements` are installed, and nothing else.
        python: the Python to make it of, a path or a name on `PATH`; None: that of this
            process where it fits, else another one.
        reinstall: make it anew where it is there.
        say: gets a line for each step, and those of the installer.

    Returns:
        Where it is. Its worker was started, and has computed what it should.

    Raises:
        KerasMissingError: there is no Python that would do.
        ConfigError: `python` is none that would do; or Keras' home is refused.
        OfflineError: nothing may be downloaded, and no cache has it.
        WorkerError: the installer failed, or the engine does not work there.
        StorageError: the folder can't be written.
        OwnershipError: a folder in its place is not ours.

    Guarantees:
        After an error, and after the process was killed, nothing is left that counts
        as an environment.
    """
    if python is None and not reinstall:
        for one in places.privates(engine):
            if one.state == "made":
                return Installed(one.folder, one.python, made=False)
    base = pythons.fitting(engine, python)
    folder = places.environments_folder() / places.name_for(engine, base.minor)
    with alone(folder, say) as kept:
        found = places.look(engine, folder) if os.path.lexists(folder) else None
        if found is not None and found.state == "made" and not reinstall:
            return Installed(found.folder, found.python, made=False)
        if found is not None:
            say(f"removing {folder}: {found.reason or 'it is to be made anew'}")
            _remove(folder)
        return _made(engine, base, folder, kept, say)


def _made(
    engine: "WorkerEngine",
    base: pythons.Python,
    folder: Path,
    kept: tuple[int, ...],
    say: Say,
) -> Installed:
    say(f"making {folder}")
    say(f"Python {base.version} at {base.path}")
    try:
        with storing(folder):
            folder.mkdir(mode=0o700)
        inside = _filled(engine, base, folder, kept, say)
        _check(engine, inside, say)
        with storing(folder):
            places.mark(folder, _facts(engine, base))
    except BaseException:
        # Without its mark it counts for nothing; what can't be removed now is later.
        shutil.rmtree(folder, ignore_errors=True)
        raise
    return Installed(str(folder), inside, made=True)


def _facts(engine: "WorkerEngine", base: pythons.Python) -> dict[str, object]:
    """What the mark says, for people who look into the folder."""
    return {
        "engine": engine.name,
        "python": base.version,
        "base": base.path,
        "requirements": list(engine.requirements),
    }


def _filled(
    engine: "WorkerEngine",
    base: pythons.Python,
    folder: Path,
    kept: tuple[int, ...],
    say: Say,
) -> str:
    """The interpreter of the environment, where all is installed now."""
    commands = pythons.install_commands(base, str(folder), engine.requirements)
    say(f"installing with {pythons.installer()}: {', '.join(engine.requirements)}")
    for command in commands:
        # Whoever outlives us keeps the lock: nobody removes what it is writing.
        ended = run(command, cwd=str(folder.parent), say=_indented(say), keep=kept)
        if ended.code:
            raise _failed(engine, command, ended)
    inside = inspecting.python_in(folder)
    wrong = inspecting.strays(engine.requirements, inside)
    if wrong:
        message = f"The environment of {engine.name} is not what was asked for."
        raise WorkerError(
            message,
            found="; ".join(wrong),
            expected=f"what is installed lies below {folder}",
            mend="look for a `target` or `prefix` in the settings of pip or uv",
        )
    return inside


def _indented(say: Say) -> Say:
    return lambda line: say(f"  {line}")


def _failed(engine: "WorkerEngine", command: list[str], ended: Ended) -> KerasplugError:
    """The error for a program that did not do what was wanted."""
    what = f"The environment of {engine.name} can't be made; nothing was left of it."
    if pythons.is_offline() and command[-1:] == list(engine.requirements[-1:]):
        return OfflineError(
            what,
            path=str(places.environments_folder()),
            found=f"KERASPLUG_OFFLINE is set, and no cache has it: {ended.output}",
            mend="unset KERASPLUG_OFFLINE",
        )
    return WorkerError(
        what,
        found=f"exit code {ended.code} of: {' '.join(command)}",
        output=ended.output,
        exit_code=ended.code,
        mend=_mend(engine, ended.output),
    )


def _mend(engine: "WorkerEngine", output: str) -> str:
    """What helps, as far as the last lines of an installer tell."""
    if "No space left" in output or "Disk quota" in output:
        return "make room, or choose another place with KERAS_HOME"
    if "ensurepip" in output:
        return "python -m pip install uv   (this Python can't make environments alone)"
    return f"mend what it says, and then: kerasplug backend install {engine.name}"


def _check(engine: "WorkerEngine", python: str, say: Say) -> None:
    """Start the engine there, and let it compute.

    Raises:
        WorkerError: it does not work.
    """
    from kerasplug.engines.workers.process import Worker

    say(f"starting {engine.name}, and checking what it computes")
    try:
        worker = Worker.start(engine, python)
        try:
            worker.ask("check")
        finally:
            worker.close()
    except WorkerError as error:
        message = f"{engine.name} was installed and does not work; it was removed."
        raise WorkerError(
            message,
            found=f"{error.what} {error.found}".strip(),
            output=error.output,
            exit_code=error.exit_code,
            mend=_mend(engine, error.output),
        ) from error


# --- removing ---


def remove(name: str, *, say: Say = _silent) -> tuple[str, ...]:
    """Remove all private environments of an engine, whole ones and others.

    Args:
        name: the engine's; its plugin need not be installed any longer.
        say: gets a line for each.

    Returns:
        The folders that were removed; empty: there were none.

    Raises:
        OwnershipError: a folder in their place is a link, or somebody else's; it was
            left alone.
        StorageError: one can't be removed; it counts for nothing any longer.
    """
    removed = []
    for folder in places.folders_of(name):
        with alone(folder, say):
            if os.path.lexists(folder):  # another process may have been first
                say(f"removing {folder}")
                _remove(folder)
                removed.append(str(folder))
    return tuple(removed)


def _remove(folder: Path) -> None:
    """Remove a folder of ours, its mark first; links in it are not followed."""
    _refuse_foreign(folder)
    with storing(folder):
        places.unmark(folder)
        for left in reversed(range(_TRIES)):
            shutil.rmtree(folder, ignore_errors=left > 0)
            if not folder.exists():
                return
            time.sleep(_PAUSE)


def _refuse_foreign(folder: Path) -> None:
    """Raise `OwnershipError` unless a folder is ours, and really there."""
    status = folder.lstat()
    if folder.is_symlink():
        found = f"a link to {folder.readlink()}"
    elif not folder.is_dir() or not belongs_to_us(status):
        found = f"owner {status.st_uid}, permissions {status.st_mode & 0o777:o}"
    else:
        return
    message = f"{folder} is not a private environment of yours; it was left alone."
    expected = "a folder that belongs to you and that only you can write"
    raise OwnershipError(message, found=found, expected=expected, mend="remove it")
