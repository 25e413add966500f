"""What is compared: models and arrays, checked before any process starts."""

import math
import os
import sys
import tempfile

import numpy as np
import pytest
from compare_kit import an_input, pickled, written
from saving_plugin import layer_config, sequential, write_keras

from kerasplug.engines.comparing import compare_backends
from kerasplug.engines.comparing_inputs import prepared, specs_of
from kerasplug.errors import (
    ImplementationError,
    KerasplugError,
    MissingPluginError,
    ModelFileError,
    RecordError,
    UnknownNameError,
)
from kerasplug.saving.safe_reading import read_safely

BOTH = ("tensorflow", "jax")


# --- what is refused before any process starts ---


@pytest.fixture
def no_process(monkeypatch, tmp_path):
    """No process can be started, and nothing is left in the folder for files."""
    folder = tmp_path / "temporary"
    folder.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(folder))
    monkeypatch.setattr(sys, "executable", "")
    yield
    assert os.listdir(folder) == []


@pytest.fixture
def two(tmp_path):
    """A model with an input of three numbers and one of any number of words."""
    words = an_input("words", None, dtype="int32")
    return written(tmp_path / "two.keras", an_input("numbers", 3), words)


@pytest.fixture
def one(tmp_path):
    """A model with one input of three numbers."""
    return written(tmp_path / "one.keras", an_input("x", 3), structure="single")


def test_a_good_call_would_start_a_process(no_process, one):
    """The call that the others vary gets as far as starting a process."""
    with pytest.raises(KerasplugError, match="No Python can be started"):
        compare_backends(one, BOTH)


@pytest.mark.parametrize(
    "changed",
    [
        {"backends": ("jax",)},
        {"backends": "jax"},
        {"backends": ()},
        {"backends": ("jax", "jax")},
        {"batch_size": 0},
        {"batch_size": 2.0},
        {"repeats": 0},
        {"repeats": True},
        {"seed": -1},
        {"seed": 2**32},
        {"tolerance": -1e-9},
        {"tolerance": math.nan},
        {"timeout": 0},
        {"timeout": math.inf},
        {"reference": "numpy"},
    ],
    ids=str,
)
def test_a_wrong_argument_is_named(no_process, one, changed):
    """An argument of a wrong value is an error that shows it."""
    with pytest.raises(RecordError) as caught:
        compare_backends(one, **{"backends": BOTH, **changed})

    assert caught.value.field in changed


def test_a_missing_backend_is_told_with_its_mend(no_process, one):
    """A backend that is not installed is an error that says how to get it."""
    with pytest.raises(ImplementationError) as caught:
        compare_backends(one, ("tensorflow", "torch"))

    assert "torch" in caught.value.mend


def test_an_unknown_backend_is_told_with_close_ones(no_process, one):
    """A backend that nobody has is an error with names that resemble it."""
    with pytest.raises(UnknownNameError) as caught:
        compare_backends(one, ("tensorflow", "jacks"))

    assert "jax" in caught.value.close


def test_a_file_that_is_no_model_is_refused(no_process, tmp_path):
    """What is no model, or needs a missing plugin, is told as in loading."""
    with pytest.raises(FileNotFoundError):
        compare_backends(tmp_path / "none.keras", BOTH)
    (tmp_path / "text.keras").write_text("text")
    with pytest.raises(ModelFileError):
        compare_backends(tmp_path / "text.keras", BOTH)
    lost = layer_config("Lost", "lost_plug", "lost_plug>Lost")
    path = write_keras(tmp_path / "lost.keras", sequential(lost))
    with pytest.raises(MissingPluginError):
        compare_backends(path, BOTH)


def test_a_dangerous_model_is_refused(no_process, tmp_path):
    """A model with a lambda is refused before any process sees it."""
    function = {"class_name": "__lambda__", "config": {"value": "4wAAAA=="}}
    code = layer_config("Lambda", "keras.layers", function=function)
    path = write_keras(tmp_path / "code.keras", sequential(code))
    with pytest.raises(ModelFileError):
        compare_backends(path, BOTH)


def test_a_pickle_is_never_opened(no_process, tmp_path, one):
    """A file of arrays that holds a pickle is refused, and nothing in it runs."""
    path = pickled(tmp_path / "x.npy", tmp_path / "trap")
    with pytest.raises(KerasplugError, match="can't be read") as caught:
        compare_backends(one, BOTH, path)

    assert "pickle" in caught.value.expected
    assert not (tmp_path / "trap").exists()


@pytest.mark.parametrize("content", [b"", b"\x93NUMPY", b"PK\x03\x04", b"text"])
@pytest.mark.parametrize("ending", ["npy", "npz"])
def test_a_damaged_file_of_arrays_is_refused(
    no_process, tmp_path, one, content, ending
):
    """A file of arrays that is none is an error that names it."""
    path = tmp_path / f"x.{ending}"
    path.write_bytes(content)
    with pytest.raises(KerasplugError, match=r"x\.np"):
        compare_backends(one, BOTH, path)


@pytest.mark.parametrize(
    ("inputs", "found"),
    [
        (np.ones((2, 4)), "shape (2, 4)"),
        (np.ones(3), "shape (3,)"),
        (np.ones((2, 3, 1)), "shape (2, 3, 1)"),
        (np.array(["a", "b"]), "shape (2,)"),
        (np.array([["a", "b", "c"]]), "dtype <U1"),
        (np.ones((0, 3)), "shape (0, 3)"),
        (np.float32(1), "shape ()"),
        (np.array([[None, None, None]]), "dtype object"),
        ([np.ones((2, 3)), np.ones((2, 3))], "2 without names"),
        ({"y": np.ones((2, 3)), "x": np.ones((2, 3))}, "y, x"),
    ],
    ids=[
        "wide",
        "flat",
        "deep",
        "texts",
        "text",
        "none",
        "number",
        "objects",
        "2",
        "xy",
    ],
)
def test_arrays_that_do_not_fit_are_refused(no_process, one, inputs, found):
    """An array of another shape, dtype or name than the model's input is shown."""
    with pytest.raises(KerasplugError) as caught:
        compare_backends(one, BOTH, inputs)

    assert found in caught.value.found
    assert caught.value.expected


