"""Weights by the names of layers: what plain Keras can't, or does wrongly."""

import tempfile
import warnings

import h5py
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from weights_kit import FORMATS, chain, different, mixed, same, same_layer, saved

from kerasplug.errors import AmbiguousNameError, KerasplugWarning, ModelFileError
from kerasplug.saving.weights import load_model_weights_hdf5

pytestmark = pytest.mark.engine


@pytest.mark.parametrize("name", FORMATS)
def test_an_inserted_layer_needs_names(keras, name, tmp_path):
    """By order another number of layers is an error, by name each layer gets its own.

    Upstream: with `skip_mismatch` plain Keras gives a layer the weights of another.
    """
    original = chain(keras, "one", "two")
    path = saved(original, tmp_path, name)
    model = chain(keras, "one", "new", "two")
    before = model.get_weights()

    for skip in (False, True):
        with pytest.raises(ModelFileError, match="another number of layers") as caught:
            load_model_weights_hdf5(model, path, skip_mismatch=skip)
        assert "one, two" in caught.value.found
        assert "one, new, two" in caught.value.expected
        assert "by_name=True" in caught.value.mend
    assert not any(different(before, model))
    report = load_model_weights_hdf5(model, path, by_name=True)

    assert report.loaded == ("one", "two")
    assert report.missing == ("new",)
    assert different(before, model) == [True, True, False, False, True, True]
    assert same_layer(original.get_layer("two"), model.get_layer("two"))


def test_plain_keras_loads_the_wrong_layer(keras, tmp_path):
    """Upstream: after an insertion, the new layer gets the weights of the next one."""
    original = chain(keras, "one", "two")
    path = saved(original, tmp_path, "m.weights.h5")
    model = chain(keras, "one", "new", "two")

    with pytest.warns(UserWarning, match="could not be loaded"):
        model.load_weights(path, skip_mismatch=True)

    assert same_layer(original.get_layer("two"), model.get_layer("new"))
    with pytest.raises(ValueError, match="by_name"):
        model.load_weights(path, by_name=True)


@pytest.mark.parametrize("name", FORMATS)
def test_layers_without_weights_do_not_count(keras, name, tmp_path):
    """By order, layers without weights may come and go."""
    original = chain(keras, "one", "two")
    path = saved(original, tmp_path, name)
    layers = keras.layers
    model = keras.Sequential(
        [
            keras.Input((4,)),
            layers.Dense(4, name="a"),
            layers.Dropout(0.5),
            layers.Activation("relu"),
            layers.Dense(4, name="b"),
            layers.Reshape((2, 2)),
        ]
    )

    report = load_model_weights_hdf5(model, path)

    assert report.loaded == ("a", "b")
    assert same(original, model)


@pytest.mark.parametrize("name", FORMATS)
def test_the_example_of_the_r_interface(keras, name, tmp_path):
    """A new model takes what has the same name; its new last layer stays as it was."""
    layers = keras.layers
    original = keras.Sequential(
        [
            keras.Input((4,)),
            layers.Dense(2, name="dense_1"),
            layers.Dense(3, name="dense_2"),
        ]
    )
    path = saved(original, tmp_path, name)
    model = keras.Sequential(
        [
            keras.Input((4,)),
            layers.Dense(2, name="dense_1"),
            layers.Dense(10, name="new_dense"),
        ]
    )
    before = model.get_weights()

    report = load_model_weights_hdf5(model, path, by_name=True)

    assert report.loaded == ("dense_1",)
    assert report.missing == ("new_dense",)
    assert report.unexpected == ("dense_2",)
    assert different(before, model)[2:] == [False, False]
    assert same_layer(original.layers[0], model.layers[0])


