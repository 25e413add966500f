"""Where the suite looks for variables that Keras does not know."""

import collections
from typing import NamedTuple

import pytest

from kerasplug.testing import check_layer
from kerasplug.testing.conformance.layer_case import LayerCase

pytestmark = pytest.mark.engine


class Slotted:
    """A plain object without a `__dict__`."""

    __slots__ = ("held",)

    def __init__(self, held):
        self.held = held


class Named(NamedTuple):
    """A named tuple."""

    held: object


def layer_holding(keras, hold):
    """A layer class; `hold(layer, variable)` puts a variable somewhere."""

    class Holder(keras.layers.Layer):
        def build(self, input_shape):
            if not self.built:
                hold(self, keras.Variable(keras.ops.ones((3,))))

        def call(self, inputs):
            return inputs

        def compute_output_shape(self, input_shape):
            return input_shape

    return Holder


def found(keras, hold):
    case = LayerCase(
        layer_holding(keras, hold), input_shape=(2, 4), checks=["everything_is_tracked"]
    )
    [outcome] = case.report().outcomes
    return outcome.what


@pytest.mark.parametrize(
    ("hold", "path"),
    [
        (
            lambda layer, one: setattr(layer, "held", collections.deque([one])),
            "self.held[0]",
        ),
        (
            lambda layer, one: setattr(layer, "held", Slotted({"a": (one,)})),
            "self.held.held['a'][0]",
        ),
        (lambda layer, one: vars(layer).update(held={"a": one}), "self.held['a']"),
    ],
    ids=["deque", "slots", "past Keras"],
)
def test_a_hidden_variable_is_named_by_its_path(hold, path, keras):
    """What Keras does not look into is walked, and the variable's path is said."""
    assert found(keras, hold) == f"{path} is a variable that Keras does not track."


@pytest.mark.parametrize(
    "hold",
    [
        lambda layer, one: setattr(layer, "held", one),
        lambda layer, one: setattr(layer, "held", {"a": [{"b": (one,)}]}),
        lambda layer, one: setattr(layer, "held", Named(one)),
    ],
    ids=["attribute", "nested", "named tuple"],
)
def test_what_keras_looks_into_is_fine(hold, keras):
    """Attributes, lists, tuples and dicts, however deep, are known to Keras."""
    assert found(keras, hold) == ""


def test_generators_and_metrics_are_known(keras):
    """The states of seed generators and metrics count as tracked."""

    def hold(layer, one):
        layer.seeds = keras.random.SeedGenerator(1)
        layer.mean = keras.metrics.Mean()

    report = check_layer(
        layer_holding(keras, hold), input_shape=(2, 4), checks=["everything_is_tracked"]
    )

    assert report.ids("passed") == ["everything_is_tracked"]
