"""Where batches come from: arrays, or what gives them one after the other."""

import math
import random
import warnings
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final, Protocol

from kerasplug.engines.workers.ports import Batch, Ports, is_arrays
from kerasplug.errors import KerasplugError, KerasplugWarning

__all__ = [
    "Epochs",
    "Feed",
    "Wish",
    "batch_of",
    "epochs_of",
    "feed_of",
    "split",
    "unpacked",
]

#: Rows of a batch where nobody says how many, as in Keras.
_ROWS: Final = 32


class Feed(Protocol):
    """Something that batches come from.

    Attributes:
        steps: batches in it; None: not known.
    """

    steps: int | None

    def batches(self) -> Iterator[Batch]:
        """The batches, from the beginning where there is one."""
        ...

    def over(self) -> None:
        """An epoch is over."""
        ...


class Wish:
    """How somebody wants to be fed.

    Args:
        ports: of the model.
        losses: one for each output; None: only inputs are wanted.
        batch_size: rows of a batch; None: 32, or as `steps` asks.
        steps: batches in an epoch; None: all there are.
        shuffle: True, False or `"batch"`, as that of `fit`.
        class_weight: class -> weight; None: all alike.
        together: batches of arrays that come at once.
    """

    def __init__(
        self,
        ports: Ports,
        losses: Sequence[Any] | None = None,
        *,
        batch_size: int | None = None,
        steps: int | None = None,
        shuffle: bool | str = False,
        class_weight: Mapping[int, float] | None = None,
        together: int = 1,
    ) -> None:
        for name, count in (("batch_size", batch_size), ("steps", steps)):
            if count is not None and count < 1:
                message = f"There can't be {name}={count}."
                raise KerasplugError(message, expected="1 or more")
        if class_weight is not None and len(ports.outputs) > 1:
            message = "class_weight is for models with a single output."
            mend = "sample_weight, with an array for each output"
            raise KerasplugError(message, mend=mend)
        self.ports = ports
        self.losses = losses
        self.batch_size = ports.fixed or batch_size
        self.steps = steps
        self.shuffle = shuffle
        self.class_weight = class_weight
        self.together = together

    def arrays(self, x: Any, y: Any, w: Any) -> tuple[list[Any], list[Any], list[Any]]:
        """Inputs, targets and weights of rows, checked and with as many rows each.

        Raises:
            KerasplugError: they do not fit.
        """
        none = [None] * len(self.ports.outputs)
        inputs = self.ports.inputs_of(x)
        if self.losses is None:
            return inputs, none, none
        if w is not None and self.class_weight is not None:
            message = "class_weight and sample_weight can't both be given."
            raise KerasplugError(message, expected="one of them")
        targets = self.ports.targets_of(y, self.losses)
        weights = self.ports.weights_of(w)
        _check_rows([*inputs, *targets, *weights])
        return inputs, targets, weights

    def batch(
        self, arrays: tuple[list[Any], list[Any], list[Any]], rows: Any, size: int
    ) -> Batch:
        """Some rows of checked arrays, in the dtypes in which they are sent.

        Args:
            arrays: what `arrays` gave.
            rows: a slice, or numbers of rows.
            size: of the batch.
        """
        inputs, targets, weights = arrays
        ports = zip(inputs, self.ports.inputs, strict=True)
        x = [_input(array[rows], port.dtype) for array, port in ports]
        y = [None if one is None else _target(one[rows]) for one in targets]
        w = [None if one is None else one[rows] for one in weights]
        if self.class_weight is not None and y[0] is not None:
            w = [_of_classes(y[0], self.class_weight)]
        return Batch(len(x[0]), size, x, y, w)


def batch_of(wish: Wish, x: Any, y: Any = None, w: Any = None, size: int = 1) -> Batch:
    """All that was given as one batch of at least `size` rows.

    Raises:
        KerasplugError: it does not fit.
    """
    arrays = wish.arrays(x, y, w)
    rows = _check_some(arrays[0])
    return wish.batch(arrays, slice(None), max(size, rows))


def feed_of(wish: Wish, x: Any, y: Any = None, w: Any = None) -> Feed:
    """What gives the batches of `x`.

    Args:
        wish: how.
        x: arrays, a `keras.utils.PyDataset`, a `tf.data.Dataset`, or anything else that
            gives batches when it is iterated over.
        y: targets, for arrays.
        w: weights of rows, for arrays.

    Raises:
        KerasplugError: it can't be that, or the arrays do not fit.
    """
    if is_arrays(x):
        return _Arrays(wish, x, y, w)
    if not hasattr(x, "__iter__") and not hasattr(x, "__getitem__"):
        message = "What was given for x is neither arrays nor gives batches of them."
        raise KerasplugError(message, found=f"x of type {type(x).__name__}")
    if y is not None or w is not None:
        message = f"Targets and weights come with the batches of {type(x).__name__}."
        expected = "batches (x, y) or (x, y, sample_weight), and no y beside them"
        raise KerasplugError(message, expected=expected)
    return _Stream(wish, x)


