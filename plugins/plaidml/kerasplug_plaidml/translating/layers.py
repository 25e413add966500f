"""One layer of Keras 3 as Keras 2.2.4 writes it."""

from collections.abc import Mapping
from typing import Any, Final

from kerasplug import Carried
from kerasplug_plaidml.translating import values
from kerasplug_plaidml.translating.collected import Collected, Part, Place
from kerasplug_plaidml.translating.custom import custom_part
from kerasplug_plaidml.translating.kinds import class_of
from kerasplug_plaidml.translating.refusing import refused, shown
from kerasplug_plaidml.translating.sources import SOURCES
from kerasplug_plaidml.translating.tables import (
    CELLS,
    EVERY,
    RECURRENT,
    REGULARIZED,
    ROWS,
    STACKED,
    Argument,
    argument_of,
)

__all__ = ["arguments", "cell_part", "plain_part"]

#: Its moving mean and variance; nothing else that Keras has there is never trained.
_NEVER_TRAINED: Final = {"BatchNormalization": 2}
#: What is translated by itself.
_HELD: Final = ("cell", "cells", "layer")
_NUMBERS: Final = ("l1", "l2", "mask_value", "offset", "scale")
_ACTIVITY: Final = "activity_regularizer"
_RATED: Final = ("rate", "dropout")


def plain_part(layer: Any, place: Place, made: Collected) -> Part:
    """A layer that holds no other.

    Args:
        layer: it is built.
        place: where it stands.
        made: its weights are noted there.

    Raises:
        TranslationError: it would not mean the same there.
    """
    name = class_of(layer)
    if name not in ROWS:
        return custom_part(layer, place, made)
    config = arguments(layer, name, place)
    _check(layer, name, config, place.where)
    made.carry(place.path, Carried(layer))
    if name in SOURCES:
        made.add_code(place.where, name, SOURCES[name])
    steps = int(place.shape[1]) if name in RECURRENT else 0
    return Part(name, config, steps)


def cell_part(cell: Any, place: Place) -> Part:
    """What an RNN does in each step.

    Args:
        cell: one of Keras' own.
        place: of the RNN.

    Raises:
        TranslationError: it would not mean the same there.
    """
    name = class_of(cell)
    if name not in CELLS:
        expected = "a cell among " + ", ".join(CELLS)
        raise refused(place.where, f"an RNN of {type(cell).__name__}", expected)
    config = arguments(cell, name, place)
    if name == STACKED:
        within = place._replace(trained=config["trainable"])
        parts = [cell_part(one, within) for one in cell.cells]
        told = [{"class_name": one.class_name, "config": one.config} for one in parts]
        config["cells"] = told
        return Part(name, config)
    _check(cell, name, config, place.where)
    return Part(name, config)


def arguments(layer: Any, name: str, place: Place) -> dict[str, Any]:
    """The arguments of a layer there.

    Args:
        layer: it, or a cell.
        name: of its class.
        place: where it stands.

    Raises:
        TranslationError: an argument is not known, or has a value that can't be.
    """
    where, trained = place.where, bool(place.trained and layer.trainable)
    _check_dtype(layer, where)
    row: Mapping[str, Argument] = {**EVERY, **{**ROWS, **CELLS}[name]}
    if name in REGULARIZED:
        row = {**row, _ACTIVITY: Argument(_ACTIVITY)}
    told = {}
    for key, value in layer.get_config().items():
        if key not in row:
            found = f"{name}({key}={shown(value)}), an argument that is not known here"
            raise refused(where, found, mend="a newer kerasplug-plaidml may know it")
        argument = row[key]
        _check_allowed(where, key, value, argument)
        if argument.there and key not in _HELD:
            told[argument.there] = _value(layer, key, value, where, trained=trained)
    return {**told, "trainable": trained, **_written(layer, name)}


def _check_dtype(layer: Any, where: str) -> None:
    policy = getattr(layer, "dtype_policy", None)
    named = getattr(policy, "name", None)
    if named != "float32":
        mend = 'make the model with dtype="float32"'
        raise refused(where, f"dtype {named!r}", "float32, in which PlaidML is", mend)


def _check_allowed(where: str, key: str, value: Any, argument: Argument) -> None:
    allowed = argument.only
    if allowed is None or _frozen(value) in allowed:
        return
    expected = " or ".join(map(repr, allowed))
    found = f"{key}={shown(value)} ({argument.why})"
    raise refused(where, found, f"{key}={expected}")


def _frozen(value: Any) -> Any:
    """Lists as tuples, so that they can be compared; no bool for a number."""
    if isinstance(value, list | tuple):
        return tuple(map(_frozen, value))
    return value


def _value(layer: Any, key: str, value: Any, where: str, *, trained: bool) -> Any:
    if key.endswith("_initializer"):
        return "zeros"  # the weights follow
    if key.endswith("_regularizer"):
        # A frozen layer pays for what it gives, and not for its weights.
        held = getattr(layer, key) if trained or key == _ACTIVITY else None
        return values.regularizer(where, key, held)
    if key.endswith("_constraint"):
        return values.constraint(where, key, getattr(layer, key))
    if argument_of(key) is not None:
        return values.activation(where, key, getattr(layer, key))
    return values.plain(where, key, value)


def _written(layer: Any, name: str) -> dict[str, Any]:
    """What a configuration of Keras 3 does not say, or says in another form."""
    if name in ("GRU", "GRUCell", "LSTM", "LSTMCell"):
        # Two ways to the same numbers; with dropout they drop differently.
        dropping = layer.dropout or layer.recurrent_dropout
        cell = layer if name in CELLS else layer.cell
        return {"implementation": cell.implementation if dropping else 2}
    return {}


def _check(layer: Any, name: str, config: Mapping[str, Any], where: str) -> None:
    """Raise for what both have, and do differently."""
    for key in _RATED:
        if config.get(key, 0) >= 1:
            raise refused(where, f"{key}={config[key]!r}", f"{key} < 1")
    for key in _NUMBERS:
        if not isinstance(config.get(key, 0), int | float):
            raise refused(where, f"{key}={config[key]!r}", "one number for all of it")
    if name == "Softmax" and not isinstance(config["axis"], int):
        raise refused(where, f"axis={config['axis']!r}", "one axis")
    if name in ("Softmax", "Concatenate", "BatchNormalization") and config["axis"] == 0:
        raise refused(where, "axis=0, along which the rows of a batch are", "axis > 0")
    held = [one for one in layer.weights if not one.trainable]
    if config["trainable"] and len(held) != _NEVER_TRAINED.get(name, 0):
        found = "some of its weights are frozen, and others are not"
        raise refused(where, found, mend="freeze the whole layer, or nothing of it")
