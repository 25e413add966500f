"""California housing: prices of houses in 20,640 blocks, with 8 numbers each (1990).

Source: `keras.datasets.california_housing` of Keras 3.15.1, whose file this is.
"""

from collections.abc import Iterator
from typing import Any, Final

from numpy.typing import NDArray

from kerasplug.data import DatasetSource, Splits
from kerasplug_datasets import files, tables
from kerasplug_datasets.checking import demand_batch, demand_one_of, rows_of_halves

__all__ = ["COLUMNS", "SOURCE", "load", "stream", "synthetic"]

#: Column, as Keras' documentation calls it -> mean and spread, roughly.
COLUMNS: Final = {
    "MedInc": (3.9, 1.9),
    "HouseAge": (28.6, 12.6),
    "AveRooms": (5.4, 2.5),
    "AveBedrms": (1.1, 0.5),
    "Population": (1425.0, 1132.0),
    "AveOccup": (3.1, 10.4),
    "Latitude": (35.6, 2.1),
    "Longitude": (-119.6, 2.0),
}
_TARGET: Final = (206856.0, 115396.0)
_VERSIONS: Final = ("large", "small")
_REAL: Final = {"large": (16512, 4128), "small": (480, 120)}
_SMALL: Final = 600


def load(
    version: str = "large",
    path: str = "california_housing.npz",
    test_split: float = 0.2,
    seed: int = 113,
) -> Splits:
    """The table, as `keras.datasets.california_housing.load_data` returns it.

    Args:
        version: "large" for 20,640 rows, "small" for the first 600 of them.
        path: the file's name in the cache.
        test_split: share of the rows that are for testing, from 0, less than 1.
        seed: of the shuffle before the table is divided.

    Returns:
        `x` of shape `(16512, 8)` and `(4128, 8)`, or `(480, 8)` and `(120, 8)`; `y` of
        shape `(16512,)` and `(4128,)`, or `(480,)` and `(120,)`, median prices in
        dollars; types as in the file.

    Raises:
        FetchError: the file is not in the cache and can't be had.
        DatasetError: an argument is not of its form, or the file holds something else.
    """
    demand_one_of("version", version, _VERSIONS)
    tables.demand_division(test_split, seed)
    x, y = tables.read(files.CALIFORNIA_HOUSING, path, len(COLUMNS))
    end = _SMALL if version == "small" else None
    return tables.divided(x[:end], y[:end], test_split, seed)


def stream(
    split: str = "train",
    batch_size: int = 32,
    version: str = "large",
    path: str = "california_housing.npz",
    test_split: float = 0.2,
    seed: int = 113,
) -> Iterator[tuple[NDArray[Any], NDArray[Any]]]:
    """Batches in the order of `load`; the file has less than 1 MB, read in one go.

    Args:
        split: "train" or "test".
        batch_size: rows of a batch; the last one may have fewer.
        version: as `load` has it.
        path: as `load` has it.
        test_split: as `load` has it.
        seed: as `load` has it.

    Raises:
        FetchError: the file is not in the cache and can't be had.
        DatasetError: an argument is not of its form, or the file holds something else.
    """
    demand_batch(split, batch_size)
    return tables.pieces(load(version, path, test_split, seed), split, batch_size)


def synthetic(
    rows: "int | None" = None,
    version: str = "large",
    path: str = "",
    test_split: float = 0.2,
    seed: int = 113,
) -> Splits:
    """A stand-in of the same shapes and types, made up and always the same.

    Args:
        rows: of the training half at a `test_split` of 0.2; None: as many as the
            version has.
        version: as `load` has it.
        path: taken, since `load` takes it, and not used: nothing is read.
        test_split: as `load` has it.
        seed: as `load` has it.

    Raises:
        DatasetError: an argument is not of its form.
    """
    del path
    demand_one_of("version", version, _VERSIONS)
    tables.demand_division(test_split, seed)
    count = sum(rows_of_halves(rows, _REAL[version]))
    x, y = tables.made_up(count, tuple(COLUMNS.values()), _TARGET, "float32")
    return tables.divided(x, y, test_split, seed)


SOURCE = DatasetSource(load=load, stream=stream, synthetic=synthetic)
