"""New processes to ask: what computes has to be chosen before Keras starts."""

import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

import kerasplug

# kerasplug keeps an index.
_HOME = Path(tempfile.mkdtemp(prefix="toy-backend-tests-"))
os.environ.setdefault("XDG_CACHE_HOME", str(_HOME / "cache"))

MODELS = Path(__file__).with_name("predicting.py")


def environment(folder):
    """The environment of a process that writes to the folder, and chooses nothing."""
    chosen = ("KERAS_BACKEND", "KERASPLUG_", "PYTHONPATH")
    env = {key: one for key, one in os.environ.items() if not key.startswith(chosen)}
    return env | {
        "KERAS_HOME": str(folder / "keras"),
        "XDG_CACHE_HOME": str(folder / "cache"),
    }


def started(arguments, folder):
    """What a new Python prints, which has to be JSON; its failing fails the test."""
    command = [sys.executable, *map(str, arguments)]
    done = subprocess.run(
        command,
        env=environment(folder),
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return json.loads(done.stdout.splitlines()[-1])


@pytest.fixture(scope="session")
def new_keras():
    """Skips where Keras has no place yet for backends in packages."""
    with pytest.MonkeyPatch.context() as patch:
        # The backend that ours wraps: this process itself computes nothing.
        patch.setenv("KERAS_BACKEND", "numpy")
        kerasplug.skip_if_no_keras(">=3.16.0.dev0", plugin="toy-backend")


@pytest.fixture(scope="session")
def folder(new_keras, tmp_path_factory):
    """For all that the processes write."""
    return tmp_path_factory.mktemp("toy")


@pytest.fixture(scope="session")
def ask(folder):
    """Runs a program on the toy backend; it has `keras`, `keras_toy` and `say`."""
    before = (
        "import kerasplug\n"
        "kerasplug.use_backend('toy')\n"
        "import json, keras, keras_toy\n"
        "say = lambda answer: print(json.dumps(answer))\n"
    )
    return lambda program: started(["-c", before + program], folder)


@pytest.fixture(scope="session")
def predicted(folder):
    """By backend: where its process left its predictions, and what it said."""
    return {
        name: (folder / f"{name}.npz", started([MODELS, name, folder], folder))
        for name in ("toy", "numpy")
    }
