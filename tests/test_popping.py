"""Removing the last layers of a Sequential model, and predicting classes."""

import numpy as np
import pytest
from models_kit import X, Y, input_layer, mlp

from kerasplug import pop_layer, predict_classes, predict_proba
from kerasplug.errors import (
    KerasplugWarning,
    ModelError,
    RecordError,
    StaleCompileError,
)

pytestmark = [
    pytest.mark.engine,
    # Keras 3.15 with NumPy 2: its users see it as well.
    pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning"),
]


@pytest.fixture
def model(any_keras):
    """Three dense layers of different widths."""
    layers = [
        any_keras.layers.Dense(size, name=name)
        for name, size in (("a", 5), ("b", 3), ("c", 1))
    ]
    return any_keras.Sequential([input_layer(any_keras, 4), *layers])


def names(model):
    """Names of its layers."""
    return [layer.name for layer in model.layers]


def shape(model):
    """The shape of what it predicts."""
    return model.predict(X, verbose=0).shape


# --- popping ---


def test_the_last_layer_is_removed_and_returned(model):
    """The model is shorter, the layer is whole."""
    last = model.layers[-1]
    assert pop_layer(model) is last
    assert names(model) == ["a", "b"]
    assert last.get_weights()[0].shape == (3, 1)
    assert model.output_shape == (None, 3)


def test_several_layers_come_as_a_list(model):
    """In the order in which they stood."""
    assert [layer.name for layer in pop_layer(model, 2)] == ["b", "c"]
    assert names(model) == ["a"]


def test_plain_keras_goes_on_predicting_with_the_longer_model(any_keras):
    """What it has compiled for predict is kept; here it is dropped.

    On JAX a layer with weights is noticed, so this one has none.
    """

    def made():
        layers = [any_keras.layers.Dense(3), any_keras.layers.Reshape((3, 1))]
        return any_keras.Sequential([input_layer(any_keras, 4), *layers])

    plain, ours = made(), made()
    assert shape(plain) == shape(ours) == (32, 3, 1)
    plain.pop()
    assert shape(plain) == (32, 3, 1), "Keras drops it by itself now"
    pop_layer(ours)
    assert shape(ours) == (32, 3)


def test_predictions_are_those_of_the_shorter_model(model):
    """The same numbers as the layers give one by one."""
    shape(model)
    pop_layer(model)
    expected = np.asarray(model.layers[1](model.layers[0](X)))
    # float32: the same products, added up in another order
    np.testing.assert_allclose(
        model.predict(X, verbose=0), expected, rtol=1e-5, atol=1e-6
    )


@pytest.mark.parametrize("built", [True, False])
def test_the_only_layer_can_be_removed(any_keras, built):
    """The model is empty then, and can be filled again."""
    layers = [any_keras.layers.Dense(3, name="only")]
    model = any_keras.Sequential([input_layer(any_keras, 4)] * built + layers)
    assert pop_layer(model).name == "only"
    assert names(model) == []
    model.add(any_keras.layers.Dense(2))
    assert shape(model) == (32, 2)


def test_plain_keras_3_fails_on_the_only_layer(keras):
    """It has removed it and raises nevertheless."""
    model = keras.Sequential([keras.layers.Dense(3)])
    with pytest.raises(IndexError):
        model.pop()
    assert model.layers == [], "half of it is done"


def test_an_empty_model_has_nothing_to_remove(any_keras):
    """The error says so, in place of an IndexError or TypeError."""
    with pytest.raises(ModelError, match=r"model\.add\(layer\)"):
        pop_layer(any_keras.Sequential())


@pytest.mark.parametrize(
    ("n", "error"), [(4, ModelError), (0, RecordError), (-1, RecordError)]
)
def test_more_than_there_is_changes_nothing(model, n, error):
    """All or none are removed."""
    with pytest.raises(error):
        pop_layer(model, n)
    assert names(model) == ["a", "b", "c"]


@pytest.mark.parametrize("n", [1.5, "1", None, True])
def test_odd_numbers_are_refused(model, n):
    """Only whole numbers count layers."""
    with pytest.raises(RecordError, match="whole number"):
        pop_layer(model, n)
    assert len(model.layers) == 3


