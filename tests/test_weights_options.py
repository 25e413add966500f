"""Weights that don't fit: skipped whole, reshaped, or one error that lists all."""

import h5py
import numpy as np
import pytest
from weights_kit import (
    FORMATS,
    chain,
    different,
    saved,
)

from kerasplug.errors import (
    ModelFileError,
)
from kerasplug.saving.weights import load_model_weights_hdf5

pytestmark = pytest.mark.engine


@pytest.mark.parametrize("name", FORMATS)
@pytest.mark.parametrize("by_name", [False, True])
def test_layers_that_do_not_fit_are_skipped_whole(keras, name, by_name, tmp_path):
    """A layer with one weight that doesn't fit is left alone, all of it, and told."""
    original = chain(keras, "a", "b", "c")
    path = saved(original, tmp_path, name)
    model = chain(keras, "a", "b", "c", last=5)
    before = model.get_weights()

    with pytest.raises(ModelFileError) as caught:
        load_model_weights_hdf5(model, path, by_name)
    assert not any(different(before, model))
    report = load_model_weights_hdf5(model, path, by_name, skip_mismatch=True)

    assert "kernel is (4, 4) in the file, (4, 5) in the layer" in caught.value.found
    assert different(before, model) == [True] * 4 + [False] * 2
    assert report.loaded == ("a", "b")
    [(skipped, reason)] = report.skipped
    assert skipped == "c"
    assert "kernel is (4, 4) in the file" in reason
    assert "bias is (4,) in the file" in reason


def test_plain_keras_gives_a_bias_without_its_kernel(keras, tmp_path):
    """Upstream: with `skip_mismatch` a layer may get one of its two weights only."""
    original = chain(keras, "a")
    path = saved(original, tmp_path, "whole.h5")

    def make():
        model = keras.Sequential(
            [keras.Input((6,)), keras.layers.Dense(4, "relu", name="a")]
        )
        model.layers[0].bias.assign([7.0] * 4)
        return model

    ours, plain = make(), make()
    with pytest.warns(UserWarning, match="mismatch in shape"):
        plain.load_weights(path, skip_mismatch=True, by_name=True)
    report = load_model_weights_hdf5(ours, path, by_name=True, skip_mismatch=True)

    assert np.array_equal(plain.layers[0].bias, original.layers[0].bias)
    assert np.array_equal(ours.layers[0].bias, [7.0] * 4)
    assert [name for name, _ in report.skipped] == ["a"]


def test_all_that_does_not_fit_is_in_one_error(keras, tmp_path):
    """One error lists every layer whose weights don't fit."""
    path = saved(chain(keras, "a", "b", "c"), tmp_path, "m.weights.h5")
    model = chain(keras, "a", "b", "c", units=5)

    with pytest.raises(ModelFileError, match="3 of its layers") as caught:
        load_model_weights_hdf5(model, path)

    assert [line.split(":")[0].strip() for line in caught.value.found.split("\n")] == [
        "a",
        "b",
        "c",
    ]
    assert "skip_mismatch=True" in caught.value.mend


@pytest.mark.parametrize("name", ["m.keras", "m.weights.h5", "whole.h5"])
@pytest.mark.parametrize("by_name", [False, True])
def test_as_many_values_in_another_shape_fit_on_request(keras, name, by_name, tmp_path):
    """A classifier's dense layer becomes a convolution: the values stay in order."""
    dense = keras.Sequential(
        [
            keras.Input((2, 2, 3)),
            keras.layers.Flatten(),
            keras.layers.Dense(5, name="c"),
        ]
    )
    conv = keras.Sequential(
        [keras.Input((2, 2, 3)), keras.layers.Conv2D(5, 2, name="c")]
    )
    if not by_name and name != "whole.h5":
        conv = keras.Sequential(
            [keras.Input((12,)), keras.layers.Reshape((1, 12)), _wide(keras)]
        )
        dense = keras.Sequential([keras.Input((4, 3)), _tall(keras)])
    path = saved(dense, tmp_path, name)
    before = conv.get_weights()

    with pytest.raises(ModelFileError, match="doesn't fit") as caught:
        load_model_weights_hdf5(conv, path, by_name)
    assert "reshape=True" in caught.value.mend
    load_model_weights_hdf5(conv, path, by_name, reshape=True)

    for old, new in zip(dense.get_weights(), conv.get_weights(), strict=True):
        assert np.array_equal(old.ravel(), new.ravel())
    assert any(different(before, conv))


def _matrix(keras, shape):
    class Matrix(keras.layers.Layer):
        def build(self, _):
            self.values = self.add_weight(shape=shape, initializer="random_normal")

        def call(self, inputs):
            return inputs

    return Matrix(name="c")


def _wide(keras):
    return _matrix(keras, (1, 12))


def _tall(keras):
    return _matrix(keras, (4, 3))


def test_reshaping_and_skipping_go_together(keras, tmp_path):
    """What can be reshaped is loaded, and what can't is skipped."""
    original = keras.Sequential(
        [keras.Input((4,)), _matrix(keras, (4, 3)), keras.layers.Dense(2, name="d")]
    )
    path = saved(original, tmp_path, "m.weights.h5")
    model = keras.Sequential(
        [keras.Input((4,)), _matrix(keras, (12,)), keras.layers.Dense(3, name="d")]
    )

    report = load_model_weights_hdf5(model, path, False, True, True)

    assert report.loaded == ("c",)
    assert [name for name, _ in report.skipped] == ["d"]
    values = original.layers[0].get_weights()[0], model.layers[0].get_weights()[0]
    assert np.array_equal(values[0].ravel(), values[1])


def test_whole_numbers_do_not_fit_floats(keras, tmp_path):
    """Weights of another kind are no weights for a layer, whatever their shape."""
    model = chain(keras, "a")
    path = saved(model, tmp_path, "m.weights.h5")
    with h5py.File(path, "r+") as file:
        group = file["layers/dense/vars"]
        del group["0"]
        group["0"] = np.ones((4, 4), "int8")

    with pytest.raises(ModelFileError, match="int8 in the file, float32 in the layer"):
        load_model_weights_hdf5(model, path)
