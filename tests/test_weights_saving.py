"""Saving weights: what plain Keras reads, whole or not at all."""

import os

import h5py
import pytest
from weights_kit import (
    chain,
    different,
    mixed,
    same,
    saved,
)

from kerasplug.errors import (
    ModelError,
)
from kerasplug.saving.weights import load_model_weights_hdf5, save_model_weights_hdf5

pytestmark = pytest.mark.engine


@pytest.fixture(scope="module")
def original(keras):
    """A model with everything in it."""
    return mixed(keras)


@pytest.mark.parametrize("name", ["w.h5", "w.hdf5", "w.weights.h5"])
def test_plain_keras_reads_what_we_write(keras, original, name, tmp_path):
    """Under each name that Keras knows, its own `load_weights` reads the file."""
    path = tmp_path / name
    model = mixed(keras)

    assert save_model_weights_hdf5(original, path) is True
    model.load_weights(path)

    assert same(original, model)


def test_layers_called_the_same_can_be_saved(keras, tmp_path):
    """A layer may hold two that are called the same.

    Upstream: such a model can't be saved to `.h5` at all.
    """

    class Twins(keras.layers.Layer):
        def __init__(self, **kwargs):
            super().__init__(**kwargs)
            self.one = keras.layers.Dense(4, name="dense")
            self.two = keras.layers.Dense(4, name="dense")

        def build(self, shape):
            self.one.build(shape)
            self.two.build(shape)

        def call(self, inputs):
            return self.two(self.one(inputs))

    def make():
        return keras.Sequential([keras.Input((4,)), Twins(name="twins")])

    original, ours, plain = make(), make(), make()
    path = tmp_path / "w.h5"

    with pytest.raises(ValueError, match="name already exists"):
        original.save(tmp_path / "theirs.h5")
    save_model_weights_hdf5(original, path)
    load_model_weights_hdf5(ours, path, by_name=True)
    plain.load_weights(path)

    assert same(original, ours)
    assert same(original, plain)


def test_weights_that_would_be_lost_are_an_error(keras, tmp_path):
    """A layer that a model's graph has not is not forgotten silently.

    Upstream: an `.h5` file lacks its weights, and nobody says so.
    """

    class Extended(keras.Model):
        pass

    inputs = keras.Input((2,))
    model = Extended(inputs, keras.layers.Dense(2, name="seen")(inputs))
    model.extra = keras.layers.Dense(3, name="hidden")
    model.extra.build((None, 2))
    model.save(tmp_path / "theirs.h5")
    with h5py.File(tmp_path / "theirs.h5") as file:
        assert "hidden" not in file["model_weights"]

    with pytest.raises(ModelError, match="no place for some") as caught:
        save_model_weights_hdf5(model, tmp_path / "w.h5")

    assert "hidden/kernel" in caught.value.found
    assert save_model_weights_hdf5(model, tmp_path / "w.weights.h5")
    before = model.get_weights()
    model.set_weights([0 * one for one in before])
    load_model_weights_hdf5(model, tmp_path / "w.weights.h5", by_name=True)
    assert not any(different(before, model))


def test_many_long_names_are_saved(keras, tmp_path):
    """Names that don't fit one attribute of HDF5 are spread over several."""
    names = [f"layer_{number}_{'x' * 900}" for number in range(80)]
    original, ours, plain = (chain(keras, *names, units=1) for _ in range(3))
    path = tmp_path / "w.h5"

    save_model_weights_hdf5(original, path)
    load_model_weights_hdf5(ours, path, by_name=True)
    plain.load_weights(path)

    assert same(original, ours)
    assert same(original, plain)


@pytest.mark.parametrize("name", ["w.h5", "w.weights.h5"])
def test_nothing_is_replaced_without_leave(keras, name, tmp_path):
    """With `overwrite=False` a file stays; a folder stays always; no folder is made."""
    model = chain(keras, "a")
    path = tmp_path / name
    path.write_bytes(b"precious")
    (tmp_path / "folder").mkdir()

    with pytest.raises(FileExistsError):
        save_model_weights_hdf5(model, path, overwrite=False)
    with pytest.raises(FileExistsError):
        save_model_weights_hdf5(model, tmp_path / "folder")
    with pytest.raises(FileNotFoundError):
        save_model_weights_hdf5(model, tmp_path / "none" / name)

    assert path.read_bytes() == b"precious"
    assert save_model_weights_hdf5(model, path)
    assert sorted(os.listdir(tmp_path)) == sorted([name, "folder"])


def test_a_file_appears_whole_or_not_at_all(keras, tmp_path):
    """A layer that fails while it is saved leaves the old file, and no other one."""

    class Failing(keras.layers.Dense):
        def save_own_variables(self, store):
            message = "not today"
            raise RuntimeError(message)

    model = keras.Sequential([keras.Input((2,)), keras.layers.Dense(2), Failing(2)])
    path = tmp_path / "w.weights.h5"
    path.write_bytes(b"precious")

    with pytest.raises(RuntimeError, match="not today"):
        save_model_weights_hdf5(model, path)

    assert path.read_bytes() == b"precious"
    assert os.listdir(tmp_path) == ["w.weights.h5"]
    with pytest.raises(ModelError, match="can't say what weights it holds"):
        load_model_weights_hdf5(
            model, saved(chain(keras, "a"), tmp_path, "m.weights.h5")
        )
