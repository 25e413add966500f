"""Masks, and what layers do with them: the same here and on PlaidML, or refused."""

import re
import warnings

import keras
import numpy as np
import pytest
from keras import layers
from kerasplug_plaidml.translating.masks import MASKS
from kerasplug_plaidml.translating.models import translate
from kerasplug_plaidml.translating.sources import MASKED
from kerasplug_plaidml.translating.tables import ROWS
from kerasplug_plaidml.translating.training import translate_training
from plaidml_kit import plaidml_python  # noqa: F401 -- a fixture
from translat_kit import (
    CLOSE,
    SHAPES,
    apart,
    branches,
    check_step,
    here,
    randomize,
    rows_of,
    started,
    there,
)

from kerasplug.errors import TranslationError

pytestmark = [
    pytest.mark.engine,
    # Keras says so of layers that drop a mask, and of models, which do not.
    pytest.mark.filterwarnings("ignore:.*was passed an input with a mask:UserWarning"),
]

_SEQUENCE = (4, 3)
#: Parts of the names of branches that are refused with a mask.
_REFUSED = ("Maximum", "Minimum", "Multiply", "Softmax", "from ")


@pytest.fixture(scope="module")
def worker(plaidml_python):  # noqa: F811 -- a fixture
    """One process for all tests: it takes seconds to start."""
    with started(plaidml_python) as one:
        yield one


def _gaps(rows):
    """The same rows, some places of which are zeros: at the end, first, between."""
    rows = rows.copy()
    rows[0, -1] = rows[1, 0] = rows[2, 1] = 0
    return rows


def _sequences(seed=1):
    random = np.random.default_rng(seed)
    return _gaps(random.normal(size=(5, *_SEQUENCE)).astype("float32"))


def _words():
    return _gaps(np.random.default_rng(1).integers(1, 9, (5, 4)).astype("int32"))


def _masked(make, shape=_SEQUENCE):
    """A model of which something gets masked rows."""
    x = keras.Input(shape)
    return keras.Model(x, make(layers.Masking()(x)))


def _each(*made):
    """Layers side by side, each an output."""
    return lambda x: [one(x) for one in made]


def _sides(x):
    """What a mask flows through, and what uses it."""
    normal = layers.BatchNormalization(momentum=0.7)(x)
    both = layers.Add()([normal, layers.Dense(3)(x)])
    joined = layers.Concatenate()([both, layers.TimeDistributed(layers.Dense(2))(x)])
    dropped = layers.Conv1D(2, 2)(joined)
    return [
        normal,
        joined,
        layers.SimpleRNN(2)(joined),
        layers.GlobalAveragePooling1D()(both),
        layers.GlobalAveragePooling1D()(dropped),
        layers.Dense(2)(layers.Flatten()(layers.Rescaling(2.0)(both))),
    ]


def _states(x):
    """The states of an RNN have no mask; its outputs have."""
    return layers.LSTM(2, return_sequences=True, return_state=True)(x)


STEPS = {
    "LSTM": _each(
        layers.LSTM(2), layers.LSTM(2, return_sequences=True, go_backwards=True)
    ),
    "GRU": _each(
        layers.GRU(2, return_sequences=True),
        layers.GRU(2, reset_after=False, go_backwards=True),
    ),
    "SimpleRNN": _each(layers.SimpleRNN(2, return_sequences=True)),
    "cells": _each(layers.RNN([layers.LSTMCell(2), layers.GRUCell(3)])),
    "Bidirectional": _each(
        layers.Bidirectional(layers.LSTM(2, return_sequences=True)),
        layers.Bidirectional(layers.GRU(2), merge_mode="sum"),
    ),
    "states": _states,
    "sides": _sides,
}


@pytest.mark.slow
@pytest.mark.parametrize("name", STEPS)
def test_layers_behind_a_mask_train_the_same(worker, name):
    """Outputs, losses, gradients: masked steps count for nothing on both sides."""
    check_step(worker, _masked(STEPS[name]), _sequences())


