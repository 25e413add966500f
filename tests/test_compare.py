"""Comparing backends: one saved model, several processes, one table."""

import json
import math
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from compare_kit import an_input, hanging_jax, healthy, moody, moody_site, written

from kerasplug.engines.comparing import compare_backends
from kerasplug.engines.comparing_inputs import Inputs
from kerasplug.engines.comparing_runs import Job, run_on, write_inputs

pytestmark = pytest.mark.engine

THREE = ("tensorflow", "jax", "numpy")
MOODS = ("shifts", "nowhere", "somewhere", "counts", "widens", "dies")
#: Ten samples, which are three batches of four, the last of them smaller.
NUMBERS = np.random.default_rng(1).standard_normal((10, 3))
WORDS = np.random.default_rng(2).integers(0, 6, (10, 4))


@pytest.fixture(scope="module")
def places(tmp_path_factory):
    """A folder for models, and one on `sys.path` with the moody plugin."""
    folder = tmp_path_factory.mktemp("compare")
    with moody_site(folder / "site"):
        yield folder


@pytest.fixture(scope="module")
def own(keras, places):
    """The healthy model's file."""
    return healthy(keras, places / "healthy.keras")


@pytest.fixture(scope="module")
def agreed(own):
    """The healthy model on three backends, with inputs in more than one batch."""
    inputs = {"words": WORDS, "numbers": NUMBERS}
    return compare_backends(own, THREE, inputs, batch_size=4, repeats=3)


@pytest.fixture(scope="module")
def at_odds(keras, places):
    """A model that each backend computes otherwise, or dies of."""
    path = moody(keras, places / "moody.keras", *MOODS)
    return compare_backends(path, THREE, np.ones((2, 3)), repeats=1)


def by_output(found, backend):
    return {one.output: one for one in found.differences if one.backend == backend}


# --- backends that agree ---


def test_backends_that_agree_are_ok(agreed):
    """A model with a plugin's layer gives the same on three backends."""
    assert agreed.ok, str(agreed)
    assert [run.name for run in agreed.runs] == list(THREE)
    assert agreed.reference == "tensorflow"
    assert (agreed.samples, agreed.batch_size) == (10, 4)
    assert len(agreed.differences) == 6
    assert max(one.deviation for one in agreed.differences) < 1e-5


def test_outputs_are_those_of_the_model(agreed, own, keras):
    """Each backend's outputs, put together from batches, are the model's own."""
    import kerasplug

    model = kerasplug.load_model(own, compile=False)
    inputs = [NUMBERS.astype("float32"), WORDS.astype("int32")]
    expected = model.predict(inputs, verbose=0)
    for run in agreed.runs:
        assert set(run.outputs) == {"g", "v", "b"}
        for name, array in run.outputs.items():
            wanted = np.asarray(expected[name]).astype(array.dtype)
            np.testing.assert_allclose(array, wanted, rtol=1e-5, atol=1e-6)


def test_dtypes_and_versions_are_told(agreed):
    """A dtype that NumPy lacks is told by its name; so is what computed."""
    for run in agreed.runs:
        assert run.dtypes["v"] == "bfloat16"
        assert run.outputs["v"].dtype == "float32"
        assert run.dtypes["b"].startswith("int")
        assert set(run.versions) == {"keras", run.name}


def test_times_are_apart(agreed):
    """Starting, loading, the first batch and the others have times of their own."""
    for run in agreed.runs:
        time = run.timing
        assert 0 < time.lower <= time.median <= time.upper
        assert min(time.start, time.load, time.first) > 0
        assert time.repeats == 3


def test_a_comparison_is_json(agreed, at_odds):
    """All of a comparison, NaN as well, is strict JSON with summaries."""
    told = json.loads(json.dumps(agreed.to_dict(), allow_nan=False))
    run = agreed.run("jax")
    summary = told["backends"]["jax"]["outputs"]["g"]

    assert told["ok"] is True
    assert summary["shape"] == [10, 5]
    assert summary["max"] == float(run.outputs["g"].max())
    assert summary["first"] == run.outputs["g"].reshape(-1)[:8].tolist()
    assert told["backends"]["jax"]["seconds"]["median"] == run.timing.median

    odd = json.loads(json.dumps(at_odds.to_dict(), allow_nan=False))
    nowhere = odd["backends"]["jax"]["outputs"]["nowhere"]
    assert nowhere["first"] == ["nan"] * 6
    assert (nowhere["not_finite"], nowhere["mean"]) == (6, None)
    assert odd["backends"]["numpy"]["outputs"] == {}


# --- backends that do not agree ---


