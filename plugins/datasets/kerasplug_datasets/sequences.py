"""What IMDB and Reuters share: texts as lists of numbers of words, and their arguments.

The arithmetic is done on all words at once, in flat arrays; what comes out are the
lists that Keras makes one by one. Source: `imdb.py` and `reuters.py` in
`keras/src/datasets` of Keras 3.15.1, and `remove_long_seq` there.
"""

import dataclasses
from collections.abc import Iterator, Sequence
from typing import Any, Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from kerasplug.data import Split
from kerasplug.errors import DatasetError
from kerasplug.fetching import get_file
from kerasplug.hooks import RemoteFile
from kerasplug_datasets.checking import demand_count
from kerasplug_datasets.npz import wrong_file

__all__ = [
    "Likeness",
    "Texts",
    "Wishes",
    "batches",
    "cut",
    "demand_some",
    "divided",
    "found",
    "lists",
    "made_up",
    "marked",
    "shuffled",
    "texts",
    "without_rare",
]

_SEED: Final = 20261124
#: A number of a word is less than this, whatever the file says.
_MOST_WORDS: Final = 1 << 30


@dataclasses.dataclass(frozen=True, slots=True)
class Wishes:
    """The arguments that both data sets take, as Keras calls them.

    Args:
        num_words: numbers from here on become `oov_char`; None or 0: the largest one.
        skip_top: numbers below become `oov_char`.
        maxlen: texts of this length, with their start, and longer ones are left out;
            None or 0: none is.
        seed: of the shuffle.
        start_char: stands before each text; None: nothing does.
        oov_char: stands for what is left out; None: nothing does.
        index_from: is added to each number.

    Raises:
        DatasetError: a value is not of its form.
    """

    num_words: "int | None" = None
    skip_top: int = 0
    maxlen: "int | None" = None
    seed: int = 113
    start_char: "int | None" = 1
    oov_char: "int | None" = 2
    index_from: int = 3

    def __post_init__(self) -> None:
        for name in ("num_words", "maxlen", "start_char", "oov_char"):
            demand_count(name, getattr(self, name), optional=True)
        for name in ("skip_top", "seed", "index_from"):
            demand_count(name, getattr(self, name))


class Texts(NamedTuple):
    """Many texts: the numbers of all words, and where each text begins and ends.

    Args:
        words: of all texts, one after the other.
        ends: for each text where the next one begins.
        labels: of each text.
    """

    words: NDArray[np.int64]
    ends: NDArray[np.int64]
    labels: NDArray[Any]

    @property
    def lengths(self) -> NDArray[np.int64]:
        """How many words each text has."""
        return np.diff(self.ends, prepend=0)


def found(file: RemoteFile, path: str) -> str:
    """The path of the file, which is in the cache and right.

    Args:
        file: as the record has it.
        path: its name in the cache.
    """
    return get_file(path, file.url, file_hash=file.sha256, mirrors=file.mirrors)


def texts(path: str, some: list[Any], labels: NDArray[Any]) -> Texts:
    """Texts of lists of numbers.

    Args:
        path: of the file that they come from.
        some: a list for each text.
        labels: a label for each text.

    Raises:
        DatasetError: they are something else.
    """
    good = all(type(one) is list for one in some) and labels.shape == (len(some),)
    if not good:
        rule = "a list of numbers, and a label, for each text"
        raise wrong_file(path, f"{len(some):,} texts, labels {labels.shape}", rule)
    ends = np.cumsum(np.fromiter(map(len, some), np.int64, len(some)))
    flat = [word for one in some for word in one]
    try:
        words = np.fromiter(flat, np.int64, len(flat))
    except (TypeError, ValueError, OverflowError) as error:
        raise wrong_file(path, str(error), "whole numbers") from error
    if words.size and not 0 <= words.min() <= words.max() < _MOST_WORDS:
        raise wrong_file(path, "a number that is no word's", "numbers from 0")
    return Texts(words, ends, labels)


def _chosen(some: Texts, order: NDArray[Any]) -> Texts:
    """These texts, in this order."""
    lengths = some.lengths[order]
    ends = np.cumsum(lengths)
    starts = some.ends[order] - lengths
    places = np.arange(ends[-1] if ends.size else 0)
    places += np.repeat(starts - (ends - lengths), lengths)
    return Texts(some.words[places], ends, some.labels[order])


def shuffled(some: Texts, generator: np.random.RandomState) -> Texts:
    """The texts in Keras' order.

    Args:
        some: in the file's order.
        generator: Keras' own one; it has moved on afterwards.
    """
    order = np.arange(len(some.ends))
    generator.shuffle(order)
    return _chosen(some, order)


