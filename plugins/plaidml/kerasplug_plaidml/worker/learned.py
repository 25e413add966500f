"""What the optimizer has learned: by name, to be read and to be set."""

from __future__ import annotations

from typing import Any

import numpy as np
from building import check_arrays, value_of
from keras import backend as K  # noqa: N812 -- as everybody calls it

__all__ = ["got", "set_all"]


def got(built: Any, optimizer: Any, step: int) -> dict[str, np.ndarray[Any, Any]]:
    """All that it has learned.

    Args:
        built: the model.
        optimizer: of the model.
        step: how many steps were made.

    Returns:
        An array for each slot of each weight that is trained, named as in Keras 3:
        `"momentum:encoder/dense_1:0"`; and single numbers, such as `"u_product"`.
    """
    found = {name: value_of(each) for name, each in _slots(built, optimizer).items()}
    return {**found, **optimizer.products(step)}


def set_all(built: Any, optimizer: Any, step: Any, arrays: Any) -> None:
    """Set all of it, or nothing.

    Args:
        built: the model.
        optimizer: of the model.
        step: how many steps were made.
        arrays: an array for each name of `got`.

    Raises:
        ValueError: an array is missing, is not known, or has another shape; or that is
            no number of steps.
    """
    slots = _slots(built, optimizer)
    products = optimizer.products(0)
    shapes = {name: K.int_shape(each) for name, each in slots.items()}
    shapes.update((name, ()) for name in products)
    check_arrays("nothing of the optimizer was", shapes, arrays)
    if type(step) is not int or step < 0:
        message = f"nothing of the optimizer was set: {step!r} is no number of steps"
        raise ValueError(message)
    for name, slot in slots.items():
        K.set_value(slot, np.asarray(arrays[name], "float32"))
    optimizer.resume(step, {name: np.float32(arrays[name]) for name in products})


def _slots(built: Any, optimizer: Any) -> dict[str, Any]:
    """Name -> variable of the optimizer's, for each weight that is trained."""
    trained = {id(each) for each in built.model.trainable_weights}
    return {
        f"{slot}:{name}": optimizer.slot(variable, slot)
        for name, variable in built.variables().items()
        if id(variable) in trained
        for slot in optimizer.slots()
    }
