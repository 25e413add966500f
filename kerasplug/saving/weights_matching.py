"""Which weights of a file belong to which layer of a model, where a file has paths."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Final, NamedTuple

from kerasplug.errors import AmbiguousNameError, ModelFileError
from kerasplug.saving.dangers import shown
from kerasplug.saving.weights_holders import Holder, Unit
from kerasplug.saving.weights_layouts import ByPath
from kerasplug.saving.weights_reading import Stored
from kerasplug.saving.weights_walking import Walked

__all__ = ["Match", "Matched", "ambiguous", "count_error", "match_paths"]

_FILE: Final = "The file"
_MODEL: Final = "The model"


class Match(NamedTuple):
    """A layer and what the file has for it.

    Args:
        name: the layer's.
        pairs: what holds weights in it, and the weights by key.
        problem: why they can't be for it, whatever they are; empty: they may be.
    """

    name: str
    pairs: tuple[tuple[Holder, Mapping[str, Stored]], ...]
    problem: str = ""


class Matched(NamedTuple):
    """A model and a file, side by side.

    Args:
        matches: the layers that are in both.
        missing: names of the model's layers with weights that the file has not.
        unexpected: names of the file's layers with weights that the model has not.
    """

    matches: tuple[Match, ...]
    missing: tuple[str, ...] = ()
    unexpected: tuple[str, ...] = ()


def match_paths(content: ByPath, model: Walked, file: str, *, by_name: bool) -> Matched:
    """The layers of a model beside the paths of a file.

    Args:
        content: of the file.
        model: the model.
        file: the file's name, for errors.
        by_name: whether layers go by their names; else by Keras' paths.

    Raises:
        AmbiguousNameError: two layers, of the file or of the model, have one name.
        ModelFileError: the file has no names; or not as many layers as the model.
    """
    paths = _Paths(content, model.others)
    if by_name:
        if not any(content.names.get(path) for path in content.names if path):
            raise _nameless(file)
        _check_names(model.units)
        found = _match(model.units, paths, paths.place_of)
    else:
        listed = paths.unexpected()
        found = _match(model.units, paths, _by_order(paths))
        held = [one.name for one in found.matches] + [*found.unexpected]
        wanted = [one.name for one in found.matches] + [*found.missing]
        if len(held) != len(wanted):
            # The file's own names, where they can be told for sure.
            held = [*listed] if len(listed) == len(held) else held
            raise count_error(file, held, wanted)
        found = _none_missing(found)
    return found


def _none_missing(found: Matched) -> Matched:
    """By order there is a place for each layer: what lacks there doesn't fit."""
    problem = "the file has nothing in its place"
    lacking = (Match(name, (), problem) for name in found.missing)
    return Matched((*found.matches, *lacking), (), found.unexpected)


def count_error(
    file: str, held: Iterable[str], wanted: Iterable[str]
) -> ModelFileError:
    """The error for a file with more or fewer layers than the model.

    Args:
        file: its name.
        held: the layers in the file that have weights.
        wanted: those in the model.
    """
    held, wanted = list(held), list(wanted)
    return ModelFileError(
        f"{file} has weights for another number of layers than the model.",
        found=f"{len(held)}: {_brief(held)}",
        expected=f"{len(wanted)}, as the model has: {_brief(wanted)}",
        mend="by_name=True loads the layers that have the same name in both",
    )


def _brief(names: list[str]) -> str:
    listed = ", ".join(name[:60] for name in names[:8])
    return f"{listed}, …" if len(names) > 8 else listed or "none"  # noqa: PLR2004 -- as many as a line holds


def ambiguous(where: str, name: str, both: Iterable[str]) -> AmbiguousNameError:
    """The error for a name that two layers have.

    Args:
        where: the file, or the model.
        name: the name.
        both: what tells them apart.
    """
    claims = tuple(both)
    return AmbiguousNameError(
        f"{where} has {len(claims)} layers called {shown(name)}.",
        claims=claims,
        found=", ".join(shown(one) for one in claims),
        expected="one, to load it by its name",
        mend="by_name=False, or give the layers names of their own",
    )


def _nameless(file: str) -> ModelFileError:
    return ModelFileError(
        f"{file} doesn't say how its layers are called, so it can't be loaded by name.",
        found="weights that an older Keras, or tf_keras, wrote",
        expected="a file with the names of its layers",
        mend=(
            "by_name=False; or save the model again as .keras or .h5, which hold the "
            "names in every version of Keras"
        ),
    )


def _check_names(units: Iterable[Unit]) -> None:
    """No two layers of the model may have one name.

    Raises:
        AmbiguousNameError: two have.
    """
    seen: dict[tuple[str, ...], str] = {}
    for unit in units:
        if not unit.weighted:
            continue
        levels = (*unit.parents, unit.path)
        for depth in range(1, len(unit.names) + 1):
            names, path = unit.names[:depth], levels[depth - 1]
            first = seen.setdefault(names, path)
            if first != path:
                raise ambiguous(_MODEL, "/".join(names), (first, path))


