"""The trap after compile: found before anything is lost, mended, or kept out."""

import warnings

import numpy as np
import pytest
from models_kit import X, Y, changed, mlp, values

import kerasplug
from kerasplug import (
    freeze_weights,
    frozen,
    recompile,
    snapshot_compile,
    stale_compile,
    trainable_summary,
    unfreeze_weights,
    watch_compile,
)
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
    pytest.mark.filterwarnings("ignore:The model does not have any trainable weights"),
]

NAMES = ("a", "b", "c")


@pytest.fixture
def model(keras):
    """Three dense layers, trained once."""
    made = mlp(keras, *NAMES)
    made.compile(optimizer="adam", loss="mse", metrics=["mae"])
    fit(made)
    return made


@pytest.fixture
def on_jax(keras):
    """Whether Keras computes with JAX."""
    return keras.backend.backend() == "jax"


def fit(model, epochs=1):
    """Train it, always in the same way."""
    model.fit(X, Y, batch_size=16, epochs=epochs, shuffle=False, verbose=0)


# --- what plain Keras does ---


def test_keras_passes_over_a_late_freeze(model, on_jax):
    """TensorFlow trains the frozen layer; on JAX fit fails and the weights are lost."""
    model.get_layer("a").trainable = False
    before = values(model)
    if on_jax:
        with pytest.raises(ValueError, match="the optimizer was built with"):
            fit(model)
        with pytest.raises((TypeError, AttributeError, ValueError)):
            model.predict(X, verbose=0)
        return
    fit(model)
    assert changed(before, model)[0], "Keras has learned to look at the flags"


def test_keras_passes_over_a_late_unfreeze(keras, on_jax):
    """TensorFlow leaves the layer frozen; on JAX fit fails."""
    model = mlp(keras, *NAMES)
    model.get_layer("a").trainable = False
    model.compile("adam", "mse")
    fit(model)
    model.get_layer("a").trainable = True
    before = values(model)
    if on_jax:
        with pytest.raises(ValueError, match="the optimizer was built with"):
            fit(model)
        return
    fit(model)
    assert not changed(before, model)[0], "Keras has learned to look at the flags"


# --- it is found ---


def test_a_stale_compile_names_the_weights(model):
    """What was frozen, what was unfrozen: until the model is compiled anew."""
    assert stale_compile(model) is None
    freeze_weights(model, which="a", on_stale="ignore")
    stale = stale_compile(model)
    assert [path.split("/")[-2:] for path in stale.frozen] == [
        ["a", "kernel"],
        ["a", "bias"],
    ]
    assert not stale.unfrozen
    assert "frozen since" in str(stale)
    assert "Compile it anew" in str(trainable_summary(model))
    model.compile("adam", "mse")
    assert stale_compile(model) is None
    fit(model)
    unfreeze_weights(model, on_stale="ignore")
    assert len(stale_compile(model).unfrozen) == 2


def test_before_the_first_fit_nothing_is_stale(keras):
    """Keras 3 reads the flags when training begins, so this change is in time."""
    model = mlp(keras, *NAMES)
    assert stale_compile(model) is None
    model.compile("adam", "mse")
    freeze_weights(model, which="a")
    assert stale_compile(model) is None
    before = values(model)
    fit(model)
    assert changed(before, model) == [False, False, True, True, True, True]


def test_in_keras_2_the_flags_of_compile_hold(legacy):
    """There each change after compile is stale, and plain training ignores it."""
    model = mlp(legacy, *NAMES)
    model.compile("adam", "mse")
    freeze_weights(model, which="a", on_stale="ignore")
    assert stale_compile(model).frozen == ("a",)
    model.compile("adam", "mse")
    assert stale_compile(model) is None
    unfreeze_weights(model, on_stale="ignore")
    assert stale_compile(model).unfrozen == ("a",)


