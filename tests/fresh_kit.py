"""Layers that behave well in one process and badly in all others; programs to run."""

import json
import os
import signal
import subprocess
import sys
import textwrap
import time
from pathlib import Path

from kerasplug.testing.conformance.layer_case import LayerCase

__all__ = [
    "FILES",
    "MODULE",
    "Program",
    "case_in",
    "gone",
    "kill",
    "only",
    "write_layer",
]

#: The checks that load something in another process, whatever the layer.
FILES = ["fresh_keras_file", "fresh_h5_file", "fresh_weights_file", "fresh_json"]

#: To be formatted with what is done at import, in `__init__` and in `call`.
MODULE = """
import ctypes, os, signal, sys, time

import kerasplug

keras = kerasplug.implementation()
ELSEWHERE = os.environ.get("HOST_OF_TEST") != str(os.getpid())
{top}


@keras.saving.register_keras_serializable(package="fresh_kit")
class {name}(keras.layers.Layer):
    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        {init}

    def call(self, inputs):
        {call}
        return inputs * 2.0

    def compute_output_shape(self, input_shape):
        return input_shape
"""


def write_layer(folder, name, *, top="pass", init="pass", call="pass"):
    """Write a module with one layer; both have this name, in lower case and not."""
    source = MODULE.format(name=name, top=top, init=init, call=call)
    path = Path(folder) / f"{name.lower()}.py"
    path.write_text(source, encoding="utf-8")
    return path


def case_in(name, checks=("fresh_keras_file",), **options):
    """A case for the layer of such a module."""
    return LayerCase(
        f"{name.lower()}:{name}", input_shape=(2, 4), checks=list(checks), **options
    )


def only(case):
    """The outcome of a case's only check."""
    [outcome] = case.report().outcomes
    return outcome


def gone(process, patience=60.0):
    """Whether a process has ended, waiting for it."""
    until = time.monotonic() + patience
    while time.monotonic() < until:
        try:
            os.kill(process, 0)
        except ProcessLookupError:
            return True
        status = Path(f"/proc/{process}/stat")
        if status.exists() and status.read_text().rpartition(")")[2].split()[0] == "Z":
            return True
        time.sleep(0.1)
    return False


class Program:
    """A program of its own that checks layers."""

    def __init__(self, folder, source, **environment):
        self.path = Path(folder) / "program.py"
        self.path.write_text(textwrap.dedent(source), encoding="utf-8")
        self.environment = {**os.environ, **environment}

    def start(self):
        """Start it; it says something by one line of JSON on its standard output."""
        return subprocess.Popen(
            [sys.executable, str(self.path)],
            env=self.environment,
            cwd=self.path.parent,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def said(self):
        """What it says in the end."""
        with self.start() as process:
            output, errors = process.communicate()
        assert process.returncode == 0, output + errors
        return json.loads(output.splitlines()[-1])


def kill(process):
    """End a process without warning."""
    os.kill(process, signal.SIGKILL)