class _Paths:
    """The paths of a file, with what was taken of them.

    Args:
        content: of the file.
        others: paths of what is no weight.
    """

    def __init__(self, content: ByPath, others: Iterable[str]) -> None:
        self._others = tuple(others)
        self.groups = {
            path: group
            for path, group in content.groups.items()
            if not self._is_other(path)
        }
        self._names = {path: name for path, name in content.names.items() if name}
        self._inner = self._by_parent()
        self.left = dict.fromkeys(self.groups)
        #: Place -> what is left at and below it.
        self._below: dict[str, dict[str, None]] = {}
        for path in self.left:
            for place in _above(path):
                self._below.setdefault(place, {})[path] = None

    def _is_other(self, path: str) -> bool:
        return any(within(path, other) for other in self._others if other)

    def _by_parent(self) -> dict[str, dict[str, list[str]]]:
        """Path of something with a name -> name -> paths of what is right below it."""
        found: dict[str, dict[str, list[str]]] = {}
        weighted = {above for path in self.groups for above in _above(path)}
        for path, name in self._names.items():
            if path and path in weighted:
                parent = self._named_above(path)
                found.setdefault(parent, {}).setdefault(name, []).append(path)
        return found

    def _named_above(self, path: str) -> str:
        """The nearest place above that has a name; the top, where nothing has."""
        above = (one for one in _above(path) if one != path and one in self._names)
        return next(above, "")

    def place_of(self, unit: Unit) -> str | None:
        """Where a layer of these names is; None: nowhere.

        Raises:
            AmbiguousNameError: in two places.
        """
        path = ""
        for name in unit.names:
            places = self._inner.get(path, {}).get(name, [])
            if len(places) > 1:
                raise ambiguous(_FILE, name, places)
            if not places:
                return None
            path = places[0]
        return path

    def take(self, path: str) -> Mapping[str, Stored] | None:
        """The weights under a path, then nobody else's; None: there are none."""
        if path not in self.left:
            return None
        self.drop(path)
        return self.groups[path]

    def drop(self, path: str) -> None:
        """Count a path as taken."""
        del self.left[path]
        for place in _above(path):
            del self._below[place][path]

    def within(self, path: str) -> list[str]:
        """The paths at and below one that nobody has taken."""
        return list(self._below.get(path, ()))

    def unexpected(self) -> tuple[str, ...]:
        """How the layers are called that nobody has taken."""
        return tuple(dict(self._layer_at(path) for path in self.left).values())

    def _layer_at(self, path: str) -> tuple[str, str]:
        """Place and name of the layer that a path leads to or into."""
        names, at = [], ""
        above = [one for one in reversed(_above(path)) if one in self._names and one]
        for place, one in enumerate(above):
            at = one
            names.append(self._names[one])
            following = above[place + 1 : place + 2] or [path]
            if not following[0].startswith(f"{one}/layers/"):
                break
        short = _short(path)
        return (at, "/".join(names)) if names else (short, short)


def within(path: str, place: str) -> bool:
    """Whether a path is at or below a place.

    Example:
        >>> within("a/b", "a"), within("a", "a"), within("ab", "a")
        (True, True, False)
    """
    return not place or path == place or path.startswith(f"{place}/")


def _above(path: str) -> list[str]:
    """The path itself and all places above it, the nearest first; the top last."""
    parts = path.split("/") if path else []
    return ["/".join(parts[:count]) for count in range(len(parts), -1, -1)]


def _short(path: str) -> str:
    """The part of a path that stands for a layer: `layers/dense`."""
    parts = path.split("/")
    count = 0
    while parts[count : count + 1] == ["layers"] and count + 1 < len(parts):
        count += 2
    return "/".join(parts[: count or 1]) or "(the model's own weights)"


def _match(
    units: Iterable[Unit], paths: _Paths, place_of: Callable[[Unit], str | None]
) -> Matched:
    matches, missing = [], []
    for unit in units:
        place = place_of(unit)
        pairs = () if place is None else tuple(_taken(unit, place, paths))
        if place is not None and (pairs or _any(unit, place, paths)):
            matches.append(_matched(unit, place, pairs, paths))
        elif unit.weighted:
            missing.append(unit.name)
    return Matched(tuple(matches), tuple(missing), paths.unexpected())


_Pairs = tuple[tuple[Holder, Mapping[str, Stored]], ...]


def _by_order(paths: _Paths) -> Callable[[Unit], str | None]:
    """Where a layer is by Keras' paths; by another one, where the first has nothing."""

    def place_of(unit: Unit) -> str | None:
        places = (unit.path, *unit.aliases)
        held = (
            one
            for one in places
            if (one in paths.left if unit.own else paths.within(one))
        )
        return next(held, None)

    return place_of


def _taken(
    unit: Unit, place: str, paths: _Paths
) -> Iterator[tuple[Holder, Mapping[str, Stored]]]:
    """The pieces of a layer that the file has weights for."""
    for piece in unit.pieces:
        if not (piece.slots or piece.decides):
            continue
        for path in (piece.path, *piece.aliases):
            if not within(path, unit.path):
                continue
            inner = path[len(unit.path) :].strip("/")
            weights = paths.take("/".join(filter(None, (place, inner))))
            if weights is not None:
                yield piece, weights
                break


def _any(unit: Unit, place: str, paths: _Paths) -> bool:
    """Whether the file has something there, if for none of the layer's pieces."""
    return unit.weighted and not unit.own and bool(paths.within(place))


def _matched(unit: Unit, place: str, held: _Pairs, paths: _Paths) -> Match:
    """A layer with its weights, and with what does not belong together."""
    found = {id(piece) for piece, _ in held}
    lacking = [one.path for one in unit.pieces if one.slots and id(one) not in found]
    more = [] if unit.own else paths.within(place)
    for path in more:
        paths.drop(path)
    problem = ""
    if lacking:
        problem = f"the file has nothing for its {_part(lacking[0], unit.path)}"
    elif more:
        problem = f"the file has more for it: {_part(more[0], place)}"
    return Match(unit.name, held, problem)


def _part(path: str, place: str) -> str:
    return shown(path[len(place) :].strip("/") or "own weights")
