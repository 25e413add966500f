"""What the installed Keras says of backends beside its own, read and not imported."""

import importlib.metadata
import re
from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path
from typing import NamedTuple

from kerasplug._frameworks.presence import BUILT_IN_BACKENDS, spec_of
from kerasplug.names import normalise

__all__ = ["Advertisement", "Listed", "entry_points", "listed_by_keras", "place_of"]


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
    path = place_of("keras.src.backend.config")
    if path is None:
        return _OLDER
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


def place_of(module: str) -> Path | None:
    """The file of a module, found without importing what is above it.

    Args:
        module: such as "keras_mlx.src".

    Returns:
        The path of its source; None: there is none.

    Example:
        >>> place_of("importlib.metadata").name, place_of("importlib.nothing")
        ('__init__.py', None)
    """
    top, *rest = module.split(".")
    spec = spec_of(top)
    if spec is None:
        return None
    folders = spec.submodule_search_locations
    if folders is None:
        return Path(spec.origin) if spec.origin and not rest else None
    for folder in folders:
        path = Path(folder, *rest)
        for file in (path / "__init__.py", path.with_name(f"{path.name}.py")):
            if file.is_file():
                return file
    return None


class Advertisement(NamedTuple):
    """One entry point of a distribution."""

    name: str
    value: str
    distribution: str
    version: str
    group: str


def entry_points(*groups: str) -> Iterator[Advertisement]:
    """What installed distributions say in these groups of entry points.

    One distribution after the other: a malformed file hides nobody else's, and of one
    that is there twice the first on the path counts.

    Args:
        *groups: names of groups.
    """
    seen: set[str] = set()
    for distribution in importlib.metadata.distributions():
        try:
            points = [one for one in distribution.entry_points if one.group in groups]
            owner = normalise(distribution.name) if points else ""
            version = distribution.version if points else ""
        except Exception:  # noqa: BLE001, S112 -- damaged metadata may raise anything, and are pip's business
            continue
        if owner not in seen:
            for one in points:
                seen.add(owner)
                yield Advertisement(one.name, one.value, owner, version, one.group)
