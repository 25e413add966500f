"""Looking inside a model: outputs of its layers by name, path, position or rule."""

import numpy as np
import pytest
from models_kit import X, input_layer, mlp

from kerasplug import layer_outputs, truncate_model
from kerasplug.errors import (
    AmbiguousNameError,
    LayerIndexError,
    ModelError,
    RecordError,
    UnknownNameError,
)

pytestmark = [
    pytest.mark.engine,
    # Keras 3.15 with NumPy 2: its users see it as well.
    pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning"),
]


@pytest.fixture
def model(any_keras):
    """Three dense layers, functional."""
    x = inputs = any_keras.Input((4,), name="in")
    for name, size in (("a", 5), ("b", 3), ("c", 2)):
        x = any_keras.layers.Dense(size, activation="tanh", name=name)(x)
    return any_keras.Model(inputs, x, name="plain")


@pytest.fixture
def deep(any_keras):
    """A model in a model in a model, with weights on each level."""
    inner = mlp(any_keras, "first", "second", columns=3, last=3, model="inner")
    x = inputs = any_keras.Input((3,))
    x = any_keras.layers.Dense(3, name="before")(x)
    base = any_keras.Model(inputs, any_keras.layers.Dense(2)(inner(x)), name="base")
    x = inputs = any_keras.Input((4,))
    x = base(any_keras.layers.Dense(3, activation="tanh", name="outer")(x))
    return any_keras.Model(inputs, any_keras.layers.Dense(1)(x), name="whole")


@pytest.fixture
def shared(any_keras):
    """One layer, called three times: in another model, and twice in this one."""
    layer = any_keras.layers.Dense(4, activation="tanh", name="shared")
    any_keras.Model(inputs := any_keras.Input((4,)), layer(inputs))
    inputs = any_keras.Input((4,))
    once = layer(inputs)
    twice = layer(any_keras.layers.Dense(4, name="between")(once))
    return any_keras.Model(inputs, any_keras.layers.Dense(1, name="end")(twice))


def predict(model, data=X):
    """What it returns, without a word."""
    return model.predict(data, verbose=0)


def through(data, *layers):
    """What these layers make of data, one after the other."""
    for layer in layers:
        data = layer(data)
    return np.asarray(data)


def same(one, other):
    """Equal to float32's precision: the same products, added up in another order."""
    np.testing.assert_allclose(one, other, rtol=1e-5, atol=1e-6)


# --- what is chosen ---


@pytest.mark.parametrize("which", ["b", 2, -2, 2.0, np.int64(2)])
def test_one_layer_gives_its_output(model, which):
    """By name, by position or by itself: one output, not a list."""
    inside = layer_outputs(model, which)
    same(predict(inside), through(X, *model.layers[1:3]))
    same(predict(layer_outputs(model, model.layers[2])), predict(inside))


@pytest.mark.parametrize(
    ("which", "widths"),
    [
        (["b"], [3]),
        (["c", "a"], [2, 5]),
        ((1, "c"), [5, 2]),
        (lambda layer: layer.name in "ac", [5, 2]),
        ([False, True, False, True], [5, 2]),
        (np.array([3, 1]), [2, 5]),
    ],
)
def test_several_layers_give_a_list(any_keras, model, which, widths):
    """In the order asked for; a rule goes by the model's order."""
    inside = layer_outputs(model, which)
    outputs = inside.outputs
    assert [one.shape[-1] for one in outputs] == widths
    assert len(outputs) == len(widths)


def test_the_model_shares_its_weights_and_is_left_alone(model):
    """A change in one is a change in the other; the layers are the same objects."""
    before = predict(model)
    inside = layer_outputs(model, "b")
    assert inside.get_layer("b") is model.get_layer("b")
    model.get_layer("b").set_weights(
        [w * 0 for w in model.get_layer("b").get_weights()]
    )
    assert not predict(inside).any()
    assert not np.array_equal(before, predict(model))
    assert [layer.name for layer in model.layers] == ["in", "a", "b", "c"]