def marked(some: Texts, wishes: Wishes) -> Texts:
    """The texts with their start, and with `index_from` added to each word.

    Args:
        some: plain ones.
        wishes: the arguments.
    """
    words = some.words + wishes.index_from
    if wishes.start_char is None:
        return some._replace(words=words)
    begins = some.ends - some.lengths
    words = np.insert(words, begins, wishes.start_char)
    return some._replace(words=words, ends=some.ends + np.arange(1, len(some.ends) + 1))


def cut(some: Texts, maxlen: "int | None") -> Texts:
    """The texts that are shorter than `maxlen`.

    Args:
        some: with their starts.
        maxlen: None or 0: all are.
    """
    return _chosen(some, np.flatnonzero(some.lengths < maxlen)) if maxlen else some


def without_rare(some: Texts, wishes: Wishes, largest: int) -> Texts:
    """The texts with `oov_char` for words that are too rare or too frequent.

    Args:
        some: with their starts.
        wishes: the arguments.
        largest: the largest number in both halves: the end where no `num_words` is.
    """
    end = wishes.num_words or largest
    kept = (some.words >= wishes.skip_top) & (some.words < end)
    if wishes.oov_char is not None:
        return some._replace(words=np.where(kept, some.words, wishes.oov_char))
    counts = np.concatenate([[0], np.cumsum(kept)])
    return some._replace(words=some.words[kept], ends=counts[some.ends])


def demand_some(count: int, maxlen: "int | None") -> None:
    """Raise `DatasetError` where no text is left.

    Args:
        count: how many are left.
        maxlen: what left the others out.
    """
    if not count:
        what = f"No text is shorter than maxlen={maxlen}."
        raise DatasetError(what, found="none", expected="one at least", mend="raise it")


def divided(some: Texts, count: int) -> tuple[Texts, Texts]:
    """The first so many texts, and the others.

    Args:
        some: whatever was made of them.
        count: of the first part.
    """
    end = int(some.ends[count - 1]) if count else 0
    first = Texts(some.words[:end], some.ends[:count], some.labels[:count])
    return first, Texts(some.words[end:], some.ends[count:] - end, some.labels[count:])


def lists(some: Texts) -> Split:
    """The texts as an array of lists of Python's numbers, as Keras returns them.

    Args:
        some: whatever was made of them.
    """
    flat, start = some.words.tolist(), 0
    x = np.empty(len(some.ends), dtype=object)
    for place, end in enumerate(some.ends.tolist()):
        x[place] = flat[start:end]
        start = end
    return Split(x, some.labels)


def batches(some: Texts, size: int) -> Iterator[tuple[NDArray[Any], NDArray[Any]]]:
    """Batches of so many texts; only one batch of lists is in memory.

    Args:
        some: whatever was made of them.
        size: texts of a batch; the last one may have fewer.
    """
    for start in range(0, len(some.ends), size):
        end = start + size
        first = some.ends[start - 1] if start else 0
        ends = some.ends[start:end]
        words = some.words[first : ends[-1]]
        yield lists(Texts(words, ends - first, some.labels[start:end]))


class Likeness(NamedTuple):
    """What made-up texts have in common with the real ones.

    Args:
        shares: of the classes.
        words: how many there are.
        length: mean and spread of the logarithm of a text's length.
    """

    shares: Sequence[float]
    words: int
    length: tuple[float, float]


def made_up(counts: Sequence[int], like: Likeness, wishes: Wishes) -> Iterator[Texts]:
    """Texts whose words are as frequent as real ones', and hint at the class.

    Args:
        counts: of texts, for each half.
        like: what they shall be like.
        wishes: the arguments; no text is too long for its `maxlen`.
    """
    rng = np.random.default_rng(_SEED)
    ranks = np.arange(1, like.words + 1)
    chances = np.cumsum(1 / ranks**1.05)
    for count in counts:
        labels = _labels(rng, like.shares, count)
        lengths = rng.lognormal(*like.length, count).clip(*_range(wishes)).astype(int)
        drawn = np.searchsorted(chances / chances[-1], rng.random(lengths.sum())) + 1
        hint = np.repeat(100 + labels, lengths)
        flat = np.where(rng.random(len(drawn)) < _HINTS, hint, drawn)
        yield Texts(flat.clip(1, like.words), np.cumsum(lengths), labels)


def _labels(
    rng: np.random.Generator, shares: Sequence[float], count: int
) -> NDArray[np.int64]:
    chances = np.asarray(shares) / sum(shares)
    return rng.choice(len(shares), size=count, p=chances).astype(np.int64)


def _range(wishes: Wishes) -> tuple[int, int]:
    """How many words the shortest and the longest text have, without their start."""
    if not wishes.maxlen:
        return _LENGTHS
    longest = max(0, wishes.maxlen - 1 - (wishes.start_char is not None))
    return min(_LENGTHS[0], longest), min(_LENGTHS[1], longest)


#: One word in so many says of which class the text is.
_HINTS: Final = 0.05
_LENGTHS: Final = (10, 2500)
