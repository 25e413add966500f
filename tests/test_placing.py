"""Layers on devices of their own: where they run, and that all else is the same."""

import numpy as np
import pytest
from parallel_kit import (
    assert_same,
    elsewhere,
    fitted,
    rows,
    started,
)

import kerasplug as kp

pytestmark = [
    pytest.mark.engine,
    pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning"),
]


def placer(placing):
    """`place`, or nothing where a model is to be without places."""
    return kp.place if placing else lambda layer, _device: layer


def two_branches(place):
    """One layer with dropout and a loss reads two inputs, one of them with a mask."""
    keras, _ = started()
    a, b = keras.Input((5,)), keras.Input((5, 4))
    embedded = place(keras.layers.Embedding(9, 4, mask_zero=True), "cpu:1")(a)
    shared = keras.layers.LSTM(3, dropout=0.2, seed=1, activity_regularizer="l2")
    ends = [place(shared, "cpu:1")(embedded), place(shared, "cpu:2")(b)]
    merged = place(keras.layers.Concatenate(), "cpu:3")(ends)
    return keras.Model([a, b], keras.layers.Dense(1)(merged))


def states(place):
    """A layer with several outputs, whose states begin another one."""
    keras, _ = started()
    a, b = keras.Input((5,)), keras.Input((5, 4))
    embedded = keras.layers.Embedding(9, 4)(a)
    first = keras.layers.SimpleRNN(3, return_sequences=True, return_state=True)
    sequence, *ends = place(first, "cpu:1")(embedded)
    second = place(keras.layers.SimpleRNN(3), "cpu:2")(sequence, initial_state=ends)
    flat = keras.layers.Flatten()(b)
    merged = keras.layers.Concatenate()([second, flat])
    return keras.Model([a, b], keras.layers.Dense(1)(merged))


def attention(place):
    """A layer with several inputs, and masks of each."""
    keras, _ = started()
    a, b = keras.Input((5,)), keras.Input((5, 4))
    embedded = keras.layers.Embedding(9, 4, mask_zero=True)(a)
    layer = keras.layers.MultiHeadAttention(2, 3)
    seen = place(layer, "cpu:1")(b, embedded)
    pooled = keras.layers.GlobalAveragePooling1D()(seen)
    return keras.Model([a, b], keras.layers.Dense(1)(pooled))


def inner_model(place):
    """A model in a model, on two devices; statistics, and losses of weights."""
    keras, _ = started()
    a, b = keras.Input((5,)), keras.Input((5, 4))
    embedded = keras.layers.Embedding(9, 4)(a)
    inputs = keras.Input((5, 4))
    hidden = keras.layers.Dense(3, kernel_regularizer="l2")(inputs)
    inner = keras.Model(inputs, keras.layers.BatchNormalization()(hidden))
    both = [place(inner, "cpu:1")(embedded), place(inner, "cpu:2")(b)]
    pooled = keras.layers.GlobalAveragePooling1D()(keras.layers.add(both))
    return keras.Model([a, b], keras.layers.Dense(1)(pooled))


MAKERS = [two_branches, states, attention, inner_model]


def data(count=22):
    """Inputs for all of the models, the first with padding, and targets."""
    numbers = np.random.default_rng(3).integers(1, 9, (count, 5))
    numbers[::2, 3:] = 0
    return [numbers, rows(count, 5, 4)], rows(count, 1, seed=1)


def compiled(model, **options):
    """The model, compiled; `losses.MeanSquaredError` loads from HDF5 in plain Keras."""
    keras, _ = started()
    loss = keras.losses.MeanSquaredError()
    model.compile(keras.optimizers.Adam(0.01), loss, **options)
    return model


def pair(make, **options):
    """A model without places and the same with them."""
    plain, placed = (compiled(make(placer(on)), **options) for on in (False, True))
    placed.set_weights(plain.get_weights())
    return plain, placed


@pytest.mark.parametrize(
    ("make", "eagerly"), [(two_branches, True), *((make, False) for make in MAKERS)]
)
@elsewhere
def test_training_comes_to_the_same_numbers(make, eagerly):
    """Weights, optimizer and losses are those of the model without places."""
    models = pair(make, run_eagerly=eagerly)
    inputs, targets = data(16 if eagerly else 22)
    with kp.placements() as found:
        histories = fitted(models, inputs, targets, batch_size=8, epochs=2 - eagerly)

    assert len(found) > 1
    assert_same(*histories)
    assert_same(*(one.get_weights() for one in models))
    assert_same(*(list(map(np.array, one.optimizer.variables)) for one in models))


