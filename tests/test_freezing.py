"""Freezing: R's ranges, strict names, all or none, the same on each backend."""

import numpy as np
import pytest
from models_kit import flags, input_layer, mlp, nested

from kerasplug import freeze_weights, frozen, trainable_summary, unfreeze_weights
from kerasplug.errors import (
    LayerIndexError,
    ModelError,
    RecordError,
    UnknownNameError,
)
from kerasplug.models.kinds import walk

pytestmark = pytest.mark.engine

NAMES = ("first", "dense", "dense3", "last")


@pytest.fixture
def model(any_keras):
    """Four dense layers."""
    return mlp(any_keras, *NAMES)


def layers_trained(model):
    """How many of the dense layers are trained: each has two weights."""
    return len(model.trainable_weights) // 2


# --- the tests of the R interface, positions counted from 0 ---


def test_all_layers_are_frozen_and_unfrozen_as_a_whole(model):
    """Without a range everything is frozen, and unfrozen, and the model comes back."""
    assert freeze_weights(model) is model
    assert layers_trained(model) == 0
    assert unfreeze_weights(model) is model
    assert layers_trained(model) == 4


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        ({"from_": 1, "to": 2}, [True, False, False, True]),
        ({"from_": "dense"}, [True, False, False, False]),
        ({"to": "dense"}, [False, False, True, True]),
        ({"from_": -2}, [True, True, False, False]),
        ({"to": -3}, [False, False, True, True]),
        ({"from_": "dense", "to": "dense"}, [True, False, True, True]),
        ({"which": lambda layer: layer.name.startswith("dense")}, [1, 0, 0, 1]),
        ({"which": [2, 3]}, [True, True, False, False]),
        ({"which": [1, "last"]}, [True, False, True, False]),
        ({"which": [-1, 0]}, [False, True, True, False]),
        ({"which": "dense3"}, [True, True, False, True]),
        ({"which": 3.0}, [True, True, True, False]),
        ({"which": [True, False, False, True]}, [False, True, True, False]),
        ({"which": np.array([0, 2])}, [False, True, False, True]),
        ({"which": np.array([True, True, False, False])}, [0, 0, 1, 1]),
        ({"which": (np.int64(1),)}, [True, False, True, True]),
    ],
)
def test_ranges_and_choices(model, arguments, expected):
    """The chosen layers are frozen, ends included, and all others trainable."""
    freeze_weights(model, **arguments)
    assert flags(model) == expected
    assert layers_trained(model) == sum(expected)


def test_layers_are_chosen_by_themselves(model):
    """A layer stands for itself, in a range and in a choice."""
    first, dense, _, last = model.layers
    freeze_weights(model, dense, last)
    assert flags(model) == [True, False, False, False]
    freeze_weights(model, which=[first, last])
    assert flags(model) == [False, True, True, False]


def test_unfreezing_a_range_freezes_the_rest(model):
    """All before the range is frozen, as in R's example with VGG16."""
    unfreeze_weights(model, from_="dense3")
    assert flags(model) == [False, False, True, True]


def test_others_are_kept_where_asked(model):
    """With others="keep" only the chosen layers change, frozen ones stay frozen."""
    freeze_weights(model, which="first")
    freeze_weights(model, which="last", others="keep")
    assert flags(model) == [False, True, True, False]
    unfreeze_weights(model, which="first", others="keep")
    assert flags(model) == [True, True, True, False]


def test_others_are_kept_in_a_model_that_was_frozen_as_a_whole(model):
    """The model becomes trainable, its other layers don't."""
    freeze_weights(model)
    unfreeze_weights(model, which="last", others="keep")
    assert model.trainable
    assert flags(model) == [False, False, False, True]
    assert layers_trained(model) == 1


def test_input_layers_count_as_keras_lists_them(any_keras):
    """A functional model begins with its input, a Sequential with its first layer."""
    x = inputs = any_keras.Input((4,))
    for name in NAMES:
        x = any_keras.layers.Dense(3, name=name)(x)
    functional = any_keras.Model(inputs, x)
    freeze_weights(functional, to=1)
    assert flags(functional) == [False, False, True, True, True]


# --- nothing is changed before all is known ---


