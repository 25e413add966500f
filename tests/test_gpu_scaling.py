"""`benchmarks/gpu_scaling.py`, tried on a divided processor.

What it says of speed there means nothing. That it runs to its end, and finds that the
devices compute what one device does, is what a machine with GPUs will need.
"""

import concurrent.futures
import functools
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

pytestmark = pytest.mark.engine

ROOT = Path(__file__).parent.parent
PEERS = {"tensorflow": "MirroredStrategy", "jax": "DataParallel"}
backends = pytest.mark.parametrize("backend", PEERS)


def scaled(*arguments, **variables):
    """What a real process of the benchmark came to."""
    return subprocess.run(
        [sys.executable, ROOT / "benchmarks" / "gpu_scaling.py", *arguments],
        env={**os.environ, "CUDA_VISIBLE_DEVICES": "-1", **variables},
        capture_output=True,
        text=True,
        check=False,
    )


@functools.cache
def _runs():
    """Backend to (output, JSON) of a run on two virtual devices; both at once."""
    with concurrent.futures.ThreadPoolExecutor() as threads:
        return dict(zip(PEERS, threads.map(_run, PEERS), strict=True))


def _run(backend):
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "results.json"
        quick = ["--virtual", "2", "--quick", "--json", str(file)]
        # What is as fast as it can be takes XLA long, and nobody looks at speed here.
        flags = "--xla_backend_optimization_level=0"
        done = scaled("--backend", backend, *quick, XLA_FLAGS=flags)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout, json.loads(file.read_text("utf-8"))


@backends
def test_it_finds_that_two_devices_equal_one(backend):
    """Trainings in float64 are as far apart as the order of adding up makes them."""
    _, told = _runs()[backend]

    gaps = {one["network"]: one["difference"] for one in told["checks"]}
    assert set(gaps) == {"residual", "attention"}
    assert gaps["residual"] < 1e-12
    assert all(one["right"] for one in told["checks"])


def test_it_finds_forward_and_backward_on_both_devices():
    """Each device has the same convolutions of both passes on TensorFlow."""
    _, told = _runs()["tensorflow"]

    places = told["checks"][0]["places"]
    forward, backward, _ = places["cpu:0"]
    assert places["cpu:0"] == places["cpu:1"]
    assert forward > 0
    assert backward > forward


@backends
def test_it_measures_one_device_ours_and_the_frameworks_own_way(backend):
    """Each table has all ways, with rows a second, and what part of the ideal it is."""
    said, told = _runs()[backend]

    ways = ["plain", "multi_gpu_model", PEERS[backend]]
    cases = told["cases"]
    assert [one["way"] for one in cases] == 2 * ways
    assert [one["rows"] for one in cases] == [8, 16, 16, 16, 16, 16]
    for one in cases:
        assert one["lower"] <= one["rate"] <= one["upper"]
        alone = next(c for c in cases if c["scaling"] == one["scaling"])
        part = one["rate"] / alone["rate"] / len(one["devices"])
        assert one["efficiency"] == pytest.approx(part)
        assert f"{one['rate']:.1f} (" in said
    assert "residual, weak scaling, rows a second" in said
    assert "attention, strong scaling, rows a second" in said


def test_without_gpus_it_says_so_and_how_to_try_it():
    """No GPU: status 2, what there is, and the option that tries the script."""
    done = scaled("--backend", "jax")

    assert done.returncode == 2
    assert done.stdout == ""
    assert "jax sees no GPU, and two or more are wanted" in done.stderr
    assert "--virtual 2 --quick" in done.stderr


def test_more_devices_than_there_are_is_refused():
    """Numbers that were asked for are not left out silently."""
    done = scaled("--virtual", "2", "--gpus", "4")

    assert done.returncode == 2
    assert "sees cpu:0, cpu:1, and 4 were wanted" in done.stderr