@pytest.mark.slow
def test_words_of_0_are_masked(worker):
    """By an Embedding with mask_zero, also through models inside the model."""
    x = keras.Input((4,), dtype="int32")
    words = keras.Sequential(
        [keras.Input((4,), dtype="int32"), layers.Embedding(9, 3, mask_zero=True)]
    )
    steps = keras.Sequential(
        [keras.Input((4, 3)), layers.GRU(2, return_sequences=True), layers.Dense(2)]
    )
    given = steps(words(x))
    model = keras.Model(x, [given, layers.LSTM(2)(given)])
    check_step(worker, model, _words())


def _of_two(masked, plain, other):
    """Merges of masked and plain inputs, and of two masks."""
    sums = layers.Add()([masked, plain]), layers.Subtract()([masked, other])
    joined = [
        layers.Concatenate()([masked, plain]),
        layers.Concatenate()([masked, other]),
        layers.Concatenate(axis=1)([plain, masked, other]),
    ]
    return [layers.SimpleRNN(2, return_sequences=True)(one) for one in (*sums, *joined)]


@pytest.mark.slow
def test_merges_join_masks_as_here(worker):
    """Where any has a place, and none where an input has no mask."""
    x, z = keras.Input(_SEQUENCE), keras.Input(_SEQUENCE)
    model = keras.Model([x, z], _of_two(layers.Masking()(x), z, layers.Masking()(z)))
    check_step(worker, model, _sequences(), _sequences(2)[::-1].copy())


@pytest.mark.slow
def test_rows_of_masked_outputs_have_weights(worker):
    """A row's weight is that of each of its steps, and masked ones are left out."""
    model = _masked(layers.Dense(2))
    weights = np.array([1, 2, 0, 0.5, 3], "float32")
    check_step(worker, model, _sequences(), weights=weights)


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["vector", "sequence", "image", "volume"])
def test_each_layer_does_with_a_mask_what_it_does_here(worker, kind):
    """Behind a mask it gives the same, with a mask of the same places, or none.

    The mask of an output is seen in its loss, which leaves out masked places.
    """
    made = {
        name: branch
        for name, branch in branches()[kind].items()
        if not any(word in name for word in _REFUSED)
        and name != "Dot normalized"  # masked rows are zeros: nothing to normalize
    }
    x = keras.Input(SHAPES[kind])
    masked = layers.Masking()(x)
    model = keras.Model(x, [branch(masked) for branch in made.values()])
    rows = rows_of(kind)
    rows[(0, 0) if rows.ndim > 2 else 0] = 0.0
    randomize(model)
    given, wanted = there(worker, model, rows), here(model, rows)
    off = dict(zip(made, map(apart, given, wanted), strict=True))
    assert {name: one for name, one in off.items() if not one < CLOSE} == {}
    model.compile("sgd", "mse")
    worker.ask("compile", training=translate_training(model))
    arrays = {f"t{at}": one + at % 3 * one**2 for at, one in enumerate(wanted)}
    reply, _ = worker.ask("test", {"x0": rows, **arrays}, batch=4)
    loss = keras.losses.MeanSquaredError()
    losses = [
        float(loss(target, output))
        for target, output in zip(arrays.values(), model(rows), strict=True)
    ]
    assert reply["losses"] == pytest.approx(losses, rel=1e-4, abs=1e-6)


#: What a layer can't be made without; else the first number of its name tells.
_ARGUMENTS = {
    "Activation": ["tanh"],
    "Bidirectional": [layers.LSTM(2)],
    "Dense": [2],
    "DepthwiseConv2D": [2],
    "Dot": [1],
    "Embedding": [9, 2],
    "GRU": [2],
    "LSTM": [2],
    "Permute": [(2, 1)],
    "RNN": [layers.LSTMCell(2)],
    "RepeatVector": [2],
    "Rescaling": [2.0],
    "Reshape": [(3, 3)],
    "SimpleRNN": [2],
    "TimeDistributed": [layers.Dense(2)],
}


