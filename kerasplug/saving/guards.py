"""Which versions of Keras have all the guards of their loaders that are known of."""

import re
from typing import Final

__all__ = ["has_all_guards"]

#: Versions of Keras 3 whose loaders have all guards; later major ones, too.
#: Source: the advisories and release tags of Keras.
_SOUND: Final = re.compile(
    r"3\.12\.([4-9]|\d\d)|3\.15\.[1-9]|3\.(1[6-9]|[2-9]\d)\.|([4-9]|\d\d)\."
)


def has_all_guards(version: str) -> bool:
    """Whether no hole is known that a hostile file could use in safe mode.

    Args:
        version: of Keras 3.

    Example:
        >>> [has_all_guards(one) for one in ("3.12.4", "3.14.1", "3.15.0", "3.15.1")]
        [True, False, False, True]
    """
    return bool(_SOUND.match(version))