def test_a_difference_is_found_and_placed(at_odds):
    """A difference beyond the tolerance is told with its place and both values."""
    one = by_output(at_odds, "jax")["shifts"]

    assert not at_odds.ok
    assert not one.ok
    assert one.absolute == 0.5
    assert one.index == (0, 1)
    assert (one.here, one.there) == (1.5, 1.0)
    assert one.relative == pytest.approx(1 / 3, rel=1e-6)


def test_nan_equals_nan_and_nothing_else(at_odds):
    """NaN on both sides is no difference, and on one side an infinite one."""
    found = by_output(at_odds, "jax")

    assert found["nowhere"].ok
    assert found["nowhere"].deviation == 0
    assert not found["somewhere"].ok
    assert found["somewhere"].deviation == math.inf
    assert math.isnan(found["somewhere"].here)


def test_whole_numbers_and_shapes_that_differ_are_told(at_odds):
    """Other whole numbers are a difference, other shapes are not compared."""
    found = by_output(at_odds, "jax")

    assert (found["counts"].deviation, found["counts"].ok) == (1.0, False)
    assert not found["widens"].ok
    assert found["widens"].note == "its shape is (2, 6), the reference's (2, 3)"
    assert found["dies"].ok


def test_a_killed_backend_hides_nobody(at_odds):
    """The row of a backend whose process was killed says so; the others are there."""
    states = [run.state for run in at_odds.runs]

    assert states == ["ok", "ok", "failed"]
    assert "its process was ended by SIGKILL" in at_odds.run("numpy").error
    assert by_output(at_odds, "numpy") == {}


def test_a_refusal_is_told_in_its_own_words(keras, places):
    """A backend that raises is told with its error, and can't be the reference."""
    path = moody(keras, places / "refusing.keras", "refuses")
    found = compare_backends(path, ("numpy", "tensorflow"), repeats=1)
    run = found.run("numpy")

    assert run.state == "failed"
    assert "RuntimeError" in run.error
    assert "no moods on numpy, thank you" in run.error
    assert run.versions["keras"] == keras.__version__
    assert found.reference == "tensorflow"
    assert not found.ok


# --- processes that do not end ---


def quick_job(folder, timeout):
    inputs = Inputs("single", ("x",), (np.ones((1, 2), "float32"),), 1)
    folder.mkdir(exist_ok=True)
    job = Job("no-model.keras", inputs, folder, 1, 0, timeout)
    write_inputs(job)
    return job


def is_alive(process):
    """Whether a process runs; one that nobody has waited for yet does not."""
    try:
        stat = Path(f"/proc/{process}/stat").read_text("utf-8")
    except OSError:
        return False
    return stat.rpartition(")")[2].split()[0] != "Z"


def is_written(note):
    return note.exists() and bool(note.read_text())


def wait_until(true, seconds=120):
    end = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < end
        time.sleep(0.05)


def test_a_backend_that_hangs_is_ended(tmp_path, monkeypatch):
    """A process that is over its time is told with where it hangs, and is gone."""
    note = tmp_path / "pid"
    monkeypatch.syspath_prepend(hanging_jax(tmp_path / "site", note))
    run = run_on("jax", quick_job(tmp_path / "job", 10.0))

    assert run.state == "failed"
    assert "it had not finished after 10 s" in run.error
    assert "jax/__init__.py" in run.error
    assert not is_alive(int(note.read_text()))


_COMPARING = """
import sys
sys.path.insert(0, sys.argv[1])
from kerasplug.engines.comparing import compare_backends
compare_backends(sys.argv[2], ("jax", "tensorflow"))
"""


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGKILL])
def test_no_process_outlives_the_comparison(tmp_path, number):
    """Ctrl-C, and the sudden end of the comparison, end the backends' processes."""
    note, folder = tmp_path / "pid", tmp_path / "temporary"
    folder.mkdir()
    site = hanging_jax(tmp_path / "site", note)
    path = written(tmp_path / "m.keras", an_input("x", 2))
    host = subprocess.Popen(
        [sys.executable, "-c", _COMPARING, str(site), str(path)],
        env={**os.environ, "TMPDIR": str(folder)},
        stderr=subprocess.PIPE,
        text=True,
    )
    wait_until(lambda: is_written(note) or host.poll() is not None)
    backend = int(note.read_text())
    assert is_alive(backend)

    host.send_signal(number)
    _, err = host.communicate(timeout=60)

    wait_until(lambda: not is_alive(backend))
    if number == signal.SIGINT:
        assert "KeyboardInterrupt" in err
        assert list(folder.glob("kerasplug-compare-*")) == []