def test_sequential_models_serve_once_they_know_their_input(any_keras):
    """An input layer says it, or a first call."""
    model = mlp(any_keras, "a", "b")
    same(predict(layer_outputs(model, "a")), through(X, model.layers[0]))
    late = any_keras.Sequential([any_keras.layers.Dense(3, name="a")])
    with pytest.raises(ModelError, match=r"model\.build\(input_shape\)"):
        layer_outputs(late, "a")
    late.build((None, 4))
    same(predict(layer_outputs(late, "a")), through(X, late.layers[0]))


def test_inputs_keep_their_structure(any_keras):
    """The new model takes the data that the old one takes, needed or not."""
    one, two = (any_keras.Input((2,), name=name) for name in ("one", "two"))
    left = any_keras.layers.Dense(3, name="left")(one)
    right = any_keras.layers.Dense(3, name="right")(two)
    total = any_keras.layers.Add()([left, right])
    model = any_keras.Model({"one": one, "two": two}, total)
    data = {"one": X[:, :2], "two": X[:, 2:]}
    inside = layer_outputs(model, "right")
    same(predict(inside, data), through(X[:, 2:], model.get_layer("right")))


def test_a_layer_with_several_outputs_gives_them_all(any_keras):
    """An LSTM that returns its states, too."""
    inputs = any_keras.Input((3, 2))
    out, *_ = any_keras.layers.LSTM(4, return_state=True, name="rnn")(inputs)
    model = any_keras.Model(inputs, any_keras.layers.Dense(1)(out))
    found = predict(layer_outputs(model, "rnn"), X[:12].reshape(8, 3, 2))
    assert [one.shape for one in found] == [(8, 4)] * 3


# --- paths ---


def test_paths_lead_into_models(deep):
    """The inner layer's output for the outer model's data, at any depth."""
    base = deep.get_layer("base")
    inner = base.get_layer("inner")
    given = through(X, deep.get_layer("outer"), base.get_layer("before"))
    same(predict(layer_outputs(deep, "base/before")), given)
    first = through(given, inner.layers[0])
    same(predict(layer_outputs(deep, "base/inner/first")), first)
    several = predict(layer_outputs(deep, ["base/inner/first", "outer", "base"]))
    same(several[0], first)
    assert [one.shape[-1] for one in several] == [3, 3, 2]


def test_plain_keras_has_no_way_into_a_model(keras):
    """The inner layer's output belongs to the inner graph."""
    base = mlp(keras, "first", "second", last=2, model="base")
    inputs = keras.Input((4,))
    model = keras.Model(inputs, base(inputs))
    with pytest.raises(ValueError, match="not connected"):
        keras.Model(model.inputs, base.get_layer("first").output)
    same(predict(layer_outputs(model, "base/first")), through(X, base.layers[0]))


def test_models_in_sequential_models(any_keras):
    """A path leads there, too, also into a model that was built by the outer one."""
    layers = [any_keras.layers.Dense(3, name="first"), any_keras.layers.Dense(2)]
    base = any_keras.Sequential(layers, name="base")
    model = any_keras.Sequential([input_layer(any_keras, 4), base])
    same(predict(layer_outputs(model, "base/first")), through(X, base.layers[0]))


def test_inner_models_with_several_inputs_and_outputs(any_keras):
    """Whatever the inner model is given goes to where it goes in the outer model."""
    one, two = (any_keras.Input((2,), name=name) for name in ("one", "two"))
    left = any_keras.layers.Dense(3, name="left")(one)
    right = any_keras.layers.Dense(3, name="right")(two)
    total = any_keras.layers.Add(name="sum")([left, right])
    ends = [total, any_keras.layers.Dense(1)(total)]
    inner = any_keras.Model({"one": one, "two": two}, ends, name="inner")
    first, second = any_keras.Input((2,)), any_keras.Input((2,))
    model = any_keras.Model([first, second], inner({"one": first, "two": second}))
    data = [X[:, :2], X[:, 2:]]
    right, both = predict(layer_outputs(model, ["inner/right", "inner"]), data)
    same(right, through(data[1], inner.get_layer("right")))
    assert [one.shape for one in both] == [(32, 3), (32, 1)]