@elsewhere
def test_a_placed_softmax_that_says_zero_or_one():
    """Losses come from what went into it, so one that is surely wrong learns."""
    keras, _ = started()
    losses = []

    for placing in (False, True):
        inputs, dense = keras.Input((4,)), keras.layers.Dense(2, activation="softmax")
        outputs = placer(placing)(dense, "cpu:1")(inputs)
        model = keras.Model(inputs, outputs)
        model.set_weights([np.eye(4, 2) * 100, np.array([60.0, 0.0])])
        model.compile("sgd", "categorical_crossentropy")
        losses += fitted([model], rows(12, 4), np.eye(2)[np.arange(12) % 2])

    assert_same(*losses)
    assert losses[0]["loss"][0] > 17


@elsewhere
def test_each_call_runs_on_its_device_forward_and_backward():
    """One shared layer on two devices, the rest where it always is."""
    placed = compiled(two_branches(kp.place))
    inputs, targets = data()
    with kp.placements() as found:
        placed.fit(inputs, targets, verbose=0)

    for device in ("cpu:1", "cpu:2"):
        assert {"Tanh", "TanhGrad", "SigmoidGrad"} <= set(found[device])
    assert not {"Tanh", "TanhGrad", "SigmoidGrad"} & set(found["cpu:0"])
    assert "ConcatV2" in found["cpu:3"]


@elsewhere
def test_a_layer_on_two_devices_is_one_layer_of_the_model():
    """With a node for each call, and its weights once."""
    model = two_branches(kp.place)
    (shared,) = [one for one in model.layers if one.name.startswith("placed_lstm")]

    assert shared.layer.name in shared.name
    assert len(shared.weights) == 3
    assert shared.count_params() == shared.layer.count_params()


@pytest.mark.parametrize("how", ["keras", "h5", "json", "clone"])
@elsewhere
def test_what_is_shared_stays_shared(how, tmp_path):
    """In files of every format, in texts and in clones; each call keeps its device."""
    keras, _ = started()
    model = compiled(inner_model(kp.place))
    inputs, targets = data()
    model.fit(inputs, targets, verbose=0)
    if how == "json":
        again = keras.models.model_from_json(model.to_json())
    elif how == "clone":
        again = keras.models.clone_model(model)
    else:
        path = tmp_path / f"model.{how}"
        kp.save_model(model, path)
        again = kp.load_model(path)
    again.set_weights(model.get_weights())
    compiled(again)
    compiled(model)
    fitted([model], inputs, targets)
    with kp.placements() as found:
        fitted([again], inputs, targets)

    assert len(again.weights) == len(model.weights)
    assert_same(*(one.get_weights() for one in (model, again)))
    for device in ("cpu:1", "cpu:2"):
        assert found[device]["MatMul"] > 1  # forward and backward


@pytest.mark.parametrize("suffix", ["keras", "h5"])
@elsewhere
def test_a_saved_model_goes_on_training(suffix, tmp_path):
    """With the optimizer's state, to the same numbers."""
    _, model = pair(inner_model)
    inputs, targets = data()
    model.fit(inputs, targets, verbose=0)
    kp.save_model(model, tmp_path / f"model.{suffix}")
    again = kp.load_model(tmp_path / f"model.{suffix}")
    fitted((model, again), inputs, targets)

    close = 1e-12 if suffix == "keras" else 1e-6  # HDF5 keeps rates as float32
    assert_same(model.get_weights(), again.get_weights(), close)


@elsewhere
def test_sequential_models_and_subclasses_can_have_places():
    """Also those that are built at the first call."""
    keras, _ = started()

    class Two(keras.Model):
        """Two places."""

        def __init__(self, place):
            super().__init__()
            self.first = place(keras.layers.Dense(3, activation="tanh"), "cpu:1")
            self.second = place(keras.layers.Dense(1), "cpu:2")

        def call(self, inputs):
            return self.second(self.first(inputs))

    def sequence(place):
        one = place(keras.layers.Dense(3, activation="tanh"), "cpu:1")
        return keras.Sequential([one, place(keras.layers.Dense(1), "cpu:2")])

    for make in (Two, sequence):
        plain, placed = (compiled(make(placer(on))) for on in (False, True))
        numbers, targets = rows(8, 4), rows(8, 1)
        plain(numbers), placed(numbers)
        placed.set_weights(plain.get_weights())
        with kp.placements() as found:
            fitted((plain, placed), numbers, targets)
        assert_same(plain.get_weights(), placed.get_weights())
        assert "TanhGrad" in found["cpu:1"]
        assert "MatMul" in found["cpu:2"]


@elsewhere
def test_states_are_remembered():
    """A stateful layer goes on where it was, and can begin again."""
    keras, _ = started()

    def make(place):
        inputs = keras.Input(batch_shape=(4, 5, 2))
        layer = keras.layers.GRU(3, stateful=True)
        return keras.Model(inputs, place(layer, "cpu:1")(inputs))

    plain, placed = pair(make)
    numbers = rows(4, 5, 2)
    first = [one.predict(numbers, verbose=0) for one in (plain, placed)]
    second = [one.predict(numbers, verbose=0) for one in (plain, placed)]
    kp.reset_states(placed)

    assert_same(*first)
    assert_same(*second)
    assert not np.allclose(first[0], second[0])
    assert_same(first[0], placed.predict(numbers, verbose=0))


