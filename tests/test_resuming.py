"""Training goes on after a file exactly where it stopped; plain Keras' does not."""

import json
import os
import subprocess
import sys
import warnings
import zipfile
from pathlib import Path

import h5py
import numpy as np
import pytest
from resume_kit import FORMATS, STEPS, cases

import kerasplug
from kerasplug.errors import (
    KerasplugWarning,
    ModelFileError,
    RecordError,
    SaveWarning,
)
from kerasplug.saving import (
    dumps,
    load_model,
    load_model_hdf5,
    loads,
    save_model,
    save_model_hdf5,
)

pytestmark = [
    pytest.mark.engine,
    # Keras 3.15's TensorFlow backend, with NumPy 2: its users see it as well.
    pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning"),
]


@pytest.fixture(scope="module")
def keras():
    """The Keras of this process."""
    return kerasplug.implementation()


def train(what, folder, backend):
    """What a process of its own prints, one line for each model."""
    done = subprocess.run(
        [sys.executable, Path(__file__).with_name("resume_kit.py"), what, folder],
        env={**os.environ, "KERAS_BACKEND": backend, "TF_CPP_MIN_LOG_LEVEL": "3"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    return json.loads(done.stdout.splitlines()[-1])


@pytest.mark.parametrize("backend", ["tensorflow", "jax"])
def test_training_goes_on_to_the_bit_in_a_fresh_process(backend, tmp_path):
    """Cut in two by a file, it gives what it gives in one go, whatever the optimizer.

    With and without random layers, a schedule, averaged weights; compiled with names or
    objects; in both formats.
    """
    whole = train("start", tmp_path, backend)
    resumed = train("go-on", tmp_path, backend)

    names = cases(backend)
    assert list(whole) == names
    assert all(line.startswith(f"{2 * STEPS} ") for line in whole.values())
    assert len({*whole.values()}) == len(names)
    assert resumed == {
        f"{name}.{suffix}": whole[name] for name in names for suffix in FORMATS
    }


# --- what plain Keras makes of it ---


def small(keras, *, loss="mean_squared_error", dropout=0.0, optimizer="adam"):
    """A model that was trained for a step, and what it is trained on."""
    layers = [keras.Input((3,)), keras.layers.Dense(4)]
    layers += [keras.layers.Dropout(dropout, seed=5)] if dropout else []
    model = keras.Sequential([*layers, keras.layers.Dense(1)])
    model.compile(optimizer, loss)
    x, y = np.ones((4, 3), "float32"), np.ones((4, 1), "float32")
    model.fit(x, y, verbose=0)
    return model, (x, y)


def plain_hdf5(model, path):
    """Saved by Keras alone."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        model.save(path)
    return path


def test_keras_cannot_load_the_short_names_that_it_writes(keras, tmp_path):
    """Plain Keras refuses its own file compiled with 'mse'; here it is loaded."""
    model, data = small(keras, loss="mse")
    path = plain_hdf5(model, tmp_path / "m.h5")

    with pytest.raises(ValueError, match=r"keras\.metrics\.mse"):
        keras.models.load_model(path)
    loaded = load_model(path)
    assert loaded.loss == "mse"
    assert loaded.evaluate(*data, verbose=0) == model.evaluate(*data, verbose=0)


@pytest.mark.parametrize("optimizer", ["adam", "rmsprop", "sgd"])
def test_keras_cannot_train_on_after_hdf5(optimizer, keras, tmp_path):
    """Plain Keras' optimizer knows no weights after loading; here it has its own."""
    model, data = small(keras, optimizer=optimizer)
    path = plain_hdf5(model, tmp_path / "m.h5")

    plain = keras.models.load_model(path)
    with pytest.raises((ValueError, KeyError), match=r"optimizer|variable"):
        plain.fit(*data, verbose=0)
    loaded = load_model(path)
    assert int(loaded.optimizer.iterations) == 1
    loaded.fit(*data, verbose=0)
    assert int(loaded.optimizer.iterations) == 2


def test_keras_forgets_the_optimizer_of_the_live_model(keras, tmp_path):
    """After plain Keras' HDF5, `.keras` forgets the optimizer; not after ours."""
    spoilt, _ = small(keras, optimizer=keras.optimizers.Adam(0.125))
    plain_hdf5(spoilt, tmp_path / "plain.h5")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        spoilt.save(tmp_path / "spoilt.keras")
        plain = keras.models.load_model(tmp_path / "spoilt.keras")
    model, _ = small(keras, optimizer=keras.optimizers.Adam(0.125))
    save_model_hdf5(model, tmp_path / "ours.h5")
    save_model(model, tmp_path / "ours.keras")
    ours = load_model(tmp_path / "ours.keras")

    assert type(plain.optimizer).__name__ != "Adam"
    assert type(ours.optimizer).__name__ == "Adam"
    assert float(ours.optimizer.learning_rate) == 0.125
    assert int(ours.optimizer.iterations) == 1


@pytest.mark.parametrize("suffix", FORMATS)
def test_keras_forgets_the_states_of_random_layers(suffix, keras, tmp_path):
    """Plain Keras draws the same numbers again; here it goes on with the next ones."""
    model, (x, _) = small(keras, dropout=0.5)
    path = tmp_path / f"m.{suffix}"
    save_model(model, path)
    expected = np.asarray(model(x, training=True))

    plain = keras.models.load_model(path, compile=False)
    ours = load_model(path)

    assert not np.array_equal(np.asarray(plain(x, training=True)), expected)
    assert np.array_equal(np.asarray(ours(x, training=True)), expected)


def test_settings_of_training_come_back_from_hdf5(keras, tmp_path):
    """Keras writes them into the file and passes them by; they change the numbers."""
    model, _ = small(keras)
    model.compile("sgd", "mse", jit_compile=False, steps_per_execution=3)
    plain_hdf5(model, tmp_path / "m.h5")

    loaded = load_model(tmp_path / "m.h5")

    assert (loaded.jit_compile, loaded.steps_per_execution) == (False, 3)


@pytest.mark.parametrize(
    ("loss", "lost"),
    [
        (lambda keras: keras.losses.Huber(delta=0.5), "delta=0.5"),
        (lambda keras: keras.losses.CosineSimilarity(axis=0), "axis=0"),
    ],
    ids=["Huber", "CosineSimilarity"],
)
def test_arguments_that_keras_forgets_are_told(loss, lost, keras, tmp_path):
    """Keras loads the loss with the default; the warning names the argument."""
    model, _ = small(keras, loss=loss(keras))

    with pytest.warns(SaveWarning, match=lost):
        save_model(model, tmp_path / "m.keras")
    plain = keras.models.load_model(tmp_path / "m.keras")
    assert "delta" not in plain.loss.get_config()
    assert plain.loss._fn_kwargs != model.loss._fn_kwargs


# --- the file ---


@pytest.mark.parametrize("suffix", FORMATS)
def test_states_stand_where_keras_passes_by(suffix, keras, tmp_path):
    """No member more, the same configuration, and plain Keras loads the file."""
    model, _ = small(keras, dropout=0.5)
    path, plain = tmp_path / f"m.{suffix}", tmp_path / f"plain.{suffix}"
    save_model(model, path)
    plain_hdf5(model, plain)

    if suffix == "keras":
        with zipfile.ZipFile(path) as ours, zipfile.ZipFile(plain) as theirs:
            assert ours.testzip() is None
            assert ours.namelist() == theirs.namelist()
            assert ours.read("config.json") == theirs.read("config.json")
    else:
        with h5py.File(path) as ours, h5py.File(plain) as theirs:
            assert {*ours} == {*theirs}
            assert {*ours.attrs} - {*theirs.attrs} == {"kerasplug"}
            assert ours.attrs["model_config"] == theirs.attrs["model_config"]
    weights = keras.models.load_model(path, compile=False).get_weights()
    assert all(map(np.array_equal, weights, model.get_weights()))


def test_without_random_layers_nothing_is_added(keras, tmp_path):
    """The file is what Keras writes, byte for byte but for its date."""
    model, _ = small(keras)
    save_model_hdf5(model, tmp_path / "m.h5")
    save_model(model, tmp_path / "m.keras")

    with h5py.File(tmp_path / "m.h5") as file:
        assert "kerasplug" not in {*file.attrs, *file}
    with zipfile.ZipFile(tmp_path / "m.keras") as archive:
        about = json.loads(archive.read("metadata.json"))
    assert set(about) == {"keras_version", "date_saved"}


def edited(path, change):
    """The file with other states of its random layers."""
    with h5py.File(path, "r+") as file:
        about = json.loads(file.attrs["kerasplug"])
        file.attrs["kerasplug"] = json.dumps(change(about))
    return path


@pytest.mark.parametrize(
    "states",
    [[], [[1, 2], [3, 4]]],
    ids=["none", "too many"],
)
def test_states_that_do_not_fit_are_said_and_not_used(states, keras, tmp_path):
    """The model is loaded all the same, and a warning says what starts anew."""
    model, _ = small(keras, dropout=0.5)
    save_model_hdf5(model, tmp_path / "m.h5")
    path = edited(tmp_path / "m.h5", lambda _: {"random_states": states})

    with pytest.warns(KerasplugWarning, match="states of random layers do not fit"):
        loaded = load_model(path)
    assert all(map(np.array_equal, loaded.get_weights(), model.get_weights()))


@pytest.mark.parametrize(
    "about",
    [[], {}, {"random_states": 3}, {"random_states": [["1", 2]]}, "text"],
    ids=["list", "empty", "number", "text inside", "text"],
)
def test_garbage_in_place_of_states_is_passed_by(about, keras, tmp_path):
    """What is no state at all is somebody else's matter: the model is loaded."""
    model, _ = small(keras, dropout=0.5)
    save_model_hdf5(model, tmp_path / "m.h5")
    path = edited(tmp_path / "m.h5", lambda _: about)

    loaded = load_model(path)
    assert all(map(np.array_equal, loaded.get_weights(), model.get_weights()))


def test_an_optimizers_state_that_does_not_fit_is_said(keras, tmp_path):
    """One value too few: the optimizer starts anew, the weights are there."""
    model, data = small(keras)
    save_model_hdf5(model, tmp_path / "m.h5")
    with h5py.File(tmp_path / "m.h5", "r+") as file:
        group = file["optimizer_weights"]
        group.attrs["weight_names"] = group.attrs["weight_names"][:-1]

    with pytest.warns(KerasplugWarning, match="optimizer's state does not fit"):
        loaded = load_model(tmp_path / "m.h5")
    assert int(loaded.optimizer.iterations) == 0
    loaded.fit(*data, verbose=0)


def test_a_model_that_was_never_trained_loads_without_a_word(keras, tmp_path):
    """Its optimizer has counters only; they come back, and training starts."""
    model, data = small(keras)
    model.compile(keras.optimizers.Adam(0.5), "mse")
    model.optimizer.learning_rate.assign(0.25)
    save_model_hdf5(model, tmp_path / "m.h5")

    loaded = load_model(tmp_path / "m.h5")
    assert float(loaded.optimizer.learning_rate) == 0.25
    loaded.fit(*data, verbose=0)
    assert int(loaded.optimizer.iterations) == 1


def test_a_training_configuration_that_is_none_is_refused(keras, tmp_path):
    """The error says what to do; without compiling the file is loaded."""
    model, _ = small(keras)
    save_model_hdf5(model, tmp_path / "m.h5")
    with h5py.File(tmp_path / "m.h5", "r+") as file:
        file.attrs["training_config"] = json.dumps({"loss": "mse"})

    with pytest.raises(ModelFileError, match="without an optimizer") as caught:
        load_model(tmp_path / "m.h5")
    assert "compile=False" in caught.value.mend
    assert load_model(tmp_path / "m.h5", compile=False).count_params() == 21


# --- by the names that the R interface has ---


def test_hdf5_has_any_suffix_and_any_path(keras, tmp_path):
    """The content is HDF5 whatever the name says, and is loaded as such."""
    model, _ = small(keras)
    for name in ("weights.keras", "model", "m.hdf5", "a b.ü"):
        assert save_model_hdf5(model, tmp_path / name) is True
        assert h5py.is_hdf5(tmp_path / name)
        loaded = load_model_hdf5(tmp_path / name)
        assert int(loaded.optimizer.iterations) == 1
    assert sorted(os.listdir(tmp_path)) == ["a b.ü", "m.hdf5", "model", "weights.keras"]


def test_without_the_optimizer_the_model_comes_back_uncompiled(keras, tmp_path):
    """Nothing of training is in the file then."""
    model, _ = small(keras)
    save_model_hdf5(model, tmp_path / "m.h5", include_optimizer=False)

    assert not load_model_hdf5(tmp_path / "m.h5").compiled
    assert not load_model_hdf5(tmp_path / "m.h5", compile=True).compiled
    save_model_hdf5(model, tmp_path / "m.h5")
    assert load_model_hdf5(tmp_path / "m.h5").compiled
    assert not load_model_hdf5(tmp_path / "m.h5", compile=False).compiled


def test_a_file_that_is_there_is_kept(keras, tmp_path):
    """With overwrite=False nobody is asked: it is an error, and nothing is done."""
    model, _ = small(keras)
    (tmp_path / "m.h5").write_text("mine")

    with pytest.raises(FileExistsError):
        save_model_hdf5(model, tmp_path / "m.h5", overwrite=False)
    assert (tmp_path / "m.h5").read_text() == "mine"
    assert os.listdir(tmp_path) == ["m.h5"]


def test_another_format_than_hdf5_is_refused(keras, tmp_path):
    """The error says what it is, and what loads it."""
    model, _ = small(keras)
    save_model(model, tmp_path / "m.keras")

    with pytest.raises(ModelFileError, match="is no HDF5 file") as caught:
        load_model_hdf5(tmp_path / "m.keras")
    assert caught.value.found == "a .keras file"
    assert "load_model(path)" in caught.value.mend


@pytest.mark.parametrize("form", FORMATS)
def test_bytes_are_a_model(form, keras, tmp_path):
    """They go on with training, and written to a file they are what is saved there."""
    model, (x, y) = small(keras, dropout=0.5, loss="mse")
    data = dumps(model, format=form)
    path = tmp_path / f"m.{form}"
    path.write_bytes(data)
    expected = np.asarray(model(x, training=True))

    for loaded in (loads(data), loads(memoryview(data)), load_model(path)):
        assert np.array_equal(np.asarray(loaded(x, training=True)), expected)
        assert int(loaded.optimizer.iterations) == 1
        loaded.fit(x, y, verbose=0)
    assert not loads(data, compile=False).compiled


def test_what_are_no_bytes_is_refused(keras):
    """Each error says what was expected."""
    model, _ = small(keras)

    with pytest.raises(RecordError, match="load_model"):
        loads("m.keras")
    with pytest.raises(RecordError, match="'keras' or 'h5'"):
        dumps(model, format="pickle")
    with pytest.raises(RecordError, match="always holds the optimizer"):
        dumps(model, include_optimizer=False)
    with pytest.raises(ModelFileError, match="not a Keras model"):
        loads(b"no model")
    assert not loads(dumps(model, format="h5", include_optimizer=False)).compiled
