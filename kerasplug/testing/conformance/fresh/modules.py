"""How another process imports the module of a class: by its name, or by its file."""

import contextlib
import importlib
import importlib.util
import sys
from collections.abc import Mapping
from pathlib import Path
from types import ModuleType
from typing import Any

from kerasplug.testing.conformance.check import NotApplicable
from kerasplug.wrapping.classes import is_keras_own

__all__ = ["bring", "found", "place_of", "places_of", "target_of"]

#: A module as JSON: its name, and its file where it has one.
Place = dict[str, str]

#: Under this name a started script does not start again what it does as `__main__`.
_MAIN = "__mp_main__"


def target_of(value: Any, name: str = "") -> str:
    """`"module:path"` of a class or function, for another process.

    Args:
        value: the class or function.
        name: what it is called in a message. Default: its own name.

    Raises:
        NotApplicable: no other process can import it.
    """
    path = getattr(value, "__qualname__", "")
    module = sys.modules.get(getattr(value, "__module__", None) or "")
    if module is not None and path and _attribute(module, path) is value:
        return f"{module.__name__}:{path}"
    called = name or path or type(value).__name__
    where = f"a function of {path.partition('.<locals>')[0]!r}"
    reason = f"no other process can import {called}" + (
        f", which is local to {where[2:]}: move it to the level of its module"
        if "<locals>" in path
        else ": it is not in its module under its own name"
    )
    raise NotApplicable(reason)


def _attribute(value: Any, path: str) -> Any:
    for part in path.split("."):
        value = getattr(value, part, None)
    return value


def places_of(cls: type) -> list[Place]:
    """What has to be imported before a file with this class can be read.

    Raises:
        NotApplicable: no other process can import it.
    """
    if is_keras_own(cls):
        return []
    module = sys.modules.get(cls.__module__)
    # A class that a function made and the module holds comes with the module.
    if module is None or not any(one is cls for one in vars(module).values()):
        target_of(cls)
    return place_of(cls.__module__)


def place_of(name: str) -> list[Place]:
    """A module, after the packages that it is in.

    Raises:
        NotApplicable: it has neither a file nor a name by which it can be imported.
    """
    parts = name.split(".")
    names = [".".join(parts[: number + 1]) for number in range(len(parts))]
    places = [_place(one) for one in names if one in sys.modules]
    if not places[-1]["file"] and not _by_name(name):
        reason = f"no other process can import {name!r}: it was made without a file"
        raise NotApplicable(reason)
    return places


def _place(name: str) -> Place:
    return {"name": name, "file": getattr(sys.modules[name], "__file__", None) or ""}


def _by_name(name: str) -> bool:
    if name == "__main__":
        return False
    try:
        return importlib.util.find_spec(name) is not None
    except (ImportError, ValueError, AttributeError):
        return False


def bring(place: Mapping[str, str]) -> None:
    """Import a module: in the other process.

    Raises:
        BaseException: whatever importing it raises.
    """
    name, file = place["name"], place["file"]
    if name in sys.modules and name not in ("__main__", _MAIN):
        return
    if name in ("__main__", _MAIN):
        sys.modules["__main__"] = _from_file(_MAIN, file)
    elif _is_at(name, file):
        importlib.import_module(name)
    elif file:
        _bind(name, _from_file(name, file))


def _is_at(name: str, file: str) -> bool:
    """Whether importing the name gives the module of that file."""
    try:
        spec = importlib.util.find_spec(name)
    except (ImportError, ValueError, AttributeError):
        return False
    if spec is None:
        return False
    if not file or not spec.origin:
        return True
    with contextlib.suppress(OSError):
        return Path(spec.origin).samefile(file)
    return spec.origin == file


def _from_file(name: str, file: str) -> ModuleType:
    folder = [str(Path(file).parent)] if Path(file).name == "__init__.py" else None
    spec = importlib.util.spec_from_file_location(
        name, file, submodule_search_locations=folder
    )
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    try:
        spec.loader.exec_module(module)
    except BaseException:
        sys.modules.pop(name, None)
        raise
    return sys.modules[name]


def _bind(name: str, module: ModuleType) -> None:
    parent, _, own = name.rpartition(".")
    if parent in sys.modules:
        setattr(sys.modules[parent], own, module)


def found(target: str) -> Any:
    """What `target_of` names, its module being imported."""
    module, _, path = target.partition(":")
    return _attribute(sys.modules[module], path)
