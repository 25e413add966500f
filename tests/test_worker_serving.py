"""What runs in an environment that has no kerasplug, and maybe an older Python."""

import ast
import os
import sys
from pathlib import Path

import pytest
from plaidml_kit import check_python_3_7
from worker_kit import run, start

import kerasplug.engines.workers as room
from kerasplug.engines.workers import wire
from kerasplug.engines.workers.dying import how

FOLDER = Path(room.__file__).parent
THERE = [FOLDER / "serving.py", FOLDER / "wire.py"]


@pytest.mark.parametrize("path", THERE, ids=lambda path: path.name)
def test_what_runs_there_is_python_3_7(path):
    """Its syntax is that of Python 3.7, and annotations are never executed."""
    check_python_3_7(path)


@pytest.mark.parametrize("path", THERE, ids=lambda path: path.name)
def test_what_runs_there_imports_the_standard_library(path):
    """It imports nothing else but NumPy, and that only where arrays are."""
    tree = ast.parse(path.read_text())
    names = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names |= {alias.name.split(".")[0] for alias in node.names}
        if isinstance(node, ast.ImportFrom):
            names.add(str(node.module).split(".")[0])

    assert names - sys.stdlib_module_names <= {"numpy"}


def test_a_worker_writes_nothing_into_the_package(tmp_path, monkeypatch):
    """The other Python's bytecode is not left beside the files of this one."""
    copy = tmp_path / "wire.py"
    copy.write_text(THERE[1].read_text())
    monkeypatch.setattr(wire, "__file__", str(copy))

    start().close()

    assert os.listdir(tmp_path) == ["wire.py"]


def test_a_process_that_holds_a_worker_imports_no_numpy_for_it():
    """Whoever only looks at workers pays for no arrays and no Keras."""
    code = "import sys, kerasplug.engines.workers.process\n"
    code += "print({'numpy', 'keras'} & set(sys.modules))"

    assert run(code).strip() == "set()"


@pytest.mark.parametrize(
    ("code", "words"),
    [
        (-11, "SIGSEGV ended it"),
        (-64, "SIGRTMAX ended it"),
        (-99, "signal 99 ended it"),
    ],
)
def test_signals_have_their_names(code, words):
    """An unknown signal is told by its number."""
    assert how(code) == words
