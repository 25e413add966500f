"""A stand-in for a data set, made from what its record says of it."""

from typing import Any, Final

from kerasplug.data.splits import Split, Splits
from kerasplug.errors import DatasetError
from kerasplug.hooks import DatasetRecord

__all__ = ["stand_in"]

_SEED: Final = 20261124
#: Texts of a varying length have about so many numbers.
_SHORTEST, _LONGEST = 10, 30
_WORDS: Final = 1000
_LARGEST: Final = {"uint8": 256}
_CLASSLESS: Final = 10


def stand_in(record: DatasetRecord, rows: "int | None") -> Splits:
    """Random arrays of a record's shapes and dtypes, the same each time.

    Args:
        record: of the data set.
        rows: of the training half, the other one in proportion; None: as the record.

    Raises:
        DatasetError: the record does not say shapes and dtypes, or how many rows.
    """
    import numpy as np

    shapes = _sized(record, rows)
    rng = np.random.default_rng(_SEED)
    made = [
        _array(rng, shape, dtype, record.classes if place % 2 else None)
        for place, (shape, dtype) in enumerate(zip(shapes, record.dtypes, strict=True))
    ]
    return Splits(Split(made[0], made[1]), Split(made[2], made[3]))


def _sized(record: DatasetRecord, rows: "int | None") -> list[tuple[int | None, ...]]:
    """The four shapes, with so many rows."""
    shapes = record.shapes
    real = [shape[0] if shape else None for shape in shapes]
    if not shapes or not record.dtypes or None in real:
        what = f"The data set {record.name!r} has no stand-in."
        found = "its record does not say all shapes and dtypes"
        raise DatasetError(what, found=found, expected="shapes=, dtypes= in its record")
    train, test = real[0] or 0, real[2] or 0
    counts = [train, train, test, test]
    if rows is not None:
        fewer = max(1, round(rows * test / train)) if train else rows
        counts = [rows, rows, fewer, fewer]
    return [(n, *shape[1:]) for n, shape in zip(counts, shapes, strict=True)]


def _array(
    rng: Any, shape: tuple[int | None, ...], dtype: str, classes: int | None
) -> Any:
    import numpy as np

    if None in shape:
        return _ragged(rng, shape[0] or 0)
    sizes = tuple(size or 0 for size in shape)
    kind = np.dtype(dtype)
    if classes is not None:
        return _labels(rng, sizes, classes).astype(kind)
    if kind.kind == "f":
        return rng.standard_normal(sizes).astype(kind)
    largest = _LARGEST.get(dtype, _CLASSLESS)
    return rng.integers(0, largest, sizes, dtype="uint8").astype(kind, copy=False)


def _labels(rng: Any, sizes: tuple[int, ...], classes: int) -> Any:
    """Each class is there, where the rows suffice; in columns where there are some."""
    import numpy as np

    columns = len(sizes) > 1 and sizes[-1] == classes
    labels = sizes[:-1] if columns else sizes
    flat = np.arange(int(np.prod(labels))) % classes
    rng.shuffle(flat)
    return np.eye(classes)[flat].reshape(sizes) if columns else flat.reshape(sizes)


def _ragged(rng: Any, count: int) -> Any:
    """Lists of numbers, as texts come."""
    import numpy as np

    found = np.empty(count, dtype=object)
    for place, length in enumerate(rng.integers(_SHORTEST, _LONGEST, size=count)):
        found[place] = rng.integers(1, _WORDS, size=length).tolist()
    return found
