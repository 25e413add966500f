"""About how long PlaidML compiles."""

from typing import Final

from kerasplug import Translation

__all__ = ["seconds"]

#: Of an LSTM or GRU, one step forward and back: 2 s for 4 steps, 3 to 4 s for 8, 8 s
#: for 16, measured on two cores of a server; forward only, about a third. The numbers
#: of units and of rows hardly matter.
_STEP: Final = 0.5


def seconds(translation: Translation, batch_size: int) -> float:
    """About how many seconds PlaidML compiles before the first step of training.

    It has no loops, so each step of time of each recurrent layer is compiled, once for
    each shape of a batch. What models compile besides is over in a second or two.

    Args:
        translation: of the model.
        batch_size: rows of a batch; it hardly matters.

    Example:
        >>> seconds(Translation(config={}, layers={}, unrolled=28), 32)
        14.0
    """
    del batch_size
    return _STEP * translation.unrolled
