"""The trap after compile: found before anything is lost."""

import pytest
from models_kit import NAMES, X, Y, changed, fit, mlp, trained, values

import kerasplug
from kerasplug import (
    freeze_weights,
    frozen,
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


@pytest.fixture
def model(keras):
    """Three dense layers, trained once."""
    return trained(keras)


@pytest.fixture
def on_jax(keras):
    """Whether Keras computes with JAX."""
    return keras.backend.backend() == "jax"


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
