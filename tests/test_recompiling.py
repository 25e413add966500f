"""Compiling again as before, with what the optimizer has learned."""

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from models_kit import NAMES, X, Y, changed, fit, mlp, trained, values

import kerasplug
from kerasplug import freeze_weights, recompile, stale_compile, unfreeze_weights
from kerasplug.errors import KerasplugWarning, ModelError

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


@pytest.fixture
def on_jax(keras):
    """Whether Keras computes with JAX."""
    return keras.backend.backend() == "jax"


OPTIMIZERS = (
    *("sgd", "momentum", "adam", "adamw", "adamax", "adagrad", "adadelta"),
    *("adafactor", "rmsprop", "nadam", "ftrl", "lion", "lamb", "muon"),
    *("schedule", "averages", "accumulating", "scaled"),
)


def optimizers(keras):
    """One of each kind, with whatever makes them keep more."""
    make = keras.optimizers
    schedule = make.schedules.ExponentialDecay(0.01, 2, 0.9)
    return {
        "sgd": make.SGD(0.01),
        "momentum": make.SGD(0.01, momentum=0.9, nesterov=True),
        "adam": make.Adam(amsgrad=True),
        "adamw": make.AdamW(weight_decay=0.01),
        "adamax": make.Adamax(),
        "adagrad": make.Adagrad(),
        "adadelta": make.Adadelta(1.0),
        "adafactor": make.Adafactor(),
        "rmsprop": make.RMSprop(centered=True, momentum=0.5),
        "nadam": make.Nadam(),
        "ftrl": make.Ftrl(),
        "lion": make.Lion(),
        "lamb": make.Lamb(),
        "muon": make.Muon(),
        "schedule": make.Adam(schedule),
        "averages": make.Adam(use_ema=True, ema_overwrite_frequency=3),
        "accumulating": make.Adam(gradient_accumulation_steps=3),
        "scaled": make.LossScaleOptimizer(make.Adam()),
    }


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_training_goes_on_after_recompile_as_without_it(keras, on_jax, name):
    """Where nothing was frozen, the numbers are the same to the last bit."""
    if on_jax and name == "averages":
        pytest.skip("Keras on JAX can't fit twice with use_ema")
    results = []
    for again in (False, True):
        keras.utils.set_random_seed(7)
        model = mlp(keras, *NAMES)
        model.compile(optimizers(keras)[name], "mse")
        fit(model, 2)
        if again:
            assert recompile(model) is model
        fit(model, 2)
        results.append(values(model))
    for one, other in zip(*results, strict=True):
        np.testing.assert_array_equal(one, other)


@pytest.mark.parametrize("name", ["momentum", "adam", "adafactor", "nadam", "scaled"])
def test_what_stays_trainable_keeps_what_the_optimizer_knows(keras, name):
    """States of frozen weights go, all others are where their weights are now."""
    model = mlp(keras, *NAMES)
    model.compile(optimizers(keras)[name], "mse")
    fit(model, 2)
    before = [np.array(one) for one in model.optimizer.variables]
    shapes = [one.shape for one in before]
    freeze_weights(model, to="a", on_stale="ignore")
    recompile(model)
    after = [np.array(one) for one in model.optimizer.variables]
    assert shapes.count((4, 3)) > [one.shape for one in after].count((4, 3)) == 0
    left = iter(before)  # what is left is there in its old order
    for value in after:
        assert any(np.array_equal(value, one) for one in left)
    assert stale_compile(model) is None


def test_states_are_told_apart_by_their_weights_not_their_names(keras):
    """Two weights of one name each keep their own states."""
    twins = [mlp(keras, "twin", columns=3, last=3) for _ in range(2)]
    model = keras.Sequential([keras.Input((3,)), *twins, keras.layers.Dense(1)])
    model.compile(keras.optimizers.SGD(0.1, momentum=0.9), "mse")
    model.fit(X[:, :3], Y, verbose=0)
    second = np.array(model.optimizer.momentums[2])
    assert not np.array_equal(second, model.optimizer.momentums[0])
    freeze_weights(twins[0])
    recompile(model)
    np.testing.assert_array_equal(model.optimizer.momentums[0], second)


def test_a_new_weight_begins_with_its_own_average(keras):
    """An average that began at zero would drag the weight there."""
    model = mlp(keras, *NAMES)
    freeze_weights(model, to="a")
    model.compile(keras.optimizers.SGD(0.01, use_ema=True), "mse")
    fit(model)
    unfreeze_weights(model, on_stale="ignore")
    recompile(model)
    average = model.optimizer._model_variables_moving_average[0]
    np.testing.assert_array_equal(np.array(average), model.get_weights()[0])


def test_fit_recompiles_by_itself_where_asked(model):
    """Training goes on with what is trainable now, and with the steps made so far."""
    steps = int(model.optimizer.iterations)
    freeze_weights(model, which="a", on_stale="recompile")
    before = values(model)
    history = model.fit(X, Y, batch_size=16, verbose=0).history
    assert set(history) == {"loss", "mae"}
    assert changed(before, model) == [False, False, True, True, True, True]
    assert int(model.optimizer.iterations) == steps + 2