def _made(name, **more):
    """A layer."""
    given = _ARGUMENTS.get(name, [2, 2] if "Conv" in name else [])
    if "Dropout" in name or "Noise" in name:
        given = [0.2]
    if name.startswith(("AveragePooling", "MaxPooling")):
        given = [2]
    return getattr(layers, name)(*given, **more)


def _rank(name):
    """How many axes the input of a layer has."""
    others = {"RepeatVector": 2, "ConvLSTM2D": 5}
    numbers = [int(one) for one in re.findall(r"[123](?=D)", name)]
    return others.get(name, numbers[0] + 2 if numbers else 3)


def _rows(name, seed):
    """Rows behind a mask, one place of which is masked."""
    rank = _rank(name)
    rows = np.random.default_rng(seed).normal(size=(2, 3, 3, 3, 3)[:rank])
    rows[(0, seed) if rank > 2 else 0] = 0.0
    return layers.Masking()(rows.astype("float32"))


def _mask(tensor):
    mask = getattr(tensor, "_keras_mask", None)
    return None if mask is None else np.asarray(mask).tolist()


def _called(layer, given):
    """The mask of what a layer gives, and whether Keras warns that it drops one."""
    with warnings.catch_warnings(record=True) as warned:
        warnings.simplefilter("always")
        mask = _mask(layer(given))
    told = [one for one in warned if "does not support masking" in str(one.message)]
    return mask, bool(told)


@pytest.mark.parametrize("name", ROWS)
def test_the_table_says_what_this_keras_does_with_a_mask(name):
    """It passes it on, drops it with a warning, ends it, or makes one."""
    does, given = MASKS.get(name, "drops"), _rows(name, 1)
    if does in ("merges", "joins", "refused") or name == "Dot":
        return  # these are looked at by themselves
    mask, warned = _called(_made(name), given)
    passed = _mask(given) if does in ("passes", "makes") else None
    if name == "Embedding":  # it makes none unless it is told so
        does, passed = "drops", None
    assert (mask, warned) == (passed, does == "drops")
    if does == "steps":
        held = [layers.LSTM(2, return_sequences=True)]
        layer = (
            layers.Bidirectional(*held)
            if name == "Bidirectional"
            else _made(name, return_sequences=True)
        )
        assert _called(layer, given) == (_mask(given), False)


@pytest.mark.parametrize("name", [one for one in MASKS if MASKS[one] == "merges"])
def test_sums_have_the_places_of_any_mask(name):
    """And no mask where one of their inputs has none."""
    one, other = _rows(name, 1), _rows(name, 2)
    either = np.logical_or(_mask(one), _mask(other)).tolist()
    assert _called(_made(name), [one, other]) == (either, False)
    assert _called(_made(name), [one, np.ones((2, 3, 3))]) == (None, False)


def test_joined_masks_are_those_of_all():
    """One behind the other, or the places of any; where there is none, it is ones."""
    one, other = _rows("Concatenate", 1), _rows("Concatenate", 2)
    masks = [np.array(_mask(each)) for each in (one, other)]
    behind, _ = _called(layers.Concatenate(1), [one, np.ones((2, 3, 3)), other])
    ones = np.ones((2, 3), bool)
    assert np.array_equal(behind, np.concatenate([masks[0], ones, masks[1]], 1))
    beside, _ = _called(layers.Concatenate(), [one, other])
    assert np.array_equal(beside, masks[0] | masks[1])
    with_plain, _ = _called(layers.Concatenate(), [one, np.ones((2, 3, 3))])
    assert np.all(with_plain)


def test_what_keras_2_does_otherwise_has_a_source():
    """Of what drops a mask, or merges masks, there is a class of its own there."""
    otherwise = {one for one in ROWS if MASKS.get(one, "drops") in ("drops", "merges")}
    assert set(MASKED) == otherwise | {"Bidirectional", "Concatenate"}


def _from_states(x):
    first = layers.Dense(2)(layers.GlobalMaxPooling1D()(x))
    return layers.GRU(2)(x, initial_state=[first])


