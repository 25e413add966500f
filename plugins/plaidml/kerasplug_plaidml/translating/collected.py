"""What comes together while a model is translated."""

import dataclasses
from collections.abc import Mapping
from typing import Any, NamedTuple

from kerasplug import Carried, Translation
from kerasplug_plaidml.translating.refusing import refused

__all__ = ["Collected", "Part", "Place"]


class Part(NamedTuple):
    """A layer or a model as it stands in a configuration there.

    Attributes:
        class_name: of the layer there.
        config: its arguments.
        steps: of time that one call of it unrolls.
    """

    class_name: str
    config: dict[str, Any]
    steps: int = 0


class Place(NamedTuple):
    """Where a layer stands in a model.

    Attributes:
        path: names joined with "/", from the outermost model on; empty: it is that.
        shape: of its first input, None for rows.
        trained: whether all that it is in is trainable.
    """

    path: str = ""
    shape: tuple[Any, ...] = ()
    trained: bool = True

    @property
    def where(self) -> str:
        """What an error calls it."""
        return f"layer {self.path!r}"

    def below(self, name: str, shape: tuple[Any, ...] = ()) -> "Place":
        """The place of something in it."""
        path = f"{self.path}/{name}" if self.path else name
        return Place(path, shape, self.trained)


@dataclasses.dataclass
class Collected:
    """Weights, code and warnings, gathered from all layers of a model.

    Attributes:
        layers: path there -> the layer here, for those that have weights.
        code: class -> source.
        mixes_rows: names of layers of which it is not known that they don't.
        seen: which layers have a place there already, and where.
        unmaskable: path of a layer that takes no mask -> why.
    """

    layers: dict[str, Carried] = dataclasses.field(default_factory=dict)
    code: dict[str, str] = dataclasses.field(default_factory=dict)
    mixes_rows: list[str] = dataclasses.field(default_factory=list)
    seen: dict[int, str] = dataclasses.field(default_factory=dict)
    unmaskable: dict[str, str] = dataclasses.field(default_factory=dict)

    def carry(self, path: str, carried: Carried) -> None:
        """Note a layer whose weights are carried over; others are let alone."""
        if carried.layer.weights:
            self.layers[path] = carried

    def settle(self, layer: Any, place: Place) -> None:
        """Note where a layer has come to stand.

        Raises:
            TranslationError: it stands elsewhere already: there it would be two layers,
                each with weights of its own.
        """
        before = self.seen.setdefault(id(layer), place.path)
        if before != place.path and layer.weights:
            found = f"it is {before!r}, too: one layer in two models"
            raise refused(place.where, found, "each layer in one model only")

    def add_code(self, where: str, class_name: str, source: str) -> None:
        """Note a class that Keras 2.2.4 has not.

        Raises:
            TranslationError: another layer brings another class of that name.
        """
        if self.code.setdefault(class_name, source) != source:
            found = f"two different sources for the class {class_name!r}"
            raise refused(where, found, "one source for each class")

    def inside(self) -> "Collected":
        """For the parts of a wrapper, whose weights are the wrapper's."""
        return dataclasses.replace(self, layers={})

    def translation(self, config: Mapping[str, Any], steps: int) -> Translation:
        """All of it, for the model of this configuration."""
        return Translation(
            config=config,
            layers=self.layers,
            code=self.code,
            mixes_rows=tuple(self.mixes_rows),
            unrolled=steps,
        )
