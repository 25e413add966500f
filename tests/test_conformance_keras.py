"""The conformance suite says nothing false about any public layer of Keras 3."""

import json

import pytest
from keras_layer_faults import EXPECTED
from keras_layer_run import (
    BACKENDS,
    GOLDEN,
    chunks,
    faults,
    golden,
    in_process,
    summary,
)
from keras_layer_table import ALIASES, LEFT_OUT, TABLE, layer_of

import kerasplug

#: Said when the golden file is not what came out.
_REWRITE = "if this is meant: python tests/keras_layer_run.py --write"


def test_faults_are_of_rows():
    """Each known fault of Keras is of a row of the table, and says what is wrong."""
    assert set(EXPECTED) == set(BACKENDS)
    for rows in EXPECTED.values():
        assert set(rows) <= set(TABLE)
        assert all(len(why) > 20 for known in rows.values() for why in known.values())


def _is_written():
    """A mark: without the golden file there is nothing to compare with."""
    return pytest.mark.skipif(
        not GOLDEN.exists(), reason="no golden file: tests/keras_layer_run.py --write"
    )


@_is_written()
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


@_is_written()
@pytest.mark.engine
@pytest.mark.slow
@pytest.mark.timeout(3600)
@pytest.mark.parametrize(
    ("backend", "rows"),
    [
        pytest.param(backend, rows, id=f"{backend}-{rows[0]}-and-so-on")
        for backend, rows in chunks()
    ],
)
def test_no_false_alarms(backend, rows):
    """Keras' layers pass all checks but for known faults, and no fewer checks run."""
    found = in_process(backend, rows)
    expected = golden()[backend]

    assert not faults(found), "\n\n".join(faults(found))
    for row, said in summary(found).items():
        assert said == expected[row], f"{row} on {backend}; {_REWRITE}"
