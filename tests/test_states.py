"""Reading, setting and resetting the states of RNNs, in whatever they are nested."""

import numpy as np
import pytest
from states_kit import BATCH, MODELS, data, flat, give, states_of, variables_of

from kerasplug.errors import ModelError
from kerasplug.models.state_carrying import carry_states
from kerasplug.models.states import get_states, reset_states, set_states

pytestmark = pytest.mark.engine

#: How many layers hold states in each model.
HOLDERS = dict.fromkeys(MODELS, 1) | {"both ways": 2, "two": 2}
#: Those that Keras 2 can make as well.
OLD = [name for name in MODELS if name not in ("subclass", "one zero")]


@pytest.fixture(params=["keras", "legacy"])
def either(request):
    """Keras 3 and Keras 2."""
    return request.getfixturevalue(request.param)


def made(keras, name):
    """A model with states that are not zero."""
    model = MODELS[name][0](keras)
    give(keras, model, 0.5)
    return model


def lstm(keras, **options):
    """A small stateful model, and its layer."""
    layer = keras.layers.LSTM(3, stateful=True, **options)
    return keras.Sequential([keras.Input(batch_shape=(BATCH, 3, 2)), layer]), layer


@pytest.mark.parametrize("name", OLD)
def test_resetting_reaches_all_nesting(either, name):
    """Each kind of stateful layer is reset, wherever it lies."""
    model = made(either, name)
    assert all(one.all() for one in states_of(either, model))

    assert reset_states(model) is model
    assert not any(one.any() for one in states_of(either, model))
    assert len(get_states(model)) == HOLDERS[name]


@pytest.mark.parametrize("name", ["subclass", "one zero"])
def test_resetting_reaches_into_code_of_ones_own(keras, name):
    """Layers in a layer of one's own are reset, and layers with a cell of one's own."""
    model = made(keras, name)

    reset_states(model)
    assert not any(one.any() for one in states_of(keras, model))
    assert len(get_states(model)) == HOLDERS[name]


def test_a_reset_model_predicts_as_a_new_one(either):
    """What a model answers after a reset is what it answered first."""
    model, _ = lstm(either)
    x = data((3, 2))[0]
    first = model.predict(x, batch_size=BATCH, verbose=0)
    second = model.predict(x, batch_size=BATCH, verbose=0)

    reset_states(model)
    third = model.predict(x, batch_size=BATCH, verbose=0)
    assert np.abs(first - second).max() > 1e-3
    np.testing.assert_allclose(third, first, atol=1e-6)


def test_keras_3_models_have_no_reset(keras):
    """`Model.reset_states` of Keras 2 is gone in Keras 3."""
    model, _ = lstm(keras)

    for name in ("reset_states", "reset_state"):
        with pytest.raises(AttributeError):
            getattr(model, name)()


def test_keras_3_fails_to_reset_stacked_cells(keras):
    """Keras' own method takes nested states for flat ones; here they are reset."""
    model = made(keras, "stacked")

    with pytest.raises(AttributeError, match="assign"):
        model.layers[0].reset_state()
    reset_states(model.layers[0])
    assert not any(one.any() for one in states_of(keras, model))


def from_ones(keras):
    """A model whose cell begins with ones, which each Keras asks in its own way."""

    class Cell(keras.layers.SimpleRNNCell):
        def get_initial_state(self, inputs=None, batch_size=None, dtype=None):
            import tensorflow as tf

            one = tf.ones((batch_size, 3))
            return one if "tf_keras" in keras.__name__ else [one]

    rnn = keras.layers.RNN(Cell(3), stateful=True)
    return keras.Sequential([keras.Input(batch_shape=(BATCH, 3, 2)), rnn])


def test_a_reset_ends_at_what_the_cell_begins_with(either):
    """Keras' own reset gives zeros where a new layer has its cell's initial state."""
    model = from_ones(either)
    (layer,) = model.layers
    assert layer.states[0].numpy().all()

    layer.reset_states()
    assert not layer.states[0].numpy().any()
    reset_states(model)
    assert (layer.states[0].numpy() == 1).all()


def test_stateless_objects_are_left_alone_unless_strict(either):
    """Nothing happens without stateful layers; `strict` names what would be."""
    layers = either.layers
    inner = layers.Bidirectional(layers.GRU(2, name="gru"), name="ways")
    model = either.Sequential([either.Input((3, 2)), inner, layers.Dense(1)])

    assert reset_states(model) is model
    assert get_states(model) == {}
    assert set_states(model, {}) is model
    assert carry_states(model) is model
    with pytest.raises(ModelError, match="no stateful layer") as caught:
        reset_states(model, strict=True)
    assert "ways/forward_gru, ways/backward_gru" in caught.value.found
    assert "stateful=True" in caught.value.mend
    with pytest.raises(ModelError) as caught:
        reset_states(layers.Dense(1), strict=True)
    assert caught.value.found == "no recurrent layer at all"