@pytest.mark.parametrize(
    ("arguments", "error", "words"),
    [
        ({"from_": "danse"}, UnknownNameError, "did you mean 'dense'"),
        ({"to": "nothing_like_it"}, UnknownNameError, "'nothing_like_it'"),
        ({"which": ["dense", "lost", "gone"]}, UnknownNameError, "'lost', 'gone'"),
        ({"from_": 4}, LayerIndexError, "from 0 to 3"),
        ({"which": [0, -5]}, LayerIndexError, "which=-5"),
        ({"from_": "dense3", "to": "dense"}, RecordError, "from_='dense', to='dense3'"),
        ({"which": "dense", "from_": 1}, RecordError, "either `which`"),
        ({"which": "dense", "to": 1}, RecordError, "either `which`"),
        ({"which": [True, False]}, RecordError, "4 truth values"),
        ({"which": [True] * 5}, RecordError, "4 truth values"),
        ({"which": []}, RecordError, "at least one layer"),
        ({"which": lambda layer: False}, RecordError, "at least one layer"),
        ({"which": [False] * 4}, RecordError, "at least one layer"),
        ({"from_": 1.5}, RecordError, "from_=1.5"),
        ({"from_": True}, RecordError, "from_=True"),
        ({"which": [None]}, RecordError, "name of a layer"),
        ({"which": b"dense"}, RecordError, "name of a layer"),
        ({"others": "drop", "from_": 1}, RecordError, '"invert" or "keep"'),
        ({"on_stale": "shout"}, RecordError, '"recompile"'),
    ],
)
def test_what_makes_no_sense_changes_nothing(model, arguments, error, words):
    """A wrong name, position or argument is an error, and all flags stay."""
    freeze_weights(model, which="first")
    before = flags(model)
    with pytest.raises(error) as caught:
        freeze_weights(model, **arguments)
    assert words in str(caught.value)
    assert flags(model) == before


def test_layers_of_another_model_are_refused(any_keras, model):
    """A layer that the model doesn't have is named, even if its name is there."""
    other = mlp(any_keras, *NAMES)
    with pytest.raises(UnknownNameError, match="another model"):
        freeze_weights(model, from_=other.layers[1])
    assert flags(model) == [True] * 4


def test_a_failing_rule_changes_nothing(model):
    """What a function raises comes through, and all flags stay."""

    def rule(layer):
        return layer.missing

    with pytest.raises(AttributeError):
        freeze_weights(model, which=rule)
    assert flags(model) == [True] * 4


def test_a_layer_that_refuses_takes_all_back(keras):
    """Where one layer's own setter raises, the others get their flags back."""

    class Stubborn(keras.layers.Dense):
        """It can't be frozen."""

        @property
        def trainable(self):
            return True

        @trainable.setter
        def trainable(self, value):
            if not value:
                raise RuntimeError

    model = keras.Sequential(
        [keras.Input((4,)), keras.layers.Dense(2, name="a"), Stubborn(1, name="b")]
    )
    with pytest.raises(RuntimeError):
        freeze_weights(model)
    assert flags(model) == [True, True]
    assert len(model.trainable_weights) == 4


@pytest.mark.parametrize("thing", [None, "model", [1], object()])
def test_other_things_are_refused(thing):
    """Only layers and models can be frozen."""
    with pytest.raises(ModelError, match="expected: a Keras layer or model"):
        freeze_weights(thing)


def test_classes_are_refused_with_advice(any_keras):
    """A class is not a layer."""
    with pytest.raises(ModelError, match="an instance, not the class"):
        freeze_weights(any_keras.layers.Dense)


def test_single_layers_have_no_range(any_keras):
    """A layer is frozen as a whole; a range of it makes no sense."""
    layer = any_keras.layers.Dense(1)
    with pytest.raises(ModelError, match="as a whole"):
        freeze_weights(layer, from_=0)
    assert layer.trainable
    assert not freeze_weights(layer).trainable


def test_models_without_layers_have_no_range(any_keras):
    """An empty Sequential can be frozen, but no part of it."""
    empty = any_keras.Sequential()
    with pytest.raises(ModelError, match="a model that has layers"):
        freeze_weights(empty, from_=0)
    assert not freeze_weights(empty).trainable


# --- depth ---


def test_everything_within_is_frozen(any_keras):
    """Models, wrappers and cells in a model are frozen at any depth, and unfrozen."""
    model = nested(any_keras)
    weights = len(model.weights)
    freeze_weights(model)
    assert not model.trainable_weights
    parts = [layer for _, layer in walk(model)]
    assert {"deepest", "forward_lstm"} <= {layer.name for layer in parts}
    assert not any(layer.trainable for layer in parts)
    unfreeze_weights(model)
    assert len(model.trainable_weights) == weights
    assert all(layer.trainable for layer in parts)


def test_a_layer_of_a_range_counts_with_all_in_it(any_keras):
    """A nested model is one layer, and all of it gets the layer's state."""
    model = nested(any_keras)
    freeze_weights(model, which="each")
    assert len(model.trainable_weights) == 6 + 2
    base = model.get_layer("each").layer
    unfreeze_weights(model, which="each", others="keep")
    unfreeze_weights(base, which="deep")
    assert [layer.trainable for layer in base.layers[1:]] == [False, True]
    assert len(model.trainable_weights) == 2 + 6 + 2


