"""Which weights of a file belong to which layer, where a file lists the layers.

A model in a model is one layer there, with the weights of all its layers in one list.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from kerasplug.models.kinds import children, is_model
from kerasplug.saving.weights_aligning import aligned, by_names, parts_of
from kerasplug.saving.weights_holders import Listed, Unit, own_variables, slot_of
from kerasplug.saving.weights_layouts import ByLayer
from kerasplug.saving.weights_matching import Match, Matched, ambiguous, count_error
from kerasplug.saving.weights_reading import Stored

__all__ = ["listed_weights", "match_layers", "uncovered"]


def listed_weights(layer: Any) -> list[Any]:
    """A layer's weights in the order of Keras 2: those that are trained first."""
    return [*layer.trainable_weights, *layer.non_trainable_weights]


def _own_weights(model: Any) -> list[Any]:
    weights = {id(one) for one in model.weights}
    return [one for one in own_variables(model) if id(one) in weights]


def uncovered(model: Any) -> list[Any]:
    """Weights of a model that this layout has no place for: those of hidden layers."""
    held = [one for layer in model.layers for one in layer.weights]
    known = {id(one) for one in (*held, *_own_weights(model))}
    return [one for one in model.weights if id(one) not in known]


def match_layers(content: ByLayer, model: Any, file: str, *, by_name: bool) -> Matched:
    """The layers of a model beside those that a file lists.

    Args:
        content: of the file.
        model: the model.
        file: the file's name, for errors.
        by_name: whether layers go by their names; else by their order.

    Raises:
        AmbiguousNameError: two layers, of the file or of the model, have one name.
        ModelFileError: the file has not as many layers as the model.
    """
    held = [(name, weights) for name, weights in content.layers if weights]
    wanted = [one for one in model.layers if one.weights]
    if by_name:
        found = _by_name(held, wanted)
    elif len(held) != len(wanted):
        names = [name for name, _ in held], [one.name for one in wanted]
        raise count_error(file, *names)
    else:
        pairs = zip(wanted, held, strict=True)
        matches = [_one(layer, weights) for layer, (_, weights) in pairs]
        found = Matched(tuple(one for many in matches for one in many.matches))
    return _with_own(found, content.own, model)


def _with_own(found: Matched, held: Sequence[Stored], model: Any) -> Matched:
    """And with the weights that no layer has."""
    variables = _own_weights(model)
    unit = Unit((), "", (Listed([model], variables),), own=True)
    if variables and held:
        return found._replace(matches=(*found.matches, _filled(unit, held)))
    if variables:
        return found._replace(missing=(*found.missing, unit.name))
    if held:
        return found._replace(unexpected=(*found.unexpected, unit.name))
    return found


def _filled(unit: Unit, held: Sequence[Stored]) -> Match:
    """A layer with its weights, whichever order they have."""
    (piece,) = unit.pieces
    slots = list(piece.slots.values())
    weights = list(held)
    if len(slots) == len(held):
        labels = [one.label for one in held], [one.label for one in slots]
        weights = [held[place] for place in aligned(*labels, loosely=True)]
    store = {str(key): one for key, one in enumerate(weights)}
    return Match(unit.name, ((piece, store),))


# --- by name ---


def _by_name(
    held: Sequence[tuple[str, Sequence[Stored]]], wanted: list[Any]
) -> Matched:
    file = _unique("The file", held)
    model = _unique("The model", [(str(one.name), one) for one in wanted])
    parts = [
        _one(layer, file[name], by_name=True)
        for name, layer in model.items()
        if name in file
    ]
    lacking = (layer for name, layer in model.items() if name not in file)
    return Matched(
        tuple(one for part in parts for one in part.matches),
        (
            *(name for part in parts for name in part.missing),
            *(unit.name for layer in lacking for unit in _units(layer)),
        ),
        (
            *(name for part in parts for name in part.unexpected),
            *(name for name in file if name not in model),
        ),
    )