@pytest.mark.parametrize("call", [reset_states, get_states, carry_states])
def test_what_is_no_layer_is_refused(keras, call):
    """Other things and classes get an error that names the call."""
    for thing in ("model", None, keras.layers.LSTM):
        with pytest.raises(ModelError, match=rf"{call.__name__}\(\) works on"):
            call(thing)
    with pytest.raises(ModelError, match=r"set_states\(\) works on"):
        set_states("model", {})


# --- reading and setting ---


def in_bytes(arrays):
    """Their bits, in an order that does not depend on who has listed them."""
    return sorted(one.tobytes() for one in arrays)


@pytest.mark.parametrize("name", OLD)
def test_states_come_back_as_they_were_read(either, name):
    """Read, changed by use, set: the same numbers; what was read are copies."""
    model = MODELS[name][0](either)
    x = data(MODELS[name][1])[0]
    model.predict(x, batch_size=BATCH, verbose=0)
    states = get_states(model)
    first = in_bytes(states_of(either, model))
    assert in_bytes(flat([*states.values()])) == first

    model.predict(x, batch_size=BATCH, verbose=0)
    assert in_bytes(states_of(either, model)) != first
    assert set_states(model, states) is model
    assert in_bytes(states_of(either, model)) == first
    for one in flat([*states.values()]):
        one[:] = 9
    assert in_bytes(states_of(either, model)) == first


def test_states_are_in_the_order_of_keras(either):
    """For an LSTM what it put out comes first, then its cell's state."""
    model, layer = lstm(either)
    out = model.predict(data((3, 2))[0][:BATCH], batch_size=BATCH, verbose=0)
    ((first, second),) = get_states(model).values()

    np.testing.assert_array_equal(first, out)
    np.testing.assert_array_equal(second, layer.states[1].numpy())


def test_paths_are_those_of_the_layers(either):
    """A path has the names from the outermost layer on; a layer alone has its name."""
    layers = either.layers
    both = layers.Bidirectional(layers.LSTM(2, stateful=True, name="rnn"), name="ways")
    inner = either.Sequential([either.Input(batch_shape=(2, 3, 1)), both], name="inner")
    inputs = either.Input(batch_shape=(2, 3, 1))
    model = either.Model(inputs, inner(inputs))

    assert [*get_states(model)] == [
        "inner/ways/forward_rnn",
        "inner/ways/backward_rnn",
    ]
    assert [*get_states(both)] == ["forward_rnn", "backward_rnn"]
    assert [*get_states(both.forward_layer)] == ["forward_rnn"]
    assert [one.shape for one in get_states(inner)["ways/forward_rnn"]] == [(2, 2)] * 2


def twins(keras):
    """A layer that holds two layers of one name, and a third one twice."""

    class Twins(keras.layers.Layer):
        def __init__(self):
            super().__init__()
            self.one = keras.layers.GRU(2, stateful=True, name="rnn")
            self.two = keras.layers.GRU(2, stateful=True, name="rnn")
            self.again = self.one

        def build(self, shape):
            self.one.build(shape)
            self.two.build(shape)

        def call(self, inputs):
            return self.one(inputs) + self.two(inputs) + self.again(inputs)

    layer = Twins()
    layer(np.ones((BATCH, 3, 2), "float32"))
    return layer


def test_equal_paths_stay_apart_and_shared_layers_are_one(either):
    """Two layers of one name have two paths; a layer that is held twice has one."""
    layer = twins(either)
    states = get_states(layer)

    assert [*states] == ["rnn", "rnn#2"]
    states["rnn#2"][0][:] = 3
    set_states(layer, states)
    assert (layer.two.states[0].numpy() == 3).all()
    assert not (layer.one.states[0].numpy() == 3).any()


def test_all_misfits_are_named_and_nothing_is_set(either):
    """One error has every unknown and missing path, number, shape and type."""
    model = made(either, "two")
    one, two = get_states(model)
    zeros = np.zeros((BATCH, 3), "float32")
    wrong = {
        "no/such": [zeros],
        two: [zeros],
        one: [zeros, np.array([["a", "b", "c"]] * BATCH)],
    }

    with pytest.raises(ModelError) as caught:
        set_states(model, wrong)
    assert "unknown path 'no/such'" in caught.value.found
    assert f"{two!r}[0]: shape (2, 3), not (2, 2)" in caught.value.found
    assert f"{one!r}[1]: dtype <U1, not float32" in caught.value.found
    with pytest.raises(ModelError) as caught:
        set_states(model, {one: [zeros]})
    assert f"nothing for {two!r}" in caught.value.found
    assert f"{one!r}: 1 arrays, not 2" in caught.value.found
    with pytest.raises(ModelError, match="do not fit"):
        set_states(model, {one: [zeros, [[1.0], [2.0, 3.0]]]}, partial=True)
    with pytest.raises(ModelError, match="by their paths"):
        set_states(model, [zeros])
    assert all((one == 0.5).all() for one in states_of(either, model))


def test_many_misfits_are_cut_to_a_sane_length(keras):
    """Hundreds of unknown paths, and long ones, do not make a long error."""
    model, _ = lstm(keras)

    with pytest.raises(ModelError, match="more") as caught:
        set_states(model, {"x" * 10_000 + str(number): [] for number in range(500)})
    assert len(str(caught.value)) < 2000


