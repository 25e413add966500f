"""The picture of a comparison of backends."""

import dataclasses
import math
import os
import subprocess
import sys
import warnings

import pytest

from kerasplug.engines.comparing_plot import check_picture
from kerasplug.engines.comparing_result import (
    BackendRun,
    Comparison,
    Difference,
    Timing,
)
from kerasplug.errors import MissingExtraError, RecordError

TIMING = Timing(4.0, 0.1, 0.2, 0.002, 0.001, 0.004, 10)
GOOD = [BackendRun(name, "ok", timing=TIMING) for name in ("tensorflow", "jax")]
LOST = BackendRun("torch", "failed", "its process was ended by SIGKILL")
NEAR = Difference("jax", "out", 1e-7, 1e-6, 1e-7, (0, 1), 1.0, 1.0)


@pytest.fixture
def found():
    """A comparison of three backends, one of which failed."""
    runs = (*GOOD, LOST)
    return Comparison("a $1 model.keras", "tensorflow", 1e-4, 32, 32, runs, (NEAR,))


@pytest.mark.parametrize(
    ("ending", "begins"), [("png", b"\x89PNG"), ("svg", b"<?xml"), ("pdf", b"%PDF")]
)
def test_a_picture_has_the_format_of_its_ending(found, tmp_path, ending, begins):
    """A picture is of the format that its name says, and nothing lies beside it."""
    path = tmp_path / f"picture.{ending}"
    found.plot(path)

    assert path.read_bytes().startswith(begins)
    assert os.listdir(tmp_path) == [path.name]


def test_a_picture_tells_names_times_and_deviations(found, tmp_path, monkeypatch):
    """The texts in a picture name each backend, what failed, and the deviation."""
    import matplotlib as mpl

    monkeypatch.setitem(mpl.rcParams, "svg.fonttype", "none")
    found.plot(tmp_path / "a.svg")
    text = (tmp_path / "a.svg").read_text("utf-8")

    for word in ("(reference)", "jax", "(failed)", "1e-07", "ms for a batch of 32"):
        assert word in text
    assert "a $1 model.keras" in text


@pytest.mark.parametrize("deviation", [0.0, 1e-300, 1e-9, 1e30, math.inf])
@pytest.mark.parametrize("tolerance", [0.0, 1e-4])
def test_any_deviation_can_be_drawn(found, tmp_path, deviation, tolerance):
    """A deviation of 0, an infinite one and a tolerance of 0 are drawn unwarned."""
    far = dataclasses.replace(NEAR, deviation=deviation, ok=deviation <= tolerance)
    one = dataclasses.replace(found, differences=(far,), tolerance=tolerance)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        one.plot(tmp_path / "a.png")

    assert (tmp_path / "a.png").stat().st_size > 1000


def test_a_comparison_without_a_success_can_be_drawn(tmp_path):
    """Where each backend failed there is a picture that says so."""
    one = Comparison("m.keras", "", 1e-4, 32, 32, (LOST,))
    one.plot(tmp_path / "a.png")

    assert (tmp_path / "a.png").exists()


def test_a_picture_that_fails_leaves_the_old_one(found, tmp_path):
    """Where drawing fails the file is what it was, and nothing lies beside it."""
    path = tmp_path / "a.png"
    path.write_bytes(b"old")
    broken = dataclasses.replace(found, runs=(*found.runs, None))
    with pytest.raises(AttributeError):
        broken.plot(path)

    assert path.read_bytes() == b"old"
    assert os.listdir(tmp_path) == ["a.png"]


@pytest.mark.parametrize("path", ["a.gif", "a", "no/such/a.png", ""])
def test_a_wrong_path_is_refused(found, tmp_path, monkeypatch, path):
    """A path that no picture can have is an error that shows it."""
    monkeypatch.chdir(tmp_path)
    with pytest.raises(RecordError) as caught:
        found.plot(path)

    assert repr(path) in caught.value.found
    assert os.listdir(tmp_path) == []


def test_a_folder_is_no_picture(tmp_path):
    """A folder of a picture's name is refused."""
    (tmp_path / "a.png").mkdir()
    with pytest.raises(RecordError):
        check_picture(tmp_path / "a.png")


def test_without_matplotlib_the_error_names_the_extra(tmp_path, monkeypatch):
    """Where matplotlib is missing the error says which extra brings it."""
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    with pytest.raises(MissingExtraError) as caught:
        check_picture(tmp_path / "a.png")

    assert caught.value.extra == "plot"


def test_a_picture_needs_no_display_and_no_pyplot(tmp_path):
    """Drawing opens no window: it works with no display, and imports no pyplot."""
    code = """
import sys
from kerasplug.engines.comparing_result import BackendRun, Comparison
run = BackendRun("jax", "failed", "why")
Comparison("m.keras", "", 1e-4, 32, 32, (run,)).plot(sys.argv[1])
assert "matplotlib.pyplot" not in sys.modules
assert "keras" not in sys.modules
"""
    env = {key: one for key, one in os.environ.items() if key != "DISPLAY"}
    env["MPLBACKEND"] = "tkagg"
    line = [sys.executable, "-c", code, str(tmp_path / "a.png")]
    done = subprocess.run(line, env=env, capture_output=True, text=True, check=False)

    assert done.returncode == 0, done.stderr
