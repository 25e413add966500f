"""Reuters: 11,228 newswires of 1987 as lists of numbers of words, of 46 topics.

Source: `keras.datasets.reuters` of Keras 3.15.1, whose files these are. Its file holds
a pickle; it is read by `read_pickle`, which runs nothing.
"""

from collections.abc import Iterable, Iterator
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from kerasplug.data import DatasetSource, Splits
from kerasplug_datasets import files, sequences, words
from kerasplug_datasets.checking import demand_batch, demand_fraction, rows_of_halves
from kerasplug_datasets.npz import arrays, objects
from kerasplug_datasets.sequences import Likeness, Texts, Wishes

__all__ = [
    "CLASSES",
    "SOURCE",
    "decode",
    "download",
    "get_label_names",
    "get_word_index",
    "load",
    "stream",
    "synthetic",
]

#: Label -> what it is.
CLASSES: Final = (
    "cocoa",
    "grain",
    "veg-oil",
    "earn",
    "acq",
    "wheat",
    "copper",
    "housing",
    "money-supply",
    "coffee",
    "sugar",
    "trade",
    "reserves",
    "ship",
    "cotton",
    "carcass",
    "crude",
    "nat-gas",
    "cpi",
    "money-fx",
    "interest",
    "gnp",
    "meal-feed",
    "alum",
    "oilseed",
    "gold",
    "tin",
    "strategic-metal",
    "livestock",
    "retail",
    "ipi",
    "iron-steel",
    "rubber",
    "heat",
    "jobs",
    "lei",
    "bop",
    "zinc",
    "orange",
    "pet-chem",
    "dlr",
    "gas",
    "silver",
    "wpi",
    "hog",
    "lead",
)
_REAL: Final = (8982, 2246)
#: Two thirds of all newswires are of two topics.
_SHARES: Final = tuple(
    {"earn": 0.35, "acq": 0.22, "crude": 0.05, "trade": 0.05}.get(one, 0.008)
    for one in CLASSES
)
#: 146 words a newswire, on average.
_LIKENESS: Final = Likeness(shares=_SHARES, words=30979, length=(4.6, 0.85))


def load(  # noqa: PLR0913, PLR0917 -- Keras' own arguments
    path: str = "reuters.npz",
    num_words: "int | None" = None,
    skip_top: int = 0,
    maxlen: "int | None" = None,
    test_split: float = 0.2,
    seed: int = 113,
    start_char: "int | None" = 1,
    oov_char: "int | None" = 2,
    index_from: int = 3,
) -> Splits:
    """The newswires, as `keras.datasets.reuters.load_data` returns them.

    Args:
        path: the file's name in the cache.
        num_words: numbers from here on become `oov_char`; None: the largest one does.
        skip_top: numbers below become `oov_char`.
        maxlen: newswires of this length, with their start, and longer ones are left
            out, as Keras does it; None: none is.
        test_split: share of the newswires that are for testing, from 0, less than 1.
        seed: of the shuffle.
        start_char: stands before each newswire; None: nothing does.
        oov_char: stands for a word that is left out; None: nothing does.
        index_from: is added to each number.

    Returns:
        `x` of shape `(8982,)` and `(2246,)`, arrays of lists of numbers; `y` of the
        same shapes, int64, 0 to 45 (`CLASSES`). Where all lists have one length, Keras
        returns a table in their place; here it is lists always. The labels of a half
        without rows are int64 as well, where Keras returns float64.

    Raises:
        FetchError: the file is not in the cache and can't be had.
        DatasetError: an argument is not of its form, no newswire is short enough (Keras
            returns empty halves then, if `num_words` is given), or the file holds
            something else.
    """
    wishes = Wishes(num_words, skip_top, maxlen, seed, start_char, oov_char, index_from)
    demand_fraction("test_split", test_split)
    return Splits(*map(sequences.lists, _wished(_read(path), wishes, test_split)))


def _read(path: str) -> Texts:
    where = sequences.found(files.REUTERS, path)
    (labels,) = arrays(where, ("y",))
    return sequences.texts(where, objects(where, "x"), labels)


def _wished(some: Texts, wishes: Wishes, test_split: float) -> tuple[Texts, Texts]:
    """Both halves, as the arguments want them."""
    mixed = sequences.shuffled(some, np.random.RandomState(wishes.seed))
    short = sequences.cut(sequences.marked(mixed, wishes), wishes.maxlen)
    sequences.demand_some(len(short.ends), wishes.maxlen)
    largest = int(short.words.max(initial=0))
    done = sequences.without_rare(short, wishes, largest)
    return sequences.divided(done, int(len(done.ends) * (1 - test_split)))


def stream(  # noqa: PLR0913, PLR0917 -- Keras' own arguments
    split: str = "train",
    batch_size: int = 32,
    path: str = "reuters.npz",
    num_words: "int | None" = None,
    skip_top: int = 0,
    maxlen: "int | None" = None,
    test_split: float = 0.2,
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
        batch_size: newswires of a batch; the last one may have fewer.
        path: as `load` has it.
        num_words: as `load` has it.
        skip_top: as `load` has it.
        maxlen: as `load` has it.
        test_split: as `load` has it.
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
    demand_fraction("test_split", test_split)
    train, test = _wished(_read(path), wishes, test_split)
    return sequences.batches(train if split == "train" else test, batch_size)


def synthetic(  # noqa: PLR0913, PLR0917 -- Keras' own arguments
    rows: "int | None" = None,
    path: str = "",
    num_words: "int | None" = None,
    skip_top: int = 0,
    maxlen: "int | None" = None,
    test_split: float = 0.2,
    seed: int = 113,
    start_char: "int | None" = 1,
    oov_char: "int | None" = 2,
    index_from: int = 3,
) -> Splits:
    """A stand-in with words as frequent as real ones, always the same.

    Args:
        rows: of the training half at a `test_split` of 0.2, each shorter than
            `maxlen`; None: 8,982.
        path: taken, since `load` takes it, and not used: nothing is read.
        num_words: as `load` has it.
        skip_top: as `load` has it.
        maxlen: as `load` has it.
        test_split: as `load` has it.
        seed: as `load` has it.
        start_char: as `load` has it.
        oov_char: as `load` has it.
        index_from: as `load` has it.

    Raises:
        DatasetError: an argument is not of its form, or no newswire is short enough.
    """
    del path
    wishes = Wishes(num_words, skip_top, maxlen, seed, start_char, oov_char, index_from)
    demand_fraction("test_split", test_split)
    count = sum(rows_of_halves(rows, _REAL))
    (some,) = sequences.made_up((count,), _LIKENESS, wishes)
    return Splits(*map(sequences.lists, _wished(some, wishes, test_split)))


def get_word_index(path: str = files.REUTERS_WORD_INDEX[0]) -> dict[str, int]:
    """Word -> its number, without `index_from`, as Keras returns it.

    Args:
        path: the file's name in the cache.

    Raises:
        FetchError: the file is not in the cache and can't be had.
        DatasetError: it holds something else.
    """
    return words.read_index(path, *files.REUTERS_WORD_INDEX[1:])


def get_label_names() -> tuple[str, ...]:
    """The topics in the order of their labels, as Keras returns them.

    Example:
        >>> get_label_names()[3]
        'earn'
    """
    return CLASSES


def decode(sequence: Iterable[int], **options: Any) -> str:
    """The text of a newswire; the word index is fetched.

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
    return words.download(files.REUTERS_WORD_INDEX, offline=offline, progress=progress)


SOURCE = DatasetSource(load=load, stream=stream, synthetic=synthetic, download=download)
