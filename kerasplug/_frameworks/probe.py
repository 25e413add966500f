"""Importing Keras for real, in another process that may fail."""

import json
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any, TypedDict, cast

from kerasplug._frameworks.availability import Availability
from kerasplug._frameworks.metadata import (
    examine,
    examine_backend,
    family_root,
    mend_import,
    modules_of,
    satisfies,
)
from kerasplug._frameworks.older import is_older
from kerasplug.config import config_path
from kerasplug.errors import KerasplugError

__all__ = ["TIMEOUT_SECONDS", "ask_elsewhere", "probe_backend", "probe_keras"]

#: How long an import may take before it counts as broken.
TIMEOUT_SECONDS = 300

_CHILD = """
import importlib, json, sys
request = json.loads(sys.argv[1])
sys.path[:] = request["path"]
answer = {"version": "", "error": "", "lacks": ""}
try:
    for name in request["modules"]:
        module = importlib.import_module(name)
    if request["older"]:
        import kerasplug
        module = kerasplug.implementation("keras")
    if request["keras"]:
        module = getattr(module, "keras", module)
        module.layers.Layer
    answer["version"] = str(getattr(module, "__version__", ""))
except BaseException as error:
    answer["error"] = f"{type(error).__name__}: {error}"
    if isinstance(error, ModuleNotFoundError):
        answer["lacks"] = error.name or ""
with open(request["answer"], "w", encoding="utf-8") as file:
    json.dump(answer, file)
"""


class _Answer(TypedDict):
    version: str
    error: str
    lacks: str


def probe_keras(
    implementation: str, backend: str | None = None, wanted: str | None = None
) -> Availability:
    """Whether an implementation can be imported: tried in another process.

    Args:
        implementation: one of `IMPLEMENTATIONS`.
        backend: the backend to import it with; None: the configured one.
        wanted: the version that is asked, well-formed; None: any.

    Returns:
        What `examine` says where that is certain (not installed, another version, no
        backend), else what the import there has shown.
    """
    found = examine(implementation, backend, wanted)
    if found.state in ("missing", "unsuitable"):
        return found
    root = family_root(implementation)
    modules = [root, "tensorflow"] if implementation == "tensorflow" else [root]
    older = is_older(found.version)  # takes more than an import, which the door knows
    answer = _import_elsewhere([] if older else modules, backend, keras=True)
    if answer["error"]:
        return _failed(found, root, answer)
    if wanted is None or satisfies(answer["version"], wanted):
        return Availability("available", version=answer["version"])
    reason = f"{root} {answer['version']} was imported, {wanted} is asked."
    return Availability(
        "unsuitable", reason, version=answer["version"], expected=wanted
    )


def _failed(found: Availability, root: str, answer: _Answer) -> Availability:
    if not found:
        return found
    if answer["lacks"] == root:
        return Availability("missing", f"{root} is not installed.", mend_import(root))
    reason = f"{root} {found.version} is installed, its import fails: {answer['error']}"
    mend = mend_import(root, answer["lacks"])
    return Availability("broken", reason, mend, version=found.version)


def probe_backend(name: str) -> Availability:
    """Whether a backend's modules can be imported: tried in another process."""
    found = examine_backend(name)
    if found.state == "missing":
        return found
    answer = _import_elsewhere(modules_of(name), None, keras=False)
    if not answer["error"]:
        return Availability("available")
    reason = f"The backend {name} is installed, its import fails: {answer['error']}"
    mend = found.mend or mend_import(name, answer["lacks"])
    return Availability("broken", reason, mend)


def _import_elsewhere(
    modules: list[str], backend: str | None, *, keras: bool
) -> _Answer:
    """What importing the modules gives, in a process with our path and environment.

    No modules: an older Keras, by our own door. The process gets a copy of the Keras
    home: importing Keras writes its settings.
    """
    request = {"modules": modules, "keras": keras, "older": not modules}
    answer, error = ask_elsewhere(_CHILD, request, backend)
    if error:
        return {"version": "", "error": error, "lacks": ""}
    return cast("_Answer", answer)


def ask_elsewhere(
    script: str, request: dict[str, object], backend: str | None = None
) -> tuple[dict[str, Any], str]:
    """What a script answers, in a process with our path and environment.

    Args:
        script: a program that takes a request in JSON as its argument, with our
            `path` in it, and writes its answer in JSON to the file that the request
            calls `answer`.
        request: what the script wants to know besides.
        backend: the backend of a Keras there; None: the configured one.

    Returns:
        The answer, and why there is none: one of the two is empty.
    """
    with tempfile.TemporaryDirectory(prefix="kerasplug-probe-") as folder:
        environment = {**os.environ, "KERAS_HOME": str(_copy_of_home(folder))}
        if backend is not None:
            environment["KERAS_BACKEND"] = backend
        file = Path(folder, "answer.json")
        asked = {**request, "path": sys.path, "answer": str(file)}
        command = [sys.executable, "-c", script, json.dumps(asked)]
        return _run(command, environment, file)


def _copy_of_home(folder: str) -> Path:
    home = Path(folder, "home")
    home.mkdir()
    try:
        shutil.copy(config_path(), home)
    except (OSError, KerasplugError):  # no settings, or none that Keras may read
        return home
    return home


def _run(
    command: list[str], environment: dict[str, str], path: Path
) -> tuple[dict[str, Any], str]:
    try:
        done = subprocess.run(  # noqa: S603 -- our own interpreter and script
            command,
            env=environment,
            capture_output=True,
            timeout=TIMEOUT_SECONDS,
            check=False,
        )
        return json.loads(path.read_text(encoding="utf-8")), ""
    except subprocess.TimeoutExpired:
        return {}, f"it took more than {TIMEOUT_SECONDS} seconds"
    except OSError:
        last = done.stderr.decode(errors="replace").strip()[-500:]
        return {}, f"the process ended with {done.returncode}: {last}"
