"""Batches of NumPy arrays, in an order that can be had again."""

from collections.abc import Iterator, Sequence
from typing import Any

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
        self.rows = rows
        self.batch_size = batch_size
        self.shuffle = shuffle
        self.seed = seed
        self.drop_last = drop_last
        self.padding = padding
        self.pad_value = pad_value
        self.epoch = 0

    def __len__(self) -> int:
        full, rest = divmod(len(self.rows.x), self.batch_size)
        return full + (1 if rest and not self.drop_last else 0)

    def __iter__(self) -> Iterator[tuple[Any, Any]]:
        for some in self.next_order():
            yield self.take(some)

    def repeat(self) -> Iterator[tuple[Any, Any]]:
        """Epoch after epoch: for `fit` with `steps_per_epoch=len(batches)`."""
        while True:
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
        x, y = self.rows
        return self._taken(x, some), self._taken(y, some)

    def _taken(self, values: Any, some: Sequence[int]) -> Any:
        import numpy as np

        if isinstance(values, np.ndarray) and values.dtype != object:
            return values[some]
        picked = [values[place] for place in some]
        if picked and isinstance(picked[0], list | tuple | np.ndarray):
            return _padded(picked, self.padding, self.pad_value)
        return np.asarray(picked)


def _padded(lists: list[Any], padding: str, value: int) -> Any:
    """A table of lists of numbers, as wide as the longest, as in `pad_sequences`."""
    import numpy as np

    width = max(map(len, lists))
    found = np.full((len(lists), width), value, dtype=np.int32)
    for row, one in zip(found, lists, strict=True):
        start = 0 if padding == "post" else width - len(one)
        row[start : start + len(one)] = one
    return found
