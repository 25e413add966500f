"""How models are put into the words of Keras 2.2.4, seen in the configuration."""

import json

import keras
import pytest
from keras import layers
from kerasplug_plaidml.translating.costs import seconds
from kerasplug_plaidml.translating.graphs import Call, Reference, numbered
from kerasplug_plaidml.translating.models import translate

pytestmark = pytest.mark.engine


def _layers(translation):
    """Name -> entry, of the outermost model."""
    return {one["name"]: one for one in translation.config["config"]["layers"]}


def _chain(*parts):
    return keras.Sequential([keras.Input((4, 3)), *parts])


def test_a_translation_is_plain_data():
    """It survives JSON, in the order of the model's layers."""
    model = _chain(layers.Flatten(), layers.Dense(2, name="d"))
    translation = translate(model)
    assert json.loads(json.dumps(translation.config)) == translation.config
    names = [one.name for one in model.layers]
    assert list(_layers(translation)) == ["input", *names]
    assert [one.layer for one in translation.layers.values()] == [model.layers[1]]


def test_the_recurrent_activation_is_always_written():
    """Keras 2.2.4 has another default."""
    model = _chain(layers.LSTM(2, name="r"))
    assert _layers(translate(model))["r"]["config"]["recurrent_activation"] == "sigmoid"


def test_names_that_differ_are_put_right():
    """A LeakyReLU has an alpha there."""
    told = _layers(translate(_chain(layers.LeakyReLU(0.2, name="leaky"))))
    assert told["leaky"]["config"]["alpha"] == pytest.approx(0.2)
    assert "negative_slope" not in told["leaky"]["config"]


def test_weights_go_by_paths_through_models_and_wrappers():
    """A wrapper's weights are its own; a nested model's are its layers'."""
    inner = keras.Sequential([keras.Input((3,)), layers.Dense(2, name="d")], name="in")
    x = keras.Input((4, 3))
    ways = layers.Bidirectional(layers.LSTM(2), name="ways")(x)
    each = layers.TimeDistributed(layers.Dense(2), name="each")(x)
    y = inner(layers.GlobalMaxPooling1D()(x))
    translation = translate(keras.Model(x, [ways, each, y]))
    assert list(translation.layers) == ["ways", "each", "in/d"]
    assert translation.layers["in/d"].layer is inner.get_layer("d")


@pytest.mark.parametrize("kind", ["Sequential", "functional"])
def test_calls_of_models_are_counted_from_one(kind):
    """There a model is called once when it is made; here it depends on its kind."""
    inner = keras.Sequential([keras.Input((3,)), layers.Dense(3)], name="in")
    if kind == "functional":
        inner = keras.Model(inner.inputs[0], inner.outputs[0], name="in")
    x = keras.Input((3,))
    model = keras.Model(x, layers.Add(name="add")([inner(x), inner(inner(x))]))
    nodes = _layers(translate(model))["add"]["inbound_nodes"]
    assert sorted(one[1] for one in nodes[0]) == [1, 3]


def test_calls_of_shared_layers_are_numbered_as_they_will_be_made():
    """A call whose input comes late gets a later number, and stands later."""
    x, late = Reference("x", 0, 0), Reference("r", 0, 0)
    made = {"x": [], "d": [Call((late,)), Call((x,))], "r": [Call((x,))]}
    there = numbered(made)
    assert (there["d", 0], there["d", 1]) == (1, 0)


def test_frozen_is_what_is_in_something_frozen():
    """There only layers are frozen, and their regularizers count for nothing here."""
    inner = keras.Sequential(
        [keras.Input((3,)), layers.Dense(3, name="d", kernel_regularizer="l2")],
        name="in",
    )
    inner.trainable = False
    inner.get_layer("d").trainable = True
    model = keras.Sequential([keras.Input((3,)), inner, layers.Dense(2, name="e")])
    told = _layers(translate(model))
    (_, d) = told["in"]["config"]["layers"]
    assert d["config"]["trainable"] is False
    assert d["config"]["kernel_regularizer"] is None
    assert told["e"]["config"]["trainable"] is True


def test_a_wrapper_does_not_thaw_what_it_holds():
    """There a wrapper gives its own flag to its layer."""
    held = layers.Dense(2)
    model = _chain(layers.TimeDistributed(held, name="each"))
    held.trainable = False
    assert _layers(translate(model))["each"]["config"]["trainable"] is False


@pytest.mark.parametrize(
    ("given", "there"), [("float32", "float32"), ("int64", "int32"), ("uint8", "int32")]
)
def test_integers_are_of_one_kind_there(given, there):
    """An Embedding takes them, or floats."""
    model = keras.Sequential([keras.Input((5,), dtype=given), layers.Embedding(9, 2)])
    first = translate(model).config["config"]["layers"][0]
    assert first["config"]["dtype"] == there


def test_the_number_of_rows_is_left_open():
    """A fixed batch here is none there: TimeDistributed works with none only."""
    model = keras.Sequential([keras.Input(batch_shape=(2, 3)), layers.Dense(2)])
    first = translate(model).config["config"]["layers"][0]
    assert first["config"]["batch_input_shape"] == [None, 3]


def test_inputs_and_outputs_are_in_the_order_of_the_model():
    """Also where the model has dicts of them."""
    a, b = keras.Input((2,), name="a"), keras.Input((3,), name="b")
    y, z = layers.Dense(2, name="y")(b), layers.Dense(2, name="z")(a)
    model = keras.Model({"b": b, "a": a}, {"q": z, "p": y})
    config = translate(model).config["config"]
    inputs = [one.name for one in keras.tree.flatten(model.input)]
    assert [one[0] for one in config["input_layers"]] == inputs
    outputs = [one[0] for one in config["output_layers"]]
    assert outputs == [{"p": "y", "q": "z"}[key] for key in ("p", "q")]
    assert [one.shape for one in model.outputs] == [(None, 2)] * 2


def test_steps_of_time_are_counted():
    """Twice for both directions, once for each call, not for a Dense."""
    shared = layers.GRU(2)
    x = keras.Input((4, 3))
    ways = layers.Bidirectional(layers.LSTM(2, return_sequences=True))(x)
    again = layers.Add()([shared(x), shared(layers.Dense(3)(x))])
    cell = layers.RNN(layers.LSTMCell(2))(x)
    translation = translate(keras.Model(x, [ways, again, cell]))
    assert translation.unrolled == 2 * 4 + 2 * 4 + 4
    assert seconds(translation, 32) > seconds(translate(_chain(layers.Flatten())), 32)


def test_an_initializer_is_not_needed():
    """The weights are carried over, so anybody's own will do."""

    class Own(keras.initializers.Initializer):
        def __call__(self, shape, dtype=None):
            return keras.ops.ones(shape, dtype)

    model = _chain(layers.Dense(2, name="d", kernel_initializer=Own()))
    assert _layers(translate(model))["d"]["config"]["kernel_initializer"] == "zeros"


def test_the_way_an_rnn_drops_is_kept():
    """With dropout, the two implementations drop differently; without, one is fast."""
    dropping = _chain(layers.LSTM(2, name="r", dropout=0.5, implementation=1))
    plain = _chain(layers.LSTM(2, name="r", implementation=1))
    told = [_layers(translate(one))["r"]["config"] for one in (dropping, plain)]
    assert [one["implementation"] for one in told] == [1, 2]
