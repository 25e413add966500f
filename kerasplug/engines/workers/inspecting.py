"""What an environment of Python holds, read from its files: nothing of it is run."""

import importlib.metadata
import os
import re
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final

from kerasplug.names import normalise

__all__ = [
    "damage_of",
    "installed_in",
    "interpreter_place",
    "is_program",
    "lacking",
    "python_in",
    "strays",
    "version_of",
]

#: Where an environment has its interpreter: of the platform, and of conda there.
_INTERPRETERS: Final = (
    ("Scripts/python.exe", "python.exe")
    if sys.platform == "win32"
    else ("bin/python", "bin/python3")
)

#: Where below its prefix an interpreter looks for packages; Debian has its own names.
_PACKAGES: Final = (
    "lib/python{}/site-packages",
    "lib64/python{}/site-packages",
    "lib/python{}/dist-packages",
    "local/lib/python{}/dist-packages",
)

_MINOR: Final = re.compile(r"python(\d+\.\d+)(\.exe)?\Z")


def interpreter_place(prefix: str | os.PathLike[str]) -> str:
    """Where a virtual environment has its interpreter, or will have it."""
    return str(Path(prefix, _INTERPRETERS[0]))


def python_in(prefix: str | os.PathLike[str]) -> str:
    """The interpreter of an environment; empty where it has none that could be run.

    Args:
        prefix: the environment's folder.

    Example:
        >>> python_in("/no/such/folder")
        ''
    """
    paths = (Path(prefix, one) for one in _INTERPRETERS)
    return next((str(one) for one in paths if is_program(one)), "")


def is_program(path: Path) -> bool:
    """Whether a path leads to a file that may be run; a link to nowhere does not."""
    try:
        return path.is_file() and os.access(path, os.X_OK)
    except OSError:
        return False


def installed_in(python: str) -> dict[str, str]:
    """The distributions that an interpreter finds, and their versions.

    Args:
        python: its path, as it is in its environment: a link is not followed, since
            the environment is where the link is.

    Returns:
        Name, as PEP 503 normalises it -> version. What only `PYTHONPATH`, `.pth` files
        or the user's own folder would bring is not in it.

    Example:
        >>> "kerasplug" in installed_in("/no/such/python")
        False
    """
    found: dict[str, str] = {}
    folders = [str(one) for one in _folders(python)]
    for one in importlib.metadata.distributions(path=folders):
        try:
            name, version = one.metadata["Name"], one.version
        except Exception:  # noqa: BLE001, S112 -- damaged metadata are no distribution
            continue
        if name and version:
            found.setdefault(normalise(name), version)
    return found


def _folders(python: str) -> Iterator[Path]:
    prefix = _prefix(python)
    settings = _settings(prefix)
    if not settings:  # no virtual environment: then links lead to where it really is
        real = Path(os.path.realpath(python))
        yield from _packages(prefix, _minor(real))
        yield from _packages(_prefix(str(real)), _minor(real))
        return
    yield from _packages(prefix, _short(_said_version(settings)))
    if settings.get("include-system-site-packages", "").lower() == "true":
        below = Path(settings.get("home", ""))
        base = below if sys.platform == "win32" else below.parent
        yield from _packages(base, _short(_said_version(settings)))


def _prefix(python: str) -> Path:
    folder = Path(python).parent
    return folder.parent if folder.name in ("bin", "Scripts") else folder


def _packages(prefix: Path, minor: str) -> Iterator[Path]:
    """Folders that are there; all minor versions' where it is not known which."""
    if sys.platform == "win32":
        yield prefix / "Lib" / "site-packages"
        return
    for pattern in _PACKAGES:
        yield from sorted(prefix.glob(pattern.format(minor or "3*")))
    yield from prefix.glob("lib/python3/dist-packages")


def _settings(prefix: Path) -> dict[str, str]:
    """What `pyvenv.cfg` says; nothing where there is none: no virtual environment."""
    try:
        text = (prefix / "pyvenv.cfg").read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError):
        return {}
    pairs = (line.partition("=") for line in text.splitlines() if "=" in line)
    return {key.strip().lower(): value.strip() for key, _, value in pairs}


def _said_version(settings: dict[str, str]) -> str:
    return settings.get("version") or settings.get("version_info", "")


def _short(version: str) -> str:
    """Two parts of a version.

    Example:
        >>> _short("3.11.7")
        '3.11'
    """
    return ".".join(version.split(".")[:2])


def _minor(path: Path) -> str:
    """The version that a program's name has; empty where it has none."""
    found = _MINOR.search(path.name)
    return found[1] if found else ""


def version_of(python: str) -> str:
    """The version of an environment's Python; empty where its files don't say it."""
    settings = _settings(_prefix(python))
    return _said_version(settings) or _minor(Path(os.path.realpath(python)))


def damage_of(prefix: str | os.PathLike[str]) -> str:
    """What an upgrade of Python, or somebody's hands, did to an environment.

    Args:
        prefix: the folder of a virtual environment.

    Returns:
        A sentence; empty where nothing is to be seen from outside.
    """
    python = python_in(prefix)
    if not python:
        path = Path(interpreter_place(prefix))
        if path.is_symlink():
            return f"its Python is gone: {path} leads to {path.readlink()}"
        return f"its Python is gone: there is no {path}"
    made_for = _short(_said_version(_settings(Path(prefix))))
    if not made_for:
        return f"its pyvenv.cfg is gone, without which {python} is another Python"
    now = _minor(Path(os.path.realpath(python)))
    if now and now != made_for:
        return f"it was made for Python {made_for}, and {python} is {now} now"
    return ""


def lacking(wanted: Sequence[str], python: str) -> tuple[str, ...]:
    """Those of some distributions that an interpreter does not find.

    Args:
        wanted: names of distributions.
        python: the path of the interpreter.
    """
    found = installed_in(python)
    return tuple(one for one in wanted if normalise(one) not in found)


def strays(requirements: Sequence[str], python: str) -> tuple[str, ...]:
    """Where an environment is not what was asked for.

    Args:
        requirements: PEP 508 requirements; those whose marker is not about this
            environment don't count.
        python: the path of the interpreter.

    Returns:
        Sentences such as `"numpy is 2.4.5, not ==2.4.6"`; empty: all is right.
    """
    from packaging.requirements import Requirement

    found = installed_in(python)
    version = version_of(python)
    about = {"python_version": _short(version), "python_full_version": version}
    wrong = []
    for one in map(Requirement, requirements):
        if one.marker and not one.marker.evaluate(about):
            continue
        have = found.get(normalise(one.name))
        if have is None:
            wrong.append(f"{one.name} is not installed")
        elif not one.specifier.contains(have, prereleases=True):
            wrong.append(f"{one.name} is {have}, not {one.specifier}")
    return tuple(wrong)