def test_floats_are_no_whole_numbers(no_process, two):
    """An input of whole numbers takes no floats, and all have the same samples."""
    floats = {"numbers": np.ones((2, 3)), "words": np.ones((2, 5))}
    with pytest.raises(KerasplugError, match="does not fit the input 'words'"):
        compare_backends(two, BOTH, floats)
    uneven = {"numbers": np.ones((2, 3)), "words": np.ones((3, 5), int)}
    with pytest.raises(KerasplugError, match="different numbers of samples"):
        compare_backends(two, BOTH, uneven)


def test_unknown_dimensions_have_to_be_given(no_process, two, tmp_path):
    """An input of any size can't be made up, nor one that the file does not tell."""
    with pytest.raises(KerasplugError, match="of any size") as caught:
        compare_backends(two, BOTH)
    assert "(any, any)" in caught.value.found
    assert "--input words=" in caught.value.mend

    bare = layer_config("Sequential", "keras", layers=[])
    with pytest.raises(KerasplugError, match="does not say what shape"):
        compare_backends(write_keras(tmp_path / "bare.keras", bare), BOTH)


def test_a_model_of_fixed_batches_gets_whole_ones(no_process, tmp_path):
    """A model with a batch size of its own is not given another one."""
    fixed = {"name": "x", "batch_shape": [4, 2], "dtype": "float32"}
    path = written(tmp_path / "fixed.keras", fixed)
    with pytest.raises(KerasplugError, match="batches of 4") as caught:
        compare_backends(path, BOTH, np.ones((6, 2)))

    assert caught.value.found == "6 samples"


# --- inputs ---


def inputs_for(path, given=None, batch_size=32, seed=0):
    contents, _ = read_safely(path, compiled=False)
    return prepared(given, specs_of(contents), batch_size, seed)


def test_inputs_are_made_up_by_shape_dtype_and_seed(tmp_path):
    """Made up inputs have the file's shapes and dtypes, and repeat with their seed."""
    kinds = ("float32", "float64", "float16", "bfloat16", "int32", "uint8", "bool")
    inputs = [an_input(kind, 2, 3, dtype=kind) for kind in kinds]
    path = written(tmp_path / "m.keras", *inputs, structure="dict")
    made, again = inputs_for(path, batch_size=5), inputs_for(path, batch_size=5)
    other = inputs_for(path, batch_size=5, seed=9)

    assert (made.structure, made.names) == ("dict", kinds)
    for kind, *arrays in zip(
        kinds, *(x.arrays for x in (made, again, other)), strict=True
    ):
        assert arrays[0].shape == (5, 2, 3)
        assert arrays[0].dtype == ("float32" if kind == "bfloat16" else kind)
        np.testing.assert_array_equal(arrays[0], arrays[1])
        assert (arrays[0] != arrays[2]).any()
    whole = made.arrays[kinds.index("int32")]
    assert 0 <= whole.min() < whole.max() < 10


def test_made_up_whole_numbers_fit_the_smallest_embedding(tmp_path):
    """Whole numbers that are made up are rows that each embedding has."""
    start = layer_config(
        "InputLayer", "keras.layers", batch_shape=[None, 50], dtype="int32", name="x"
    )
    small = layer_config("Embedding", "keras.layers", input_dim=3, output_dim=2)
    config = layer_config("Sequential", "keras", layers=[start, small])
    made = inputs_for(write_keras(tmp_path / "m.keras", config))

    assert set(np.unique(made.arrays[0])) == {0, 1, 2}


@pytest.mark.parametrize(
    "form", ["dict", "list", "npz", "unnamed npz", "npys", "named"]
)
def test_inputs_come_in_many_forms(two, tmp_path, form):
    """Arrays and files, by name or by order, become what the model takes, cast."""
    numbers, words = np.ones((2, 3)), np.zeros((2, 7), "int64")
    np.save(tmp_path / "n.npy", numbers)
    np.save(tmp_path / "w.npy", words)
    np.savez(tmp_path / "named.npz", words=words, numbers=numbers)
    np.savez(tmp_path / "plain.npz", numbers, words)
    given = {
        "dict": {"words": words, "numbers": numbers},
        "list": [numbers, words],
        "npz": tmp_path / "named.npz",
        "unnamed npz": [str(tmp_path / "plain.npz")],
        "npys": [tmp_path / "n.npy", str(tmp_path / "w.npy")],
        "named": {"words": tmp_path / "w.npy", "numbers": tmp_path / "n.npy"},
    }
    found = inputs_for(two, given[form])

    assert (found.structure, found.names) == ("list", ("numbers", "words"))
    assert [str(array.dtype) for array in found.arrays] == ["float32", "int32"]
    np.testing.assert_array_equal(found.arrays[0], numbers)
    np.testing.assert_array_equal(found.arrays[1], words)


def test_a_model_of_its_own_class_gets_what_is_given(tmp_path):
    """Where the file does not say how a model is called, the caller does."""
    path = write_keras(
        tmp_path / "m.keras", layer_config("Sequential", "keras", layers=[])
    )
    array = np.ones((2, 3))

    assert inputs_for(path, array).structure == "single"
    assert inputs_for(path, [array, array]).structure == "list"
    assert inputs_for(path, {"a": array, "b": array}).names == ("a", "b")
    assert inputs_for(path, {"a": array}).structure == "dict"
