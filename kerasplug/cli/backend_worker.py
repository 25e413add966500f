"""An engine with a process of its own, looked at: its environment, its devices, itself.

What is told of the environment is read from files; only what the doctor tries and
`--probe` asks starts the engine.
"""

import contextlib
import os
from collections.abc import Iterator
from typing import Any, Final

from kerasplug.cli.findings import Finding
from kerasplug.engines import describing
from kerasplug.engines.describing import Described
from kerasplug.engines.workers import inspecting, places
from kerasplug.engines.workers.engine import WorkerEngine
from kerasplug.engines.workers.known import engine_of
from kerasplug.engines.workers.locating import Found, interpreter_of
from kerasplug.errors import KerasplugError

__all__ = ["facts", "sections"]

#: How many of the last lines of a worker are told.
_LAST: Final = 5
_INSTALL: Final = "kerasplug backend install {}"


def facts(one: Described, *, probe: bool) -> dict[str, Any]:
    """What is known of where an engine runs, as JSON has it.

    Args:
        one: a backend of the kind "worker".
        probe: whether its worker is started, to tell of itself.
    """
    told: dict[str, Any] = {"devices": None, "devices_error": ""}
    told |= {"python": "", "found_by": "", "facts": None}
    if probe:
        told |= {"devices": [], "devices_error": one.reason, "facts": {}}
    claim = describing.claim_of(one)
    if claim is None or one.state != "available":
        return told
    engine = engine_of(claim)
    found = interpreter_of(engine)
    told |= {"python": found.python, "found_by": found.where}
    if probe:
        told |= _asked(engine, found)
    return told


def _asked(engine: WorkerEngine, found: Found) -> dict[str, Any]:
    """What the worker says of itself, or why it says nothing."""
    try:
        said = _started(engine, found)
    except KerasplugError as error:
        return {"devices": [], "devices_error": " ".join(_told(error)), "facts": {}}
    device = str(said.get("device", ""))
    return {"devices": device.split(",") if device else [], "facts": said}


def _started(engine: WorkerEngine, found: Found) -> dict[str, Any]:
    """What a worker says of itself that has computed what it should."""
    from kerasplug.engines.workers.process import Worker

    worker = Worker.start(engine, found.python)
    try:
        worker.ask("check")
        return dict(worker.hello)
    finally:
        worker.close()


def _told(error: KerasplugError) -> list[str]:
    """The parts of an error that say what has happened."""
    output = str(getattr(error, "output", ""))
    lines = output.splitlines()[-_LAST:]
    last = f"Its last output: {' '.join(lines)}" if lines else ""
    return list(filter(None, (error.what, error.found, last)))


def sections(one: Described) -> dict[str, list[Finding]]:
    """What the doctor finds: nothing where the plugin is missing or broken.

    Args:
        one: a backend of the kind "worker".
    """
    claim = describing.claim_of(one)
    if claim is None:
        return {}
    try:
        engine = engine_of(claim)
    except KerasplugError:  # the state of the backend says it
        return {}
    return {
        "environment": list(_environment(engine)),
        "settings": list(_settings(engine)),
        "worker": list(_works(engine)),
    }


def _environment(engine: WorkerEngine) -> Iterator[Finding]:
    """Which interpreter it gets, and what is wrong with this one and with others."""
    python = ""
    with contextlib.suppress(KerasplugError):  # the state of the backend says it
        found = interpreter_of(engine)
        python = found.python
        what = f"Python {inspecting.version_of(python)} at {python}, by {found.where}"
        yield Finding("ok", "environment", what)
        yield from _versions(engine, python)
    for private in places.privates(engine):
        if private.state == "made":
            continue
        level = "note" if python or private.state == "old" else "broken"
        mend = f"rm -r {private.folder}" if python else _INSTALL.format(engine.name)
        what = f"{private.folder}: {private.reason}"
        yield Finding(level, private.state, what, mend)


def _versions(engine: WorkerEngine, python: str) -> Iterator[Finding]:
    """How an environment that the user made differs from one that is made here."""
    wrong = inspecting.strays(engine.requirements, python)
    if wrong:
        what = f"it has not the versions that {engine.name} is tested with: "
        yield Finding(
            "note", "versions", what + "; ".join(wrong), _INSTALL.format(engine.name)
        )


def _settings(engine: WorkerEngine) -> Iterator[Finding]:
    """The variables that its process starts with, and who has set them."""
    for variable, value in sorted(engine.variables(()).items()):
        if value is None:
            continue
        who = "set here" if os.environ.get(variable) == value else "by its plugin"
        yield Finding("ok", variable, f"{value} ({who})")


def _works(engine: WorkerEngine) -> Iterator[Finding]:
    """Whether the worker starts, and computes what it should."""
    try:
        found = interpreter_of(engine)
    except KerasplugError:  # that was told
        return
    try:
        said = _started(engine, found)
    except KerasplugError as error:
        mend = error.mend or f"{_INSTALL.format(engine.name)} --reinstall"
        yield Finding("broken", "worker", " ".join(_told(error)), mend)
        return
    known = {key: value for key, value in said.items() if isinstance(value, str)}
    what = ", ".join(f"{key} {value}" for key, value in known.items())
    yield Finding("ok", "worker", f"it computes what it should: {what}")