def test_keras_itself_leaves_frozen_layers_in_a_trainable_model(keras):
    """`trainable = True` on a trainable model: no change on TensorFlow, all on JAX.

    Here it is the same on both.
    """
    model = mlp(keras, *NAMES)
    model.layers[0].trainable = False
    model.trainable = True
    alone = {"tensorflow": False, "jax": True}
    assert model.layers[0].trainable is alone[keras.backend.backend()]
    model.layers[0].trainable = False
    unfreeze_weights(model)
    assert layers_trained(model) == 4


def test_a_variable_that_was_frozen_by_itself_is_unfrozen(keras):
    """After unfreezing a layer all its weights are trained, on each backend."""
    model = mlp(keras, *NAMES)
    model.layers[0].kernel.trainable = False
    assert len(model.trainable_weights) == 7
    unfreeze_weights(model)
    assert len(model.trainable_weights) == 8


def test_moving_means_are_never_unfrozen(any_keras):
    """What a layer keeps for itself is no weight to train."""
    layers = [input_layer(any_keras, 4), any_keras.layers.BatchNormalization(name="n")]
    model = any_keras.Sequential(layers)
    unfreeze_weights(freeze_weights(model))
    assert len(model.trainable_weights) == 2
    assert len(model.non_trainable_weights) == 2


def test_a_frozen_model_stays_frozen_when_it_is_built(any_keras):
    """Layers that have no weights yet are frozen when they get them."""
    inner = any_keras.Sequential(
        [any_keras.layers.Dense(3), any_keras.layers.Dense(3)], name="inner"
    )
    freeze_weights(inner)
    layers = [input_layer(any_keras, 4), inner, any_keras.layers.Dense(1)]
    model = any_keras.Sequential(layers)
    assert len(model.weights) == 6
    assert len(model.trainable_weights) == 2


def test_shared_layers_are_frozen_once_for_all(any_keras):
    """A layer in two models is one layer, and both see its state."""
    shared = any_keras.layers.Dense(3, name="shared")
    one = any_keras.Sequential([input_layer(any_keras, 4), shared])
    two = any_keras.Sequential(
        [input_layer(any_keras, 4), shared, any_keras.layers.Dense(1)]
    )
    freeze_weights(one)
    assert len(two.trainable_weights) == 2


# --- frozen() ---


def test_a_block_in_which_a_model_is_frozen(any_keras):
    """Afterwards all flags are what they were, however mixed."""
    model = nested(any_keras)
    freeze_weights(model, which="out")
    model.get_layer("each").layer.layers[1].trainable = False
    before = {path: flag for path, _, flag, *_ in trainable_summary(model).rows}
    weights = len(model.trainable_weights)
    with frozen(model) as inside:
        assert inside is model
        assert not model.trainable_weights
    after = {path: flag for path, _, flag, *_ in trainable_summary(model).rows}
    assert after == before
    assert len(model.trainable_weights) == weights


def test_a_block_leaves_the_others_alone(model):
    """By default the other layers are as they were."""
    freeze_weights(model, which="first")
    with frozen(model, which="last"):
        assert flags(model) == [False, True, True, False]
    assert flags(model) == [False, True, True, True]


def test_a_block_can_end_with_an_error(model):
    """The flags come back also then."""
    with pytest.raises(ZeroDivisionError), frozen(model, from_="dense3"):
        assert layers_trained(model) == 2
        raise ZeroDivisionError
    assert layers_trained(model) == 4


def test_a_block_gives_single_variables_back(keras):
    """A variable that was frozen by itself is so afterwards."""
    model = mlp(keras, *NAMES)
    model.layers[0].kernel.trainable = False
    with frozen(model):
        assert not model.trainable_weights
    assert len(model.trainable_weights) == 7


# --- the table ---


def test_the_table_counts_what_is_trained(any_keras):
    """It has each layer's numbers, those of nested models too, and the sums."""
    inner = mlp(any_keras, "a", "b", last=3, model="inner")
    layers = [input_layer(any_keras, 4), inner, any_keras.layers.Dense(1, name="c")]
    model = any_keras.Sequential(layers, name="outer")
    freeze_weights(inner, which="a")
    table = trainable_summary(model)
    rows = {row.path: (row.trained, row.frozen) for row in table.rows}
    assert rows["inner/a"] == (0, 15)
    assert rows["inner/b"] == (12, 0)
    assert (table.trained, table.frozen) == (16, 15)
    text = str(table)
    assert "inner/a" in text
    assert text.splitlines()[-1].split() == ["outer", "16", "15"]


def test_the_table_counts_as_the_whole_model_does(any_keras):
    """In a frozen model nothing is trained, whatever flags its layers have."""
    model = mlp(any_keras, "a", "b")
    model.trainable = False
    for layer in model.layers:
        layer.trainable = True
    table = trainable_summary(model)
    assert table.trained == 0
    assert len(model.trainable_weights) == 0
