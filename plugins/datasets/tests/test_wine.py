"""The embedded wines: what is in them, and that they are what they claim to be."""

import runpy
from pathlib import Path

import numpy as np
import pytest
from kerasplug_datasets import wine
from kerasplug_datasets.embedded import divided

from kerasplug.errors import DatasetError

SCRIPT = Path(__file__).parents[1] / "make_tables.py"


def nearest(splits):
    """How many test rows the nearest mean of a class gets right, on scaled columns."""
    (x, y), (x_test, y_test) = splits
    mean, spread = x.mean(axis=0), x.std(axis=0)
    centres = np.stack([x[y == one].mean(axis=0) for one in range(3)])
    away = ((x_test - mean)[:, None] - (centres - mean)) / spread
    return ((away**2).sum(axis=2).argmin(axis=1) == y_test).mean()


def test_the_numbers_are_those_of_the_origin():
    """The first wine is the first line of UCI's file."""
    first = wine.load().train.x[0].tolist()

    assert first == [
        *(14.23, 1.71, 2.43, 15.6, 127, 2.8, 3.06),
        *(0.28, 2.29, 5.64, 1.04, 3.92, 1065),
    ]
    assert len(wine.COLUMNS) == len(first)


def test_agrees_with_scikit_learn():
    """Rows, labels and the names of columns are scikit-learn's."""
    sklearn_datasets = pytest.importorskip("sklearn.datasets")
    held = sklearn_datasets.load_wine()
    wanted = divided(held.data, held.target.astype(np.uint8))

    for mine, his in zip(wine.load(), wanted, strict=True):
        assert np.array_equal(mine.x, his.x)
        assert np.array_equal(mine.y, his.y)
    assert [name.replace("/", "_") for name in held.feature_names] == [*wine.COLUMNS]


def test_script_makes_the_same_bytes():
    """`make_tables.py` makes the very file that is in the package."""
    pytest.importorskip("sklearn.datasets")
    made = runpy.run_path(str(SCRIPT))["wine"]()

    assert made == Path(wine.__file__).with_name("wine.npz").read_bytes()


def test_the_real_wines_can_be_told_apart():
    """A simple rule finds most grapes of the test half."""
    assert nearest(wine.load()) > 0.9


def test_a_stand_in_is_like_the_real_one():
    """Columns have their means, spreads and ranges; grapes can be told apart."""
    real, made = wine.load(), wine.synthetic()
    x = made.train.x
    spread = real.train.x.std(axis=0)

    assert (abs(x.mean(axis=0) - real.train.x.mean(axis=0)) < 0.5 * spread).all()
    assert (x.std(axis=0) / spread > 0.5).all()
    assert (x.std(axis=0) / spread < 2).all()
    assert nearest(made) > 0.8


def test_a_stand_in_has_as_many_rows_as_asked_for():
    """Both halves have all grapes as far as there are rows, and are never empty."""
    assert [len(half.x) for half in wine.synthetic(100)] == [100, 24]
    assert set(wine.synthetic(20).test.y) == {0, 1, 2}
    assert [len(half.x) for half in wine.synthetic(1)] == [1, 1]
    with pytest.raises(DatasetError, match="rows"):
        wine.synthetic(0)
