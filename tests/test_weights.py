"""Weights in files: every format is loaded, by order and by name; bad arguments."""

import pickle
import shutil
import zipfile

import h5py
import numpy as np
import pytest
from weights_kit import (
    FORMATS,
    chain,
    different,
    mixed,
    parts_layer,
    same,
    saved,
    without_names,
)

from kerasplug.errors import (
    KerasVersionError,
    ModelError,
    ModelFileError,
    RecordError,
)
from kerasplug.saving.weights import load_model_weights_hdf5, save_model_weights_hdf5
from kerasplug.saving.weights_report import WeightsReport

pytestmark = pytest.mark.engine

LAYERS = ("spread", "both", "look", "cells", "inner/i1", "parts", "out")


@pytest.fixture(scope="module")
def original(keras):
    """A model with everything in it."""
    return mixed(keras)


@pytest.fixture(scope="module")
def files(original, tmp_path_factory):
    """Its weights in a file of each kind, by name."""
    folder = tmp_path_factory.mktemp("files")
    return {name: saved(original, folder, name) for name in FORMATS}


@pytest.mark.parametrize("by_name", [False, True], ids=["by order", "by name"])
@pytest.mark.parametrize("name", FORMATS)
def test_each_format_loads_both_ways(keras, original, files, name, by_name):
    """Each format is loaded by order and by name, models and wrappers within it too."""
    model = mixed(keras)

    report = load_model_weights_hdf5(model, files[name], by_name)

    assert same(original, model)
    assert report == WeightsReport(loaded=LAYERS)


@pytest.mark.parametrize("name", ["m.keras", "m.weights.h5", "m.hdf5"])
def test_the_format_is_seen_from_the_content(keras, original, files, name, tmp_path):
    """A file is what its content is, whatever its name says."""
    path = shutil.copy(files[name], tmp_path / "model.bin")
    model = mixed(keras)

    load_model_weights_hdf5(model, path)

    assert same(original, model)


def test_a_folder_and_packed_weights_are_read(keras, original, files, tmp_path):
    """The folder form of a `.keras` file is read, and one that somebody packed anew."""
    packed = tmp_path / "packed.keras"
    with (
        zipfile.ZipFile(files["m.keras"]) as old,
        zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as new,
    ):
        old.extractall(tmp_path / "folder")
        for name in old.namelist():
            new.writestr(name, old.read(name))

    for path in (packed, tmp_path / "folder"):
        for by_name in (False, True):
            model = mixed(keras)
            load_model_weights_hdf5(model, path, by_name)
            assert same(original, model)


def test_chunked_packed_and_big_endian_arrays_are_read(keras, tmp_path):
    """Arrays that don't lie in the file in one piece are put together."""
    model, other = chain(keras, "a"), chain(keras, "a")
    path = saved(model, tmp_path, "m.weights.h5")
    kernel, bias = model.get_weights()
    with h5py.File(path, "r+") as file:
        group = file["layers/dense/vars"]
        del group["0"], group["1"]
        group.create_dataset("0", data=kernel, chunks=(2, 2), compression="gzip")
        group.create_dataset("1", data=bias.astype(">f4"))

    load_model_weights_hdf5(other, path)

    assert same(model, other)


def test_an_hdf5_file_behind_a_user_block_is_read(keras, tmp_path):
    """HDF5 may begin with a block of the user's; the arrays lie behind it."""
    model, other = chain(keras, "a"), chain(keras, "a")
    path = saved(model, tmp_path, "m.weights.h5")
    shifted = tmp_path / "shifted.weights.h5"
    with (
        h5py.File(path) as old,
        h5py.File(shifted, "w", userblock_size=512) as new,
    ):
        old.copy("layers", new)

    load_model_weights_hdf5(other, shifted)

    assert same(model, other)


@pytest.mark.parametrize("dtype", ["bfloat16", "float16", "float64"])
@pytest.mark.parametrize("name", FORMATS)
def test_all_types_of_floats_come_back(keras, name, dtype, tmp_path):
    """Weights in half and in double precision are what they were."""
    model, other = (chain(keras, "a", "b", dtype=dtype) for _ in range(2))
    path = saved(model, tmp_path, name)

    load_model_weights_hdf5(other, path)

    assert same(model, other)
    assert all(str(one.dtype) == dtype for one in other.weights)


