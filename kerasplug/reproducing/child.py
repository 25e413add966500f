"""The process in which a program runs once more, looked at from inside.

What it computes is written into `journal.jsonl` and `arrays.bin`, and at the end
`answer.json` says how it went.
"""

import importlib
import importlib.machinery
import importlib.util
import platform
import runpy
import sys
from pathlib import Path
from typing import Any, Final

from kerasplug.engines.apart import answer_and_end
from kerasplug.reproducing.journal import Group, Journal
from kerasplug.reproducing.tracing import Trace
from kerasplug.reproducing.tracing_data import watch_pipelines
from kerasplug.reproducing.tracing_keras import watch_keras
from kerasplug.reproducing.tracing_random import watch_random
from kerasplug.reproducing.tracing_results import results

__all__ = ["main"]

#: The name of the main file's module, where a function of it is called.
_MAIN: Final = "__kerasplug_main__"


def main(request: dict[str, Any]) -> None:
    """Run what was requested, and end this process.

    Args:
        request: as `kerasplug.reproducing.runs` makes it.
    """
    path = str(Path(request["folder"]) / "answer.json")
    answer_and_end(request, path, lambda answer: _traced(request, answer))


def _traced(request: dict[str, Any], answer: dict[str, Any]) -> dict[str, Any]:
    """Run it; what is to be added to the answer."""
    journal = Journal(request["folder"], request["keep"])
    trace = Trace(journal, inside=request["depth"] == "inside")
    watch_random(trace)
    watch_pipelines(trace)
    watch_keras(trace)
    try:
        found = _called(request["target"])
        leaves = results(found, trace)
        group = Group(tuple(("result", name) for name, _ in leaves))
        trace.now(group, [value for _, value in leaves])
        return {"state": "ok"}
    finally:
        # A program that fails has something to say as well.
        answer["notes"] = list(trace.notes)
        answer["backend"] = _backend()
        answer["versions"] = _versions()
        journal.close()


def _called(target: dict[str, Any]) -> Any:
    """What the function returned; of a script, nothing."""
    if "script" in target:
        return _script(target["script"], target["argv"])
    name = target["module"]
    module = _main_file(target["main"]) if name == "__main__" else None
    function: Any = module or importlib.import_module(name)
    for part in target["qualname"].split("."):
        function = getattr(function, part)
    return function(*target["args"])


def _script(path: str, argv: list[str]) -> None:
    """Run a script, as Python itself would run it."""
    sys.argv[:] = [path, *argv]
    sys.path.insert(0, str(Path(path).parent))
    try:
        # What it has made has to be there when its models are looked at.
        _kept.update(runpy.run_path(path, run_name="__main__"))
    except SystemExit as ended:
        if ended.code not in {None, 0}:
            raise


_kept: dict[str, Any] = {}


def _main_file(path: str) -> Any:
    """The main file of another process as a module; what it guards doesn't run."""
    loader = importlib.machinery.SourceFileLoader(_MAIN, path)
    spec = importlib.util.spec_from_file_location(_MAIN, path, loader=loader)
    assert spec is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[_MAIN] = module
    loader.exec_module(module)
    return module


def _backend() -> str:
    keras = sys.modules.get("keras")
    return str(keras.config.backend()) if keras is not None else ""


def _versions() -> dict[str, str]:
    """The versions of Python and of what the program has imported."""
    found = {"python": platform.python_version()}
    for name in ("keras", "numpy", "tensorflow", "jax", "torch", "tf_keras"):
        version = getattr(sys.modules.get(name), "__version__", None)
        if version is not None:
            found[name] = str(version)
    return found
