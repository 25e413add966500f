"""Unfreezing while `fit` runs: the numbers are those of a fit for each stage."""

import itertools
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from gradual_kit import FIT, SCHEDULE, arrays, by_hand, moved, staged, weights
from training_kit import X, Y

import kerasplug.training as kt

pytestmark = [
    pytest.mark.engine,
    pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning"),
]

EPOCHS = 6
CHECKED = FIT | {"validation_data": (X, Y)}


def plain(keras):
    return {}


def momentum(keras):
    return {"optimizer": keras.optimizers.SGD(0.01, momentum=0.9)}


def accumulating(keras):
    return {"optimizer": keras.optimizers.Adam(gradient_accumulation_steps=3)}


def decaying(keras):
    schedule = keras.optimizers.schedules.ExponentialDecay(0.01, 2, 0.9)
    return {"optimizer": keras.optimizers.Adam(schedule)}


def scaled(keras):
    inner = keras.optimizers.Adam()
    wrapped = keras.optimizers.LossScaleOptimizer
    return {"optimizer": wrapped(inner, initial_scale=4.0, dynamic_growth_steps=3)}


def mixed(keras):
    return {"policy": "mixed_float16"}


def compiled(keras):
    return {"jit_compile": True}


def eager(keras):
    return {"run_eagerly": True}


def pairs(keras):
    return {"steps_per_execution": 2}


WAYS = [
    *(plain, momentum, accumulating, decaying),
    *(scaled, mixed, compiled, eager, pairs),
]


@pytest.mark.parametrize("way", WAYS, ids=lambda way: way.__name__)
def test_the_numbers_are_those_of_a_fit_for_each_stage(keras, way):
    """Weights, what the optimizer knows, and the history, to the last bit."""
    model = staged(keras, **way(keras))
    listed = [kt.GradualUnfreezing(SCHEDULE)]
    history = model.fit(X, Y, epochs=EPOCHS, callbacks=listed, **CHECKED)
    hand = staged(keras, **way(keras))
    numbers = by_hand(hand, SCHEDULE, EPOCHS, validation_data=(X, Y))

    assert history.epoch == [*range(EPOCHS)]
    assert sorted(numbers) == ["loss", "mae", "val_loss", "val_mae"]
    assert history.history == numbers
    assert type(model.optimizer) is type(hand.optimizer)
    for of in ("weights", "optimizer.variables"):
        one, other = (values(of, keras, each) for each in (model, hand))
        assert len(one) == len(other)
        for mine, theirs in zip(one, other, strict=True):
            np.testing.assert_array_equal(mine, theirs)


def values(of, keras, model):
    variables = model.weights if of == "weights" else model.optimizer.variables
    return arrays(keras, variables)


def test_fit_gradually_is_a_fit_with_this_callback(keras):
    """The same weights, to the last bit."""
    found = []
    for gradually in (False, True):
        model = staged(keras)
        if gradually:
            kt.fit_gradually(model, SCHEDULE, X, Y, epochs=EPOCHS, **CHECKED)
        else:
            listed = [kt.GradualUnfreezing(SCHEDULE)]
            model.fit(X, Y, epochs=EPOCHS, callbacks=listed, **CHECKED)
        found.append(weights(model))

    assert moved(*found) == []


def test_layers_learn_from_their_epoch_on(keras):
    """Before, no weight and no statistic of a normalization moves by a bit."""
    model = staged(keras)
    seen = [weights(model)]
    look = kt.callback_lambda(
        on_epoch_end=lambda epoch, logs: seen.append(weights(model))
    )
    listed = [kt.GradualUnfreezing(SCHEDULE), look]
    model.fit(X, Y, epochs=EPOCHS, callbacks=listed, **FIT)

    early, late = [["c"]] * 2, [["norm", "b", "c"]] * 2
    found = [moved(*pair) for pair in itertools.pairwise(seen)]
    assert found == [*early, *[["b", "c"]] * 2, *late]