@elsewhere
def test_losses_of_calls_without_a_place_keep_their_gradients():
    """What the same layer added elsewhere is left to it."""
    keras, _ = started()

    def make(place):
        inputs = keras.Input((3,))
        layer = keras.layers.Dense(3, activity_regularizer="l2")
        before = layer(inputs)
        return keras.Model(inputs, place(layer, "cpu:1")(before))

    plain, placed = pair(make)
    fitted((plain, placed), rows(8, 3), rows(8, 3))

    assert_same(plain.get_weights(), placed.get_weights())


@elsewhere
def test_a_mask_reaches_what_is_inside_a_layer():
    """Also where the layer's call has no argument for it, and out again."""
    keras, _ = started()

    class Inside(keras.layers.Layer):
        """Has a layer that goes by the mask of what it is given."""

        def __init__(self):
            super().__init__()
            self.supports_masking = True
            self.reader = keras.layers.SimpleRNN(4, return_sequences=True)

        def call(self, inputs):
            return self.reader(inputs)

    def make(place):
        inputs = keras.Input((5,))
        embedded = keras.layers.Embedding(9, 4, mask_zero=True)(inputs)
        seen = place(Inside(), "cpu:1")(embedded)
        return keras.Model(inputs, keras.layers.GlobalAveragePooling1D()(seen))

    models = pair(make)
    (numbers, _), _ = data()
    numbers[:, 1] = 0  # what comes later must not know of it

    assert_same(*(one.predict(numbers, verbose=0) for one in models))


@elsewhere
def test_half_precision_is_as_without_a_place():
    """The layer casts by its own policy."""
    keras, _ = started()

    def make(place):
        inputs = keras.Input((3,), dtype="float32")
        layer = keras.layers.Dense(2, dtype="mixed_bfloat16")
        return keras.Model(inputs, place(layer, "cpu:1")(inputs))

    plain, placed = pair(make)
    numbers = rows(8, 3).astype("float32")
    made = [keras.ops.cast(one(numbers), "float32") for one in (plain, placed)]

    assert placed.output.dtype == plain.output.dtype == "bfloat16"
    assert_same(*made)


@elsewhere
def test_xla_is_not_used():
    """It compiles a step for one device; Keras says so where it was asked for."""
    keras, _ = started()
    inputs = keras.Input((3,))
    model = keras.Model(inputs, kp.place(keras.layers.Dense(2), "cpu:1")(inputs))
    with pytest.warns(UserWarning, match="jit_compile"):
        compiled(model, jit_compile=True)

    assert model.jit_compile is False


@elsewhere
def test_an_unknown_device_is_refused_where_it_is_named():
    """With those that there are; what is no layer, as well."""
    keras, _ = started()
    with pytest.raises(kp.DeviceError, match="gpu:5") as caught:
        kp.place(keras.layers.Dense(1), "gpu:5")
    assert "cpu:7" in str(caught.value)
    with pytest.raises(kp.ModelError):
        kp.place("dense", "cpu:1")


@elsewhere
def test_what_is_placed_is_placed_anew():
    """The last one counts, and there are no two around each other."""
    keras, _ = started()
    layer = keras.layers.Dense(1)
    again = kp.place(kp.place(layer, "cpu:1"), "/device:CPU:2")

    assert (again.layer, again.device) == (layer, "cpu:2")


@elsewhere
def test_the_tools_for_models_work_on_places():
    """Freezing, outputs of layers, weights in files."""
    model = two_branches(kp.place)
    (shared,) = [one for one in model.layers if one.name.startswith("placed_lstm")]
    inputs, targets = data()
    kp.freeze_weights(model, which=[shared.name])
    compiled(model)
    before = [np.array(one) for one in shared.layer.weights[:3]]
    dense = np.array(model.layers[-1].kernel)
    model.fit(inputs, targets, verbose=0)

    assert_same(before, shared.layer.get_weights()[:3], close=0)
    assert not np.array_equal(dense, model.layers[-1].kernel)
    first = kp.layer_outputs(model, shared.name, node=0).predict(inputs, verbose=0)
    second = kp.layer_outputs(model, shared.name, node=1).predict(inputs, verbose=0)
    assert first.shape == second.shape == (22, 3)
    assert not np.allclose(first, second)


@elsewhere
def test_it_does_what_layers_owe():
    """All that the conformance kit asks of a layer."""
    keras, _ = started()
    keras.config.set_floatx("float32")
    keras.config.set_dtype_policy("float32")
    from kerasplug.devices.layers import Placed
    from kerasplug.testing import check_layer

    def make(**options):
        return Placed(keras.layers.Dense(3), "cpu:1", **options)

    report = check_layer(make, input_shape=(2, 4))
    assert len(report.ids("passed")) > 20
