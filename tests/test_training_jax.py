"""What holds for callbacks on TensorFlow holds on JAX: the same tests once more."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

HERE = Path(__file__).parent
MODULES = ("callbacks", "own", "resuming", "safety", "targets")


@pytest.mark.engine
@pytest.mark.slow
def test_the_same_on_jax():
    """Each test passes that needs Keras 3 only, and starts no backend of its own."""
    files = [str(HERE / f"test_training_{name}.py") for name in MODULES]
    options = ["-q", "--no-header", "-p", "no:cacheprovider"]
    options += ["-k", "not keras_2 and not on_jax and not killed"]
    done = subprocess.run(
        [sys.executable, "-m", "pytest", *options, *files],
        env={
            **os.environ,
            "KERAS_BACKEND": "jax",
            "KERASPLUG_IMPLEMENTATION": "keras",
        },
        cwd=HERE.parent,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-1000:]
    assert " passed" in done.stdout
