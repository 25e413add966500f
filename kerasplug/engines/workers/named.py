"""Environments that the user made, by path or by name, as R's reticulate takes them.

Neither conda nor any interpreter is run: conda writes down where its environments are.
"""

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from kerasplug.engines.workers.inspecting import python_in

__all__ = ["condaenv", "virtualenv"]

_BASE: Final = ("base", "root")


def virtualenv(where: "str | os.PathLike[str]") -> str:
    """The interpreter of a virtual environment; empty where there is none.

    Args:
        where: a path; or a name, of a folder in `$WORKON_HOME` or in `~/.virtualenvs`.

    Example:
        >>> virtualenv("/no/such/folder")
        ''
    """
    if is_path(where):
        folders = [Path(where).expanduser()]
    else:
        folders = [root / where for root in _virtualenv_roots()]
    return _first(one for one in folders if (one / "pyvenv.cfg").is_file())


def _virtualenv_roots() -> Iterator[Path]:
    if os.environ.get("WORKON_HOME"):
        yield Path(os.environ["WORKON_HOME"]).expanduser()
    yield Path("~/.virtualenvs").expanduser()


def is_path(where: "str | os.PathLike[str]") -> bool:
    """Whether something is meant as a path, and not as a name."""
    if not isinstance(where, str):
        return True
    separators = filter(None, (os.sep, os.altsep))
    return where.startswith("~") or any(one in where for one in separators)


def condaenv(where: "str | os.PathLike[str]") -> str:
    """The interpreter of a conda environment; empty where there is none.

    Args:
        where: a path; or a name, looked for below the installation that
            `CONDA_PREFIX`, `CONDA_EXE` or `MAMBA_ROOT_PREFIX` tell of, in
            `CONDA_ENVS_PATH`, in `~/.conda/envs`, and in `~/.conda/environments.txt`.

    Example:
        >>> condaenv("/no/such/folder")
        ''
    """
    if is_path(where):
        folders = [Path(where).expanduser()]
    else:
        folders = list(_conda_places(str(where)))
    return _first(one for one in folders if (one / "conda-meta").is_dir())


def _conda_places(name: str) -> Iterator[Path]:
    """Where a conda environment of that name could be."""
    for root in _conda_roots():
        yield from [root] if name in _BASE else [root / "envs" / name]
    for variable in ("CONDA_ENVS_PATH", "CONDA_ENVS_DIRS"):
        for folder in filter(None, os.environ.get(variable, "").split(os.pathsep)):
            yield Path(folder).expanduser() / name
    home = Path("~/.conda").expanduser()
    yield home / "envs" / name
    yield from (one for one in _written_down(home) if one.name == name)


def _conda_roots() -> Iterator[Path]:
    prefix = os.environ.get("CONDA_PREFIX")
    if prefix:
        within = Path(prefix).parent
        yield within.parent if within.name == "envs" else Path(prefix)
    program = os.environ.get("CONDA_EXE")
    if program:
        yield Path(program).parent.parent
    root = os.environ.get("MAMBA_ROOT_PREFIX")
    if root:
        yield Path(root)


def _written_down(home: Path) -> list[Path]:
    """The environments that conda has noted for this user."""
    try:
        text = (home / "environments.txt").read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError):
        return []
    return [Path(line.strip()) for line in text.splitlines() if line.strip()]


def _first(folders: Iterator[Path]) -> str:
    return next(filter(None, map(python_in, folders)), "")
