"""Weights on their way: of the layers here, by the names that they have there."""

import contextlib
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from kerasplug.engines.workers.engine import Translation
from kerasplug.errors import ModelError, TranslationError, WorkerError

__all__ = [
    "assigned",
    "check_all_carried",
    "check_built",
    "check_shapes",
    "gathered",
    "kept",
    "kept_if_it_fails",
    "returned",
    "same_bits",
]

#: The arrays of a layer, for each of the layers here that are carried.
Weights = list[tuple[Any, list[Any]]]


def gathered(translation: Translation) -> dict[str, Any]:
    """All weights of a model as the engine takes them: `"path:number"` -> array.

    Args:
        translation: of the model.
    """
    found: dict[str, Any] = {}
    for path, carried in translation.layers.items():
        arrays = carried.layer.get_weights()
        arrays = carried.there(arrays) if carried.there else arrays
        found |= {f"{path}:{number}": array for number, array in enumerate(arrays)}
    return found


def returned(translation: Translation, arrays: Mapping[str, Any]) -> Weights:
    """The weights that the engine gave, each layer's as that layer takes them.

    Raises:
        WorkerError: they are not those of the model.
    """
    import numpy as np

    found: Weights = []
    parts: dict[str, dict[str, Any]] = {}
    for name, array in arrays.items():
        path, _, number = name.rpartition(":")
        parts.setdefault(path, {})[number] = array
    for path, carried in translation.layers.items():
        part = parts.pop(path, {})
        given = [part[number] for number in sorted(part, key=int)]
        given = carried.back(given) if carried.back else given
        wanted = [one.shape for one in carried.layer.weights]
        shapes = [np.shape(one) for one in given]
        if shapes != [tuple(shape) for shape in wanted]:
            raise _strange(path, f"shapes {shapes}", f"shapes {wanted}")
        found.append((carried.layer, list(given)))
    if parts:
        raise _strange(", ".join(sorted(parts)), "weights", "none of that name")
    return found


def _strange(where: str, found: str, expected: str) -> WorkerError:
    message = f"The worker gave other weights than the model has: {where}."
    return WorkerError(message, found=found, expected=expected)


def assigned(weights: Weights, variables: Sequence[tuple[Any, Any]] = ()) -> None:
    """Let the layers, and some variables, have them: all of them, or none.

    Args:
        weights: what `returned` gave, so that all shapes are right.
        variables: pairs of a variable of Keras and its value, of the right shape.
    """
    from kerasplug.implementation import implementation

    copied: Any = implementation().ops.copy
    before = [(layer, layer.get_weights()) for layer, _ in weights]
    held = [(variable, copied(variable)) for variable, _ in variables]
    try:
        _set(weights, variables)
    except BaseException:  # Ctrl-C may come between two layers
        _set(before, held)
        raise


def _set(weights: Weights, variables: Sequence[tuple[Any, Any]]) -> None:
    for layer, arrays in weights:
        layer.set_weights(arrays)
    for variable, value in variables:
        variable.assign(value)


@contextlib.contextmanager
def kept_if_it_fails(model: Any) -> Iterator[None]:
    """The model has its weights again where what is done within it fails."""
    before = model.get_weights()
    try:
        yield
    except BaseException:
        model.set_weights(before)
        raise


def kept(arrays: Mapping[str, Any]) -> dict[str, Any]:
    """Copies of the arrays, which nobody else can change."""
    import numpy as np

    return {name: np.array(array) for name, array in arrays.items()}


def same_bits(some: Mapping[str, Any], others: Mapping[str, Any]) -> bool:
    """Whether two sets of weights are the same, bit by bit; for large ones in no time.

    Example:
        >>> same_bits({}, {})
        True
    """
    return some.keys() == others.keys() and all(
        _same(array, others[name]) for name, array in some.items()
    )


def _same(one: Any, other: Any) -> bool:
    import numpy as np

    one, other = np.ascontiguousarray(one), np.ascontiguousarray(other)
    if one.dtype != other.dtype or one.shape != other.shape:
        return False
    # As whole numbers, since NaN is not equal to itself; long ones are the fastest.
    word = "u8" if one.nbytes % 8 == 0 else "u1"
    return bool(np.array_equal(_words(one, word), _words(other, word)))


def _words(array: Any, word: str) -> Any:
    return array.reshape(-1).view("u1").view(word)


def check_all_carried(model: Any, translation: Translation) -> None:
    """Nothing, where each weight of the model is one that the engine has.

    Raises:
        TranslationError: some would stay behind.
    """
    carried = {
        id(one) for part in translation.layers.values() for one in part.layer.weights
    }
    left = [one.path for one in model.weights if id(one) not in carried]
    if left:
        message = "Some weights of the model have no place on the engine."
        found = ", ".join(left[:6])
        raise TranslationError(message, found=found, expected="none")


def check_built(translation: Translation, reply: Mapping[str, Any]) -> None:
    """Nothing, where the engine has built a model with these weights.

    Args:
        translation: of the model.
        reply: what the program says to "build".

    Raises:
        TranslationError: it has others.
    """
    here: dict[str, list[list[int]]] = {}
    for name, array in gathered(translation).items():
        here.setdefault(name.rpartition(":")[0], []).append(list(array.shape))
    there = {path: shapes for path, shapes in reply["weights"].items() if shapes}
    for path in {**here, **there}:
        if here.get(path) != there.get(path):
            message = f"The engine has built another layer {path!r} than the model has."
            found, expected = there.get(path, "none"), here.get(path, "none")
            raise TranslationError(
                message, found=f"weights {found}", expected=f"weights {expected}"
            )


def check_shapes(model: Any, weights: Sequence[Any]) -> None:
    """Nothing, where these are weights for the model.

    Raises:
        ModelError: they are others; Keras itself would have set some of them by then.
    """
    import numpy as np

    wanted = [tuple(one.shape) for one in model.weights]
    shapes = [np.shape(one) for one in weights]
    if shapes != wanted:
        different = [
            number
            for number, (one, other) in enumerate(zip(shapes, wanted, strict=False))
            if one != other
        ]
        where = (
            f", the first that differs is number {different[0]}" if different else ""
        )
        message = "These are not the weights of this model."
        found = f"{len(shapes)} arrays{where}"
        expected = f"{len(wanted)} arrays, in the order of model.get_weights()"
        raise ModelError(message, found=found, expected=expected)
