"""Batches for TensorFlow and for PyTorch."""

import importlib.util
from collections.abc import Iterator
from typing import Any

from kerasplug._frameworks.bare import framework
from kerasplug.data.batches import Batches

__all__ = ["demand", "tf_dataset", "torch_loader"]


def demand(name: str) -> None:
    """Raise `MissingExtraError` where a framework is missing; nothing is imported.

    Args:
        name: `"tensorflow"` or `"torch"`.
    """
    if importlib.util.find_spec(name) is None:
        framework(name)  # has the words for it


def tf_dataset(batches: Batches, *, prefetch: bool) -> Any:
    """A `tf.data.Dataset` of these batches.

    Args:
        batches: whose epochs become those of the data set.
        prefetch: whether the next batch is made while one is in use.

    Raises:
        MissingExtraError: TensorFlow is not installed.
    """
    tf: Any = framework("tensorflow")
    rows = batches.batch_size if batches.drop_last else None
    example = batches.take([0] if len(batches.rows.x) else [])
    signature = tuple(
        tf.TensorSpec((rows, *_sizes(one, ragged=ragged)), tf.as_dtype(_plain(one)))
        for one, ragged in zip(example, batches.ragged, strict=True)
    )
    found = tf.data.Dataset.from_generator(
        lambda: iter(batches), output_signature=signature
    )
    found = found.apply(tf.data.experimental.assert_cardinality(len(batches)))
    return found.prefetch(tf.data.AUTOTUNE) if prefetch else found


def _sizes(example: Any, *, ragged: bool) -> tuple[int | None, ...]:
    """The shape of a row; each batch of lists has a width of its own."""
    return (None,) if ragged else example.shape[1:]


def _plain(example: Any) -> Any:
    """The dtype as TensorFlow has it; texts are its strings."""
    return "string" if example.dtype.kind in "UOS" else example.dtype


class _Rows:
    """What a `DataLoader` asks for rows; a whole batch is taken at once."""

    def __init__(self, batches: Batches) -> None:
        self.batches = batches

    def __len__(self) -> int:
        return len(self.batches.rows.x)

    def __getitem__(self, place: int) -> tuple[Any, Any]:
        return self.batches.take([place])

    def __getitems__(self, some: list[int]) -> tuple[Any, Any]:
        return self.batches.take(some)


class _Order:
    """Which rows are in each batch; a new order each epoch."""

    def __init__(self, batches: Batches) -> None:
        self.batches = batches

    def __len__(self) -> int:
        return len(self.batches)

    def __iter__(self) -> Iterator[list[int]]:
        # A loader with workers asks for two iterators and uses one: an epoch begins
        # with the first row, not with the iterator.
        yield from self.batches.next_order()


def _tensors(batch: tuple[Any, Any]) -> tuple[Any, Any]:
    """A batch of tensors; texts stay lists of texts."""
    torch: Any = framework("torch")
    x, y = (
        one.tolist() if one.dtype.kind in "UOS" else torch.as_tensor(one)
        for one in batch
    )
    return x, y


def torch_loader(batches: Batches, *, num_workers: int) -> Any:
    """A `torch.utils.data.DataLoader` of these batches.

    Args:
        batches: whose epochs become those of the loader.
        num_workers: processes that take the rows; 0: this one does.

    Raises:
        MissingExtraError: PyTorch is not installed.
    """
    torch: Any = framework("torch")
    return torch.utils.data.DataLoader(
        _Rows(batches),
        batch_sampler=_Order(batches),
        collate_fn=_tensors,
        num_workers=num_workers,
    )
