"""Faulty layers, and which checks have to catch them. Light: loads no Keras."""

from typing import Any, NamedTuple

from kerasplug.testing.conformance.layer_case import LayerCase

__all__ = ["Fault", "case_of", "failing"]


class Fault(NamedTuple):
    """A layer with one fault.

    `also`: the other checks that rightly fail for it, each of them a consequence.
    `unless`: backends on which nothing is wrong with it, or where it can't be tried.
    """

    layer: str
    options: dict[str, Any]
    also: frozenset[str] = frozenset()
    unless: frozenset[str] = frozenset()


def case_of(fault: Fault, **options: Any) -> LayerCase:
    """A case for the layer."""
    return LayerCase(fault.layer, **{**fault.options, **options})


def failing(fault: Fault, **options: Any) -> set[str]:
    """The ids of the checks that fail for the layer."""
    return set(case_of(fault, **options).report().ids("failed"))
