"""Remote models of a Keras that computes on JAX: the same tests, in another process."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = [pytest.mark.engine, pytest.mark.slow]

HERE = Path(__file__).parent


def test_a_model_on_jax_is_had_on_another_engine():
    """Numbers and callbacks are those of Keras on JAX as well."""
    files = [HERE / f"test_remote_{name}.py" for name in ("numbers", "callbacks")]
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", *files],
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
    assert "passed" in done.stdout
    assert "skipped" not in done.stdout