@pytest.mark.parametrize("name", FORMATS)
def test_names_of_models_in_the_model_count(keras, name, tmp_path):
    """A model in the model, and a wrapper, are found by their own names only."""
    original, model = mixed(keras), mixed(keras, rename="_2")
    path = saved(original, tmp_path, name)
    before = model.get_layer("both_2").get_weights()

    report = load_model_weights_hdf5(model, path, by_name=True)

    # The model in `spread` is no part of the names: the layer is the wrapper.
    assert report.loaded == ("spread", "look", "cells", "inner/i1", "parts", "out")
    assert report.missing == ("both_2",)
    assert report.unexpected == ("both",)
    assert all(map(np.array_equal, before, model.get_layer("both_2").get_weights()))


def _pair(keras, inner, *names):
    base = chain(keras, *names)
    base = keras.Sequential([keras.Input((4,)), *base.layers], name=inner)
    return keras.Sequential(
        [keras.Input((4,)), base, keras.layers.Dense(4, name="top")]
    )


@pytest.mark.parametrize("name", FORMATS)
def test_layers_of_models_in_the_model_go_by_name(keras, name, tmp_path):
    """In a model in the model, names decide too, whatever order they are in."""
    original = _pair(keras, "base", "one", "two", "three")
    path = saved(original, tmp_path, name)
    model = _pair(keras, "base", "three", "new", "one")

    report = load_model_weights_hdf5(model, path, by_name=True)

    assert report.loaded == ("base/three", "base/one", "top")
    assert report.missing == ("base/new",)
    assert report.unexpected == ("base/two",)
    for layer in ("three", "one"):
        one, other = (
            model.get_layer("base").get_layer(layer) for model in (original, model)
        )
        assert same_layer(one, other)


@pytest.mark.parametrize("name", FORMATS)
def test_no_match_at_all_is_said_with_close_names(keras, name, tmp_path):
    """Where no name is in both, nothing happens, and a warning lists them all."""
    path = saved(chain(keras, "encoder", "head_1"), tmp_path, name)
    model = chain(keras, "encoder_0", "head")
    before = model.get_weights()

    with pytest.warns(KerasplugWarning, match="no layer has a name") as caught:
        report = load_model_weights_hdf5(model, path, by_name=True)

    [warning] = caught
    text = str(warning.message)
    assert warning.filename == __file__
    assert "encoder, head_1" in text
    assert "encoder_0, head" in text
    assert "encoder ~ encoder_0" in text
    assert report.loaded == ()
    assert report.missing == ("encoder_0", "head")
    assert report.unexpected == ("encoder", "head_1")
    assert not any(different(before, model))


def test_weights_of_a_part_name_the_model_that_holds_it(keras, tmp_path):
    """Weights of the inner model alone: the warning shows where the names are."""
    base = _pair(keras, "base", "one", "two").get_layer("base")
    path = saved(base, tmp_path, "m.weights.h5")
    model = _pair(keras, "base", "one", "two")

    with pytest.warns(KerasplugWarning, match="one ~ base/one"):
        load_model_weights_hdf5(model, path, by_name=True)
    report = load_model_weights_hdf5(model.get_layer("base"), path, by_name=True)

    assert report.loaded == ("one", "two")


def _twins(keras):
    class Twins(keras.Model):
        def __init__(self):
            super().__init__()
            self.left = keras.layers.Dense(4, name="dense")
            self.right = keras.layers.Dense(4, name="dense")

        def call(self, inputs):
            return self.right(self.left(inputs))

    model = Twins()
    model(np.ones((1, 4), "float32"))
    return model


def test_two_layers_of_one_name_are_an_error(keras, tmp_path):
    """A name that two layers have decides nothing: in the model, and in the file."""
    twins = _twins(keras)
    path = saved(twins, tmp_path, "m.weights.h5")
    model = chain(keras, "dense")

    with pytest.raises(AmbiguousNameError, match="The model has 2 layers") as caught:
        load_model_weights_hdf5(twins, path, by_name=True)
    assert caught.value.claims == ("layers/dense", "layers/dense_1")
    with pytest.raises(AmbiguousNameError, match="The file has 2 layers") as caught:
        load_model_weights_hdf5(model, path, by_name=True)
    assert caught.value.claims == ("layers/dense", "layers/dense_1")
    other = _twins(keras)
    load_model_weights_hdf5(other, path)
    assert same(twins, other)


