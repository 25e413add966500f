"""What holds for models on TensorFlow holds on JAX: the same tests once more."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

HERE = Path(__file__).parent
MODULES = (
    *("test_compiling", "test_recompiling", "test_snapshots"),
    *("test_freezing", "test_looking", "test_popping"),
)


@pytest.mark.engine
@pytest.mark.slow
@pytest.mark.parametrize("module", MODULES)
def test_the_same_on_jax(module):
    """Each test passes that needs Keras 3 only."""
    options = ["-q", "--no-header", "-p", "no:cacheprovider", "-k", "not tf_keras"]
    done = subprocess.run(
        [sys.executable, "-m", "pytest", *options, str(HERE / f"{module}.py")],
        env={**os.environ, "KERAS_BACKEND": "jax", "PYTHONPATH": str(HERE.parent)},
        cwd=HERE.parent,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-1000:]
    assert " passed" in done.stdout
