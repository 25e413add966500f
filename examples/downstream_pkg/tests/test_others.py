"""The callback, the data set, the application, the activation and the wrappers."""

import importlib.util
import math

import pytest

import kerasplug
from kerasplug.testing import requires_keras

pytestmark = pytest.mark.engine

if importlib.util.find_spec("numpy"):
    import numpy as np


@pytest.fixture
def keras():
    """The Keras in use; a test that asks for it skips where there is none."""
    kerasplug.skip_if_no_keras()  # the call: here, since a fixture can't be marked
    return kerasplug.implementation()


@pytest.fixture
def model(keras):
    """One weight `w`, learned as `y = w x`, beginning at 0."""
    line = keras.layers.Dense(1, use_bias=False, kernel_initializer="zeros")
    model = keras.Sequential([keras.Input((1,)), line])
    model.compile(keras.optimizers.SGD(0.1), "mse")
    return model


def test_best_keeper_gives_back_the_best_weights(keras, model):
    """After training the model has the weights of the epoch with the least loss."""
    one = np.ones((1, 1), "float32")
    keeper = kerasplug.callbacks["best_keeper"]()
    # The first epoch makes w = 0.2; each later one begins at 5, farther off.
    spoil = keras.callbacks.LambdaCallback(
        on_epoch_begin=lambda epoch, _logs: epoch and model.set_weights([5 * one])
    )
    history = model.fit(
        one,
        one,
        epochs=3,
        validation_data=(one, one * 2),
        callbacks=[spoil, keeper],
        verbose=0,
    )
    losses = history.history["val_loss"]

    assert (keeper.best, keeper.best_epoch) == (losses[0], 1)
    assert model.evaluate(one, one * 2, verbose=0) == pytest.approx(losses[0])


def test_best_keeper_prefers_more_accuracy(keras):
    """For a name that ends in accuracy, more is better."""
    keeper = kerasplug.callbacks["best_keeper"]("val_accuracy")

    assert keeper._better(0.9, 0.8)
    assert not kerasplug.callbacks["best_keeper"]("val_loss")._better(0.9, 0.8)


def test_best_keeper_says_what_it_can_watch(keras, model):
    """A number that the training does not report is an error with those it does."""
    one = np.ones((1, 1), "float32")
    keeper = kerasplug.callbacks["best_keeper"]("val_los")

    with pytest.raises(KeyError, match="It reports: loss"):
        model.fit(one, one, callbacks=[keeper], verbose=0)


@requires_keras  # the decorator: the same as the mark, also under unittest
def test_two_spirals_are_as_recorded():
    """The arrays have the shapes and dtypes of the record."""
    dataset = kerasplug.datasets["two_spirals"]
    (x_train, y_train), (x_test, y_test) = dataset.load()
    arrays = (x_train, y_train, x_test, y_test)

    assert tuple(array.shape for array in arrays) == dataset.record.shapes
    assert tuple(str(array.dtype) for array in arrays) == dataset.record.dtypes


@requires_keras
def test_two_spirals_follow_their_formula():
    """Point 16 of a spiral is half a turn on, at radius 5.5; the other one opposite."""
    (x, y), _ = kerasplug.datasets["two_spirals"].load()

    assert (y[16], y[16 + 97]) == (1, 0)
    assert x[16].tolist() == pytest.approx([5.5 * math.sin(math.pi), -5.5], abs=1e-6)
    assert (x[16 + 97] == -x[16]).all()


def test_tiny_mlp_is_as_recorded(keras):
    """The application has as many weights as recorded, and gives probabilities."""
    model = kerasplug.applications["tiny_mlp"]()
    y = model.predict(np.zeros((2, 8, 8), "float32"), verbose=0)

    record = kerasplug.applications.record("tiny_mlp")
    assert model.count_params() == record.parameters
    np.testing.assert_allclose(y.sum(axis=-1), 1, rtol=1e-5)


def test_tiny_mlp_reads_weights(keras, tmp_path):
    """`weights` is the path of a file that `save_weights` wrote."""
    first = kerasplug.applications["tiny_mlp"](units=3)
    path = str(tmp_path / "tiny.weights.h5")
    first.save_weights(path)
    second = kerasplug.applications["tiny_mlp"](units=3, weights=path)

    for a, b in zip(first.get_weights(), second.get_weights(), strict=True):
        assert np.array_equal(a, b)


def test_preprocessing_is_where_the_record_says(keras):
    """The record's preprocessing turns pixels in [0, 255] into numbers in [0, 1]."""
    target = kerasplug.applications.record("tiny_mlp").preprocessing
    module, _, name = target.partition(":")
    preprocess = getattr(importlib.import_module(module), name)

    y = preprocess(np.array([0, 255], "uint8"))
    assert (str(y.dtype), y.tolist()) == ("float32", [0.0, 1.0])


def test_squared_relu_is_registered_as_recorded(keras):
    """Keras writes the activation under the name that its record declares."""
    squared_relu = kerasplug.objects["squared_relu"]
    record = kerasplug.objects.record("squared_relu")
    y = keras.ops.convert_to_numpy(squared_relu(np.array([-2.0, 0.0, 3.0])))

    assert y.tolist() == [0.0, 0.0, 9.0]
    name = keras.saving.get_registered_name(squared_relu)
    assert name == record.registered_name


def test_wrappers_make_the_layers(keras):
    """A wrapper makes the layer; as a step of a pipe it is applied."""
    import downstream_pkg

    inputs = keras.Input((3,))
    outputs = kerasplug.pipe(
        inputs,
        downstream_pkg.layer_running_norm(),
        downstream_pkg.layer_gated_dense(units=5),
    )

    made = [type(layer).__name__ for layer in keras.Model(inputs, outputs).layers]
    assert made == ["InputLayer", "RunningNorm", "GatedDense"]
    assert tuple(outputs.shape) == (None, 5)


def test_lazy_exports_are_the_real_things(keras):
    """A name of the package is the object of the module that it comes from."""
    import downstream_pkg
    from downstream_pkg import layers

    assert downstream_pkg.GatedDense is layers.GatedDense
    assert kerasplug.layers["gated_dense"] is layers.GatedDense
