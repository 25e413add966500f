"""The classes of ImageNet: what each of the 1000 outputs stands for.

Source: the class index that `keras.applications.imagenet_utils` of Keras 3.15.1
downloads; it is kept where Keras keeps it, so that one file serves both.
"""

import json
from pathlib import Path
from typing import Any, Final

from kerasplug.errors import ApplicationError
from kerasplug.fetching import get_file

__all__ = ["classes"]

_NAME: Final = "imagenet_class_index.json"
_URL: Final = (
    "https://storage.googleapis.com/download.tensorflow.org/"
    "data/imagenet_class_index.json"
)
#: Keras publishes no better hash.
_MD5: Final = "c2c37ea517e94d9795004a39431a14cb"
_COUNT: Final = 1000
_LARGEST: Final = 1 << 20


def classes() -> tuple[tuple[str, str], ...]:
    """For each output its WordNet id and its name, as `("n01440764", "tench")`.

    Returns:
        1000 pairs, in the order of the outputs.

    Raises:
        FetchError: the class index is not in the cache and can't be had; the error says
            which file to put where.
        ApplicationError: it holds something else.
    """
    path = get_file(_NAME, _URL, md5_hash=_MD5, cache_subdir="models", largest=_LARGEST)
    return read(path)


def read(path: str) -> tuple[tuple[str, str], ...]:
    """The pairs in a class index.

    Args:
        path: of the JSON file.

    Raises:
        ApplicationError: it holds something else.
    """
    try:
        held: Any = json.loads(Path(path).read_text("utf-8"))
        found = tuple((str(one), str(name)) for one, name in _rows(held))
    except (ValueError, TypeError, KeyError, RecursionError) as error:
        what = f"{path} is no class index of ImageNet."
        raise ApplicationError(
            what,
            found=str(error)[:200],
            expected=f"{_COUNT} pairs of an id and a name, under '0', '1', …",
            mend="remove the file; it will be fetched again",
        ) from error
    return found


def _rows(held: Any) -> list[Any]:
    return [held[str(place)] for place in range(_COUNT)]