def test_plain_keras_can_not_read_its_own_bfloat16(keras, tmp_path):
    """Upstream: an `.h5` file with bfloat16 weights can be written, and not read.

    The weights that we write, the same ones, can be.
    """
    model, other = (chain(keras, "a", dtype="bfloat16") for _ in range(2))
    theirs = saved(model, tmp_path, "whole.h5")
    ours = tmp_path / "ours.h5"
    save_model_weights_hdf5(model, ours)

    with pytest.raises(ValueError, match="No cast function"):
        other.load_weights(theirs)
    other.load_weights(ours)
    assert same(model, other)


def test_another_precision_is_converted(keras, tmp_path):
    """Weights of a model in double precision fit one in single precision."""
    wide, narrow = chain(keras, "a", dtype="float64"), chain(keras, "a")
    path = saved(wide, tmp_path, "m.weights.h5")

    load_model_weights_hdf5(narrow, path)

    expected = [one.astype("float32") for one in wide.get_weights()]
    assert all(map(np.array_equal, expected, narrow.get_weights()))


def test_the_optimizer_is_left_alone(keras, tmp_path):
    """Only weights of layers are loaded; plain Keras replaces the optimizer's, too."""
    x, y = np.ones((4, 4), "float32"), np.zeros((4, 4), "float32")
    models = [chain(keras, "a"), chain(keras, "a"), chain(keras, "a")]
    for steps, model in enumerate(models, 1):
        model.compile("adam", "mse")
        model.fit(x, y, epochs=steps, verbose=0)
    original, ours, plain = models
    path = saved(original, tmp_path, "m.keras")
    before = [np.array(one) for one in ours.optimizer.variables]

    load_model_weights_hdf5(ours, path)
    plain.load_weights(path)

    assert same(original, ours)
    assert all(map(np.array_equal, before, map(np.array, ours.optimizer.variables)))
    assert int(ours.optimizer.iterations) == 2
    assert int(plain.optimizer.iterations) == 1


def test_layers_made_of_their_weights_are_made_anew(keras, tmp_path):
    """Normalization in a model in the model works with the weights that it was given.

    Upstream: plain Keras forgets to, after an `.h5` file.
    """

    def make():
        inner = keras.Sequential(
            [keras.Input((2,)), keras.layers.Normalization(name="n")], name="base"
        )
        return keras.Sequential([keras.Input((2,)), inner])

    x = np.random.default_rng(0).normal(5, 3, size=(20, 2)).astype("float32")
    original, ours, plain = make(), make(), make()
    original.layers[0].layers[0].adapt(x)
    path = saved(original, tmp_path, "whole.h5")

    load_model_weights_hdf5(ours, path)
    plain.load_weights(path)

    expected = original.predict(x, verbose=0)
    assert np.array_equal(ours.predict(x, verbose=0), expected)
    assert np.array_equal(plain.predict(x, verbose=0), x)


# --- bad arguments ---


def test_only_built_models_have_weights(keras, tmp_path):
    """What is no model, or has no weights yet, is an error that says what to do."""
    unbuilt = keras.Sequential([keras.layers.Dense(2)])
    path = saved(chain(keras, "a"), tmp_path, "m.weights.h5")

    for call in (
        lambda thing: save_model_weights_hdf5(thing, tmp_path / "w.h5"),
        lambda thing: load_model_weights_hdf5(thing, path),
    ):
        for thing in (None, "model", keras.layers.Dense(2), keras.Sequential):
            with pytest.raises(ModelError, match="works on a Keras model"):
                call(thing)
        with pytest.raises(ModelError, match="has none yet") as caught:
            call(unbuilt)
        assert "build" in caught.value.mend


@pytest.mark.parametrize("option", ["by_name", "skip_mismatch", "reshape", "limits"])
def test_options_have_their_types(keras, files, option):
    """An option of another type is an error that names it."""
    with pytest.raises(RecordError, match=option):
        load_model_weights_hdf5(mixed(keras), files["m.keras"], **{option: "yes"})


def _text(path):
    path.write_text("kernel, bias")


def _pickle(path):
    path.write_bytes(pickle.dumps({"kernel": 1}))


