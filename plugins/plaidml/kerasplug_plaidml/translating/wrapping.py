"""Layers that hold others: Bidirectional, RNN and TimeDistributed."""

from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final

from kerasplug import Carried
from kerasplug_plaidml.translating.collected import Collected, Part, Place
from kerasplug_plaidml.translating.layers import arguments, cell_part
from kerasplug_plaidml.translating.refusing import refused
from kerasplug_plaidml.translating.tables import DIRECTED, STACKED

__all__ = ["wrapper_part"]

_Inner = Callable[[Any, Place, Collected], Part]


def wrapper_part(
    layer: Any, name: str, place: Place, made: Collected, inner: _Inner
) -> Part:
    """A layer that holds others, whose weights are theirs.

    Args:
        layer: it is built.
        name: of its class.
        place: where it stands.
        made: its weights are noted there.
        inner: translates what it holds.

    Raises:
        TranslationError: it, or what it holds, would not mean the same there.
    """
    told = arguments(layer, name, place)
    within = place._replace(trained=told["trainable"])
    held = _MAKES[name](layer, within, made.inside(), inner)
    if _regularized(held):
        found = "what is in it has an activity regularizer: it would count otherwise"
        raise refused(place.where, found, mend="ActivityRegularization behind it")
    made.carry(place.path, Carried(layer))
    key = "cell" if name == "RNN" else "layer"
    config = {
        **told,
        key: {"class_name": held.class_name, "config": held.config},
        # There a wrapper gives what it says of itself to what it holds.
        "trainable": told["trainable"] and held.config.get("trainable", True),
    }
    return Part(name, config, held.steps)


def _each_step(layer: Any, place: Place, made: Collected, inner: _Inner) -> Part:
    shape = (place.shape[0], *place.shape[2:])
    part = inner(layer.layer, place.below(layer.layer.name, shape), made)
    if _normalizes(part):
        found = "BatchNormalization in it, whose rows would be those of all steps"
        raise refused(place.where, found, mend="put it behind the wrapper")
    return part


def _normalizes(part: Part) -> bool:
    return any(one.class_name == "BatchNormalization" for one in _all_of(part))


def _regularized(part: Part) -> bool:
    return any(
        one.class_name == "ActivityRegularization"
        or one.config.get("activity_regularizer") is not None
        for one in _all_of(part)
    )


def _all_of(part: Part) -> Iterator[Part]:
    """It, and what is in it where it is a model."""
    yield part
    for one in part.config.get("layers", ()):
        yield from _all_of(Part(one["class_name"], one["config"]))


def _cell(layer: Any, place: Place, made: Collected, inner: _Inner) -> Part:
    del made, inner
    part = cell_part(layer.cell, place)
    if part.class_name == STACKED and layer.return_state:
        found = "return_state=True: the states of stacked cells are in another order"
        raise refused(place.where, found, "return_state=False")
    return part._replace(steps=int(place.shape[1]))


def _both_ways(layer: Any, place: Place, made: Collected, inner: _Inner) -> Part:
    forward, backward = [
        inner(one, place.below(one.name, place.shape), made)
        for one in (layer.forward_layer, layer.backward_layer)
    ]
    if forward.class_name not in DIRECTED:
        expected = "one of " + ", ".join(DIRECTED)
        raise refused(place.where, f"a {forward.class_name} in it", expected)
    turned = {
        **backward.config,
        "name": forward.config["name"],
        "go_backwards": not backward.config["go_backwards"],
    }
    if forward.config["go_backwards"] or turned != forward.config:
        found = "two layers that differ in more than the direction"
        raise refused(place.where, found, "a backward layer like the forward one")
    return Part(forward.class_name, forward.config, 2 * forward.steps)


_MAKES: Final[Mapping[str, Callable[[Any, Place, Collected, _Inner], Part]]] = {
    "Bidirectional": _both_ways,
    "RNN": _cell,
    "TimeDistributed": _each_step,
}
