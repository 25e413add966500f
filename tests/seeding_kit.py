"""Programs that seed, each in a process of its own, on any of the three backends."""

import json
import textwrap

import pytest
from fakes import python

#: Programs begin with it; what they put into `said` is what the tests look at.
BEGIN = """
import atexit, json, os, sys, warnings
warnings.filterwarnings("ignore", message=".*other hashes.*")
import kerasplug as kp

said = {}
atexit.register(lambda: print("\\n" + json.dumps(said)))

def states(report):
    return {one.name: one.state for one in report.measures}

def error(call, *arguments, **more):
    try:
        call(*arguments, **more)
    except Exception as raised:
        return f"{type(raised).__name__}: {raised}"

def threads():
    import collections
    tasks = f"/proc/{os.getpid()}/task"
    names = [open(f"{tasks}/{one}/comm").read().strip() for one in os.listdir(tasks)]
    return collections.Counter(names)
"""

BACKENDS = ("tensorflow", "jax", "torch")


class Engines:
    """Fresh processes with Keras on a backend; PyTorch's are in another environment."""

    def __init__(self, request):
        self._request = request

    def told(self, backend, program, **env):
        """What a program says.

        Args:
            backend: tensorflow, jax, torch or numpy.
            program: source text.
            **env: variables.
        """
        program = BEGIN + textwrap.dedent(program)
        given = {"KERASPLUG_IMPLEMENTATION": "keras", **env}
        if backend == "torch":
            torch = self._request.getfixturevalue("torch")
            return torch.run(program, **{"OMP_NUM_THREADS": "2", **given})
        done = python(program, env={"KERAS_BACKEND": backend, **given})
        return json.loads(done.stdout.splitlines()[-1])


@pytest.fixture(scope="session")
def engines(request):
    """A way to run programs on each backend."""
    return Engines(request)


ON_EACH = pytest.mark.parametrize("backend", BACKENDS)
