"""Running something on PyTorch: in another environment, which has it.

`make test TORCH_TESTS=1` makes that environment, and says where its Python is.
"""

import json
import os
import subprocess
from pathlib import Path

import pytest

HERE = Path(__file__).parent
VARIABLE = "KERASPLUG_TORCH_PYTHON"
#: A warning is an error, as in the tests here, and with the same exception.
WARNINGS = ("-Werror", "-Wignore:__array__ implementation:DeprecationWarning")


class Torch:
    """A Python that has PyTorch.

    Args:
        python: its path.
    """

    def __init__(self, python):
        self.python = python

    def run(self, program, *arguments, **variables):
        """What a program prints last, as JSON, with Keras on PyTorch.

        Args:
            program: a file of `tests/`, or source text.
            *arguments: for its command line.
            **variables: for its environment.
        """
        named = [str(HERE / program)] if program.endswith(".py") else ["-c", program]
        done = subprocess.run(
            [self.python, *WARNINGS, *named, *map(str, arguments)],
            env={
                **os.environ,
                "KERAS_BACKEND": "torch",
                "PYTHONPATH": str(HERE),
                # Two processes with a thread for each core would wait for each other.
                "OMP_NUM_THREADS": "1",
                **variables,
            },
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-4000:]
        return json.loads(done.stdout.splitlines()[-1])


@pytest.fixture(scope="session")
def torch():
    """The Python that has PyTorch; a skip that says how to get one where none is."""
    python = os.environ.get(VARIABLE)
    if not python:
        pytest.skip(f"{VARIABLE} names no Python; `make test TORCH_TESTS=1` makes one")
    return Torch(python)