def test_operations_without_layers_are_passed(keras):
    """Functions of keras.ops stand in a graph without being layers of it."""
    inputs = keras.Input((4,))
    inside = keras.ops.relu(keras.layers.Dense(3, name="inside")(inputs)) + 1
    model = keras.Model(inputs, keras.layers.Dense(1)(inside))
    same(predict(layer_outputs(model, "inside")), through(X, model.layers[1]))


def test_models_of_tf_keras_are_those_of_keras(keras):
    """What is made by today's tf.keras is served as well."""
    if keras.backend.backend() != "tensorflow":
        pytest.skip("tf.keras computes with TensorFlow only")
    import tensorflow as tf

    model = mlp(tf.keras, "a", "b")
    same(predict(layer_outputs(model, "a")), through(X, model.layers[0]))


@pytest.mark.parametrize(
    ("which", "words"),
    [
        ("bose", "did you mean"),
        ("first", "did you mean 'base/inner/first'"),
        ("base/frist", "no layer 'frist'"),
        ("base/inner/firsst", "did you mean 'first'"),
        ("nowhere/at/all", "'nowhere/at/all'"),
        (["outer", "lost"], "'lost'"),
    ],
)
def test_unknown_names_are_errors_with_close_ones(deep, which, words):
    """Also a name that is somewhere deeper: its path is told."""
    with pytest.raises(UnknownNameError) as caught:
        layer_outputs(deep, which)
    assert words in str(caught.value)


def test_paths_end_at_layers_that_are_no_models(any_keras):
    """A wrapper has parts, but no graph."""
    inputs = any_keras.Input((3, 2))
    layer = any_keras.layers.Bidirectional(any_keras.layers.LSTM(2), name="both")
    model = any_keras.Model(inputs, layer(inputs))
    with pytest.raises(ModelError, match="'both' is no model"):
        layer_outputs(model, "both/forward_lstm")


# --- shared layers ---


def test_plain_keras_takes_the_first_call_of_a_shared_layer(keras):
    """Even where that call is in another model; it says nothing about it."""
    layer = keras.layers.Dense(4)
    elsewhere = keras.Input((4,))
    layer(elsewhere)
    inputs = keras.Input((4,))
    model = keras.Model(inputs, layer(layer(inputs)))
    assert not hasattr(layer, "get_output_at")
    with pytest.raises(ValueError, match="not connected"):
        keras.Model(model.inputs, layer.output)


def test_a_shared_layer_needs_a_node(any_keras, shared):
    """Each call has its own output; which one is meant has to be said."""
    layer, between = shared.get_layer("shared"), shared.get_layer("between")
    with pytest.raises(AmbiguousNameError, match="called 2 times") as caught:
        layer_outputs(shared, "shared")
    assert caught.value.claims == ("node=0", "node=1")
    once = through(X, layer)
    same(predict(layer_outputs(shared, "shared", node=0)), once)
    twice = through(once, between, layer)
    same(predict(layer_outputs(shared, "shared", node=1)), twice)
    same(predict(layer_outputs(shared, "shared", node=-1)), twice)


@pytest.mark.parametrize("node", [2, -3, "0", 0.5, True])
def test_nodes_that_are_not_there_are_refused(shared, node):
    """The error says how many there are."""
    with pytest.raises(RecordError, match="node"):
        layer_outputs(shared, "shared", node=node)


def test_a_layer_that_is_called_once_here_is_clear(any_keras, shared):
    """Calls in other models don't count."""
    layer = shared.get_layer("shared")
    inputs = any_keras.Input((4,))
    other = any_keras.Model(inputs, any_keras.layers.Dense(1)(layer(inputs)))
    same(predict(layer_outputs(other, layer)), through(X, layer))


def test_a_shared_model_on_a_path_needs_a_node(any_keras):
    """The data of its first and of its second call differ."""
    base = mlp(any_keras, "first", "second", last=4, model="base")
    inputs = any_keras.Input((4,))
    model = any_keras.Model(inputs, base(base(inputs)))
    with pytest.raises(AmbiguousNameError, match="'base'"):
        layer_outputs(model, "base/first")
    same(
        predict(layer_outputs(model, "base/first", node=1)),
        through(X, base, base.layers[0]),
    )


