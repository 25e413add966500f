"""Arguments of the loaders: told before anything is downloaded."""

from typing import Final

from kerasplug.errors import DatasetError

__all__ = [
    "demand_batch",
    "demand_count",
    "demand_fraction",
    "demand_one_of",
    "rows_of_halves",
]

SPLITS: Final = ("train", "test")


def _wrong(name: str, value: object, expected: str) -> DatasetError:
    what = f"{name} is not of its form."
    return DatasetError(what, found=f"{name}={value!r}"[:200], expected=expected)


def demand_one_of(name: str, value: object, choices: tuple[str, ...]) -> None:
    """Raise `DatasetError` unless a value is one of a few texts.

    Args:
        name: of the argument.
        value: what was received.
        choices: what may be.
    """
    if value not in choices:
        raise _wrong(name, value, " or ".join(map(repr, choices)))


def demand_count(
    name: str, value: object, *, least: int = 0, optional: bool = False
) -> None:
    """Raise `DatasetError` unless a value is a whole number, and not too small.

    Args:
        name: of the argument.
        value: what was received.
        least: the smallest that may be.
        optional: whether None may be, too.
    """
    if value is None and optional:
        return
    if isinstance(value, bool) or not isinstance(value, int) or value < least:
        more = ", or None" if optional else ""
        raise _wrong(name, value, f"a whole number from {least}{more}")


def demand_fraction(name: str, value: object) -> None:
    """Raise `DatasetError` unless a value is at least 0 and less than 1.

    Args:
        name: of the argument.
        value: what was received.
    """
    good = isinstance(value, int | float) and not isinstance(value, bool)
    if not good or not 0 <= value < 1:  # type: ignore[operator]  # it is a number, see above
        raise _wrong(name, value, "a number from 0, less than 1")


def demand_batch(split: object, batch_size: object) -> None:
    """Raise `DatasetError` unless both arguments of every stream are of their form.

    Args:
        split: "train" or "test".
        batch_size: rows.
    """
    demand_one_of("split", split, SPLITS)
    demand_count("batch_size", batch_size, least=1)


def rows_of_halves(rows: "int | None", real: tuple[int, int]) -> tuple[int, int]:
    """How many rows both halves have: as the real ones, or in their proportion.

    Args:
        rows: of the training half; None: as many as the real one has.
        real: rows of the real halves.

    Raises:
        DatasetError: `rows` is no whole number from 1.
    """
    demand_count("rows", rows, least=1, optional=True)
    if rows is None:
        return real
    return rows, max(1, round(rows * real[1] / real[0]))
