"""One data set of a plugin, as users hold it."""

import warnings
from collections.abc import Iterator, Mapping
from typing import Any, NoReturn

from kerasplug import registry
from kerasplug.callers import level_outside
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
        source = self._source
        asking.demand_known(self._claim.name, source.load, own)
        self._warn()
        return self._checked(source.load(**own))

    def _made_up(self, rows: int | None, own: dict[str, Any]) -> Splits:
        source, name = self._source, self._claim.name
        if source.synthetic is not None:
            asking.demand_known(name, source.synthetic, own, ours=("rows",))
            return self._checked(source.synthetic(rows=rows, **own))
        from kerasplug.data.stand_in import stand_in

        asking.demand_known(name, source.load, own)
        return stand_in(self.record, rows)

    def _warn(self) -> None:
        """Say once a process what a user has to know before using the data."""
        text, name = self.record.warning, self._claim.canonical
        if text and name not in _warned:
            _warned.add(name)
            warnings.warn(
                f"{name}: {text}",
                KerasplugWarning,
                stacklevel=level_outside("kerasplug.data"),
            )

    def _checked(self, found: Any) -> Splits:
        try:
            train, test = found
        except (TypeError, ValueError):
            self._blame(type(found).__name__, "((x, y), (x, y))")
        return Splits(self._pair(train), self._pair(test))

    def _pair(self, found: Any) -> Split:
        """The same pair, of as many rows in x as in y."""
        try:
            x, y = found
            rows, answers = len(x), len(y)
        except (TypeError, ValueError):
            self._blame(type(found).__name__, "a pair (x, y)")
        if rows != answers:
            rule = "as many rows in x as in y"
            self._blame(f"{rows} rows in x, {answers} in y", rule)
        return Split(x, y)

    def _blame(self, found: str, rule: str) -> NoReturn:
        what = f"What {self._claim.canonical} gives is not a data set."
        provider = self._claim.provider
        raise PluginError(
            what,
            plugin=provider.name,
            version=provider.version,
            found=found,
            expected=rule,
        )

    def as_numpy_batches(  # noqa: PLR0913 -- each is a choice of its own, by name
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
        arguments: Mapping[str, Any] | None = None,
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
            arguments: more of the data set's own arguments, by name: those whose
                names stand here already, as in `arguments={"seed": 113}`.
            **own: as `load` has them.

        Returns:
            What `len` counts and each `iter` goes through once; `.repeat()` goes on for
            ever.

        Raises:
            DatasetError: an argument is not of its form; and what `load` raises.

        Example:
            >>> import kerasplug
            >>> digits = kerasplug.datasets["digits"]
            >>> batches = digits.as_numpy_batches(100, drop_last=True)
            >>> len(batches), next(iter(batches))[0].shape
            (14, (100, 8, 8))
        """
        options: dict[str, Any] = {
            "shuffle": shuffle,
            "seed": seed,
            "drop_last": drop_last,
            "padding": padding,
            "pad_value": pad_value,
        }
        asking.demand_batching(split, batch_size, **options)
        own = {**(arguments or {}), **own}
        asking.demand_batches_known(self._claim.name, self._source.load, own)
        if shuffle is None:
            options["shuffle"] = split == "train"
        rows: Split = getattr(self.load(synthetic=synthetic, **own), split)
        return Batches(rows, batch_size, **options)

    def as_tf_dataset(
        self, batch_size: int = 32, *, prefetch: bool = True, **options: Any
    ) -> Any:
        """A `tf.data.Dataset` of the batches that `as_numpy_batches` gives.

        Args:
            batch_size: rows of a batch.
            prefetch: whether the next batch is made while one is in use.
            **options: those of `as_numpy_batches`.

        Returns:
            Each time it is gone through it has the next epoch of the same batches; it
            knows its length, and with `drop_last` its rows. Lists become `None` wide,
            texts `tf.string`.

        Raises:
            MissingExtraError: TensorFlow is not installed.
            DatasetError: an argument is not of its form; and what `load` raises.
        """
        from kerasplug.data import frameworks

        frameworks.demand("tensorflow")  # sooner than a download
        batches = self.as_numpy_batches(batch_size, **options)
        return frameworks.tf_dataset(batches, prefetch=prefetch)

    def as_torch_loader(
        self, batch_size: int = 32, *, num_workers: int = 0, **options: Any
    ) -> Any:
        """A `torch.utils.data.DataLoader` of the batches that `as_numpy_batches` gives.

        Args:
            batch_size: rows of a batch.
            num_workers: processes that take the rows; 0: this one does.
            **options: those of `as_numpy_batches`.

        Returns:
            Each time it is gone through it has the next epoch of the same batches, as
            tensors; texts stay lists of `str`.

        Raises:
            MissingExtraError: PyTorch is not installed.
            DatasetError: an argument is not of its form; and what `load` raises.
        """
        from kerasplug.data import frameworks

        workers = asking.demand_count("num_workers", num_workers, 0)
        frameworks.demand("torch")  # sooner than a download
        batches = self.as_numpy_batches(batch_size, **options)
        return frameworks.torch_loader(batches, num_workers=workers)

    def stream(
        self,
        split: str = "train",
        batch_size: int = 32,
        *,
        limit: int | None = None,
        **own: Any,
    ) -> Iterator[tuple[Any, Any]]:
        """Batches `(x, y)` read from the disk, without loading all.

        Args:
            split: "train" or "test".
            batch_size: rows of a batch; the last one may have fewer.
            limit: at most so many rows in all; None: each once.
            **own: as `load` has them.

        Returns:
            Pairs in the order of the file. All arguments are looked at now; the file
            may be looked at when the first batch is asked for.

        Raises:
            DatasetError: an argument is not of its form, or this data set can only be
                loaded in whole.
            FetchError: a file is not in the cache and can't be had.
            PluginError: its plugin is broken, or gives something else.

        Example:
            >>> import kerasplug
            >>> digits = kerasplug.datasets["digits"]
            >>> [len(x) for x, y in digits.stream("test", 100, limit=250)]
            [100, 100, 50]
        """
        asking.demand_batching(split, batch_size)
        rows = None if limit is None else asking.demand_count("limit", limit, 1)
        stream, name = self._source.stream, self._claim.name
        if stream is None:
            what = f"The data set {name!r} can't be read piece by piece."
            mend = "as_numpy_batches(…), which loads all of it"
            raise DatasetError(what, found="no stream in its source", mend=mend)
        asking.demand_known(name, stream, own, ours=("split", "batch_size"))
        self._warn()
        found = stream(split=split, batch_size=int(batch_size), **own)
        return self._limited(found, rows)

    def _limited(
        self, found: Iterator[tuple[Any, Any]], limit: int | None
    ) -> Iterator[tuple[Any, Any]]:
        """These batches, each looked at, and no more rows than the limit."""
        left = limit
        for batch in found:
            x, y = self._pair(batch)
            if left is None:
                yield x, y
                continue
            yield x[:left], y[:left]
            left -= len(x)
            if left <= 0:
                return

    def is_cached(self) -> bool:
        """Whether all its files are in the cache; nothing is downloaded.

        Those whose hash the record knows are right, too. True where it is in its
        package.

        Raises:
            StorageError: a file is there and can't be read.
        """
        from pathlib import Path

        from kerasplug import fetching
        from kerasplug.fetching.places import folder_of

        record = self.record
        folder = Path(folder_of(None))
        others = (folder.joinpath(*one.split("/")) for one in record.other_files)
        known = not record.files or fetching.is_cached(record)
        return known and all(path.is_file() for path in others)

    def __repr__(self) -> str:
        return f"<dataset {self._claim.canonical}: {self.record.summary}>"
