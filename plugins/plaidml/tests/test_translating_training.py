"""Losses, their weights and optimizers, in words for the program."""

import json

import keras
import numpy as np
import pytest
from keras import layers, losses, optimizers
from kerasplug_plaidml.translating.losses import LOSSES
from kerasplug_plaidml.translating.training import translate_training

from kerasplug.errors import TranslationError

pytestmark = pytest.mark.engine


def _two(**kwargs):
    """A model of two outputs, compiled."""
    x = keras.Input((3,))
    model = keras.Model(x, [layers.Dense(2, name=name)(x) for name in ("a", "b")])
    model.compile("sgd", **kwargs)
    return model


def _one(optimizer="sgd", loss="mse", **kwargs):
    model = keras.Sequential([keras.Input((3,)), layers.Dense(2, name="a")])
    model.compile(optimizer, loss, **kwargs)
    return model


def _names(model):
    told = translate_training(model)["losses"]
    return [one and one["name"] for one in told]


def own_loss(y_true, y_pred):
    """Somebody's own."""
    return keras.ops.mean(y_pred - y_true, axis=-1)


@pytest.mark.parametrize("name", LOSSES)
def test_a_loss_by_object_by_function_and_by_name_is_the_same(name):
    """Keras takes all three, and gives them the same defaults."""
    function = LOSSES[name][0]
    given = (getattr(losses, name)(), getattr(losses, function), function)
    told = [translate_training(_one(loss=one))["losses"][0] for one in given]
    assert told[0]["name"] == function
    assert told[0] == pytest.approx(told[1])
    assert told[1] == told[2]


def test_arguments_of_losses_are_carried():
    """As Keras calls them."""
    loss = losses.CategoricalCrossentropy(
        from_logits=True, label_smoothing=0.25, reduction="sum"
    )
    (told,) = translate_training(_one(loss=loss))["losses"]
    assert told == {
        "name": "categorical_crossentropy",
        "from_logits": True,
        "label_smoothing": 0.25,
        "axis": -1,
        "reduction": "sum",
    }


@pytest.mark.parametrize("delta", [0.5, 1.0, 3.0])
def test_the_delta_of_huber_is_found(delta):
    """Keras does not write it into the configuration."""
    loss = losses.Huber(delta=delta)
    assert "delta" not in loss.get_config(), "Keras writes it now"
    (told,) = translate_training(_one(loss=loss))["losses"]
    assert told["delta"] == delta