def _unique(where: str, pairs: Iterable[tuple[str, Any]]) -> dict[str, Any]:
    """The pairs by name.

    Raises:
        AmbiguousNameError: a name is there twice.
    """
    found: dict[str, Any] = {}
    for place, (name, value) in enumerate(pairs):
        if name in found:
            first = list(found).index(name)
            raise ambiguous(where, name, (f"{name} #{first}", f"{name} #{place}"))
        found[name] = value
    return found


def _units(layer: Any, above: tuple[str, ...] = ()) -> list[Unit]:
    """A layer, or the layers of a model in the model, each with its own list."""
    return [one for one in _all_units(layer, above) if one.weighted]


def _all_units(layer: Any, above: tuple[str, ...]) -> Iterator[Unit]:
    names = (*above, str(layer.name))
    if not is_model(layer):
        inner = layer._flatten_layers()  # noqa: SLF001 -- Keras lists layers so
        yield Unit(names, "", (Listed(inner, listed_weights(layer)),))
        return
    for one in children(layer):
        yield from _all_units(one, names)
    yield Unit(names, "", (Listed([layer], _own_weights(layer)),), own=True)


def _one(layer: Any, held: Sequence[Stored], *, by_name: bool = False) -> Matched:
    """A layer of the model, and what the file lists for it."""
    units = _units(layer)
    if not is_model(layer):
        return Matched(tuple(_filled(unit, held) for unit in units))
    variables = listed_weights(layer)
    wanted = [slot_of("", one).label for one in variables]
    labels = [one.label for one in held]
    places = by_names(labels, wanted, loosely=False)
    if places is None and by_name:
        shares = _shares(units, held)
        if shares is not None:
            return _shared(str(layer.name), units, held, shares)
    if len(held) != len(variables):
        what = (
            f"the file has {len(held)} weights for the model {layer.name!r}, which has "
            f"{len(variables)}"
        )
        return Matched(tuple(Match(unit.name, (), what) for unit in units))
    if places is None:
        places = aligned(labels, wanted, loosely=True)
    whose = {id(one): held[place] for one, place in zip(variables, places, strict=True)}
    return Matched(tuple(_by_variable(unit, whose) for unit in units))


def _by_variable(unit: Unit, whose: Mapping[int, Stored]) -> Match:
    (piece,) = unit.pieces
    store = {
        key: whose[id(slot.variable)]
        for key, slot in piece.slots.items()
        if id(slot.variable) in whose
    }
    return Match(unit.name, ((piece, store),))


class _Shares(NamedTuple):
    """Whose a model's weights are: unit by unit, and those that are nobody's."""

    of: list[list[int]]
    left: list[int]


def _shares(units: Sequence[Unit], held: Sequence[Stored]) -> _Shares | None:
    """Which weights belong to which layer, by their names; None: they don't tell."""
    found = _Shares([[] for _ in units], [])
    for place, one in enumerate(held):
        parts = parts_of(one.label)[:-1]
        marks = [_mark(unit, parts) for unit in units]
        best = max(marks, default=0)
        if not best:
            found.left.append(place)
        elif marks.count(best) > 1:
            return None
        else:
            found.of[marks.index(best)].append(place)
    return found


def _mark(unit: Unit, parts: Sequence[str]) -> int:
    """How much of a layer's names is in a weight's name; 0: it can't be its."""
    if unit.own:
        return int(not parts or parts[-1] == unit.names[-1])
    if unit.names[-1] not in parts:
        return 0
    return 1 + sum(name in parts for name in unit.names)


def _shared(
    name: str, units: Sequence[Unit], held: Sequence[Stored], shares: _Shares
) -> Matched:
    matches, missing = [], []
    for unit, places in zip(units, shares.of, strict=True):
        if places:
            matches.append(_filled(unit, [held[place] for place in places]))
        else:
            missing.append(unit.name)
    left = dict.fromkeys(_inner_name(name, held[place].label) for place in shares.left)
    return Matched(tuple(matches), tuple(missing), tuple(left))


def _inner_name(model: str, label: str) -> str:
    """The layer of a model in the model that a weight's name speaks of."""
    # What stands before it was the outermost when it was built, whoever that was.
    return "/".join([model, *parts_of(label)[-2:-1]])
