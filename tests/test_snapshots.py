"""Compiling as Keras 2 did: what is trained is what was trainable at compile."""

import warnings

import numpy as np
import pytest
from models_kit import NAMES, X, Y, changed, fit, mlp, trained, values

from kerasplug import freeze_weights, snapshot_compile, stale_compile, watch_compile
from kerasplug.errors import ModelError

pytestmark = [
    pytest.mark.engine,
    # Keras 3.15 with NumPy 2: its users see it as well.
    pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning"),
    pytest.mark.filterwarnings("ignore:The model does not have any trainable weights"),
]


@pytest.fixture
def model(keras):
    """Three dense layers, trained once."""
    return trained(keras)


def seed_example(keras, compile_frozen):
    """The example of the FAQ: one layer, a model while frozen, a model afterwards."""
    inputs = keras.Input((4,))
    layer = keras.layers.Dense(1)
    layer.trainable = False
    outputs = layer(inputs)
    frozen_model = keras.Model(inputs, outputs)
    compile_frozen(frozen_model, "rmsprop", "mse")
    layer.trainable = True
    trainable_model = keras.Model(inputs, outputs)
    trainable_model.compile("rmsprop", "mse")
    return layer, frozen_model, trainable_model


def trains(model, layer):
    """Whether training the model changes the layer."""
    before = layer.get_weights()[0].copy()
    fit(model)
    return not np.array_equal(before, layer.get_weights()[0])


def test_the_faqs_example_is_false_in_keras_3(keras):
    """There the model that was compiled while the layer was frozen trains it."""
    layer, frozen_model, _ = seed_example(keras, keras.Model.compile)
    assert trains(frozen_model, layer)


def test_the_faqs_example_is_true_in_keras_2(legacy):
    """There `compile` takes the flags down."""
    layer, frozen_model, trainable_model = seed_example(legacy, legacy.Model.compile)
    assert not trains(frozen_model, layer)
    assert trains(trainable_model, layer)


def test_a_snapshot_makes_the_faqs_example_true(keras):
    """In whatever order the two models are trained."""
    layer, frozen_model, trainable_model = seed_example(keras, snapshot_compile)
    assert not trains(frozen_model, layer)
    assert layer.trainable
    assert trains(trainable_model, layer)
    assert not trains(frozen_model, layer)
    assert trains(trainable_model, layer)


def test_a_snapshot_leaves_keras_2_as_it_is(legacy):
    """It has these semantics by itself."""
    layer, frozen_model, trainable_model = seed_example(legacy, snapshot_compile)
    assert not trains(frozen_model, layer)
    assert trains(trainable_model, layer)
    assert "fit" not in vars(frozen_model)


def test_a_snapshot_holds_for_single_batches(keras):
    """`train_on_batch` trains as `fit` does."""
    layer, frozen_model, _ = seed_example(keras, snapshot_compile)
    before = layer.get_weights()[0].copy()
    frozen_model.train_on_batch(X, Y)
    np.testing.assert_array_equal(before, layer.get_weights()[0])


def test_compile_takes_a_new_snapshot(keras):
    """A later compile looks at the flags again, and pins these."""
    layer, frozen_model, _ = seed_example(keras, snapshot_compile)
    frozen_model.compile("sgd", "mse")
    assert trains(frozen_model, layer)
    layer.trainable = False
    assert trains(frozen_model, layer)
    assert not layer.trainable


def test_a_pinned_model_is_never_stale(keras, model):
    """Neither a watch nor a freeze changes what it trains."""
    snapshot_compile(model)
    freeze_weights(model)
    assert stale_compile(model) is None
    watch_compile(model)
    before = values(model)
    fit(model)
    assert all(changed(before, model))
    assert not model.trainable_weights


def test_flags_come_back_after_a_training_that_fails(keras):
    """What was trainable before the call is so afterwards."""
    layer, frozen_model, _ = seed_example(keras, snapshot_compile)
    with warnings.catch_warnings(), pytest.raises(Exception, match=r".+"):
        warnings.simplefilter("ignore")
        frozen_model.fit(X[:, :2], Y, verbose=0)
    assert layer.trainable


def test_nothing_to_take_a_snapshot_of(keras):
    """A model has to be compiled, or the call has to say how."""
    with pytest.raises(ModelError, match="snapshot_compile"):
        snapshot_compile(mlp(keras, *NAMES))
