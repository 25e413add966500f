"""Programs in fresh processes, and the states that seeding is about."""

import json
import os
import pickle
import random
import subprocess
import sys
import textwrap

import numpy as np
import torch_kit


def run(code, backend="tensorflow"):
    """What a program prints as JSON, in a fresh process where a warning is an error."""
    done = subprocess.run(
        [sys.executable, *torch_kit.WARNINGS, "-c", textwrap.dedent(code)],
        env={**os.environ, "KERAS_BACKEND": backend},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr[-4000:]
    return json.loads(done.stdout.splitlines()[-1])


def state():
    """Python's and NumPy's states, to the bit."""
    numpys = np.random.get_state(legacy=False)  # noqa: NPY002 -- what is seeded
    return pickle.dumps([random.getstate(), numpys])


def draws():
    """Numbers of both."""
    numpys = np.random.mtrand._rand  # its global generator
    return [random.random(), float(numpys.random()), float(numpys.normal())]  # noqa: S311 -- no secret
