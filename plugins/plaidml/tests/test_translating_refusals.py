"""What would mean something else on PlaidML is refused, by name and with the reason."""

import keras
import numpy as np
import pytest
from keras import layers
from kerasplug_plaidml.translating.models import translate

from kerasplug.errors import TranslationError

pytestmark = pytest.mark.engine


def relu(x):
    """A function of somebody's own with a name that Keras has."""
    return x + 1


class Dense(layers.Dense):
    """A subclass with a name that Keras has."""


class Functional(keras.Model):
    """A model with a `call` of its own."""

    def call(self, x):
        """Nothing."""
        return x


class OwnRegularizer(keras.regularizers.L2):
    """Not Keras' own."""


class OwnConstraint(keras.constraints.NonNeg):
    """Not Keras' own."""


def _of(layer, shape=(6,), dtype="float32"):
    """A model of one layer, which is called `one`."""
    layer.name = "one"
    return keras.Sequential([keras.Input(shape, dtype=dtype), layer])


def _called(layer, *args, **kwargs):
    """A functional model with one call, of that form."""
    x = keras.Input((4, 3), name="x")
    return keras.Model(x, layer(x, *args, **kwargs))


#: What is refused -> the model, and words that the error has.
REFUSED = {
    "gelu": (lambda: _of(layers.Dense(2, "gelu")), "activation='gelu'"),
    "silu": (lambda: _of(layers.Activation("silu")), "activation='silu'"),
    "hard_sigmoid": (lambda: _of(layers.Dense(2, "hard_sigmoid")), "slope of 0.2"),
    "hard_sigmoid in an RNN": (
        lambda: _of(layers.LSTM(2, recurrent_activation="hard_sigmoid"), (4, 3)),
        "recurrent_activation='hard_sigmoid'",
    ),
    "leaky_relu": (lambda: _of(layers.Dense(2, "leaky_relu")), "the layer LeakyReLU"),
    "relu6": (lambda: _of(layers.Dense(2, "relu6")), "max_value=6"),
    "own relu": (lambda: _of(layers.Dense(2, relu)), "activation=<function relu"),
    "a layer as activation": (
        lambda: _of(layers.Dense(2, layers.ReLU())),
        "activation=<ReLU",
    ),
    "own regularizer": (
        lambda: _of(layers.Dense(2, kernel_regularizer=OwnRegularizer())),
        "one of L1, L1L2, L2",
    ),
    "orthogonal regularizer": (
        lambda: _of(layers.Dense(2, kernel_regularizer="orthogonal_regularizer")),
        "kernel_regularizer=",
    ),
    "own constraint": (
        lambda: _of(layers.Dense(2, kernel_constraint=OwnConstraint())),
        "one of MaxNorm, MinMaxNorm, NonNeg, UnitNorm",
    ),
    "activity regularizer": (
        lambda: _of(layers.Activation("tanh", activity_regularizer="l2")),
        "use ActivityRegularization behind it",
    ),
    "own activity regularizer": (
        lambda: _of(layers.Dense(2, activity_regularizer=OwnRegularizer())),
        "one of L1, L1L2, L2",
    ),
    "activity of each step": (
        lambda: _of(
            layers.TimeDistributed(layers.Dense(2, activity_regularizer="l2")), (4, 3)
        ),
        "what is in it has an activity regularizer",
    ),
    "activity of both ways": (
        lambda: _of(
            layers.Bidirectional(layers.GRU(2, activity_regularizer="l2")), (4, 3)
        ),
        "what is in it has an activity regularizer",
    ),
    "mixed precision": (
        lambda: _of(layers.Dense(2, dtype="mixed_float16")),
        "dtype 'mixed_float16'",
    ),
    "float64": (lambda: _of(layers.Dense(2, dtype="float64")), "dtype 'float64'"),
    "float16 input": (lambda: _of(layers.Dense(2), dtype="float16"), "'float16'"),
    "lora": (
        lambda: _of(layers.Dense(2, lora_rank=1)),
        "lora_rank=1 (Keras 2.2.4 has no such argument)",
    ),
    "groups": (lambda: _of(layers.Conv2D(4, 2, groups=2), (5, 5, 2)), "groups=2"),
    "keepdims": (
        lambda: _of(layers.GlobalMaxPooling1D(keepdims=True), (4, 3)),
        "keepdims=True",
    ),
    "renorm": (lambda: _of(layers.BatchNormalization(renorm=True)), "renorm=True"),
    "synchronized": (
        lambda: _of(layers.BatchNormalization(synchronized=True)),
        "synchronized=True",
    ),
    "channels_first": (
        lambda: _of(layers.Flatten(data_format="channels_first"), (4, 3)),
        "data_format='channels_first'",
    ),
    "bilinear": (
        lambda: _of(layers.UpSampling2D(interpolation="bilinear"), (4, 4, 2)),
        "interpolation='bilinear'",
    ),
    "noise_shape": (
        lambda: _of(layers.Dropout(0.5, noise_shape=(None, 1))),
        "noise_shape=",
    ),
    "dropping all": (lambda: _of(layers.Dropout(1.0)), "rate=1.0"),
    "a mask of several values": (
        lambda: _of(layers.Masking([0.0, 1.0, 2.0]), (4, 3)),
        "one number for all of it",
    ),
    "Lambda": (lambda: _of(layers.Lambda(relu)), "Python code for another Keras"),
    "LayerNormalization": (
        lambda: _of(layers.LayerNormalization()),
        "class LayerNormalization: Keras 2.2.4 has no such layer",
    ),
    "a subclass of Dense": (
        lambda: _of(Dense(2)),
        "class Dense: it is not one of Keras' own",
    ),
    "stateful": (
        lambda: keras.Sequential(
            [
                keras.Input(batch_shape=(2, 4, 3)),
                layers.GRU(2, stateful=True, name="one"),
            ]
        ),
        "stateful=True",
    ),
    "unknown time": (lambda: _of(layers.LSTM(2), (None, 3)), "shape (None, None, 3)"),
    "unknown size": (
        lambda: _of(layers.GlobalMaxPooling2D(), (None, None, 3)),
        "all dimensions but the first are known",
    ),
    "several scales": (
        lambda: _of(layers.Rescaling([1.0, 2.0]), (4, 2)),
        "one number for all of it",
    ),
    "axis of the rows": (lambda: _of(layers.Softmax(axis=0)), "axis=0"),
    "two axes of a softmax": (lambda: _of(layers.Softmax((1, 2)), (4, 3)), "one axis"),
    "integers for a Dense": (
        lambda: _of(layers.Dense(2), dtype="int32"),
        "integers that go to 'one'",
    ),
    "a list of both directions": (
        lambda: _called(layers.Bidirectional(layers.GRU(2), merge_mode=None)),
        "merge_mode=None",
    ),
    "two ways that differ": (
        lambda: _of(
            layers.Bidirectional(
                layers.LSTM(2),
                backward_layer=layers.LSTM(2, use_bias=False, go_backwards=True),
            ),
            (4, 3),
        ),
        "differ in more than the direction",
    ),
    "both ways of a cell": (
        lambda: _of(layers.Bidirectional(layers.RNN(layers.LSTMCell(2))), (4, 3)),
        "a RNN in it",
    ),
    "normalization of steps": (
        lambda: _of(layers.TimeDistributed(layers.BatchNormalization()), (4, 3)),
        "BatchNormalization in it",
    ),
    "states of stacked cells": (
        lambda: _called(
            layers.RNN([layers.LSTMCell(2), layers.GRUCell(2)], return_state=True)
        ),
        "return_state=True",
    ),
    "training=True": (
        lambda: _called(layers.Dropout(0.5), training=True),
        "a call with training=True",
    ),
    "a mask in a call": (
        lambda: _called(lambda x: layers.LSTM(2)(x, mask=layers.Flatten()(x))),
        "a call with mask=",
    ),
    "a number in a call": (
        lambda: _called(lambda x: layers.Add()([x, np.ones((1, 4, 3))])),
        "which comes from no layer",
    ),
    "one tensor to merge": (
        lambda: _called(lambda x: layers.Concatenate()([x])),
        "two or more",
    ),
    "an operation": (lambda: _called(lambda x: x + 1.0), "no layer"),
    "a subclass of Model": (lambda: Functional(name="f"), "a Functional, whose `call`"),
    "no input": (lambda: keras.Sequential([layers.Dense(2)]), "knows no input"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_would_mean_something_else_is_refused(name):
    """The error is a TranslationError and says what was found."""
    make, words = REFUSED[name]
    with pytest.raises(TranslationError) as caught:
        translate(make())
    assert words in str(caught.value)
    assert "PlaidML" in caught.value.what


def test_a_refusal_says_in_which_layer_of_which_model():
    """The path goes through nested models and wrappers."""
    inner = keras.Sequential([keras.Input((3,)), layers.Dense(2, "gelu", name="d")])
    outer = keras.Sequential(
        [keras.Input((4, 3)), layers.TimeDistributed(inner, name="each")]
    )
    with pytest.raises(TranslationError) as caught:
        translate(outer)
    assert f"'each/{inner.name}/d'" in caught.value.what
    assert caught.value.expected.startswith("one of elu")


def test_an_argument_that_nobody_knows_is_refused():
    """A newer Keras' argument is never dropped, whatever its value."""
    model = _of(layers.Dense(2))
    layer = model.layers[0]
    told = layer.get_config()
    layer.get_config = lambda: {**told, "sparsity": None}
    with pytest.raises(TranslationError, match="sparsity=None"):
        translate(model)


def test_a_layer_in_two_models_is_refused():
    """There it would be two layers, and train apart."""
    shared = layers.Dense(3, name="shared")
    inner = keras.Sequential([keras.Input((3,)), shared], name="inner")
    x = keras.Input((3,))
    model = keras.Model(x, layers.Add()([shared(x), inner(x)]))
    with pytest.raises(TranslationError, match="one layer in two models"):
        translate(model)


def test_half_a_frozen_layer_is_refused():
    """Keras 2.2.4 freezes layers, not weights."""
    model = _of(layers.Dense(2))
    model.layers[0].bias.trainable = False
    with pytest.raises(TranslationError, match="some of its weights are frozen"):
        translate(model)


def test_nothing_of_the_model_has_changed():
    """Neither its configuration nor its flags."""
    model = _of(layers.Dense(2))
    model.layers[0].trainable = False
    before = model.get_config()
    translate(model)
    assert model.get_config() == before
