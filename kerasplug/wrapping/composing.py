"""What a layer can be put on, and what comes of it.

Nothing here imports Keras or a framework: whoever holds a tensor has loaded its
framework already, so tensors are told by what they are like.
"""

import sys
from collections.abc import Iterator, Mapping
from typing import Any, NoReturn

from kerasplug.errors import LayerError
from kerasplug.wrapping.classes import is_a, is_keras_own, own_signature, short

__all__ = ["check_target", "compose", "is_target"]

_FAMILIES = {
    "keras": "Keras 3 (package keras)",
    "tf_keras": "Keras 2 (package tf_keras)",
}


def is_target(value: object) -> bool:
    """Whether a layer can be put on `value`: a model, a tensor, or a group of tensors.

    Args:
        value: anything; a group is a list, tuple or dict, nested or not, that holds
            tensors or arrays and nothing else.

    Example:
        >>> is_target([]), is_target(32), is_target("units")
        (False, False, False)
    """
    if is_a(value, "Layer"):
        return is_a(value, "Model")
    leaves = list(_leaves(value))
    return bool(leaves) and all(map(_is_tensor, leaves))


def _is_tensor(value: object) -> bool:
    if isinstance(value, type) or is_a(value, "Layer"):
        return False
    numpy = sys.modules.get("numpy")
    # A NumPy scalar is a number: `dense(np.int64(32))` means 32 units.
    if numpy is not None and isinstance(value, numpy.generic):
        return False
    if hasattr(value, "shape") and hasattr(value, "dtype"):
        return True
    return hasattr(value, "_keras_shape")  # what Keras 2.2 gives all its tensors


def _leaves(value: object) -> Iterator[object]:
    if isinstance(value, Mapping):
        value = list(value.values())
    if isinstance(value, list | tuple):
        for item in value:
            yield from _leaves(item)
    else:
        yield value


def check_target(target: object, layer_class: type) -> None:
    """Raise `LayerError` unless layers of `layer_class` can be put on `target`."""
    if not is_target(target):
        what = f"{layer_class.__name__} can't be put on {short(target)}."
        raise LayerError(
            what,
            found=f"a value of type {type(target).__name__}",
            expected="a Sequential model, a tensor, an array, or a list, tuple or "
            "dict of them; or nothing, to get the layer itself",
        )
    _check_families(target, layer_class)
    if is_a(target, "Model") and not is_a(target, "Sequential"):
        _refuse_model(target, layer_class)


def _refuse_model(model: object, layer_class: type) -> NoReturn:
    first = next(iter(own_signature(layer_class).parameters), "layer")
    what = (
        f"{layer_class.__name__} can't be added to a {type(model).__name__}: "
        "only a Sequential model grows in place."
    )
    raise LayerError(
        what,
        found=short(model),
        expected="a Sequential model or a tensor",
        mend="put the layer on `model.output`, or on what calling the model returns; "
        f"to give the model to the layer as an argument write `{first}=model`",
    )


def _check_families(target: object, layer_class: type) -> None:
    """Raise `LayerError` where `target` and `layer_class` are of different Keras."""
    from kerasplug.implementation import family_of

    mine = family_of(layer_class)
    for leaf in _leaves(target):
        theirs = family_of(leaf)
        if theirs not in (None, mine):
            what = (
                f"A layer of {_FAMILIES[str(mine)]} can't be put on a "
                f"{type(leaf).__name__} of {_FAMILIES[str(theirs)]}."
            )
            raise LayerError(
                what,
                found=f"{_origin(layer_class)}, and {_origin(type(leaf))}",
                expected="both from one implementation of Keras",
                mend="make both with `keras = kerasplug.implementation()`, and choose "
                f"which one with kerasplug.use_implementation({theirs!r}) or the "
                "environment variable KERASPLUG_IMPLEMENTATION before Keras is loaded",
            )


def _origin(cls: type) -> str:
    base = next((item for item in cls.__mro__ if is_keras_own(item)), cls)
    where = f"{cls.__module__}.{cls.__qualname__}"
    return (
        where if base is cls else f"{where} (a {base.__module__}.{base.__qualname__})"
    )


def compose(target: Any, layer: Any) -> Any:
    """What comes of putting `layer` on `target`, which `check_target` let through.

    Returns:
        The very same model for a Sequential one, else what `layer` returns.
    """
    if is_a(target, "Sequential"):
        target.add(layer)
        return target
    return layer(target)
