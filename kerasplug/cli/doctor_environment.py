"""The doctor's look at Python, kerasplug itself and what it depends on."""

import importlib.metadata
import importlib.util
import platform
import sys
from collections.abc import Iterator
from pathlib import Path

from packaging.requirements import Requirement

import kerasplug
from kerasplug.cli.findings import Finding

__all__ = ["look"]

#: Module -> the extra that brings it.
_OPTIONAL = {
    "argcomplete": "completion",
    "h5py": "files",
    "yaml": "files",
    "matplotlib": "plot",
    "rich": "rich",
}


def look() -> Iterator[Finding]:
    """Findings about the environment."""
    yield Finding("ok", "Python", f"{platform.python_version()} at {sys.executable}")
    yield Finding("ok", "platform", platform.platform())
    folder = Path(kerasplug.__file__ or "").parent
    yield Finding("ok", "kerasplug", f"{kerasplug.__version__} at {folder}")
    try:
        requires = importlib.metadata.requires("kerasplug") or []
    except importlib.metadata.PackageNotFoundError:
        what = "it runs from a folder that nobody installed; its needs are not known"
        yield Finding("note", "kerasplug", what, "python -m pip install kerasplug")
        requires = []
    for line in requires:
        requirement = Requirement(line)
        if requirement.marker is None or requirement.marker.evaluate({"extra": ""}):
            yield _dependency(requirement)
    yield from _extras()


def _dependency(requirement: Requirement) -> Finding:
    mend = f'python -m pip install "{requirement}"'
    try:
        version = importlib.metadata.version(requirement.name)
    except importlib.metadata.PackageNotFoundError:
        what = f"not installed; kerasplug needs {requirement}"
        return Finding("broken", requirement.name, what, mend)
    if requirement.specifier.contains(version, prereleases=True):
        return Finding("ok", requirement.name, version)
    what = f"{version}; kerasplug needs {requirement}"
    return Finding("broken", requirement.name, what, mend)


def _extras() -> Iterator[Finding]:
    missing = [
        module for module in _OPTIONAL if importlib.util.find_spec(module) is None
    ]
    if missing:
        extras = ",".join(dict.fromkeys(_OPTIONAL[module] for module in missing))
        what = f"not installed: {', '.join(missing)}"
        mend = f'python -m pip install "kerasplug[{extras}]"'
        yield Finding("note", "extras", what, mend)
