"""HDF5 files of Keras 2's layout: the order of weights that plain Keras mistakes."""

import numpy as np
import pytest
from weights_kit import same, same_layer, saved

from kerasplug.errors import ModelFileError
from kerasplug.saving.weights import load_model_weights_hdf5, save_model_weights_hdf5
from kerasplug.saving.weights_aligning import aligned

pytestmark = pytest.mark.engine

NAMES = ("whole.h5", "m.hdf5")


def _base(keras, *, frozen=""):
    layers = keras.layers
    base = keras.Sequential(
        [keras.Input((4,)), layers.Dense(4, name="x"), layers.Dense(4, name="y")],
        name="base",
    )
    if frozen:
        base.get_layer(frozen).trainable = False
    return keras.Sequential([keras.Input((4,)), base])


@pytest.mark.parametrize("by_name", [False, True])
@pytest.mark.parametrize("name", NAMES)
def test_what_was_frozen_does_not_change_what_is_what(keras, name, by_name, tmp_path):
    """Weights of a partly frozen model in the model are given to the right layers.

    Upstream: plain Keras gives one layer the weights of the other, and says nothing.
    """
    original = _base(keras, frozen="x")
    path = saved(original, tmp_path, name)
    ours, plain = _base(keras), _base(keras)

    load_model_weights_hdf5(ours, path, by_name)
    plain.load_weights(path, by_name=by_name)

    x, y = original.layers[0].layers
    assert same(original, ours)
    assert same_layer(plain.layers[0].layers[0], y)
    assert same_layer(plain.layers[0].layers[1], x)


@pytest.mark.parametrize("frozen", [0, 1])
@pytest.mark.parametrize("by_name", [False, True])
def test_what_was_frozen_in_a_layer_of_layers_does_not_matter(
    keras, by_name, frozen, tmp_path
):
    """Also where the names within a layer are Keras' own numbers.

    Upstream: plain Keras mistakes one for the other.
    """

    class Two(keras.layers.Layer):
        def __init__(self, **kwargs):
            super().__init__(**kwargs)
            self.parts = [keras.layers.Dense(4), keras.layers.Dense(4)]

        def build(self, shape):
            for part in self.parts:
                part.build(shape)

        def call(self, inputs):
            return self.parts[1](self.parts[0](inputs))

    def make():
        return keras.Sequential([keras.Input((4,)), Two(name="two")])

    original, ours, plain = make(), make(), make()
    original.layers[0].parts[frozen].trainable = False
    path = tmp_path / "w.h5"
    save_model_weights_hdf5(original, path)

    load_model_weights_hdf5(ours, path, by_name)
    plain.load_weights(path, by_name=by_name)

    assert same(original, ours)
    assert same(original, plain) is (frozen == 1)


def test_weights_within_one_layer_go_by_their_names(keras, tmp_path):
    """A layer with weights that some versions train and others don't is loaded right.

    Upstream: plain Keras goes by the order, which is another one then.
    """

    def make(*, moving):
        class Moving(keras.layers.Layer):
            def build(self, _):
                for name, trained in (("low", not moving), ("high", True)):
                    weight = self.add_weight(
                        shape=(4,),
                        initializer="random_normal",
                        name=name,
                        trainable=trained,
                    )
                    setattr(self, name, weight)

            def call(self, inputs):
                return inputs * self.low + self.high

        return keras.Sequential([keras.Input((4,)), Moving(name="m")])

    original, ours, plain = make(moving=True), make(moving=False), make(moving=False)
    path = tmp_path / "w.h5"
    save_model_weights_hdf5(original, path)

    load_model_weights_hdf5(ours, path)
    plain.load_weights(path)

    source = original.layers[0]
    assert np.array_equal(ours.layers[0].low, source.low)
    assert np.array_equal(ours.layers[0].high, source.high)
    assert np.array_equal(plain.layers[0].low, source.high)


def test_a_model_in_the_model_of_another_size_does_not_fit(keras, tmp_path):
    """A model in the model with more weights than in the file is told, or skipped."""
    path = saved(_base(keras), tmp_path, "m.hdf5")
    layers = keras.layers
    inner = keras.Sequential(
        [keras.Input((4,)), layers.Dense(4, name="x"), layers.Dense(4, use_bias=False)],
        name="base",
    )
    model = keras.Sequential([keras.Input((4,)), inner])
    before = model.get_weights()

    with pytest.raises(ModelFileError, match="doesn't fit") as caught:
        load_model_weights_hdf5(model, path)
    report = load_model_weights_hdf5(model, path, skip_mismatch=True)

    assert "4 weights for the model 'base', which has 3" in caught.value.found
    assert report.loaded == ()
    assert {name for name, _ in report.skipped} >= {"base/x"}
    assert all(map(np.array_equal, before, model.get_weights()))


@pytest.mark.parametrize(
    ("held", "wanted", "expected"),
    [
        (["d/kernel", "d/bias"], ["e/kernel", "e/bias"], [0, 1]),
        (["d/bias", "d/kernel"], ["e/kernel", "e/bias"], [1, 0]),
        (["d/kernel:0", "d/bias:0"], ["d/kernel", "d/bias"], [0, 1]),
        (["m/a/k", "m/b/k"], ["b/k", "a/k"], [1, 0]),
        (["m/d_3/k", "m/d_2/k"], ["m/d/k", "m/d_1/k"], [1, 0]),
        (["d_3/k", "d_2/k"], ["d/k", "d_1/k"], [1, 0]),
        (["m/x/k", "m/x/k"], ["m/y/k", "m/z/k"], [0, 1]),
        (["p", "q"], ["r", "s"], [0, 1]),
    ],
)
def test_names_decide_where_they_are_the_same(held, wanted, expected):
    """Weights are put in order by names that both sides have; else order decides."""
    assert aligned(held, wanted, loosely=True) == expected