# --- what has no graph ---


def test_subclassed_models_have_no_graph(any_keras):
    """The error says what would work."""

    class Own(any_keras.Model):
        """It has a `call` of its own."""

        def __init__(self):
            super().__init__()
            self.inside = any_keras.layers.Dense(2, name="inside")

        def call(self, inputs):
            return self.inside(inputs)

    model = Own()
    model(X)
    with pytest.raises(ModelError, match="let its `call` return"):
        layer_outputs(model, "inside")
    with pytest.raises(ModelError, match="let its `call` return"):
        truncate_model(model, "inside")


@pytest.mark.parametrize("thing", [None, "model", 3])
def test_other_things_are_refused(thing):
    """Only models have layers to look at."""
    with pytest.raises(ModelError, match="expected: a Keras model"):
        layer_outputs(thing, 0)


@pytest.mark.parametrize(
    ("which", "error"),
    [([], RecordError), (9, LayerIndexError), (None, RecordError), (0.5, RecordError)],
)
def test_what_chooses_nothing_is_refused(model, which, error):
    """An empty choice, a wrong position, or no choice at all."""
    with pytest.raises(error):
        layer_outputs(model, which)


# --- truncating ---


def test_a_model_is_truncated_at_a_layer(model):
    """It ends with that layer, shares it, and the old model is as it was."""
    before = predict(model)
    shorter = truncate_model(model, "b", name="shorter")
    assert shorter.name == "shorter"
    assert [layer.name for layer in shorter.layers] == ["in", "a", "b"]
    assert shorter.get_layer("a") is model.get_layer("a")
    same(predict(shorter), through(X, *model.layers[1:3]))
    np.testing.assert_array_equal(predict(model), before)
    same(predict(truncate_model(model, -2)), predict(shorter))


def test_a_truncated_model_can_be_built_upon(any_keras, model):
    """A new end, and training it: what it is for."""
    shorter = truncate_model(model, "b")
    end = any_keras.layers.Dense(1, name="end")(shorter.outputs[0])
    longer = any_keras.Model(shorter.inputs, end)
    longer.compile("adam", "mse")
    longer.fit(X, X[:, :1], verbose=0)
    assert predict(longer).shape == (32, 1)


def test_inputs_that_are_not_needed_go(any_keras):
    """A branch that is cut off takes its input along."""
    one, two = (any_keras.Input((2,), name=name) for name in ("one", "two"))
    left = any_keras.layers.Dense(3, name="left")(one)
    right = any_keras.layers.Dense(3, name="right")(two)
    model = any_keras.Model([one, two], any_keras.layers.Add(name="sum")([left, right]))
    shorter = truncate_model(model, "right")
    same(predict(shorter, X[:, 2:]), through(X[:, 2:], model.get_layer("right")))
    assert len(truncate_model(model, "sum").inputs) == 2


def test_truncating_takes_one_layer(model):
    """Several are an error that names the argument."""
    with pytest.raises(RecordError, match="upto"):
        truncate_model(model, ["a", "b"])


def test_removing_from_the_list_does_nothing_in_plain_keras(keras):
    """`layers` is a copy, so what is popped there stays in the model."""
    inputs = keras.Input((4,))
    model = keras.Model(inputs, keras.layers.Dense(2)(inputs))
    model.layers.pop()
    assert len(model.layers) == 2


def test_truncating_within_a_model(any_keras, deep):
    """A path ends the model inside a model in it."""
    shorter = truncate_model(deep, "base/before")
    given = through(X, deep.get_layer("outer"), deep.get_layer("base").layers[1])
    same(predict(shorter), given)


def test_slashes_in_names_of_keras_2(legacy):
    """There a name may have one, and is no path then."""
    layers = [input_layer(legacy, 4), legacy.layers.Dense(2, name="block/conv")]
    model = legacy.Sequential(layers)
    same(predict(layer_outputs(model, "block/conv")), through(X, model.layers[0]))