def test_functional_models_have_no_last_layer(any_keras):
    """The error offers the function that makes a shorter one."""
    x = inputs = any_keras.Input((4,), name="in")
    for name in "ab":
        x = any_keras.layers.Dense(2, name=name)(x)
    with pytest.raises(ModelError, match=r"truncate_model\(model, 'a'\)"):
        pop_layer(any_keras.Model(inputs, x))


def test_layers_are_no_models(any_keras):
    """A layer can't be popped from."""
    with pytest.raises(ModelError, match="expected: a Keras model"):
        pop_layer(any_keras.layers.Dense(1))


def test_training_after_popping_asks_for_compile(keras, model):
    """The optimizer still has the weights that are gone."""
    model = mlp(keras, "a", "b", "c", width=1)
    model.compile("adam", "mse")
    model.fit(X, Y, verbose=0)
    pop_layer(model)
    with pytest.raises(StaleCompileError, match=r"removed since: .*c/kernel"):
        model.fit(X, Y, verbose=0)
    model.compile("adam", "mse")
    model.fit(X, Y, verbose=0)


def test_training_after_popping_can_recompile(keras):
    """Where asked, with what the optimizer knows of the layers that are left."""
    model = mlp(keras, "a", "b", "c", width=1)
    model.compile("adam", "mse")
    model.fit(X, Y, verbose=0)
    pop_layer(model, on_stale="recompile")
    steps = int(model.optimizer.iterations)
    model.fit(X, Y, batch_size=32, verbose=0)
    assert int(model.optimizer.iterations) == steps + 1


# --- classes and probabilities ---


def test_the_highest_column_is_the_class(any_keras):
    """With several columns."""
    layers = [input_layer(any_keras, 4), any_keras.layers.Softmax()]
    model = any_keras.Sequential(layers)
    found = predict_classes(model, X)
    np.testing.assert_array_equal(found, X.argmax(axis=1))
    assert found.dtype == "int64"
    assert found.shape == (32,)


def test_one_column_is_compared_with_a_threshold(any_keras):
    """0 or 1 for each sample, in a column."""
    layers = [input_layer(any_keras, 1), any_keras.layers.Activation("sigmoid")]
    model = any_keras.Sequential(layers)
    found = predict_classes(model, X[:, :1])
    assert found.shape == (32, 1)
    assert found.dtype == "int32"
    np.testing.assert_array_equal(found, (X[:, :1] > 0).astype("int32"))
    assert predict_classes(model, X[:, :1], threshold=0.0).all()
    assert not predict_classes(model, X[:, :1], threshold=1.0).any()


def test_probabilities_are_what_the_model_predicts(any_keras):
    """In batches, if asked."""
    layers = [input_layer(any_keras, 4), any_keras.layers.Softmax()]
    model = any_keras.Sequential(layers)
    found = predict_proba(model, X, batch_size=8)
    np.testing.assert_array_equal(found, model.predict(X, batch_size=8, verbose=0))


def test_what_is_no_probability_is_said(any_keras):
    """A warning, at the line of the call; the values are returned."""
    model = mlp(any_keras, "only")
    model.set_weights([np.full((4, 1), 9.0), np.zeros(1)])
    with pytest.warns(KerasplugWarning, match="softmax or sigmoid") as caught:
        predict_proba(model, X)
    assert caught[0].filename == __file__
    with pytest.warns(KerasplugWarning, match="threshold"):
        predict_classes(model, X)


def test_several_outputs_are_refused(any_keras):
    """Whose classes are meant is not said."""
    inputs = any_keras.Input((4,))
    outputs = [any_keras.layers.Dense(2)(inputs) for _ in range(2)]
    model = any_keras.Model(inputs, outputs)
    with pytest.raises(ModelError, match="2 outputs"):
        predict_classes(model, X)


def test_plain_keras_3_has_neither(keras):
    """They were removed."""
    assert not hasattr(keras.Sequential, "predict_classes")
    assert not hasattr(keras.Sequential, "predict_proba")
