"""The package is light: no Keras is needed to import it, and none is loaded."""

import subprocess
import sys

import pytest


@pytest.fixture
def loaded_after(new_keras, tmp_path):
    """Asks a new process which top-level modules it has after running some code."""

    def loaded_after(code):
        code += "\nimport sys\nprint(*{name.partition('.')[0] for name in sys.modules})"
        done = subprocess.run(
            [sys.executable, "-c", code],
            cwd=tmp_path,  # what is installed counts, not what lies here
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        return set(done.stdout.split())

    return loaded_after


def test_import_loads_nothing(loaded_after):
    """Importing the package imports nothing else."""
    new = loaded_after("import keras_toy") - loaded_after("pass")

    assert new == {"keras_toy"}


def test_asking_for_calls_loads_no_engine(loaded_after):
    """Asking for the counts, before anything computed, loads no Keras and no NumPy."""
    code = "import keras_toy; assert keras_toy.calls() == {}"

    assert not {"keras", "numpy", "jax"} & loaded_after(code)


def test_kerasplug_lists_the_backend(loaded_after):
    """The backend is in kerasplug's catalog, without a fault, and nothing is loaded."""
    code = (
        "import kerasplug\n"
        "assert 'toy' in kerasplug.backends\n"
        "ours = {one.name: one for one in kerasplug.plugins()}['toy-backend']\n"
        "assert not ours.faults, ours.faults"
    )

    assert not {"keras", "keras_toy", "numpy"} & loaded_after(code)
