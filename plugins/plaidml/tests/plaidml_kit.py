"""The environment that the tests' workers run in: made once for a whole run."""

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
