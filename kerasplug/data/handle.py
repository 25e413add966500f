"""One data set of a plugin, as users hold it."""

import warnings
from collections.abc import Callable, Iterator
from typing import Any

from kerasplug import registry
from kerasplug.data import asking
from kerasplug.data.batches import Batches
from kerasplug.data.source import DatasetSource
from kerasplug.data.splits import Split, Splits
from kerasplug.errors import DatasetError, KerasplugWarning, PluginError
from kerasplug.hooks import DatasetRecord

__all__ = ["Dataset"]

#: Data sets of which was warned in this process.
_warned: set[str] = set()


class Dataset:
    """One data set; nothing is imported or read before it is asked for.

    Example:
        >>> import kerasplug
        >>> digits = kerasplug.datasets["digits"]
        >>> (x_train, y_train), (x_test, y_test) = digits.load()
        >>> x_train.shape
        (1442, 8, 8)
        >>> small = digits.load(synthetic=20)
        >>> small.train.x.shape, small.test.x.shape
        ((20, 8, 8), (5, 8, 8))
    """

    def __init__(self, claim: registry.Claim) -> None:
        self._claim = claim

    @property
    def record(self) -> DatasetRecord:
        """The full description: shapes, licence, citation."""
        record = self._claim.record()
        assert isinstance(record, DatasetRecord)
        return record

    @property
    def arguments(self) -> dict[str, Any]:
        """Name -> default, of the arguments that are this data set's own."""
        return asking.own_arguments(self._source.load)

    @property
    def _source(self) -> DatasetSource:
        target: Any = registry.load(self._claim)
        return target if isinstance(target, DatasetSource) else DatasetSource(target)

    def _asked(self, own: dict[str, Any]) -> DatasetSource:
        source = self._source
        asking.demand_known(self._claim.name, source.load, own)
        return source

    def load(self, *, synthetic: bool | int = False, **own: Any) -> Splits:
        """The whole data set, in memory.

        Args:
            synthetic: True for a stand-in of the same shapes, dtypes and rough
                statistics, made without file and network; a number for one with so
                many rows for training, and rows for testing in proportion.
            **own: what this data set's loader takes: see `arguments`.

        Returns:
            `((x_train, y_train), (x_test, y_test))`; also `.train.x`, `.test.y`, …

        Raises:
            DatasetError: an argument is not of its form, or a file holds something
                else.
            FetchError: a file is not in the cache and can't be had.
            NeedsError: this environment lacks what the data set needs.
            PluginError: its plugin is broken, or returns something else.
        """
        if synthetic is not False:
            return self._made_up(asking.rows_wanted(synthetic), own)
        source = self._asked(own)
        self._warn()
        return self._checked(source.load(**own))

    def _made_up(self, rows: int | None, own: dict[str, Any]) -> Splits:
        source = self._asked(own)
        if source.synthetic is not None:
            return self._checked(source.synthetic(rows=rows, **own))
        from kerasplug.data.stand_in import stand_in

        return stand_in(self.record, rows)

    def _warn(self) -> None:
        """Say once a process what a user has to know before using the data."""
        text, name = self.record.warning, self._claim.canonical
        if text and name not in _warned:
            _warned.add(name)
            warnings.warn(f"{name}: {text}", KerasplugWarning, stacklevel=3)

    def _checked(self, found: Any) -> Splits:
        try:
            (x, y), (x_test, y_test) = found
            good = len(x) == len(y) and len(x_test) == len(y_test)
        except (TypeError, ValueError):
            good = False
        if not good:
            what = f"The loader of {self._claim.canonical} does not return a data set."
            raise PluginError(
                what,
                plugin=self._claim.canonical.partition("/")[0],
                found=type(found).__name__,
                expected="((x, y), (x, y)), with as many rows in x as in y",
            )
        return Splits(Split(x, y), Split(x_test, y_test))

    def as_numpy_batches(
        self,
        batch_size: int = 32,
        *,
        split: str = "train",
        shuffle: bool | None = None,
        seed: int = 0,
        drop_last: bool = False,
        padding: str = "pre",
        pad_value: int = 0,
        synthetic: bool | int = False,
        **own: Any,
    ) -> Batches:
        """Batches `(x, y)` of NumPy arrays.

        Args:
            batch_size: rows of a batch.
            split: "train" or "test".
            shuffle: whether each epoch has an order of its own; None: for training.
            seed: of the orders; the same seed gives the same orders everywhere.
            drop_last: whether a last batch with fewer rows is left out.
            padding: "pre" or "post": where texts get numbers so that they fit in an
                array, as in Keras' `pad_sequences`.
            pad_value: which number.
            synthetic: as `load` has it.
            **own: as `load` has them.

        Returns:
            What `len` counts and each `iter` goes through once; `.repeat()` goes on for
            ever.

        Raises:
            DatasetError: an argument is not of its form; and what `load` raises.
        """
        asking.demand_batching(split, batch_size, seed=seed, padding=padding)
        rows: Split = getattr(self.load(synthetic=synthetic, **own), split)
        return Batches(
            rows,
            batch_size,
            shuffle=split == "train" if shuffle is None else shuffle,
            seed=seed,
            drop_last=drop_last,
            padding=padding,
            pad_value=pad_value,
        )

    def as_tf_dataset(
        self, batch_size: int = 32, *, prefetch: bool = True, **options: Any
    ) -> Any:
        """A `tf.data.Dataset` of the batches that `as_numpy_batches` gives.

        Args:
            batch_size: rows of a batch.
            prefetch: whether the next batch is made while one is in use.
            **options: those of `as_numpy_batches`.

        Raises:
            MissingExtraError: TensorFlow is not installed.
            DatasetError: an argument is not of its form; and what `load` raises.
        """
        from kerasplug.data.frameworks import tf_dataset

        return tf_dataset(
            self.as_numpy_batches(batch_size, **options), prefetch=prefetch
        )

    def as_torch_loader(
        self, batch_size: int = 32, *, num_workers: int = 0, **options: Any
    ) -> Any:
        """A `torch.utils.data.DataLoader` of the batches that `as_numpy_batches` gives.

        Args:
            batch_size: rows of a batch.
            num_workers: processes that take the rows; 0: this one does.
            **options: those of `as_numpy_batches`.

        Raises:
            MissingExtraError: PyTorch is not installed.
            DatasetError: an argument is not of its form; and what `load` raises.
        """
        from kerasplug.data.frameworks import torch_loader

        return torch_loader(
            self.as_numpy_batches(batch_size, **options), num_workers=num_workers
        )

    def stream(
        self, split: str = "train", batch_size: int = 32, **own: Any
    ) -> Iterator[tuple[Any, Any]]:
        """Batches `(x, y)` read from the disk, without loading all.

        Args:
            split: "train" or "test".
            batch_size: rows of a batch; the last one may have fewer.
            **own: as `load` has them.

        Raises:
            DatasetError: an argument is not of its form, or this data set can only be
                loaded in whole.
            FetchError: a file is not in the cache and can't be had.
        """
        asking.demand_batching(split, batch_size)
        streaming: Callable[..., Any] | None = self._asked(own).stream
        if streaming is None:
            what = f"The data set {self._claim.name!r} can't be read piece by piece."
            mend = "as_numpy_batches(…), which loads all of it"
            raise DatasetError(what, found="no stream in its source", mend=mend)
        self._warn()
        found: Iterator[tuple[Any, Any]] = streaming(
            split=split, batch_size=batch_size, **own
        )
        return found

    def is_cached(self) -> bool:
        """Whether its files are in the cache and right; nothing is downloaded."""
        from kerasplug import fetching

        record = self.record
        return not record.files or fetching.is_cached(record)

    def __repr__(self) -> str:
        return f"<dataset {self._claim.canonical}: {self.record.summary}>"
