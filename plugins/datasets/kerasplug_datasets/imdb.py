"""IMDB: 50,000 film reviews as lists of numbers of words, liked or not.

Source: `keras.datasets.imdb` of Keras 3.15.1, whose files these are. Its file holds a
pickle; it is read by `read_pickle`, which runs nothing.
"""

from collections.abc import Iterable, Iterator
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from kerasplug.data import DatasetSource, Splits
from kerasplug_datasets import files, sequences, words
from kerasplug_datasets.checking import demand_batch, rows_of_halves
from kerasplug_datasets.npz import arrays, objects
from kerasplug_datasets.sequences import Likeness, Texts, Wishes

__all__ = [
    "CLASSES",
    "SOURCE",
    "decode",
    "download",
    "get_word_index",
    "load",
    "stream",
    "synthetic",
]

#: Label -> what it is.
CLASSES: Final = ("not liked", "liked")
_REAL: Final = (25000, 25000)
#: 238 words a review, on average.
_LIKENESS: Final = Likeness(shares=(1, 1), words=88584, length=(5.25, 0.65))


def load(
    path: str = "imdb.npz",
    num_words: "int | None" = None,
    skip_top: int = 0,
    maxlen: "int | None" = None,
    seed: int = 113,
    start_char: "int | None" = 1,
    oov_char: "int | None" = 2,
    index_from: int = 3,
) -> Splits:
    """The reviews, as `keras.datasets.imdb.load_data` returns them.

    Args:
        path: the file's name in the cache.
        num_words: numbers from here on become `oov_char`; None: the largest one does.
        skip_top: numbers below become `oov_char`.
        maxlen: reviews of this length, with their start, and longer ones are left out,
            as Keras does it; None: none is.
        seed: of the shuffle.
        start_char: stands before each review; None: nothing does.
        oov_char: stands for a word that is left out; None: nothing does.
        index_from: is added to each number.

    Returns:
        `x` of shape `(25000,)` and `(25000,)`, arrays of lists of numbers; `y` of the
        same shapes, int64, 0 or 1 (`CLASSES`). Where all lists have one length, Keras
        returns a table in their place; here it is lists always.

    Raises:
        FetchError: the file is not in the cache and can't be had.
        DatasetError: an argument is not of its form, no review is short enough, or the
            file holds something else.
    """
    wishes = Wishes(num_words, skip_top, maxlen, seed, start_char, oov_char, index_from)
    return Splits(*map(sequences.lists, _wished(_read(path), wishes)))


def _read(path: str) -> tuple[Texts, Texts]:
    where = sequences.found(files.IMDB, path)
    labels = arrays(where, ("y_train", "y_test"))
    train, test = (
        sequences.texts(where, objects(where, f"x_{split}"), some)
        for split, some in zip(("train", "test"), labels, strict=True)
    )
    return train, test


def _wished(halves: Iterable[Texts], wishes: Wishes) -> list[Texts]:
    """Both halves, as the arguments want them."""
    generator = np.random.RandomState(wishes.seed)
    done = []
    for half in halves:
        mixed = sequences.shuffled(half, generator)
        done.append(sequences.cut(sequences.marked(mixed, wishes), wishes.maxlen))
        sequences.demand_some(len(done[-1].ends), wishes.maxlen)
    largest = max(int(half.words.max(initial=0)) for half in done)
    return [sequences.without_rare(half, wishes, largest) for half in done]


def stream(  # noqa: PLR0913, PLR0917 -- Keras' own arguments
    split: str = "train",
    batch_size: int = 32,
    path: str = "imdb.npz",
    num_words: "int | None" = None,
    skip_top: int = 0,
    maxlen: "int | None" = None,
    seed: int = 113,
    start_char: "int | None" = 1,
    oov_char: "int | None" = 2,
    index_from: int = 3,
) -> Iterator[tuple[NDArray[Any], NDArray[Any]]]:
    """Batches in the order of `load`.

    The file is one pickle, which can only be read in one go; afterwards plain arrays of
    numbers are kept, and the lists of one batch, which is a small part of `load`'s.

    Args:
        split: "train" or "test".
        batch_size: reviews of a batch; the last one may have fewer.
        path: as `load` has it.
        num_words: as `load` has it.
        skip_top: as `load` has it.
        maxlen: as `load` has it.
        seed: as `load` has it.
        start_char: as `load` has it.
        oov_char: as `load` has it.
        index_from: as `load` has it.

    Raises:
        FetchError: the file is not in the cache and can't be had.
        DatasetError: as `load`.
    """
    demand_batch(split, batch_size)
    wishes = Wishes(num_words, skip_top, maxlen, seed, start_char, oov_char, index_from)
    train, test = _wished(_read(path), wishes)
    return sequences.batches(train if split == "train" else test, batch_size)


def synthetic(  # noqa: PLR0913, PLR0917 -- Keras' own arguments
    rows: "int | None" = None,
    path: str = "",
    num_words: "int | None" = None,
    skip_top: int = 0,
    maxlen: "int | None" = None,
    seed: int = 113,
    start_char: "int | None" = 1,
    oov_char: "int | None" = 2,
    index_from: int = 3,
) -> Splits:
    """A stand-in with words as frequent as real ones, always the same.

    Args:
        rows: of the training half, each shorter than `maxlen`; None: 25,000.
        path: taken, since `load` takes it, and not used: nothing is read.
        num_words: as `load` has it.
        skip_top: as `load` has it.
        maxlen: as `load` has it.
        seed: as `load` has it.
        start_char: as `load` has it.
        oov_char: as `load` has it.
        index_from: as `load` has it.

    Raises:
        DatasetError: an argument is not of its form, or no review is short enough.
    """
    del path
    wishes = Wishes(num_words, skip_top, maxlen, seed, start_char, oov_char, index_from)
    halves = sequences.made_up(rows_of_halves(rows, _REAL), _LIKENESS, wishes)
    return Splits(*map(sequences.lists, _wished(halves, wishes)))


def get_word_index(path: str = files.IMDB_WORD_INDEX[0]) -> dict[str, int]:
    """Word -> its number, without `index_from`, as Keras returns it.

    Args:
        path: the file's name in the cache.

    Raises:
        FetchError: the file is not in the cache and can't be had.
        DatasetError: it holds something else.
    """
    return words.read_index(path, *files.IMDB_WORD_INDEX[1:])


def decode(sequence: Iterable[int], **options: Any) -> str:
    """The text of a review; the word index is fetched.

    Args:
        sequence: numbers of words, as `load` gives them by default.
        **options: of `words.decode`.
    """
    return words.decode(sequence, get_word_index(), **options)


def download(*, offline: "bool | None" = None, progress: Any = None) -> tuple[str, ...]:
    """The path of the word index, which is in the cache and right.

    Args:
        offline: as `kerasplug.fetch` has it.
        progress: as `kerasplug.fetch` has it.

    Raises:
        FetchError: it is not in the cache and can't be had.
        DatasetError: it holds something else.
    """
    return words.download(files.IMDB_WORD_INDEX, offline=offline, progress=progress)


SOURCE = DatasetSource(load=load, stream=stream, synthetic=synthetic, download=download)