def _own_mask(x):
    return layers.LSTM(2)(x, mask=keras.ops.any(x > 0.5, axis=-1))


REFUSED = {
    "Softmax": (layers.Softmax(), "a mask that goes to a Softmax"),
    "Maximum": (lambda x: layers.Maximum()([x, x]), "a mask that goes to a Maximum"),
    "Minimum": (lambda x: layers.Minimum()([x, x]), "a mask that goes to a Minimum"),
    "Multiply": (lambda x: layers.Multiply()([x, x]), "a mask that goes to a Multiply"),
    "first states": (_from_states, "does not skip masked steps then"),
    "zeros": (
        layers.LSTM(2, return_sequences=True, zero_output_for_mask=True),
        "no zero_output_for_mask",
    ),
    "unrolled both ways": (
        layers.Bidirectional(layers.LSTM(2, return_sequences=True, unroll=True)),
        "takes it backwards",
    ),
    "each step": (
        layers.TimeDistributed(layers.Reshape((3, 1))),
        "a mask that goes to a Reshape in it",
    ),
    "a mask of one's own": (_own_mask, "a call with mask="),
}


@pytest.mark.parametrize("name", REFUSED)
def test_a_mask_that_would_mean_something_else_is_refused(name):
    """By name; without a mask the same layer may be taken."""
    layer, words = REFUSED[name]
    with pytest.raises(TranslationError) as caught:
        translate(_masked(layer))
    assert words in str(caught.value)


def test_a_mask_for_films_is_refused():
    """A ConvLSTM2D would need one of steps, and gets one of places."""
    model = _masked(layers.ConvLSTM2D(2, 2), shape=(3, 4, 4, 2))
    with pytest.raises(TranslationError, match="a mask that goes to a ConvLSTM2D"):
        translate(model)


def test_a_mask_that_is_made_for_each_step_is_refused():
    """Keras 3 knows nothing of it outside."""
    held = layers.TimeDistributed(layers.Masking())
    model = keras.Sequential([keras.Input((3, 4, 2)), held])
    with pytest.raises(TranslationError, match="masks that are made in it"):
        translate(model)


@pytest.mark.parametrize("name", ["zeros", "unrolled both ways", "first states"])
def test_without_a_mask_the_same_is_taken(name):
    """It means something else with one only."""
    x = keras.Input(_SEQUENCE)
    layer = REFUSED[name][0]
    fresh = (
        type(layer).from_config(layer.get_config()) if name != "first states" else layer
    )
    assert translate(keras.Model(x, fresh(x))).config["class_name"] == "Model"


def test_masks_of_a_loaded_model_are_those_that_keras_handed_over(tmp_path):
    """There they are made anew, and are not the very ones of the layers' inputs."""
    model = _masked(lambda x: layers.LSTM(2)(layers.Add()([x, layers.Dense(3)(x)])))
    model.save(tmp_path / "model.keras")
    loaded = keras.models.load_model(tmp_path / "model.keras")
    assert translate(loaded).config == translate(model).config


def test_sources_come_only_where_a_mask_does():
    """A model without masks is built from what Keras 2.2.4 has itself."""
    x = keras.Input(_SEQUENCE)
    assert translate(keras.Model(x, layers.Flatten()(x))).code == {}
    assert set(translate(_masked(layers.Flatten())).code) == {"Flatten"}


@pytest.mark.parametrize("what", ["metrics", "weighted_metrics"])
def test_metrics_of_a_masked_output_are_refused(what):
    """They would count its masked places, which Keras 3 leaves out of them."""
    model = _masked(
        lambda x: [layers.Dense(2, name="a")(x), layers.LSTM(2, name="b")(x)]
    )
    model.compile("sgd", "mse")
    assert len(translate_training(model)["losses"]) == 2
    model.compile("sgd", "mse", **{what: {"b": ["mae"]}})
    assert len(translate_training(model)["losses"]) == 2
    model.compile("sgd", "mse", **{what: [["mae"], ["mae"]]})
    with pytest.raises(TranslationError, match=f"{what} of the output 'a'"):
        translate_training(model)
