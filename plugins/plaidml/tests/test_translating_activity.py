"""What layers pay for their outputs is the same here and on PlaidML."""

import keras
import numpy as np
import pytest
from keras import layers, regularizers
from kerasplug_plaidml.translating.models import translate
from plaidml_kit import plaidml_python  # noqa: F401 -- a fixture
from translat_kit import check_step, started

pytestmark = [
    pytest.mark.engine,
    # Keras says so of layers that drop a mask.
    pytest.mark.filterwarnings("ignore:.*was passed an input with a mask:UserWarning"),
]


@pytest.fixture(scope="module")
def worker(plaidml_python):  # noqa: F811 -- a fixture
    """One process for all tests: it takes seconds to start."""
    with started(plaidml_python) as one:
        yield one


def _shared(x):
    """A layer that is used twice pays twice."""
    dense = layers.Dense(3, activity_regularizer=regularizers.L1(0.2))
    twice = dense(dense(layers.GlobalMaxPooling1D()(x)))
    return layers.ActivityRegularization(l1=0.1, l2=0.3)(twice)


def _nested(x):
    """A model inside the model pays once for each call, and takes statistics once."""
    inner = keras.Sequential(
        [
            keras.Input((3,)),
            layers.Dense(3, activity_regularizer=regularizers.L1L2(0.1, 0.2)),
            layers.BatchNormalization(momentum=0.5),
        ]
    )
    return inner(inner(layers.GlobalMaxPooling1D()(x)))


def _frozen(x):
    """A frozen layer pays for what it gives: others can change that."""
    layer = layers.Dense(2, activity_regularizer="l2", kernel_regularizer="l2")
    layer.trainable = False
    return layer(layers.Dense(3)(x))


def _states(x):
    """An RNN pays for its states as well."""
    layer = layers.LSTM(2, return_state=True, activity_regularizer="l2")
    return layers.Concatenate()(layer(x))


def _masked(x):
    """Masked places are paid for, too."""
    masked = layers.Masking()(x)
    paid = layers.Dense(2, activity_regularizer="l2", activation="tanh")(masked)
    return layers.Conv1D(2, 2, activity_regularizer="l1")(layers.Reshape((4, 2))(paid))


@pytest.mark.slow
@pytest.mark.parametrize("make", [_shared, _nested, _frozen, _states, _masked])
def test_outputs_are_paid_for_as_here(worker, make):
    """Five rows of a batch of eight, divided by five: the losses and the step agree."""
    x = keras.Input((4, 3))
    rows = np.random.default_rng(1).normal(size=(5, 4, 3)).astype("float32")
    rows[0, 2:] = 0.0
    check_step(worker, keras.Model(x, make(x)), rows)


def test_a_regularizer_of_a_frozen_layers_outputs_stays():
    """Those of its weights count for nothing."""
    x = keras.Input((4, 3))
    told = translate(keras.Model(x, _frozen(x))).config["config"]["layers"][-1]
    assert told["config"]["activity_regularizer"]["config"]["l2"] == 0.01
    assert told["config"]["kernel_regularizer"] is None
