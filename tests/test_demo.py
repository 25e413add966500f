"""`kerasplug demo`: the whole of it, in real processes, and what it says on failure."""

import json
import os
import re
import subprocess
import sys

import pytest

import kerasplug
from kerasplug.cli import demo_curves, demo_model, demo_reload
from kerasplug.errors import ModelFileError

PNG = b"\x89PNG\r\n\x1a\n"


def demo(*arguments, **variables):
    """What a real process `kerasplug demo` said."""
    return subprocess.run(
        [sys.executable, "-m", "kerasplug", "demo", *arguments],
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, **variables},
    )


@pytest.mark.engine
@pytest.mark.slow
def test_demo_does_all_that_it_promises(tmp_path):
    """It trains to 95 %, saves, loads in a fresh process, compares, draws, sums up."""
    folder = tmp_path / "not" / "there yet"

    done = demo("--output", str(folder))

    assert done.stderr == ""
    assert done.returncode == 0, done.stdout
    assert sorted(path.name for path in folder.iterdir()) == [
        "model.h5",
        "model.keras",
        "summary.json",
        "training.png",
    ]
    assert (folder / "training.png").read_bytes().startswith(PNG)
    facts = json.loads((folder / "summary.json").read_text("utf-8"))
    assert facts["passed"] is True
    assert facts["test_accuracy"] >= 0.95
    assert {name: one["identical"] for name, one in facts["files"].items()} == {
        "model.keras": True,
        "model.h5": True,
    }
    summary = done.stdout.partition("\nSummary\n")[2]
    right = re.search(r"test accuracy +([\d.]+)%  \((\d+) of 355 ", summary)
    assert right
    assert float(right[1]) == pytest.approx(100 * facts["test_accuracy"], abs=0.05)
    assert int(right[2]) == round(355 * facts["test_accuracy"])
    assert f"{facts['best_epoch']} of {facts['epochs']}" in summary
    assert summary.count("the same predictions, bit for bit") == 2
    assert summary.endswith("It works.\n")
    assert done.stdout.count("  epoch ") == facts["epochs"]
    assert "downstream-pkg" in done.stdout.partition("Training")[0]


@pytest.mark.engine
@pytest.mark.slow
def test_demo_fails_when_it_learns_too_little(tmp_path):
    """One epoch is too few: the summary says so and the exit code is 1."""
    done = demo("--output", str(tmp_path), "--epochs", "1")

    assert done.returncode == 1
    assert "TOO FEW" in done.stdout
    assert done.stdout.endswith("It does not work.\n")
    facts = json.loads((tmp_path / "summary.json").read_text("utf-8"))
    assert (facts["passed"], facts["epochs"]) == (False, 1)


@pytest.mark.engine
def test_fresh_process_that_fails_is_told(tmp_path):
    """A file that the fresh process can't load is an error with what it said."""
    broken = tmp_path / "model.keras"
    broken.write_bytes(b"no model")

    with pytest.raises(ModelFileError) as caught:
        demo_reload.in_fresh_process([broken], [[0.0]])

    assert "model.keras" in caught.value.found


def test_missing_plugin_is_named_with_its_command(tmp_path):
    """Without a plugin the demo names it and the command, and writes nothing."""
    folder = tmp_path / "out"

    done = demo("--output", str(folder), KERASPLUG_DISABLE="downstream-pkg")

    assert done.returncode == 1
    assert "downstream-pkg/gated_dense" in done.stderr
    assert "kerasplug-datasets" not in done.stderr
    assert "python -m pip install ./examples/downstream_pkg" in done.stderr
    assert not folder.exists()


def test_all_missing_plugins_are_named_at_once():
    """Without any plugin the demo gives every command that is needed."""
    done = demo(KERASPLUG_DISABLE="all")

    assert done.returncode == 1
    assert "python -m pip install kerasplug-datasets" in done.stderr
    assert "python -m pip install ./examples/downstream_pkg" in done.stderr


@pytest.mark.parametrize(
    ("missing", "command"),
    [
        ("matplotlib", 'python -m pip install "kerasplug[plot]"'),
        ("h5py", 'python -m pip install "kerasplug[files]"'),
    ],
)
def test_missing_extra_is_named_with_its_command(missing, command):
    """Without an optional library the demo gives the command before it trains."""
    code = (
        f"import sys; sys.modules[{missing!r}] = None\n"
        "from kerasplug.cli import main; sys.exit(main(['demo']))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=False
    )

    assert (done.returncode, done.stdout) == (1, "")
    assert command in done.stderr


def test_missing_engine_is_named_with_its_command():
    """Without its engine the demo says which, and how to get it, before it trains."""
    done = demo(KERAS_BACKEND="no_such_engine")

    assert (done.returncode, done.stdout) == (1, "")
    assert "no_such_engine" in done.stderr


def test_backend_that_only_predicts_is_refused():
    """A backend that can't train is refused before anything is started."""
    done = demo(KERAS_BACKEND="numpy")

    assert (done.returncode, done.stdout) == (1, "")
    assert "the backend numpy can't" in done.stderr


def test_largest_difference_is_found():
    """The difference of two predictions is the largest one of any number."""
    mine, theirs = [[0.5, 0.5], [0.25, 0.75]], [[0.5, 0.5], [0.5, 0.5]]

    assert demo_reload._difference(theirs, mine) == 0.25


@pytest.mark.parametrize("epochs", [1, 3])
def test_picture_is_drawn_for_any_number_of_epochs(tmp_path, epochs):
    """The picture is a PNG, also after a single epoch; nothing else is left behind."""
    names = ("loss", "val_loss", "accuracy", "val_accuracy")
    path = tmp_path / "training.png"

    demo_curves.draw({name: [0.5] * epochs for name in names}, epochs, 0.5, path)

    assert path.read_bytes().startswith(PNG)
    assert list(tmp_path.iterdir()) == [path]


@pytest.fixture(scope="module")
def fit():
    """A function that trains a real model of one weight for 2 epochs of 2 batches."""
    keras = kerasplug.implementation()
    model = keras.Sequential([keras.Input((1,)), keras.layers.Dense(2)])
    model.compile("sgd", "sparse_categorical_crossentropy", metrics=["accuracy"])
    x, y = keras.ops.ones((4, 1)), keras.ops.zeros((4,))

    def fit(callback):
        model.fit(
            x,
            y,
            batch_size=2,
            epochs=2,
            validation_data=(x, y),
            callbacks=[callback],
            verbose=0,
        )

    return fit


@pytest.mark.engine
def test_bar_tells_progress_and_numbers(capsys, fit):
    """On a terminal a bar fills with each batch and shows the last epoch's numbers."""
    keras = kerasplug.implementation()

    with demo_model._bar(keras, epochs=2, steps=2) as callback:
        fit(callback)

    out = capsys.readouterr().out
    assert "100 %" in out
    assert re.search(r"validation [01]\.\d{3}", out)


@pytest.mark.engine
def test_lines_tell_the_same(capsys, fit):
    """Elsewhere each epoch is one line with the same numbers."""
    fit(demo_model._lines(kerasplug.implementation(), epochs=2))

    lines = capsys.readouterr().out.splitlines()
    numbers = r"loss [\d.]+  accuracy [\d.]+  validation [\d.]+"
    assert len(lines) == 2
    for epoch, line in enumerate(lines, start=1):
        assert re.fullmatch(rf"  epoch  {epoch} of 2  {numbers}", line)
