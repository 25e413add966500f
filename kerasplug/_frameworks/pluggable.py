"""What the installed Keras says of backends beside its own, read and not imported."""

import re
from functools import lru_cache
from pathlib import Path
from typing import NamedTuple

from kerasplug._frameworks.presence import BUILT_IN_BACKENDS, spec_of

__all__ = ["Listed", "folder_of", "listed_by_keras", "module_exists"]


class Listed(NamedTuple):
    """The names that the installed Keras knows.

    Attributes:
        built_in: those that it brings itself.
        packages: those that it looks for in a package `keras_<name>`.
        takes_packages: whether it knows such packages at all: Keras 3.16 and later.
    """

    built_in: tuple[str, ...]
    packages: tuple[str, ...]
    takes_packages: bool


_OLDER = Listed(tuple(BUILT_IN_BACKENDS), (), takes_packages=False)
_LIST = r"^{}\s*=\s*frozenset\(\s*\[([^\]]*)\]"


def listed_by_keras() -> Listed:
    """The backends that the installed Keras knows by name.

    Returns:
        What stands in its source; where there is no Keras, or one before 3.16, its five
        own ones and no packages.

    Example:
        >>> "jax" in listed_by_keras().built_in
        True
    """
    folder = folder_of("keras")
    if folder is None:
        return _OLDER
    path = Path(folder, "src", "backend", "config.py")
    try:
        status = path.stat()
    except OSError:
        return _OLDER
    return _read(path, status.st_mtime_ns, status.st_size)


@lru_cache(maxsize=8)
def _read(path: Path, _time: int, _size: int) -> Listed:
    """What a file says; read once for each state of it."""
    text = path.read_text(encoding="utf-8", errors="replace")
    packages = _names(text, "PLUGGABLE_BACKENDS")
    if packages is None:
        return _OLDER
    built_in = _names(text, "BUILT_IN_BACKENDS")
    own = ("jax", "numpy", "tensorflow", "torch") if built_in is None else built_in
    return Listed(own, packages, takes_packages=True)


def _names(text: str, variable: str) -> tuple[str, ...] | None:
    found = re.search(_LIST.format(variable), text, re.MULTILINE)
    if found is None:
        return None
    return tuple(re.findall(r"['\"](\w+)['\"]", found[1]))


def folder_of(module: str) -> str | None:
    """The folder of a top-level package; None where there is none.

    Example:
        >>> print(folder_of("no_such_package"))
        None
    """
    spec = spec_of(module)
    places = (spec and spec.submodule_search_locations) or ()
    return next(iter(places), None)


def module_exists(dotted: str) -> bool:
    """Whether a module's file is there, without importing what is above it.

    Args:
        dotted: such as "keras_mlx.src".

    Example:
        >>> module_exists("importlib.metadata"), module_exists("importlib.nothing")
        (True, False)
    """
    top, *below = dotted.split(".")
    if not below:
        return spec_of(top) is not None
    folder = folder_of(top)
    if folder is None:
        return False
    place = Path(folder, *below)
    return place.is_dir() or place.with_name(f"{place.name}.py").is_file()