def test_metrics_of_a_new_stage_count_its_epochs_only(keras):
    """Also a metric that the user made; by hand it begins with what validation left."""
    off = []
    for hand in (False, True):
        metrics = ("mse", keras.metrics.RootMeanSquaredError(name="root"))
        model = staged(keras, metrics=metrics)
        if hand:
            numbers = by_hand(model, SCHEDULE, EPOCHS, validation_data=(X, Y))
        else:
            listed = [kt.GradualUnfreezing(SCHEDULE)]
            fitted = model.fit(X, Y, epochs=EPOCHS, callbacks=listed, **CHECKED)
            numbers = fitted.history
        assert {len(values) for values in numbers.values()} == {EPOCHS}
        roots = np.sqrt(numbers["mse"])
        # Both are sums of 16 float32 values, in different orders.
        wrong = ~np.isclose(numbers["root"], roots, rtol=1e-6, atol=0)
        off.append(np.flatnonzero(wrong).tolist())
    on_jax = keras.backend.backend() == "jax"  # where `fit` builds them before

    assert off == [[], [] if on_jax else [*SCHEDULE]]


def naive(keras, model, more=lambda model: None):
    """Train, with a callback as one would write it in plain Keras."""

    class Unfreeze(keras.callbacks.Callback):
        def on_epoch_begin(self, epoch, logs=None):
            if epoch == 1:
                self.model.get_layer("b").trainable = True
                more(self.model)

    return model.fit(X, Y, epochs=3, callbacks=[Unfreeze()], **CHECKED)


def test_in_plain_keras_the_flag_alone_does_nothing_or_harm(keras):
    """Why: TensorFlow passes over it in silence; on JAX the model loses its weights."""
    model = staged(keras)
    before = weights(model)
    if keras.backend.backend() == "jax":
        with pytest.raises(ValueError, match="the optimizer was built with"):
            naive(keras, model)
        with pytest.raises(TypeError, match="NoneType"):
            weights(model)
    else:
        naive(keras, model)
        assert moved(before, weights(model)) == ["c"], "`b` should have learned"


def test_in_plain_keras_compiling_in_a_callback_ends_the_fit(keras):
    """Why: `fit` has made the function of a step, and `compile` drops it."""
    model = staged(keras)
    with pytest.raises(TypeError, match="NoneType"):
        naive(keras, model, lambda model: model.compile("adam", "mse"))


def test_on_several_devices_of_tensorflow_too():
    """The optimizer is made within the strategy; outside of it training is another."""
    code = """
import contextlib, sys
import numpy as np
import tensorflow as tf
cpu = tf.config.LogicalDeviceConfiguration()
here = tf.config.list_physical_devices("CPU")[0]
tf.config.set_logical_device_configuration(here, [cpu, cpu])
import keras
from training_kit import X, Y, layers
import kerasplug.training as kt
from kerasplug import freeze_weights
found = []
for strategy in (None, tf.distribute.MirroredStrategy(["/cpu:0", "/cpu:1"])):
    with strategy.scope() if strategy else contextlib.nullcontext():
        model = layers(keras)
        freeze_weights(model, to="b")
        model.compile("adam", "mse")
    options = {"batch_size": 8, "shuffle": False, "verbose": 0, "epochs": 4}
    model.fit(X, Y, callbacks=[kt.GradualUnfreezing({2: "b"})], **options)
    found.append(model.get_weights())
# The sums over a batch are made in another order: some units of float32.
for one, other in zip(*found, strict=True):
    np.testing.assert_allclose(one, other, rtol=1e-5, atol=1e-6)
"""
    done = subprocess.run(
        [sys.executable, "-c", code],
        env={
            **os.environ,
            "KERAS_BACKEND": "tensorflow",
            "PYTHONPATH": str(Path(__file__).parent),
        },
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-2000:]