def test_the_learning_rate_of_now_is_kept(model):
    """A callback may have lowered it."""
    model.optimizer.learning_rate = 0.125
    recompile(model)
    assert float(model.optimizer.learning_rate) == 0.125


def test_losses_and_metrics_are_the_very_objects(keras):
    """Nothing goes through a configuration: functions of one's own are kept."""
    seen = []

    def own_loss(true, predicted):
        seen.append(true)
        return keras.ops.mean((true - predicted) ** 2, axis=-1)

    model = mlp(keras, *NAMES)
    model.compile("adam", own_loss, run_eagerly=True)
    fit(model)
    seen.clear()
    recompile(model)
    assert model.run_eagerly
    fit(model)
    assert seen


def test_what_was_never_compiled_cannot_be_recompiled(keras):
    """The error says what to do."""
    with pytest.raises(ModelError, match=r"model\.compile\(optimizer, loss\)"):
        recompile(mlp(keras, *NAMES))


def test_models_of_keras_2_are_compiled_by_their_users(legacy):
    """It does not keep what `compile` was given."""
    model = mlp(legacy, *NAMES)
    model.compile("adam", "mse")
    with pytest.raises(ModelError, match="a model of Keras 3"):
        recompile(model)


def test_an_optimizer_that_has_no_configuration(keras, model):
    """The error names it, and the model is as it was."""

    class Odd(keras.optimizers.SGD):
        """Its configuration lacks an argument."""

        def __init__(self, secret, **kwargs):
            super().__init__(**kwargs)
            self.secret = secret

    model.compile(Odd("x"), "mse")
    fit(model)
    optimizer = model.optimizer
    with pytest.raises(ModelError, match="Odd: TypeError"):
        recompile(model)
    assert model.optimizer is optimizer
    fit(model)


def test_states_in_unknown_places_are_named(keras):
    """What can't be handed over begins anew, and a warning says so."""

    class Hoarder(keras.optimizers.SGD):
        """It keeps its states in a dict."""

        def build(self, variables):
            super().build(variables)
            self.hoard = {
                one.path: self.add_variable_from_reference(one, name="hoard")
                for one in variables
            }

    model = mlp(keras, *NAMES)
    model.compile(Hoarder(), "mse")
    fit(model)
    with pytest.warns(KerasplugWarning, match="a_kernel_hoard"):
        recompile(model)


def test_the_old_optimizer_can_still_be_read(model):
    """Its states are its own: on JAX a step takes over the memory of what it trains."""
    old = model.optimizer
    steps = int(old.iterations)
    recompile(model)
    fit(model)

    assert int(old.iterations) == steps
    assert float(old.learning_rate) == float(model.optimizer.learning_rate)


def test_the_average_of_a_new_weight_is_apart_from_it(keras):
    """Else JAX is given the same memory twice, and the model loses its weights."""
    model = mlp(keras, *NAMES)
    freeze_weights(model, to="b")
    model.compile(keras.optimizers.Adam(use_ema=True), "mse")
    unfreeze = kerasplug.GradualUnfreezing({1: "b"})
    before = values(model)
    model.fit(X, Y, epochs=2, callbacks=[unfreeze], verbose=0)

    assert changed(before, model) == [False, False, True, True, True, True]


def test_a_loss_that_is_not_scaled_stays_so(keras):
    """Keras does not keep `auto_scale_loss=False` among what `compile` was given."""
    before = keras.config.dtype_policy()
    keras.config.set_dtype_policy("mixed_float16")
    try:
        model = mlp(keras, *NAMES)
    finally:
        keras.config.set_dtype_policy(before)
    model.compile("adam", "mse", auto_scale_loss=False)
    fit(model)
    recompile(model)
    fit(model)

    assert type(model.optimizer) is keras.optimizers.Adam


_DEVICES = """
import contextlib
import numpy as np
import tensorflow as tf
cpu = tf.config.LogicalDeviceConfiguration()
here = tf.config.list_physical_devices("CPU")[0]
tf.config.set_logical_device_configuration(here, [cpu, cpu])
import keras
from models_kit import NAMES, X, Y, mlp
from kerasplug import recompile
found = []
for strategy in (None, tf.distribute.MirroredStrategy(["/cpu:0", "/cpu:1"])):
    keras.utils.set_random_seed(0)
    with strategy.scope() if strategy else contextlib.nullcontext():
        model = mlp(keras, *NAMES)
        model.compile("adam", "mse")
    for _ in range(3):
        options = {"batch_size": 8, "shuffle": False, "verbose": 0}
        model.fit(X, Y, **options)
        recompile(model)  # outside the scope, as users do it
    found.append(model.get_weights())
# The sums over a batch are made in another order: some units of float32.
for one, other in zip(*found, strict=True):
    np.testing.assert_allclose(one, other, rtol=1e-5, atol=1e-6)
"""


def test_several_devices_of_tensorflow_train_as_one():
    """The new optimizer is made where the model's strategy wants it."""
    done = subprocess.run(
        [sys.executable, "-c", _DEVICES],
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
