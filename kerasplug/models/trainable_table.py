"""What of a model is trained, as a table."""

import math
from typing import Any, NamedTuple

from kerasplug.models.compiling import StaleCompile, stale_compile
from kerasplug.models.kinds import is_model, require_layer, walk

__all__ = ["TrainableRow", "TrainableSummary", "trainable_summary"]


class TrainableRow(NamedTuple):
    """One layer.

    Args:
        path: the names from the outermost model on, which itself is left out.
        kind: its class.
        trainable: its own flag.
        trained: numbers in it that training changes.
        frozen: numbers in it that training leaves alone.
    """

    path: str
    kind: str
    trainable: bool
    trained: int
    frozen: int


class TrainableSummary(NamedTuple):
    """What of a model is trained.

    Args:
        name: the model's.
        rows: its layers, those of models within it too.
        trained: numbers that training changes, those that two layers share once.
        frozen: numbers that training leaves alone.
        stale: what training would pass over until the model is compiled anew.
    """

    name: str
    rows: tuple[TrainableRow, ...]
    trained: int
    frozen: int
    stale: StaleCompile | None

    def __str__(self) -> str:
        head = ("layer", "class", "trainable", "trained", "frozen")
        body = [
            (row.path, row.kind, _word(row), f"{row.trained:,}", f"{row.frozen:,}")
            for row in self.rows
        ]
        total = (self.name, "", "", f"{self.trained:,}", f"{self.frozen:,}")
        lines = _aligned([head, *body, total])
        if self.stale is not None:
            lines.append(f"Compile it anew: {self.stale}")
        return "\n".join(lines)


def trainable_summary(model: Any) -> TrainableSummary:
    """What of a model or layer is trained; it prints as a table.

    Args:
        model: a model or a layer, built.

    Raises:
        ModelError: it is neither.

    Example:
        >>> from kerasplug import implementation
        >>> keras = implementation()
        >>> layers = [keras.Input((2,)), keras.layers.Dense(3, name="hidden")]
        >>> print(trainable_summary(keras.Sequential(layers, name="small")))
        layer   class  trainable  trained  frozen
        hidden  Dense  yes              9       0
        small                           9       0
    """
    require_layer("trainable_summary", model)
    trained = {id(one) for one in model.trainable_weights}
    rows = [
        TrainableRow(path, type(one).__name__, one.trainable, *_sizes(one, trained))
        for path, one in walk(model, deep=False)
    ]
    stale = stale_compile(model) if is_model(model) else None
    return TrainableSummary(model.name, tuple(rows), *_sizes(model, trained), stale)


def _sizes(layer: Any, trained: set[int]) -> tuple[int, int]:
    """How many numbers are trained, and how many not, as the whole model sees it."""
    sizes = [(id(one) in trained, math.prod(_shape(one))) for one in layer.weights]
    return (
        sum(size for flag, size in sizes if flag),
        sum(size for flag, size in sizes if not flag),
    )


def _shape(weight: Any) -> Any:
    """The shape of a weight: that of PlaidML's variables has the dtype in it, too."""
    return getattr(weight, "_keras_shape", weight.shape)


def _word(row: TrainableRow) -> str:
    return "yes" if row.trainable else "no"


def _aligned(rows: list[tuple[str, ...]]) -> list[str]:
    """Lines with columns as wide as they need be; numbers stand to the right."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    sides = ("<", "<", "<", ">", ">")
    return [
        "  ".join(
            f"{cell:{side}{width}}"
            for cell, side, width in zip(row, sides, widths, strict=True)
        ).rstrip()
        for row in rows
    ]
