"""Batches of NumPy arrays, in an order that can be had again."""

from collections.abc import Iterator, Sequence
from typing import Any

from kerasplug.data import asking
from kerasplug.data.splits import Split

__all__ = ["Batches"]


class Batches:
    """The batches of one half of a data set; each `iter` is a new epoch.

    `len` tells how many batches an epoch has.

    Args:
        rows: the half.
        batch_size: rows of a batch.
        shuffle: whether each epoch has an order of its own.
        seed: of the orders: epoch 0, 1, 2, … of one seed are the same everywhere.
        drop_last: whether a last batch with fewer rows is left out.
        padding: "pre" or "post": where lists get numbers so that they fit in an array.
        pad_value: which number.

    Raises:
        DatasetError: an argument is not of its form.

    Example:
        >>> batches = Batches(Split([[1], [2, 3], [4]], [0, 1, 0]), 2, shuffle=False)
        >>> [x.tolist() for x, y in batches]
        [[[0, 1], [2, 3]], [[4]]]
    """

    def __init__(
        self,
        rows: Split,
        batch_size: int,
        *,
        shuffle: bool,
        seed: int = 0,
        drop_last: bool = False,
        padding: str = "pre",
        pad_value: int = 0,
    ) -> None:
        asking.demand_batching(
            "train",
            batch_size,
            shuffle=shuffle,
            seed=seed,
            drop_last=drop_last,
            padding=padding,
            pad_value=pad_value,
        )
        self.rows = rows
        self.batch_size = int(batch_size)
        self.shuffle = shuffle
        self.seed = int(seed)
        self.drop_last = drop_last
        self.padding = padding
        self.pad_value = pad_value
        #: How many epochs have begun: the number of the next one.
        self.epoch = 0
        self._padded_as = tuple(_dtype_of(values) for values in rows)

    @property
    def ragged(self) -> tuple[bool, bool]:
        """Whether x, and whether y, are lists that are padded batch by batch."""
        x, y = self._padded_as
        return bool(x), bool(y)

    def __len__(self) -> int:
        full, rest = divmod(len(self.rows.x), self.batch_size)
        return full + (1 if rest and not self.drop_last else 0)

    def __iter__(self) -> Iterator[tuple[Any, Any]]:
        for some in self.next_order():
            yield self.take(some)

    def repeat(self) -> Iterator[tuple[Any, Any]]:
        """Epoch after epoch: for `fit` with `steps_per_epoch=len(batches)`."""
        while len(self):
            yield from self

    def next_order(self) -> list[list[int]]:
        """Which rows are in each batch of the next epoch."""
        import numpy as np

        count, size = len(self.rows.x), self.batch_size
        order = np.arange(count)
        if self.shuffle:
            order = np.random.default_rng((self.seed, self.epoch)).permutation(count)
        self.epoch += 1
        return [
            order[start : start + size].tolist()
            for start in range(0, len(self) * size, size)
        ]

    def take(self, some: Sequence[int]) -> tuple[Any, Any]:
        """The batch of these rows.

        Args:
            some: their places in the half.
        """
        x, y = (
            self._taken(values, some, dtype)
            for values, dtype in zip(self.rows, self._padded_as, strict=True)
        )
        return x, y

    def _taken(self, values: Any, some: Sequence[int], dtype: str) -> Any:
        import numpy as np

        if isinstance(values, np.ndarray) and values.dtype != object:
            return values[some]
        picked = [values[place] for place in some]
        if dtype:
            return _padded(picked, dtype, self.padding, self.pad_value)
        return np.asarray(picked)

    def __repr__(self) -> str:
        rows = len(self.rows.x)
        return f"<{len(self)} batches of {self.batch_size} out of {rows} rows>"


def _dtype_of(values: Any) -> str:
    """What the padded rows are held in; empty where rows need no padding."""
    import numpy as np

    if len(values) == 0 or (isinstance(values, np.ndarray) and values.dtype != object):
        return ""
    if not isinstance(values[0], list | tuple) and np.ndim(values[0]) != 1:
        return ""
    first = next((one for one in values if len(one)), [0])
    # Fractions would be cut off without a word in the integers that Keras pads with.
    return "float32" if np.asarray(first).dtype.kind == "f" else "int32"


def _padded(lists: list[Any], dtype: str, padding: str, value: int) -> Any:
    """A table of lists of numbers, as wide as the longest, as in `pad_sequences`."""
    import numpy as np

    width = max(map(len, lists), default=0)
    found = np.full((len(lists), width), value, dtype=dtype)
    for row, one in zip(found, lists, strict=True):
        start = 0 if padding == "post" else width - len(one)
        row[start : start + len(one)] = one
    return found
