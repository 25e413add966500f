"""The tables know every argument of every layer, and the page says what they say."""

import inspect
from pathlib import Path

import keras
import pytest
from kerasplug_plaidml.translating import values
from kerasplug_plaidml.translating.losses import LOSSES
from kerasplug_plaidml.translating.table import page
from kerasplug_plaidml.translating.tables import CELLS, EVERY, GONE, ROWS
from kerasplug_plaidml.translating.training import OFF, OPTIMIZERS, SHARED
from translat_kit import branches

pytestmark = pytest.mark.engine

#: Arguments without a default, by name.
_GIVEN = {
    "activation": "relu",
    "axes": 1,
    "cell": keras.layers.LSTMCell(2),
    "cells": [keras.layers.LSTMCell(2)],
    "dims": (1,),
    "filters": 2,
    "input_dim": 3,
    "kernel_size": 2,
    "layer": keras.layers.LSTM(2),
    "n": 2,
    "output_dim": 2,
    "pool_size": 2,
    "rate": 0.1,
    "scale": 0.5,
    "stddev": 0.1,
    "target_shape": (2,),
    "units": 2,
}


def _made(name):
    """A layer, with what it can't be made without."""
    made = getattr(keras.layers, name)
    parameters = inspect.signature(made).parameters
    needed = [one for one, p in parameters.items() if p.default is p.empty]
    return made(**{one: _GIVEN[one] for one in needed if one in _GIVEN})


@pytest.mark.parametrize("name", [*ROWS, *CELLS])
def test_the_table_has_every_key_of_a_configuration_and_no_other(name):
    """What Keras writes of a layer stands in its row, or is said of every layer."""
    told = set(_made(name).get_config())
    row = set({**ROWS, **CELLS}[name])
    assert row <= told
    assert told <= row | set(EVERY)


def test_every_layer_of_the_tables_is_used_in_the_tests_that_compute():
    """The parity test computes with each layer, so no row is a mere claim."""
    used = {
        type(layer).__name__
        for kind, made in branches().items()
        for branch in made.values()
        for layer in _held(kind, branch)
    }
    assert set(ROWS) | set(CELLS) <= used


def _held(kind, branch):
    """The layers that a branch uses, and those in them."""
    from translat_kit import model_of

    model = model_of(kind, {"one": branch})
    return model._flatten_layers()


def test_no_layer_is_both_taken_and_refused():
    """The list of refused layers has none that has a row."""
    assert not set(GONE) & set(ROWS)
    assert all(hasattr(keras.layers, name) for name in GONE)


def test_the_lists_of_objects_name_what_keras_has():
    """Activations, regularizers, constraints, losses and optimizers exist here."""
    assert all(hasattr(keras.activations, one) for one in values.ACTIVATIONS)
    assert all(hasattr(keras.regularizers, one) for one in values.REGULARIZERS)
    assert all(hasattr(keras.constraints, one) for one in values.CONSTRAINTS)
    assert all(hasattr(keras.optimizers, one) for one in OPTIMIZERS)
    for name, (function, _) in LOSSES.items():
        assert hasattr(keras.losses, name)
        assert hasattr(keras.losses, function)


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_the_table_has_every_argument_of_an_optimizer(name):
    """What Keras writes of an optimizer is known: carried, refused or without use."""
    told = set(getattr(keras.optimizers, name)().get_config())
    known = {"name", "learning_rate", "ema_momentum", "ema_overwrite_frequency"}
    assert told == {*OPTIMIZERS[name][1], *SHARED, *OFF, *known}


def test_the_page_is_what_the_tables_say():
    """`docs/plaidml-layers.md` is what the module prints."""
    path = Path(__file__).parents[3] / "docs" / "plaidml-layers.md"
    assert path.read_text() == page() + "\n"