REFUSED = {
    "own function": (own_loss, "own_loss"),
    "crossentropy": ("crossentropy", "name it"),
    "Tversky": (losses.Tversky(), "Tversky"),
    "another axis": (losses.BinaryCrossentropy(axis=1), "axis=1"),
    "a hidden axis": (losses.CosineSimilarity(axis=1), "does not say"),
    "ignored class": (losses.SparseCategoricalCrossentropy(ignore_class=0), "=0"),
    "no reduction": (losses.MeanSquaredError(reduction=None), "reduction=None"),
    "a subclass": (type("MeanSquaredError", (losses.MeanSquaredError,), {})(), "Mean"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_a_loss_that_the_program_has_not_is_refused(name):
    """By its name, and with its output's."""
    loss, words = REFUSED[name]
    with pytest.raises(TranslationError, match=r"loss of 'a'") as caught:
        translate_training(_one(loss=loss))
    assert words in str(caught.value)


@pytest.mark.parametrize(
    ("loss", "expected"),
    [
        ("mse", ["mean_squared_error"] * 2),
        (["mse", None], ["mean_squared_error", None]),
        ({"b": "mse", "a": "mae"}, ["mean_absolute_error", "mean_squared_error"]),
    ],
)
def test_each_output_has_its_loss(loss, expected):
    """One for all, a list, or by name."""
    assert _names(_two(loss=loss)) == expected


@pytest.mark.parametrize("weights", [None, [0.5, 2], {"a": 0.5, "b": 2}])
def test_each_output_has_its_weight(weights):
    """A list, or by name; 1 where nothing is said."""
    model = _two(loss={"a": "mse", "b": "mae"}, loss_weights=weights)
    told = translate_training(model)["loss_weights"]
    assert told == ([0.5, 2.0] if weights else [1.0, 1.0])


def test_outputs_in_a_dict_go_by_its_keys():
    """In the order in which Keras walks through it."""
    x = keras.Input((3,))
    outputs = {"q": layers.Dense(2)(x), "p": layers.Dense(2)(x)}
    model = keras.Model(x, outputs)
    model.compile("sgd", {"q": "mse", "p": "mae"}, loss_weights={"q": 2.0, "p": 3.0})
    told = translate_training(model)
    assert [one["name"] for one in told["losses"]] == [
        "mean_absolute_error",
        "mean_squared_error",
    ]
    assert told["loss_weights"] == [3.0, 2.0]


def test_the_weights_are_those_that_keras_takes():
    """The total of Keras is the sum of losses times these weights."""
    model = _two(loss={"b": "mse", "a": "mae"}, loss_weights={"b": 2.0, "a": 3.0})
    random = np.random.default_rng(0)
    x, a, b = (random.normal(size=(4, n)) for n in (3, 2, 2))
    total = model.evaluate(x, [a, b], verbose=0)[0]
    there = model.predict(x, verbose=0)
    told = translate_training(model)
    means = {"mean_squared_error": np.square, "mean_absolute_error": np.abs}
    parts = [
        weight * means[loss["name"]](y - guess).mean()
        for weight, loss, y, guess in zip(
            told["loss_weights"], told["losses"], (a, b), there, strict=True
        )
    ]
    assert total == pytest.approx(sum(parts), rel=1e-5)


def test_an_optimizer_is_told_with_its_arguments():
    """Without the learning rate, which goes with each step."""
    given = optimizers.AdamW(0.1, beta_1=0.8, clipnorm=1.0, weight_decay=0.02)
    told = translate_training(_one(given))["optimizer"]
    assert told == {
        "name": "adam",
        "beta_1": 0.8,
        "beta_2": 0.999,
        "epsilon": 1e-07,
        "amsgrad": False,
        "clipnorm": 1.0,
        "clipvalue": None,
        "global_clipnorm": None,
        "weight_decay": 0.02,
    }


def test_a_schedule_is_no_matter():
    """The rate of each step comes from here."""
    schedule = optimizers.schedules.ExponentialDecay(0.1, 10, 0.5)
    told = translate_training(_one(optimizers.SGD(schedule, momentum=0.5)))
    assert told["optimizer"]["momentum"] == 0.5
    assert "learning_rate" not in told["optimizer"]
    assert json.loads(json.dumps(told)) == told


@pytest.mark.parametrize(
    ("optimizer", "words"),
    [
        (optimizers.Lion(), "Lion"),
        (optimizers.SGD(use_ema=True), "use_ema=True"),
        (optimizers.Adam(gradient_accumulation_steps=2), "steps=2"),
        (optimizers.Adam(loss_scale_factor=2.0), "factor=2.0"),
        (type("Adam", (optimizers.Adam,), {})(), "the optimizer Adam"),
    ],
)
def test_an_optimizer_that_the_program_has_not_is_refused(optimizer, words):
    """By its name, a subclass too."""
    with pytest.raises(TranslationError) as caught:
        translate_training(_one(optimizer))
    assert words in str(caught.value)


def test_what_is_not_compiled_is_refused():
    """And it is said what to do."""
    model = keras.Sequential([keras.Input((3,)), layers.Dense(2)])
    with pytest.raises(TranslationError, match="call compile"):
        translate_training(model)
    model.compile("sgd")
    with pytest.raises(TranslationError, match="no loss"):
        translate_training(model)


def test_a_lambda_among_the_metrics_is_nobodys_fault():
    """No warning comes of it: metrics are computed here."""
    model = _one(metrics=[lambda y_true, y_pred: y_pred - y_true])
    assert _names(model) == ["mean_squared_error"]
