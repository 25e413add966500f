"""Which layers of a model are meant: by name, position, the layer itself, or a rule.

All is resolved before anything is changed, and nothing that is not there is ignored.
Positions count from 0 in `model.layers`, negative ones from the end.
"""

import difflib
import operator
from collections.abc import Callable, Iterable, Sequence
from typing import Any, NamedTuple, TypeAlias

from kerasplug.errors import LayerIndexError, RecordError, UnknownNameError
from kerasplug.models.kinds import is_layer

__all__ = ["Chooser", "Layers", "choose", "is_one", "position", "unknown_layer"]

#: One layer: its name, its position, or itself.
One: TypeAlias = str | int | Any
#: Several: one, a sequence of them, a truth value for each layer, or a rule.
Layers: TypeAlias = One | Sequence[One] | Sequence[bool] | Callable[[Any], bool]

#: So many names stand in an error.
_SHOWN = 12


class Chooser(NamedTuple):
    """A model's layers, and the words for errors about them.

    Args:
        call: the function that was called, as errors name it: `"freeze_weights()"`.
        model: its model.
    """

    call: str
    model: Any

    @property
    def layers(self) -> list[Any]:
        """The direct layers of the model."""
        return list(self.model.layers)

    def names(self) -> list[str]:
        """Their names."""
        return [layer.name for layer in self.layers]


def choose(chooser: Chooser, which: Layers, argument: str = "which") -> list[int]:
    """The positions of the layers that are meant, in the order asked for.

    Args:
        chooser: whose layers.
        which: what is meant.
        argument: its name, for errors.

    Raises:
        UnknownNameError: no layer has such a name.
        LayerIndexError: no layer is at such a position.
        RecordError: it is something else, or it means no layer at all.
    """
    layers = chooser.layers
    if callable(which) and not is_layer(which):
        found = [place for place, one in enumerate(layers) if which(one)]
    elif is_one(which):
        found = [position(chooser, which, argument)]
    else:
        found = _each(chooser, which, argument)
    if not found:
        rule = "at least one layer"
        mend = f"its layers: {_listed(chooser.names())}"
        raise RecordError(chooser.call, argument, which, rule, mend)
    return list(dict.fromkeys(found))


def _each(chooser: Chooser, which: Any, argument: str) -> list[int]:
    """The positions for a sequence of names, positions, layers or truth values."""
    if not isinstance(which, Iterable):
        raise _odd(chooser, which, argument)
    items = list(which)
    if items and all(_is_bool(one) for one in items):
        if len(items) != len(chooser.layers):
            rule = f"{len(chooser.layers)} truth values, one for each layer"
            raise RecordError(chooser.call, argument, which, rule)
        return [place for place, one in enumerate(items) if one]
    missing = [one for one in items if isinstance(one, str)]
    missing = [one for one in missing if one not in chooser.names()]
    if missing:
        raise unknown_layer(chooser, missing)
    return [position(chooser, one, argument) for one in items]


def position(chooser: Chooser, one: One, argument: str = "which") -> int:
    """The position of one layer, from 0.

    Args:
        chooser: whose layers.
        one: its name, its position, or itself.
        argument: its name, for errors.

    Raises:
        UnknownNameError: no layer has that name, or it is none of the model's.
        LayerIndexError: there is no such position.
        RecordError: it is neither a name, nor a position, nor a layer.
    """
    if isinstance(one, str):
        names = chooser.names()
        if one not in names:
            raise unknown_layer(chooser, [one])
        return names.index(one)
    if is_layer(one):
        return _place_of(chooser, one)
    return _checked(chooser, _whole(chooser, one, argument), argument)


def _place_of(chooser: Chooser, layer: Any) -> int:
    for place, one in enumerate(chooser.layers):
        if one is layer:
            return place
    raise unknown_layer(chooser, [layer.name], itself=True)


def _checked(chooser: Chooser, place: int, argument: str) -> int:
    count = len(chooser.layers)
    if not -count <= place < count:
        what = f"{chooser.call}: the model {chooser.model.name!r} has no such layer."
        raise LayerIndexError(
            what,
            found=f"{argument}={place}",
            expected=f"a position from 0 to {count - 1}, or from {-count} to -1",
            mend=f"its layers: {_listed(chooser.names())}",
        )
    return place % count


def _whole(chooser: Chooser, value: object, argument: str) -> int:
    """A position as an `int`; whole floats count, as R's numbers do."""
    if isinstance(value, float) and value.is_integer():
        return int(value)
    if _is_bool(value):
        raise _odd(chooser, value, argument)
    try:
        return operator.index(value)  # type: ignore[arg-type]  # it says so itself
    except TypeError:
        raise _odd(chooser, value, argument) from None


def is_one(value: object) -> bool:
    """Whether it stands for a single layer, rightly or not; a rule never does."""
    if isinstance(value, str | bytes) or is_layer(value):
        return True
    if callable(value):
        return False
    return not isinstance(value, Iterable) or getattr(value, "shape", None) == ()


def _is_bool(value: object) -> bool:
    """Whether it is a truth value of Python or NumPy."""
    return isinstance(value, bool) or type(value).__name__ in ("bool_", "bool")


def _odd(chooser: Chooser, value: object, argument: str) -> RecordError:
    rule = "the name of a layer, its position, or the layer itself"
    return RecordError(chooser.call, argument, value, rule)


def unknown_layer(
    chooser: Chooser, missing: Sequence[str], *, itself: bool = False
) -> UnknownNameError:
    """The error for layers that the model does not have.

    Args:
        chooser: whose layers.
        missing: names.
        itself: whether a layer was given, which belongs to somebody else.
    """
    names = chooser.names()
    close = [
        near for one in missing for near in difflib.get_close_matches(one, names, 3)
    ]
    listed = ", ".join(map(repr, missing))
    what = f"{chooser.call}: the model {chooser.model.name!r} has no layer {listed}."
    found = "a layer of another model" if itself else ""
    mend = f"did you mean {' or '.join(map(repr, dict.fromkeys(close)))}?"
    return UnknownNameError(
        what,
        close=dict.fromkeys(close),
        found=found,
        expected=f"one of {_listed(names)}",
        mend=mend if close else "",
    )


def _listed(names: Sequence[str]) -> str:
    """Names for an error, not too many."""
    shown = ", ".join(names[:_SHOWN]) or "none"
    return f"{shown}, … ({len(names)} in all)" if len(names) > _SHOWN else shown