def _npz(path):
    with path.open("wb") as file:
        np.savez(file, kernel=np.ones(3))


def _architecture(path):
    path.write_text('{"class_name": "Sequential", "config": {}}')


def _saved_model(path):
    path.mkdir()
    (path / "saved_model.pb").write_bytes(b"")


def _other_hdf5(path):
    with h5py.File(path, "w") as file:
        file["measurements"] = np.ones(3)


NO_WEIGHTS = {
    "empty": (lambda path: path.write_bytes(b""), "is not a Keras model"),
    "text": (_text, "is not a Keras model"),
    "pickle": (_pickle, "is not a Keras model"),
    "npz": (_npz, "without config.json"),
    "folder": (lambda path: path.mkdir(), "is not a Keras model"),
    "saved model": (_saved_model, "TensorFlow SavedModel"),
    "architecture": (_architecture, "says nothing of weights"),
    "other hdf5": (_other_hdf5, "holds no weights"),
}


@pytest.mark.parametrize("case", NO_WEIGHTS)
def test_what_holds_no_weights_is_refused_by_name(keras, case, tmp_path):
    """A file of another kind is an error that says what it is."""
    write, says = NO_WEIGHTS[case]
    path = tmp_path / "w.h5"
    write(path)
    model = chain(keras, "a")
    before = model.get_weights()

    with pytest.raises(ModelFileError, match=says) as caught:
        load_model_weights_hdf5(model, path)

    assert len(str(caught.value)) < 700
    assert not any(different(before, model))


def test_a_missing_file_is_pythons_own_error(keras, tmp_path):
    """A path with nothing there raises FileNotFoundError."""
    with pytest.raises(FileNotFoundError, match=r"none\.h5"):
        load_model_weights_hdf5(chain(keras, "a"), tmp_path / "none.h5")


# --- what the walk rests on ---


def test_paths_are_those_that_keras_writes(keras, tmp_path):
    """Every layer is looked for under the path where this Keras keeps it."""
    from kerasplug.saving.weights_walking import walked

    class Own(keras.Model):
        def __init__(self):
            super().__init__()
            self.zebra = keras.layers.Dense(3, name="z")
            self.blocks = [[keras.layers.Dense(3)], {"a": keras.layers.Dense(3)}]
            self.apart = parts_layer(keras)()
            self.loose = self.add_weight(shape=(2,), name="loose")

        def call(self, inputs):
            hidden = self.apart(self.zebra(inputs))
            return self.blocks[1]["a"](self.blocks[0][0](hidden))

    own = Own()
    own(np.ones((1, 3), "float32"))
    for model in (mixed(keras), own):
        path = saved(model, tmp_path, "m.weights.h5")
        written = set()
        with h5py.File(path) as file:
            file.visititems(
                lambda name, item, to=written: (
                    to.add(name.rpartition("vars/")[0])
                    if isinstance(item, h5py.Dataset)
                    else None
                )
            )
        pieces = [piece for unit in walked(model).units for piece in unit.pieces]
        assert {f"{one.path}/".lstrip("/") for one in pieces if one.slots} == written


def test_a_keras_that_walks_otherwise_is_an_error(keras, files, monkeypatch):
    """Where Keras' own function for the walk is missing, the error says what is."""
    monkeypatch.delattr("keras.src.saving.saving_lib._walk_saveable")

    with pytest.raises(KerasVersionError, match="how it walks") as caught:
        load_model_weights_hdf5(chain(keras, "a"), files["m.weights.h5"])

    assert "_walk_saveable" in caught.value.found


def test_names_come_from_the_configuration_where_the_file_has_none(
    keras, original, tmp_path
):
    """A `.keras` file of an older Keras is loaded by name, weights alone are not."""
    path = without_names(saved(original, tmp_path, "m.keras"))
    alone = without_names(saved(original, tmp_path, "m.weights.h5"))
    model = mixed(keras)

    assert load_model_weights_hdf5(model, path, by_name=True).loaded == LAYERS
    assert same(original, model)
    with pytest.raises(ModelFileError, match="can't be loaded by name") as caught:
        load_model_weights_hdf5(model, alone, by_name=True)
    assert "by_name=False" in caught.value.mend
