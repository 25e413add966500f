"""Through a model as Keras walks when it saves, so that the paths are the same.

The walk is Keras' own function, which is not public: it is looked for each time, and
its absence is an error. What it yields is numbered here, as Keras does it.

Source: keras 3.15.1, `saving/saving_lib.py`, `_save_state`; tf_keras 2.21, the same.
"""

import importlib
from collections.abc import Callable, Iterable, Iterator
from typing import Any, Final, NamedTuple

from kerasplug.errors import KerasVersionError
from kerasplug.models.kinds import family, is_layer, is_model
from kerasplug.saving.weights_holders import Holder, Piece, Unit

__all__ = ["Walked", "snake_case_of", "walked"]


class _Ways(NamedTuple):
    """What differs between the two: functions, and how lists are numbered."""

    walk: Callable[[Any], Iterable[tuple[str, Any]]]
    holds: Callable[[Any], bool]
    snake: Callable[[str], str]
    containers: tuple[type, ...]
    nested: bool


#: Family -> (module, name) of the walk, of what tells holders, and of the names' rule.
_PLACES: Final = {
    "keras": (
        ("keras.src.saving.saving_lib", "_walk_saveable"),
        ("keras.src.saving.keras_saveable", "KerasSaveable"),
        ("keras.src.utils.naming", "to_snake_case"),
    ),
    "tf_keras": (
        ("tf_keras.src.saving.saving_lib", "_walk_trackable"),
        ("tf_keras.src.saving.saving_lib", "_is_keras_trackable"),
        ("tf_keras.src.utils.generic_utils", "to_snake_case"),
    ),
}


class Walked(NamedTuple):
    """What a model is made of.

    Args:
        units: its layers, and the layers of the models in it.
        others: paths of what holds no weights of the model: optimizers and metrics.
    """

    units: tuple[Unit, ...]
    others: tuple[str, ...]


def walked(model: Any) -> Walked:
    """What a model is made of, each thing once, under Keras' paths.

    Args:
        model: a built model of any Keras.

    Raises:
        KerasVersionError: this Keras walks in some other way.
        ModelError: a layer can't say what it holds.
    """
    walker = _Walker(_ways(family(model)))
    walker.visit(model, "", _Place((), (), None))
    return Walked(tuple(walker.units()), tuple(walker.others))


def snake_case_of(model: Any) -> Callable[[str], str]:
    """How the model's Keras makes a path of the name of a class."""
    return _ways(family(model)).snake


def _ways(name: str) -> _Ways:
    walk, holds, snake = (_at(*place) for place in _PLACES[name])
    if name == "tf_keras":
        return _Ways(walk, holds, snake, (list, dict, tuple, set), nested=False)

    def is_saveable(thing: Any) -> bool:
        return isinstance(thing, holds)

    return _Ways(walk, is_saveable, snake, (list, dict, tuple), nested=True)


def _at(module: str, name: str) -> Any:
    try:
        return getattr(importlib.import_module(module), name)
    except (ImportError, AttributeError) as error:
        what = "This Keras can't be asked how it walks through a model."
        raise KerasVersionError(
            what,
            found=f"no {module}.{name}",
            expected="the functions of Keras 3.15 or of tf_keras 2.21",
            mend="model.load_weights(path), which is not all or nothing",
        ) from error


class _Place(NamedTuple):
    """Where the walk is: names and paths of the models, and the unit, if in one."""

    names: tuple[str, ...]
    parents: tuple[str, ...]
    unit: "_Draft | None"
    other: bool = False


class _Draft(NamedTuple):
    names: tuple[str, ...]
    path: str
    pieces: list[tuple[str, Any]]
    parents: tuple[str, ...]
    own: bool


class _Walker:
    """One walk; in `found` are the units, in `others` what is none."""

    def __init__(self, ways: _Ways) -> None:
        self._ways = ways
        #: Paths by which each thing was reached; it is kept under the first.
        self._visited: dict[int, list[str]] = {}
        self.found: list[_Draft] = []
        self.others: list[str] = []

    def visit(self, thing: Any, path: str, place: _Place) -> None:
        """Note a thing and go on with all that it holds."""
        if id(thing) in self._visited:
            self._visited[id(thing)].append(path)
            return
        self._visited[id(thing)] = [path]
        inner = self._noted(thing, path, place)
        for name, value in self._ways.walk(thing):
            where = f"{path}/{name}" if path else name
            if self._ways.holds(value):
                self.visit(value, where, inner)
            elif isinstance(value, self._ways.containers):
                self._visit_all(value, where, inner, set())

    def units(self) -> Iterator[Unit]:
        """What was found, each thing with all the paths that lead to it."""
        ways = {one.path: self._visited[id(one.pieces[0][1])] for one in self.found}
        for one in self.found:
            pieces: list[Holder] = [
                Piece(path, layer, tuple(self._visited[id(layer)][1:]))
                for path, layer in one.pieces
            ]
            above = [
                f"{other}{one.path[len(parent) :]}"
                for parent in one.parents
                for other in ways[parent][1:]
            ]
            aliases = (*ways[one.path][1:], *above)
            yield Unit(
                one.names, one.path, tuple(pieces), one.parents, aliases, one.own
            )

    def _noted(self, thing: Any, path: str, place: _Place) -> _Place:
        """The place that everything within `thing` is in."""
        if place.other:
            return place
        if not _holds_weights(thing):
            self.others.append(path)
            return place._replace(other=True)
        if place.unit is not None:
            place.unit.pieces.append((path, thing))
            return place
        top = not path
        names = () if top else (*place.names, str(thing.name))
        inner = is_model(thing)
        draft = _Draft(names, path, [(path, thing)], place.parents, own=inner)
        self.found.append(draft)
        if inner:
            parents = () if top else (*place.parents, path)
            return _Place(names, parents, None)
        return place._replace(unit=draft)

    def _visit_all(
        self, container: Any, path: str, place: _Place, containers: set[int]
    ) -> None:
        if id(container) in containers:
            return
        containers.add(id(container))
        used: dict[str, int] = {}
        values = container.values() if isinstance(container, dict) else container
        for value in list(values):
            if self._ways.holds(value):
                if not self._ways.nested and id(value) in self._visited:
                    continue  # Keras 2 gives no number to what it has seen
                name = self._ways.snake(type(value).__name__)
                self.visit(value, f"{path}/{_numbered(name, used)}", place)
            elif self._ways.nested and isinstance(value, self._ways.containers):
                name = _numbered("container", used)
                self._visit_all(value, f"{path}/{name}", place, containers)


def _numbered(name: str, used: dict[str, int]) -> str:
    used[name] = used.get(name, -1) + 1
    return f"{name}_{used[name]}" if used[name] else name


def _holds_weights(thing: Any) -> bool:
    """Whether it is a layer. In Keras 2 a metric is one, and yet no part of a model."""
    metric = any(base.__name__ == "Metric" for base in type(thing).__mro__)
    return is_layer(thing) and not metric
