"""The tables: equal to Keras' on the same bytes, and made up."""

import numpy as np
import pytest
from data_files import home, joined, npz, of_keras, same
from kerasplug_datasets import boston_housing, california_housing
from kerasplug_datasets.hooks import kerasplug_datasets

from kerasplug.errors import DatasetError

__all__ = ["home"]

RNG = np.random.default_rng(2)


def name(module):
    """The data set's name."""
    return module.__name__.rpartition(".")[2]


def give(home, module, **other):
    """Serve a table of the real size."""
    rows = {boston_housing: 506, california_housing: 20640}[module]
    kind = {boston_housing: "float64", california_housing: "float32"}[module]
    arrays = {
        "x": RNG.normal(size=(rows, len(module.COLUMNS))).astype(kind),
        "y": RNG.normal(size=rows).astype(kind),
    }
    home.give(name(module).upper(), npz(**arrays | other))


CASES = [
    (boston_housing, {}),
    (boston_housing, {"test_split": 0.0}),
    (boston_housing, {"test_split": 0.333, "seed": 5}),
    (california_housing, {}),
    (california_housing, {"version": "small"}),
    (california_housing, {"version": "small", "test_split": 0.71, "seed": 0}),
]


@pytest.mark.engine
@pytest.mark.parametrize(("module", "arguments"), CASES)
def test_tables_are_those_of_keras(home, monkeypatch, module, arguments):
    """Rows, order and halves are Keras', and so is the place of the file."""
    give(home, module)

    ours = module.load(**arguments)

    path = home.cache / f"{name(module)}.npz"
    same(ours, of_keras(monkeypatch, name(module), path, **arguments))
    x, y = joined(module.stream("train", 100, **arguments))
    assert np.array_equal(x, ours.train.x)
    assert np.array_equal(y, ours.train.y)


@pytest.mark.parametrize("module", [boston_housing, california_housing], ids=name)
@pytest.mark.parametrize(
    ("argument", "value"),
    [("test_split", 1), ("test_split", -0.1), ("test_split", "0.2"), ("seed", None)],
)
def test_wrong_arguments_come_before_any_download(home, module, argument, value):
    """A wrong argument is told with its value, and nothing is asked of the network."""
    for function in (module.load, module.stream, module.synthetic):
        with pytest.raises(DatasetError, match=argument):
            function(**{argument: value})

    assert not home.cache.exists()


def test_an_unknown_version_is_told(home):
    """The versions that there are stand in the error."""
    with pytest.raises(DatasetError, match="'large' or 'small'"):
        california_housing.load(version="medium")


def test_a_table_of_another_form_is_refused(home):
    """A file with a column less is no such table, whatever its hash."""
    give(home, boston_housing, x=RNG.normal(size=(506, 12)))

    with pytest.raises(DatasetError, match=r"boston_housing\.npz"):
        boston_housing.load()


@pytest.mark.parametrize("module", [boston_housing, california_housing], ids=name)
def test_a_stand_in_has_shapes_types_and_statistics(home, module):
    """It has the record's shapes and types, and a line through it predicts well."""
    (record,) = [one for one in kerasplug_datasets() if one.name == name(module)]

    made = module.synthetic()

    arrays = (*made.train, *made.test)
    assert tuple(one.shape for one in arrays) == record.shapes
    assert tuple(str(one.dtype) for one in arrays) == record.dtypes
    means = np.array([mean for mean, _ in module.COLUMNS.values()])
    spreads = np.array([spread for _, spread in module.COLUMNS.values()])
    assert (abs(made.train.x.mean(axis=0) - means) < 0.25 * spreads).all()
    line = np.linalg.lstsq(
        np.c_[made.train.x, np.ones(len(made.train.x))].astype(float),
        made.train.y.astype(float),
        rcond=None,
    )[0]
    guess = np.c_[made.test.x, np.ones(len(made.test.x))] @ line
    assert np.corrcoef(guess, made.test.y)[0, 1] > 0.8
    assert not home.cache.exists()


def test_boston_carries_its_warning():
    """Whoever looks the data set up reads what is wrong with it."""
    (record,) = [one for one in kerasplug_datasets() if one.name == "boston_housing"]

    assert "segregation" in record.warning
    assert "california_housing" in record.warning
