"""Gradients against finite differences, and when these can be believed."""

import enum
import functools
import math
from typing import Any

from kerasplug.testing.conformance import arrays
from kerasplug.testing.conformance.case import Case
from kerasplug.testing.conformance.check import NotApplicable
from kerasplug.testing.conformance.structures import flatten, mapped

__all__ = ["Point", "Verdict"]

#: Two step sizes: on a smooth function both give the same slope.
_STEPS = (1e-4, 1e-5)

#: How far slopes may be apart, as a part of the larger.
_APART = 1e-3


class Verdict(enum.Enum):
    """What one direction says of the gradients."""

    RIGHT = "right"
    WRONG = "wrong"
    #: The function has a kink or a step there, or computes too coarsely.
    UNCLEAR = "unclear"


class Point:
    """A layer, its weights and inputs, and the slope of its outputs there.

    Args:
        case: the case.
        layer: a layer that computes in float64.
        weights: its trainable weights.
        inputs: arrays of float64, and what is no float.
        names: what the weights, then the float inputs, are called in messages.

    Raises:
        NotApplicable: there is nothing to take a gradient of, or with respect to.
    """

    def __init__(
        self, case: Case, layer: Any, weights: list[Any], inputs: Any, names: list[str]
    ) -> None:
        if not names:
            reason = "it has neither trainable weights nor float inputs"
            raise NotApplicable(reason)
        self._case = case
        self._layer = layer
        self._weights = weights
        self._inputs = inputs
        self.names = names
        self._values = [case.engine.array(one) for one in weights]
        self._floats = [one for one in flatten(inputs) if one.dtype.kind == "f"]
        self.said = self.expected = ""

    def _call(self, inputs: Any) -> Any:
        self._case.forget(self._layer)
        return self._case.call(self._layer, inputs, training=False)

    @functools.cached_property
    def _gradients(self) -> Any:
        engine = self._case.engine
        tensors = engine.tensors(self._inputs)
        return engine.gradients(self._call, self._layer, tensors, self._weights)

    def verdict(self, seed: int, only: int | None = None) -> Verdict:
        """What a random direction says.

        Args:
            seed: which direction.
            only: the number of the one weight or input that moves. Default: all do.
        """
        along = self._direction(seed, only)
        found = self._gradients
        parts = zip((*found.weights, *found.inputs), along, strict=True)
        said = sum(float((one * way).sum()) for one, way in parts if one is not None)
        return self._compared(said, along)

    def is_unreached(self, number: int) -> bool:
        """Whether no gradient at all reaches this one of the weights."""
        if number >= len(self._weights):
            return False
        gradient = self._gradients.weights[number]
        return gradient is None or not gradient.any()

    def _direction(self, seed: int, only: int | None) -> list[Any]:
        ways = []
        for number, one in enumerate((*self._values, *self._floats)):
            way = arrays.random(one.shape, "float64", seed=(13, seed, number))
            size = float((way**2).sum()) ** 0.5 or 1.0
            ways.append(way * (only in (None, number)) / size)
        return ways

    def _at(self, step: float, along: list[Any]) -> float:
        """The projected outputs, so far away."""
        ways = iter(along)
        for weight, value in zip(self._weights, self._values, strict=True):
            weight.assign(value + step * next(ways))
        inputs = mapped(
            lambda one: one + step * next(ways) if one.dtype.kind == "f" else one,
            self._inputs,
        )
        return self._case.engine.value(self._call, self._case.engine.tensors(inputs))

    def _compared(self, said: float, along: list[Any]) -> Verdict:
        here = self._gradients.value
        slopes, bends = [], []
        for step in _STEPS:
            ahead, behind = self._at(step, along), self._at(-step, along)
            slopes.append((ahead - behind) / (2 * step))
            bends.append(abs(ahead + behind - 2 * here) / step)
        # What rounding does to a difference of numbers of this size.
        noise = 1e-13 * (1 + abs(here)) / _STEPS[1]
        size = max(abs(said), *map(abs, slopes))
        if (
            not math.isfinite(size)
            or abs(slopes[0] - slopes[1]) > _APART / 10 * size + noise
            # A kink bends as much however small the step is.
            or bends[1] > bends[0] / 2 + noise
        ):
            return Verdict.UNCLEAR
        if abs(said - slopes[1]) <= _APART * size + 10 * noise:
            return Verdict.RIGHT
        if not any(slopes):  # constant piece by piece, and passed over on purpose
            return Verdict.UNCLEAR
        self.said = f"a slope of {said:.6g} along a random direction"
        self.expected = f"{slopes[1]:.6g}, by finite differences of two step sizes"
        return Verdict.WRONG
