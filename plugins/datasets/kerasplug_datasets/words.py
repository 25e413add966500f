"""Numbers of words, and words: word indexes, decoding and encoding.

In the texts 0 is padding, 1 the start and 2 a word that was left out; a word's number
is the one in its index plus 3. (Keras' documentation says in one place that 0 is an
unknown word; with its defaults it is not.)
"""

import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, Final

from kerasplug.fetching import get_file
from kerasplug_datasets.npz import wrong_file

__all__ = ["decode", "download", "encode", "read_index"]

_LARGEST: Final = 32 << 20


def read_index(path: str, origin: str, md5: str) -> dict[str, int]:
    """Word -> its number, without what the texts add to it.

    Args:
        path: the file's name in the cache.
        origin: its address.
        md5: its hash; Keras publishes no better one.

    Raises:
        FetchError: the file is not in the cache and can't be had.
        DatasetError: it holds something else.
    """
    return _index_of(get_file(path, origin, md5_hash=md5, largest=_LARGEST))


def download(file: tuple[str, str, str], **options: Any) -> tuple[str, ...]:
    """The path of a word index, which is in the cache and right.

    Args:
        file: its name in the cache, its address and its MD5.
        **options: `offline` and `progress`, as `kerasplug.get_file` has them.

    Raises:
        FetchError: it is not in the cache and can't be had.
        DatasetError: it holds something else.
    """
    name, origin, md5 = file
    where = get_file(name, origin, md5_hash=md5, largest=_LARGEST, **options)
    _index_of(where)
    return (where,)


def _index_of(where: str) -> dict[str, int]:
    try:
        found: Any = json.loads(Path(where).read_text("utf-8"))
    except (ValueError, RecursionError) as error:
        raise wrong_file(where, str(error), "JSON") from error
    good = isinstance(found, dict) and all(type(one) is int for one in found.values())
    if not good or len(set(found.values())) != len(found):
        raise wrong_file(where, type(found).__name__, "one number for each word")
    return dict(found)


def decode(
    sequence: Iterable[int],
    word_index: Mapping[str, int],
    *,
    start_char: "int | None" = 1,
    oov_char: "int | None" = 2,
    index_from: int = 3,
    padding: str = "",
) -> str:
    """The text of a list of numbers.

    Args:
        sequence: numbers of words.
        word_index: word -> its number, as the file has it.
        start_char: what was given to `load`; it becomes "[START]".
        oov_char: what was given to `load`; it becomes "[OOV]".
        index_from: what was given to `load`.
        padding: what becomes of 0; empty: nothing.

    Example:
        >>> decode([0, 1, 4, 2, 5], {"good": 1, "film": 2})
        '[START] good [OOV] film'
    """
    names = {number + index_from: word for word, number in word_index.items()}
    names[0] = padding
    if start_char is not None:
        names[start_char] = "[START]"
    if oov_char is not None:
        names[oov_char] = "[OOV]"
    said = (names.get(int(one), "[OOV]") for one in sequence)
    return " ".join(word for word in said if word)


def encode(
    text: str,
    word_index: Mapping[str, int],
    *,
    num_words: "int | None" = None,
    start_char: "int | None" = 1,
    oov_char: "int | None" = 2,
    index_from: int = 3,
) -> list[int]:
    """The numbers of a text's words, as `load` gives them: for texts of your own.

    Args:
        text: words between blanks; signs around them are dropped, and case.
        word_index: word -> its number, as the file has it.
        num_words: what was given to `load`.
        start_char: what was given to `load`.
        oov_char: what was given to `load`; None: such words are left out.
        index_from: what was given to `load`.

    Example:
        >>> encode("A good film!", {"good": 1, "film": 2})
        [1, 2, 4, 5]
    """
    numbers = [] if start_char is None else [start_char]
    for word in text.lower().split():
        found = word_index.get(word.strip(_SIGNS))
        number = None if found is None else found + index_from
        if number is not None and (num_words is None or number < num_words):
            numbers.append(number)
        elif oov_char is not None:
            numbers.append(oov_char)
    return numbers


_SIGNS: Final = "!\"#$%&()*+,-./:;<=>?@[\\]^_`{|}~'"
