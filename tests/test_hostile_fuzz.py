"""Good files with anything changed: read or refused, and nothing else.

What the scan lets pass is then read by the library for HDF5, and by plain Keras, in
processes of their own, which must survive it.
"""

import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest
from hostile_kit import model, old_model, text_of, weights, write, write_hdf5_model
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from kerasplug.errors import KerasplugError
from kerasplug.saving import inspect_model
from kerasplug.saving.safe_reading import read_safely

HERE = Path(__file__).parent
QUIET = settings(
    max_examples=250,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
MANY = settings(QUIET, max_examples=1000)


def good_files(folder: Path) -> dict[str, bytes]:
    """Name -> bytes of good files, one of each sort."""
    return {
        "m.keras": write(folder / "m.keras").read_bytes(),
        "m.h5": write_hdf5_model(folder / "m.h5").read_bytes(),
        "new.h5": write_hdf5_model(folder / "n.h5", libver="latest").read_bytes(),
        "w.weights.h5": weights(),
        "m.json": text_of(model()),
    }


with tempfile.TemporaryDirectory() as _folder:
    GOOD = good_files(Path(_folder))

#: Words that mean something to formats: nothing, one, all bits, the sign, almost all.
WORDS = st.sampled_from(
    (0, 1, 7, 8, 255, 1 << 15, 1 << 31, (1 << 63) - 1, (1 << 64) - 1)
)


@st.composite
def changes(draw):
    """One change of a file, as its sort, its place and what is put there."""
    sort = draw(st.sampled_from(("flip", "word", "cut", "copy", "drop", "insert")))
    place = draw(st.floats(0, 1, exclude_max=True))
    size = draw(st.sampled_from((1, 2, 4, 8)))
    return sort, place, size, draw(WORDS), draw(st.floats(0, 1, exclude_max=True))


def changed(data: bytes, edits) -> bytes:
    """The file after these changes."""
    out = bytearray(data)
    for sort, place, size, word, other in edits:
        at = int(place * len(out))
        if not out:
            break
        if sort == "flip":
            out[at] ^= 1 << (word % 8)
        elif sort == "word":
            at -= at % size
            out[at : at + size] = (word % (1 << 8 * size)).to_bytes(size, "little")
        elif sort == "cut":
            del out[at:]
        elif sort == "copy":
            there = int(other * len(out))
            out[at : at + 8 * size] = out[there : there + 8 * size]
        elif sort == "drop":
            del out[at : at + size]
        else:
            out[at:at] = out[:size]
    return bytes(out)


def ask(path: Path):
    """What inspecting and reading say: each an error of ours, or a result."""
    answers = []
    for call in (inspect_model, read_safely):
        try:
            answers.append(call(path))
        except KerasplugError as error:
            answers.append(error)
    for error in answers:
        if isinstance(error, Exception):
            assert error.what
            assert len(str(error)) < 2000
    return answers


@MANY
@given(
    name=st.sampled_from(sorted(GOOD)),
    edits=st.lists(changes(), min_size=1, max_size=4),
)
def test_a_changed_file_is_read_or_refused(tmp_path, name, edits):
    """Flipped, cut, spliced: an answer or an error of kerasplug's, and nothing else."""
    path = tmp_path / name
    path.write_bytes(changed(GOOD[name], edits))

    seen, read = ask(path)
    if not isinstance(read, Exception):
        assert not isinstance(seen, Exception)
        assert not seen.dangers
    str(seen)


JUNK = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.sampled_from(("", "../x", "a>b", "__lambda__", "Dense", "\x1b[2J", "\ud800")),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(("class_name", "config", "name", "layers", "x")),
            inner,
            max_size=3,
        )
    ),
    max_leaves=8,
)


@st.composite
def wrong(draw, whole):
    """A configuration with one value replaced by something of another type."""
    config = json.loads(json.dumps(whole))
    place, key = config, None
    for _ in range(draw(st.integers(1, 6))):
        keys = list(place) if isinstance(place, dict) else list(range(len(place)))
        if not keys:
            break
        around, key = place, draw(st.sampled_from(keys))
        place = around[key]
        if not isinstance(place, dict | list):
            break
    if key is not None:
        around[key] = draw(JUNK)
    return config


@QUIET
@given(config=wrong(model()))
def test_wrong_types_in_keras_files_are_read_or_refused(tmp_path, config):
    """Any value of any type in any place: the walk does not stumble."""
    ask(write(tmp_path / "m.keras", config))


@QUIET
@given(config=wrong(old_model()))
def test_wrong_types_in_hdf5_are_read_or_refused(tmp_path, config):
    """The same in the older format, whose rules are looser."""
    ask(write_hdf5_model(tmp_path / "m.h5", config))


def survivors(folder: Path, names, most: int, seed: int) -> list[str]:
    """Changed files that the scan lets pass."""
    import random

    dice = random.Random(seed)  # noqa: S311 -- the same files each time
    found: list[str] = []
    sorts = ("flip", "flip", "word", "copy")
    while len(found) < most:
        name = dice.choice(names)
        edits = [
            (
                dice.choice(sorts),
                dice.random(),
                dice.choice((1, 2, 4, 8)),
                dice.choice((0, 1, 3, 5, 64, 255, 1 << 31, (1 << 64) - 1)),
                dice.random(),
            )
            for _ in range(dice.choice((1, 1, 2, 3)))
        ]
        path = folder / f"{len(found)}-{name}"
        path.write_bytes(changed(GOOD[name], edits))
        seen, _ = ask(path)
        if not isinstance(seen, Exception) and not seen.dangers:
            found.append(str(path))
    return found


def run(reader: str, files) -> dict[str, str]:
    """What a reader says of each file; it must not die."""
    done = subprocess.run(
        [sys.executable, HERE / "hostile_readers.py", reader, *files],
        env={**os.environ, "HDF5_USE_FILE_LOCKING": "FALSE"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, (done.returncode, done.stderr[-2000:])
    lines = [line.split(" ") for line in done.stdout.splitlines() if " " in line]
    return dict(line for line in lines if len(line) == 2)


def test_what_passes_the_scan_does_not_kill_the_library(tmp_path):
    """Of a thousand changed files that pass, the library reads each or raises."""
    files = survivors(tmp_path, ["m.h5", "new.h5", "w.weights.h5"], 1000, seed=7)

    said = run("h5py", files)
    assert len(said) == len(files)
    assert "read" in said.values()


@pytest.mark.engine
def test_what_passes_the_scan_does_not_kill_keras(tmp_path):
    """Of sixty changed files that pass, plain Keras loads each or raises; so do we."""
    files = survivors(tmp_path, ["m.h5", "m.keras"], 60, seed=11)

    said = run("keras", files)
    assert len(said) == len(files)
    assert "read" in said.values()
    # And ours says of each what is wrong, in its own words.
    ours = run("kerasplug", files)
    assert len(ours) == len(files)
    assert {*ours.values()} <= {"read", "ModelFileError", "MissingPluginError"}