def test_two_layers_of_one_name_in_a_list_are_an_error(keras, tmp_path):
    """An HDF5 file that lists a layer twice is not loaded by name."""
    path = saved(chain(keras, "a", "b"), tmp_path, "m.hdf5")
    with h5py.File(path, "r+") as file:
        file.attrs["layer_names"] = [b"a", b"a"]

    with pytest.raises(AmbiguousNameError, match="The file has 2 layers") as caught:
        load_model_weights_hdf5(chain(keras, "a", "b"), path, by_name=True)

    assert caught.value.claims == ("a #0", "a #1")


def test_weights_of_the_model_itself_are_loaded(keras, tmp_path):
    """What a model holds besides its layers is loaded, too, in every format."""

    class Scaled(keras.Model):
        def __init__(self):
            super().__init__()
            self.dense = keras.layers.Dense(4, name="d")
            self.scale = self.add_weight(shape=(4,), initializer="random_normal")

        def call(self, inputs):
            return self.dense(inputs) * self.scale

    def make():
        model = Scaled()
        model(np.ones((1, 4), "float32"))
        return model

    original = make()
    for name in FORMATS:
        if name in ("m.keras", "whole.h5"):
            continue  # a class made in a function is saved as weights only
        path = saved(original, tmp_path, name)
        for by_name in (False, True):
            model = make()
            report = load_model_weights_hdf5(model, path, by_name)
            assert same(original, model)
            assert set(report.loaded) == {"d", "(the model's own weights)"}


def test_a_shared_layer_is_one_layer(keras, tmp_path):
    """A layer that is used twice is loaded once, in every format."""

    def make():
        shared = keras.layers.Dense(4, name="shared")
        inputs = keras.Input((4,))
        inner = keras.Model(inputs, shared(inputs), name="inner")
        return keras.Model(inputs, inner(shared(inputs)))

    original = make()
    for name in FORMATS:
        path = saved(original, tmp_path, name)
        for by_name in (False, True):
            model = make()
            load_model_weights_hdf5(model, path, by_name)
            assert same(original, model)


NAMES = st.lists(
    st.sampled_from(["a", "b", "c", "dense", "dense_1", "x_2"]), max_size=6, unique=True
)


@settings(
    max_examples=25,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(
    held=NAMES.filter(bool),
    wanted=NAMES.filter(bool),
    name=st.sampled_from(sorted(FORMATS)),
    depth=st.integers(0, 2),
)
def test_by_name_is_by_name_whatever_the_models(keras, held, wanted, name, depth):
    """Of any two models, what has the same name has the same weights afterwards.

    Everything else is as it was, and the report says which is which.
    """

    def make(names):
        model = chain(keras, *names)
        # The models in the model have the same names in both.
        model = keras.Sequential([keras.Input((4,)), *model.layers], name="bottom")
        for level in range(depth):
            model = keras.Sequential([keras.Input((4,)), model], name=f"level_{level}")
        return model

    def layers_of(model):
        for _ in range(depth):
            [model] = model.layers
        return {layer.name: layer.get_weights() for layer in model.layers}

    original, model = make(held), make(wanted)
    before = layers_of(model)
    with (
        tempfile.TemporaryDirectory() as folder,
        warnings.catch_warnings(),
    ):
        warnings.simplefilter("ignore", KerasplugWarning)
        path = saved(original, folder, name)
        report = load_model_weights_hdf5(model, path, by_name=True)

    source = layers_of(original)
    for layer, weights in layers_of(model).items():
        expected = source.get(layer, before[layer])
        assert all(map(np.array_equal, weights, expected))
    loaded = {one.rpartition("/")[2] for one in report.loaded}
    assert loaded == set(held) & set(wanted)
    assert {one.rpartition("/")[2] for one in report.missing} == set(wanted) - set(held)
    if loaded or not depth:
        unexpected = {one.rpartition("/")[2] for one in report.unexpected}
        assert unexpected == set(held) - set(wanted)