class _Arrays:
    """Batches of arrays that are there as a whole."""

    def __init__(self, wish: Wish, x: Any, y: Any, w: Any) -> None:
        self._wish = wish
        self._arrays = wish.arrays(x, y, w)
        self._rows = _check_some(self._arrays[0])
        by_steps = -(-self._rows // wish.steps) if wish.steps else _ROWS
        self._size = wish.batch_size or by_steps
        self._stride = self._size * wish.together
        self.steps: int | None = -(-self._rows // self._stride)

    def batches(self) -> Iterator[Batch]:
        """The batches, in a new order each time where that was asked for.

        The order is NumPy's: it follows `keras.utils.set_random_seed`.
        """
        import numpy as np

        shuffle = self._wish.shuffle
        order = None
        if shuffle and shuffle != "batch":
            order = np.random.permutation(self._rows)  # noqa: NPY002 -- the seed that Keras sets is its
        for start in range(0, self._rows, self._stride):
            stop = min(start + self._stride, self._rows)
            rows: Any = slice(start, stop) if order is None else order[start:stop]
            if shuffle == "batch":
                rows = np.random.permutation(stop - start) + start  # noqa: NPY002 -- the same
            yield self._wish.batch(self._arrays, rows, self._size)

    def over(self) -> None:
        """Nothing to do."""


class _Stream:
    """Batches as something gives them; each is checked when it comes."""

    def __init__(self, wish: Wish, source: Any) -> None:
        self._wish = wish
        self._source = source
        self._size = wish.batch_size or 1
        self.steps = _length(source)

    def batches(self) -> Iterator[Batch]:
        """The batches; those of a generator go on where they were."""
        begin = getattr(self._source, "on_epoch_begin", None)
        if begin is not None:
            begin()
        for data in self._given():
            batch = batch_of(self._wish, *unpacked(data), size=self._size)
            self._size = max(self._size, batch.rows)
            yield batch

    def over(self) -> None:
        """Tell it, where it wants to know."""
        end = getattr(self._source, "on_epoch_end", None)
        if end is not None:
            end()

    def _given(self) -> Iterator[Any]:
        from kerasplug.implementation import implementation

        source: Any = self._source
        if not isinstance(source, implementation().utils.PyDataset):
            return iter(source)
        count = source.num_batches
        if count is None or not self._wish.shuffle:
            return iter(source)
        order = random.sample(range(count), count)  # as Keras does it
        return (source[number] for number in order)


def epochs_of(  # noqa: PLR0913 -- all that is said of data
    ports: Ports,
    losses: Sequence[Any] | None,
    data: tuple[Any, Any, Any],
    *,
    batch_size: int | None,
    default: int,
    steps: int | None,
    shuffle: bool | str = False,
    class_weight: Mapping[int, float] | None = None,
    together: int = 1,
) -> "Epochs":
    """What gives the batches of inputs, targets and weights, an epoch at a time.

    Args:
        ports: of the model.
        losses: as those of `Wish`.
        data: inputs, targets and weights of rows.
        batch_size: rows of a batch of arrays; None: as `steps` asks, else `default`.
        default: the same where nobody says.
        steps: batches in an epoch; None: all.
        shuffle: as that of `Wish`.
        class_weight: the same.
        together: the same.

    Raises:
        KerasplugError: the data do not fit.
    """
    rows = batch_size or (None if steps is not None else default)
    wish = Wish(
        ports,
        losses,
        batch_size=rows if is_arrays(data[0]) else None,
        steps=steps,
        shuffle=shuffle,
        class_weight=class_weight,
        together=together,
    )
    return Epochs(feed_of(wish, *data), steps)


def _length(source: Any) -> int | None:
    """How many batches there are; None where nobody knows, or there is no end."""
    if hasattr(source, "cardinality"):
        count = int(source.cardinality())
        return count if count >= 0 else None
    try:
        found = source.num_batches if hasattr(source, "num_batches") else len(source)
    except (TypeError, NotImplementedError):
        return None
    return None if found is None else int(found)


class Epochs:
    """A feed, an epoch at a time.

    Args:
        feed: where batches come from.
        steps: batches in an epoch; None: all there are.
    """

    def __init__(self, feed: Feed, steps: int | None = None) -> None:
        self._feed = feed
        self._steps = steps
        self._running: Iterator[Batch] | None = None
        self._seen = 0

    @property
    def steps(self) -> int | None:
        """Batches in an epoch; None: not known."""
        return self._steps or self._feed.steps

    def restart(self) -> None:
        """Begin with the first batch again, where the feed has one."""
        self._running = None

    def __iter__(self) -> Iterator[Batch]:
        """The batches of one epoch; with `steps` the next one goes on behind them."""
        if self._running is None or self._steps is None:
            self._running, self._seen = self._feed.batches(), 0
        for batch in self._next(self._running):
            self._seen += 1
            yield batch
        if self._seen == self._feed.steps:
            self._running = None
        self._feed.over()

    def _next(self, running: Iterator[Batch]) -> Iterator[Batch]:
        if self._steps is None:
            yield from running
            return
        for step in range(self._steps):
            batch = next(running, None)
            if batch is None:
                self._running = None
                if not step:
                    return
                message = (
                    f"The data ended after {step} of {self._steps} batches; the epoch "
                    "ends with them."
                )
                warnings.warn(message, KerasplugWarning, stacklevel=2)
                return
            yield batch


def unpacked(data: Any) -> tuple[Any, Any, Any]:
    """Inputs, targets and weights of what gave a batch."""
    from kerasplug.implementation import implementation

    try:
        x, y, w = implementation().utils.unpack_x_y_sample_weight(data)
    except ValueError as error:
        message = "A batch has too many parts."
        expected = "(x,), (x, y) or (x, y, sample_weight)"
        found = f"{len(data)} parts"
        raise KerasplugError(message, found=found, expected=expected) from error
    return x, y, w


def _check_rows(arrays: Sequence[Any]) -> None:
    counts = [len(array) for array in arrays if array is not None]
    if len(set(counts)) > 1:
        message = "The arrays have different numbers of rows."
        raise KerasplugError(message, found=", ".join(map(str, counts)))


def _check_some(arrays: Sequence[Any]) -> int:
    """How many rows there are."""
    _check_rows(arrays)
    rows = len(arrays[0])
    if not rows:
        message = "The arrays have no rows."
        raise KerasplugError(message, expected="at least one")
    return rows


def _input(array: Any, dtype: str) -> Any:
    return array.astype(dtype, copy=False)


def _target(array: Any) -> Any:
    """Targets as Keras takes them: fractions in its float type, others as they are."""
    from kerasplug.implementation import implementation

    if array.dtype.kind != "f":
        return array
    return array.astype(implementation().config.floatx(), copy=False)


def _of_classes(y: Any, weights: Mapping[int, float]) -> Any:
    """The weight of each row, by its class.

    Source: `class_weight_to_sample_weights` of keras 3.15.1.
    """
    import numpy as np

    if y.ndim > 1:
        y = np.argmax(y, axis=-1) if y.shape[-1] != 1 else y[..., 0]
    classes = np.round(y).astype("int32").reshape(len(y), -1)[:, 0]
    found = [weights.get(int(one), 1.0) for one in classes]
    return np.asarray(found, "float32")


def split(
    wish: Wish, data: tuple[Any, Any, Any], part: float
) -> tuple[Any, Any, Any, Any]:
    """Inputs, targets, weights to train with; and those at the end, to evaluate.

    Args:
        wish: what they have to be for.
        data: inputs, targets and weights of rows, as arrays.
        part: of the rows, that is for evaluation.

    Raises:
        KerasplugError: they do not fit, or nothing would be left of one of both.

    Source: `train_validation_split` of keras 3.15.1.
    """
    from kerasplug.implementation import implementation

    tree: Any = implementation().tree
    x, y, w = data
    if not is_arrays(x):
        message = "validation_split is for arrays."
        mend = "validation_data"
        raise KerasplugError(message, found=type(x).__name__, mend=mend)
    rows = len(wish.arrays(x, y, w)[0][0])
    at = math.floor(rows * (1.0 - part)) if 0 < part < 1 else 0
    if not 0 < at < rows:
        message = "Nothing would be left to train with, or to validate with."
        found = f"{rows} rows, validation_split={part}"
        raise KerasplugError(message, found=found)

    def cut(start: int, stop: int) -> list[Any]:
        def one(array: Any) -> Any:
            return None if array is None else array[start:stop]

        return [tree.map_structure(one, given) for given in (x, y, w)]

    return (*cut(0, at), tuple(cut(at, rows)))
