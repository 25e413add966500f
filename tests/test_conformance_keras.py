"""The table of Keras' layers, over which the conformance suite runs, is whole."""

import json

import pytest
from keras_layer_faults import BY_CHANCE, EXPECTED
from keras_layer_run import BACKENDS, GOLDEN, golden
from keras_layer_table import ALIASES, LEFT_OUT, TABLE, layer_of

import kerasplug


def test_faults_are_of_rows():
    """Each known fault of Keras is of a row of the table, and says what is wrong."""
    assert set(EXPECTED) == set(BACKENDS)
    for rows in EXPECTED.values():
        assert set(rows) <= set(TABLE)
        assert all(len(why) > 20 for known in rows.values() for why in known.values())
        assert all(
            set(rows[row]).isdisjoint(BY_CHANCE[row])
            for row in BY_CHANCE
            if row in rows
        )


def test_golden_file_has_all_rows():
    """The golden file has each row of the table for each backend, and no other."""
    assert set(json.loads(GOLDEN.read_text("utf-8"))) == set(TABLE)
    assert all(set(rows) == set(TABLE) for rows in golden().values())


@pytest.mark.engine
def test_every_public_layer_is_in_the_table():
    """Each public name of keras.layers has a row, is an alias, or a reason is given."""
    keras = kerasplug.implementation("keras")
    names = {name for name in dir(keras.layers) if not name.startswith("_")}
    rows = {layer_of(row) for row in TABLE}

    assert sorted(names) == sorted([*rows, *ALIASES, *LEFT_OUT])


@pytest.mark.engine
def test_aliases_are_the_same_classes():
    """An alias is another name of a class that has a row."""
    layers = kerasplug.implementation("keras").layers

    for alias, name in ALIASES.items():
        assert getattr(layers, alias) is getattr(layers, name)
        assert name in TABLE
