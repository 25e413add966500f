"""The environment that the tests' workers run in: made once for a whole run."""

import ast
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from filelock import FileLock
from kerasplug_plaidml.engine import PlaidML


def shared_python(base: Path, worker: str) -> Path:
    """The interpreter with PlaidML, made by whichever worker of the run comes first.

    Args:
        base: this worker's folder for temporary files.
        worker: its name, `"master"` where there is but one.
    """
    root = base if worker == "master" else base.parent
    folder = root / "plaidml"
    scripts = (
        ("Scripts", "python.exe") if sys.platform == "win32" else ("bin", "python")
    )
    with FileLock(root / "plaidml.lock"):
        if not (folder / "made").exists():
            shutil.rmtree(folder, ignore_errors=True)
            uv = [sys.executable, "-m", "uv"]
            make = [*uv, "venv", "-q", "--python", sys.executable, str(folder)]
            subprocess.run(make, check=True)
            python = str(folder.joinpath(*scripts))
            install = [*uv, "pip", "install", "-q", "--no-deps", "--python", python]
            subprocess.run([*install, *PlaidML.requirements], check=True)
            (folder / "made").touch()
    return folder.joinpath(*scripts)


@pytest.fixture(scope="session")
def plaidml_python(request: pytest.FixtureRequest) -> Path:
    """An interpreter whose environment has PlaidML and Keras 2.2.4."""
    base = request.getfixturevalue("tmp_path_factory").getbasetemp()
    worker = getattr(request.config, "workerinput", {}).get("workerid", "master")
    return shared_python(base, worker)


def check_python_3_7(path: Path) -> None:
    """Nothing, where a file is written as Python 3.7 reads it.

    `ast` knows the version's words, and not that `return *x, y` and `a: Any = x, y`
    had to be in parentheses before 3.8.
    """
    text = path.read_text("utf-8")
    tree = ast.parse(text, feature_version=(3, 7))
    assert "from __future__ import annotations" in text, path
    for node in ast.walk(tree):
        assert not isinstance(node, ast.Match), (path, node.lineno)
        value = getattr(node, "value", None)
        said = ast.AnnAssign | ast.Return | ast.Yield
        if isinstance(node, said) and isinstance(value, ast.Tuple):
            starred = any(isinstance(one, ast.Starred) for one in value.elts)
            if isinstance(node, ast.AnnAssign) or starred:
                source = ast.get_source_segment(text, value) or ""
                assert source.startswith("("), (path, node.lineno)