@pytest.mark.parametrize("wrapped", [False, True])
def test_a_scaled_optimizer_is_looked_through(keras, wrapped):
    """The optimizer of mixed precision holds another one."""
    inner = keras.optimizers.Adam()
    model = mlp(keras, *NAMES)
    scaled = keras.optimizers.LossScaleOptimizer(inner) if wrapped else inner
    model.compile(scaled, "mse")
    fit(model)
    model.get_layer("a").trainable = False
    assert len(stale_compile(model).frozen) == 2


def test_other_things_have_no_compile(keras):
    """A layer can't be compiled."""
    with pytest.raises(ModelError, match="expected: a Keras model"):
        stale_compile(keras.layers.Dense(1))


# --- raise ---


@pytest.mark.parametrize("train", ["fit", "train_on_batch"])
def test_fit_raises_before_anything_is_lost(model, train):
    """Freezing a trained model makes its next training say so; the model is whole."""
    freeze_weights(model, which="a")
    before = values(model)
    with pytest.raises(StaleCompileError, match=r"model\.compile") as caught:
        getattr(model, train)(X, Y)
    assert len(caught.value.stale.frozen) == 2
    assert not any(changed(before, model))
    assert model.predict(X, verbose=0).shape == (32, 1)
    model.compile("adam", "mse")
    fit(model)
    assert changed(before, model) == [False, False, True, True, True, True]


def test_a_change_that_is_taken_back_does_no_harm(model):
    """What counts is how the model is when it is trained."""
    freeze_weights(model)
    unfreeze_weights(model)
    fit(model)
    with frozen(model):
        pass
    fit(model)


def test_a_base_deep_in_a_watched_model(keras):
    """The model around a frozen base is watched when it is asked for."""
    base = mlp(keras, "first", "second", last=3)
    layers = [keras.Input((4,)), base, keras.layers.Dense(1)]
    model = watch_compile(keras.Sequential(layers))
    freeze_weights(base)
    model.compile("adam", "mse")
    fit(model)
    unfreeze_weights(base, from_="second")
    with pytest.raises(StaleCompileError, match="second/kernel"):
        fit(model)
    model.compile("adam", "mse")
    before = values(model)
    fit(model)
    assert changed(before, model) == [False, False, True, True, True, True]


def test_all_models_can_be_watched_and_let_go(keras, model):
    """Without a model the watch is over every one of this Keras."""
    original = keras.Model.fit
    watch_compile(on_stale="raise")
    try:
        watch_compile(on_stale="raise")  # twice is once
        model.get_layer("a").trainable = False
        with pytest.raises(StaleCompileError):
            fit(model)
        watch_compile(model, "recompile")  # its own watch wins
        fit(model)
    finally:
        watch_compile(on_stale="ignore")
    assert keras.Model.fit is original


def test_a_watch_can_be_ended(model):
    """With "ignore" the model has its own methods again."""
    watch_compile(model)
    assert "fit" in vars(model)
    watch_compile(model, "ignore")
    assert "fit" not in vars(model)
    assert "train_on_batch" not in vars(model)


def test_a_watched_model_is_saved_as_any_other(model, tmp_path):
    """The watch is no part of the file."""
    watch_compile(model)
    kerasplug.save_model(model, tmp_path / "m.keras")
    loaded = kerasplug.load_model(tmp_path / "m.keras")
    assert not any(changed(values(model), loaded))


@pytest.mark.parametrize("on_stale", ["shout", None, True])
def test_unknown_actions_are_refused(model, on_stale):
    """And nothing is watched."""
    with pytest.raises(RecordError, match="on_stale"):
        watch_compile(model, on_stale)
    assert "fit" not in vars(model)


# --- warn ---


def test_a_warning_where_keras_can_go_on(model, on_jax):
    """TensorFlow trains what it was compiled for; JAX can't: there it is an error."""
    freeze_weights(model, which="a", on_stale="warn")
    if on_jax:
        with pytest.raises(StaleCompileError):
            fit(model)
        assert model.predict(X, verbose=0).shape == (32, 1)
        return
    with pytest.warns(KerasplugWarning, match="frozen since") as caught:
        fit(model)
    assert caught[0].filename == __file__


# --- recompile ---


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


# --- snapshots ---


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
