"""Boston housing: prices of houses in 506 places, with 13 numbers about each (1978).

**This data set has an ethical problem.** Its authors made a variable, B, of the share
of Black residents, and assumed that segregation raises prices. Use it to show such
faults; for anything else there is `california_housing`.

Source: `keras.datasets.boston_housing` of Keras 3.15.1, whose file this is.
"""

from collections.abc import Iterator
from typing import Any, Final

from numpy.typing import NDArray

from kerasplug.data import DatasetSource, Splits
from kerasplug_datasets import files, tables
from kerasplug_datasets.checking import demand_batch, rows_of_halves

__all__ = ["COLUMNS", "SOURCE", "load", "stream", "synthetic"]

#: Column -> mean and spread, roughly.
COLUMNS: Final = {
    "CRIM": (3.6, 8.6),
    "ZN": (11.4, 23.3),
    "INDUS": (11.1, 6.9),
    "CHAS": (0.07, 0.25),
    "NOX": (0.55, 0.12),
    "RM": (6.3, 0.7),
    "AGE": (68.6, 28.1),
    "DIS": (3.8, 2.1),
    "RAD": (9.5, 8.7),
    "TAX": (408.0, 168.0),
    "PTRATIO": (18.5, 2.2),
    "B": (357.0, 91.0),
    "LSTAT": (12.7, 7.1),
}
_TARGET: Final = (22.5, 9.2)
_REAL: Final = (404, 102)


def load(
    path: str = "boston_housing.npz", test_split: float = 0.2, seed: int = 113
) -> Splits:
    """The table, as `keras.datasets.boston_housing.load_data` returns it.

    Args:
        path: the file's name in the cache.
        test_split: share of the rows that are for testing, from 0, less than 1.
        seed: of the shuffle before the table is divided.

    Returns:
        `x` of shape `(404, 13)` and `(102, 13)` (the columns are `COLUMNS`), `y` of
        shape `(404,)` and `(102,)`, median prices in 1000 dollars; all float64.

    Raises:
        FetchError: the file is not in the cache and can't be had.
        DatasetError: an argument is not of its form, or the file holds something else.
    """
    tables.demand_division(test_split, seed)
    x, y = tables.read(files.BOSTON_HOUSING, path, len(COLUMNS))
    return tables.divided(x, y, test_split, seed)


def stream(
    split: str = "train",
    batch_size: int = 32,
    path: str = "boston_housing.npz",
    test_split: float = 0.2,
    seed: int = 113,
) -> Iterator[tuple[NDArray[Any], NDArray[Any]]]:
    """Batches in the order of `load`; the file has 57 kB and is read in one go.

    Args:
        split: "train" or "test".
        batch_size: rows of a batch; the last one may have fewer.
        path: as `load` has it.
        test_split: as `load` has it.
        seed: as `load` has it.

    Raises:
        FetchError: the file is not in the cache and can't be had.
        DatasetError: an argument is not of its form, or the file holds something else.
    """
    demand_batch(split, batch_size)
    return tables.pieces(load(path, test_split, seed), split, batch_size)


def synthetic(
    rows: "int | None" = None,
    path: str = "",
    test_split: float = 0.2,
    seed: int = 113,
) -> Splits:
    """A stand-in of the same shapes and types, made up and always the same.

    Args:
        rows: of the training half at a `test_split` of 0.2; None: 404.
        path: taken, since `load` takes it, and not used: nothing is read.
        test_split: as `load` has it.
        seed: as `load` has it.

    Raises:
        DatasetError: an argument is not of its form.
    """
    del path
    tables.demand_division(test_split, seed)
    count = sum(rows_of_halves(rows, _REAL))
    x, y = tables.made_up(count, tuple(COLUMNS.values()), _TARGET, "float64")
    return tables.divided(x, y, test_split, seed)


SOURCE = DatasetSource(load=load, stream=stream, synthetic=synthetic)
