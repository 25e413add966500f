"""What can be run in a fresh process: scripts, and functions that are found by name."""

import functools
import inspect
import os
import sys
from pathlib import Path
from types import ModuleType
from typing import Any, Final

from kerasplug.errors import RecordError, ReproducibilityError
from kerasplug.reproducing.runs import Program

__all__ = ["program_of"]

#: What errors about arguments are about.
_CALL: Final = "check_reproducible"
_EXPECTED: Final = "a function at the top of a module or script, or a script's path"
_WITHOUT_A_NAME: Final = {
    "<lambda>": "a lambda",
    "<locals>": "a function within a function",
}
_MEND: Final = "write it with def at the top of a file"


def program_of(target: Any, args: list[Any], argv: list[str]) -> Program:
    """What a fresh process has to do.

    Args:
        target: the path of a script, or a function.
        args: of the function; JSON can say them.
        argv: of the script.

    Raises:
        RecordError: arguments that the target does not take.
        ReproducibilityError: a fresh process can't find it.
    """
    if isinstance(target, str | os.PathLike):
        _refuse(args, "args", "none: a script takes `argv`")
        return _script(os.fspath(target), argv)
    _refuse(argv, "argv", "none: a function takes `args`")
    return _function(target, args)


def _refuse(given: list[Any], field: str, rule: str) -> None:
    if given:
        raise RecordError(_CALL, field, given, rule)


def _script(name: str, argv: list[str]) -> Program:
    path = Path(name).absolute()
    if not path.is_file():
        what = f"There is no script {name}."
        mend = "give the path of a Python file"
        raise ReproducibilityError(what, mend=mend)
    return Program(name, {"script": str(path), "argv": argv})


def _function(target: Any, args: list[Any]) -> Program:
    label = str(getattr(target, "__qualname__", None) or repr(target))
    why = _hidden(target)
    if why:
        raise _lost(label, why)
    module, main = _home(target, label)
    if _found(module, target.__qualname__) is not _whole(target):
        raise _lost(label, f"another thing by its name in {module.__name__}")
    name = "__main__" if main else _name_of(module)
    told = {"module": name, "qualname": target.__qualname__, "main": main}
    return Program(label, {**told, "args": args})


def _hidden(target: Any) -> str:
    """What it is that has no name by which others find it; empty where it has one."""
    name = getattr(target, "__qualname__", None)
    if not callable(target) or not isinstance(name, str):
        return f"an object of the type {type(target).__name__}"
    if inspect.isclass(target):
        return "a class"
    for part, what in _WITHOUT_A_NAME.items():
        if part in name:
            return what
    owner = getattr(target, "__self__", None)
    if inspect.ismethod(target) and not inspect.isclass(owner):
        return f"a method of an instance of {type(owner).__name__}"
    if inspect.iscoroutinefunction(target) or inspect.isgeneratorfunction(target):
        return "a generator or a coroutine, which does nothing when it is called"
    return ""


def _home(target: Any, label: str) -> tuple[ModuleType, str | None]:
    """Its module; and the file of that, where it is the main one and has no name."""
    module = sys.modules.get(str(target.__module__))
    if module is None:
        raise _lost(label, f"a function of {target.__module__}, which is no module")
    if module.__name__ != "__main__" or getattr(module, "__spec__", None) is not None:
        return module, None
    file = getattr(module, "__file__", None)
    if not file or not os.path.isfile(file):  # noqa: PTH113 -- texts as Python has them
        raise _lost(label, "a function of a notebook or of an interactive session")
    return module, os.path.abspath(file)  # noqa: PTH100 -- links stay as they are


def _name_of(module: ModuleType) -> str:
    """How others import it: `python -m` has the name of the main module."""
    spec = getattr(module, "__spec__", None)
    return str(spec.name if spec is not None else module.__name__)


def _found(module: ModuleType, qualname: str) -> Any:
    """What another process will find by that name."""
    try:
        found = functools.reduce(getattr, qualname.split("."), module)
    except AttributeError:
        return None
    return _whole(found)


def _whole(target: Any) -> Any:
    """A class method as the function that is one and the same each time."""
    return getattr(target, "__func__", target)


def _lost(label: str, found: str) -> ReproducibilityError:
    what = f"{label} can't be found by a fresh process."
    return ReproducibilityError(what, found=found, expected=_EXPECTED, mend=_MEND)