def test_some_states_can_be_set_and_lists_will_do(either):
    """With `partial` the others stay; plain numbers of any precision are taken."""
    model = made(either, "two")
    one, two = get_states(model)

    set_states(model, {two: [[[1, 2], [3, 4]]]}, partial=True)
    assert get_states(model)[two][0].tolist() == [[1, 2], [3, 4]]
    assert all((array == 0.5).all() for array in get_states(model)[one])


def test_states_in_short_floats_round_trip(keras):
    """States in bfloat16, which NumPy does not know, are read and set."""
    # TensorFlow makes no orthogonal matrix of it, which is the default.
    model, _ = lstm(keras, dtype="bfloat16", recurrent_initializer="ones")
    states = get_states(model)
    (path,) = states
    assert str(states[path][0].dtype) == "bfloat16"

    set_states(model, states)
    set_states(model, {path: [np.full((BATCH, 3), 0.25)] * 2})
    assert (get_states(model)[path][1].astype("float32") == 0.25).all()


def test_a_layer_that_is_not_built_has_no_states_yet(keras):
    """Before it is built a layer is listed, without arrays; resetting is nothing."""
    layer = keras.layers.LSTM(3, stateful=True, name="rnn")

    assert get_states(layer) == {"rnn": []}
    assert reset_states(layer) is layer
    assert set_states(layer, {"rnn": []}) is layer


# --- layers of one's own ---


def counter(keras, **attributes):
    """A class of layers that count, and that show their states or do not."""

    class Counter(keras.layers.Layer):
        stateful = True

        def build(self, shape):
            zero = keras.initializers.Zeros()
            self.total = self.add_weight(
                name="total", shape=(1,), initializer=zero, trainable=False
            )

        def call(self, inputs):
            self.total.assign_add([1.0])
            return inputs

        def reset_states(self):
            self.total.assign([0.0])

    for name, value in attributes.items():
        setattr(Counter, name, value)
    return Counter


def test_a_layer_of_ones_own_takes_part(either):
    """`stateful`, `reset_states` and `states` are all that a layer needs."""
    shown = counter(either, states=property(lambda self: [self.total]))(name="counter")
    inputs = np.ones((1, 2), "float32")
    model = either.Sequential([shown])
    model(inputs)
    model(inputs)

    assert get_states(model)["counter"][0].tolist() == [2.0]
    set_states(model, {"counter": [[7.0]]})
    assert shown.total.numpy().tolist() == [7.0]
    reset_states(model)
    assert shown.total.numpy().tolist() == [0.0]


def test_a_reset_of_ones_own_is_called(either):
    """A layer without `states` and an RNN with another reset do it themselves."""
    hidden = counter(either)()
    hidden(np.ones((1, 2), "float32"))
    reset_states(hidden)
    assert hidden.total.numpy().tolist() == [0.0]

    class ToOnes(either.layers.GRU):
        def reset_states(self, states=None):
            if self.states is None or self.states[0] is None:
                super().reset_states()
            else:
                self.states[0].assign(np.ones((BATCH, 2), "float32"))

    rnn = ToOnes(2, stateful=True)
    either.Sequential([either.Input(batch_shape=(BATCH, 3, 2)), rnn])
    rnn.states[0].assign(np.zeros((BATCH, 2), "float32"))
    reset_states(rnn)
    assert rnn.states[0].numpy().all()


def test_states_that_are_no_variables_are_an_error(keras):
    """Numbers that a layer keeps in no variable can't be read, set or reset."""
    plain = counter(keras, states=property(lambda self: [1.0]))(name="plain")
    layer = keras.Sequential([keras.Input((2,)), plain])

    for call in (get_states, reset_states):
        with pytest.raises(ModelError, match="can't be read and set") as caught:
            call(layer)
        assert "float among its `states`" in caught.value.found


def test_what_is_no_state_of_an_rnn_survives_a_reset(legacy):
    """In Keras 2 metrics and preprocessing have resets too; theirs are left alone."""
    mean = legacy.layers.Normalization()
    mean.adapt(np.array([[1.0], [3.0]], "float32"))
    model = legacy.Sequential([legacy.Input((1,), batch_size=2), mean])
    model.metric = legacy.metrics.Mean()
    model.metric.update_state([4.0])

    reset_states(model)
    assert float(model.metric.result()) == 4.0
    assert mean(np.array([[2.0]], "float32")).numpy().tolist() == [[0.0]]


def test_tensorflow_and_keras_2_need_no_carrying(either):
    """There `carry_states` changes nothing at all, also for a layer not yet built."""
    model = made(either, "two")
    before = [id(one) for one in model.variables]

    assert carry_states(model) is model
    assert [id(one) for one in model.variables] == before
    layer = either.layers.LSTM(2, stateful=True)
    assert carry_states(layer) is layer


def test_all_states_of_a_kit_model_are_seen(keras):
    """The tests' own way of finding states finds as many as there are."""
    counts = {name: len(variables_of(keras, made(keras, name))) for name in MODELS}

    assert counts["two"] == 3
    assert counts["both ways"] == 4
    assert counts["nested"] == 2
    assert min(counts.values()) >= 1
