"""The example of two readers: what runs where, and that it comes to the same."""

import doctest
import importlib.util
import os
import subprocess
import sys
from pathlib import Path

import pytest
from parallel_kit import elsewhere, started

pytestmark = pytest.mark.engine

SCRIPT = Path(__file__).parents[1] / "examples" / "two_readers.py"
#: float32, after four steps of a rate of 0.001; on processors it is mostly 0.
CLOSE = 1e-5


@pytest.fixture(scope="module")
def example():
    """The script as a module."""
    spec = importlib.util.spec_from_file_location("two_readers", SCRIPT)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@elsewhere
def test_a_place_brings_forward_and_backward_and_a_scope_forward_only(example):
    """All three come to the same weights, and the table tells them apart."""
    keras, _ = started()
    keras.config.set_floatx("float32")
    keras.config.set_dtype_policy("float32")
    where = example.Devices("cpu:1", "cpu:2", "cpu:0")
    data, plain = example.pairs(), example.plain()
    weights = plain.get_weights()
    placed, scoped = example.placed(where), example.scoped(where)
    usual, by_place, by_scope = (
        example.trained(one, data, weights) for one in (plain, placed, scoped)
    )

    assert example.apart(plain, placed) < CLOSE
    assert example.apart(plain, scoped) < CLOSE
    assert (weights[0] != plain.get_weights()[0]).any()
    forward, backward = ("Tanh", "Sigmoid"), ("TanhGrad", "SigmoidGrad")
    assert set(usual) == {"cpu:0"}
    for device in ("cpu:1", "cpu:2"):
        assert {*forward, *backward} <= set(by_place[device])
        assert set(forward) <= set(by_scope[device])
        assert not set(backward) & set(by_scope[device])
        # The kernels of the input and of the state: once forward, thrice backward.
        assert by_place[device]["MatMul"] == 5
        assert by_scope[device]["MatMul"] == 2
    assert not set(backward) & set(by_place["cpu:0"])
    assert by_scope["cpu:0"]["TanhGrad"] == usual["cpu:0"]["TanhGrad"]


def test_its_examples_are_true(example):
    """Those of its docstrings that are quick."""
    failed, tried = doctest.testmod(example)

    assert (failed, tried > 0) == (0, True)


def test_it_runs_as_a_script(tmp_path):
    """In a process of its own, from any folder; it prints the tables."""
    done = subprocess.run(
        [sys.executable, "-W", "error::UserWarning", SCRIPT],
        env={
            **os.environ,
            "KERASPLUG_IMPLEMENTATION": "keras",
            "KERAS_BACKEND": "tensorflow",
            "KERAS_HOME": str(tmp_path),
        },
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    placed, scoped = done.stdout.strip().split("\n\n")
    for name, text in (("placed", placed), ("scoped", scoped)):
        first, head, *lines = text.splitlines()
        assert first.startswith(f"{name}: ")
        assert float(first.split()[1]) < CLOSE
        assert head.split() == ["operation", "cpu:0", "cpu:1", "cpu:2"]
        assert "TanhGrad" in {line.split()[0] for line in lines}
