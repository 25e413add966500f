"""Keras 3's optimizers in the words of PlaidML.

Source: the formulas are those of `keras.optimizers` 3.15. What depends on the number of
the step only is computed outside of the graph, in float32 as there.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from keras import backend as K  # noqa: N812 -- as everybody calls it

__all__ = ["OPTIMIZERS", "Optimizer", "clipped", "needs_norms", "optimizer_of"]


class Optimizer:
    """How a variable changes in a step.

    Args:
        said: arguments of Keras 3's optimizer.

    What it keeps for each variable are its slots, which are named as in Keras 3.

    Attributes:
        scalars: names of the numbers that `numbers` gives for each step.
        updates: pairs of a variable of the optimizer's own and its next value, filled
            by `step`.
    """

    scalars: tuple[str, ...] = ("rate",)

    def __init__(self, said: Any) -> None:
        self.said = said
        self.updates: list[Any] = []
        self._held: dict[Any, Any] = {}

    def slots(self) -> dict[str, float]:
        """Name of each slot -> the number that it is full of at first."""
        return {}

    def slot(self, variable: Any, name: str) -> Any:
        """The variable of the optimizer's own beside one of the model's.

        Args:
            variable: the model's.
            name: of `slots`.
        """
        if (id(variable), name) not in self._held:
            first = np.full(K.int_shape(variable), self.slots()[name], "float32")
            self._held[id(variable), name] = K.variable(first)
        return self._held[id(variable), name]

    def products(self, step: int) -> dict[str, Any]:
        """What it keeps for all variables together, after so many steps; by name."""
        del step
        return {}

    def resume(self, step: int, products: Any) -> None:
        """Go on after so many steps, with what `products` gave then."""

    def numbers(self, step: int, rate: float) -> list[Any]:
        """The numbers of a step, in the order of `scalars`.

        Args:
            step: 0 for the first.
            rate: the learning rate.
        """
        del step
        return [np.float32(rate)]

    def step(self, gradient: Any, variable: Any, **scalars: Any) -> Any:
        """What is added to the variable; fills `updates`."""
        raise NotImplementedError

    def _number(self, name: str, default: float) -> float:
        value = self.said.get(name)
        return default if value is None else float(value)

    def _next(self, slot: Any, value: Any) -> Any:
        self.updates.append((slot, value))
        return value

    def _towards(self, slot: Any, value: Any, share: float) -> Any:
        """The slot, moved a share of the way."""
        return self._next(slot, slot + (value - slot) * share)


class SGD(Optimizer):
    """Gradient descent, with momentum or without."""

    def slots(self) -> dict[str, float]:
        """Keras 3's."""
        return {"momentum": 0.0} if self._number("momentum", 0.0) else {}

    def step(self, gradient: Any, variable: Any, **scalars: Any) -> Any:
        """Keras 3's."""
        rate, momentum = scalars["rate"], self._number("momentum", 0.0)
        plain = gradient * rate
        if not momentum:
            return -plain
        slot = self.slot(variable, "momentum")
        moved = self._next(slot, slot * momentum - plain)
        return moved * momentum - plain if self.said.get("nesterov") else moved


class RMSprop(Optimizer):
    """The gradient over the root of its mean square."""

    def slots(self) -> dict[str, float]:
        """Keras 3's."""
        moved, centered = self._number("momentum", 0.0), self.said.get("centered")
        names = ["velocity", moved and "momentum", centered and "average_gradient"]
        return {str(each): 0.0 for each in names if each}

    def step(self, gradient: Any, variable: Any, **scalars: Any) -> Any:
        """Keras 3's."""
        rho, epsilon = self._number("rho", 0.9), self._number("epsilon", 1e-7)
        slot = self.slot(variable, "velocity")
        velocity = self._mean(slot, K.square(gradient), rho)
        if self.said.get("centered"):
            slot = self.slot(variable, "average_gradient")
            velocity = velocity - K.square(self._mean(slot, gradient, rho))
        increment = scalars["rate"] * gradient / K.sqrt(velocity + epsilon)
        momentum = self._number("momentum", 0.0)
        if not momentum:
            return -increment
        slot = self.slot(variable, "momentum")
        return -self._next(slot, slot * momentum + increment)

    def _mean(self, slot: Any, value: Any, rho: float) -> Any:
        return self._next(slot, slot * rho + value * (1.0 - rho))


class Adagrad(Optimizer):
    """The gradient over the root of the sum of its squares."""

    def slots(self) -> dict[str, float]:
        """Keras 3's."""
        return {"accumulator": self._number("initial_accumulator_value", 0.1)}

    def step(self, gradient: Any, variable: Any, **scalars: Any) -> Any:
        """Keras 3's."""
        slot = self.slot(variable, "accumulator")
        total = self._next(slot, slot + K.square(gradient))
        return -(
            scalars["rate"] * gradient / K.sqrt(total + self._number("epsilon", 1e-7))
        )


class Adadelta(Optimizer):
    """Steps as long as the last ones were."""

    def slots(self) -> dict[str, float]:
        """Keras 3's."""
        return {"accumulated_grad": 0.0, "accumulated_delta_var": 0.0}

    def step(self, gradient: Any, variable: Any, **scalars: Any) -> Any:
        """Keras 3's."""
        rho, epsilon = self._number("rho", 0.95), self._number("epsilon", 1e-7)
        squares, steps = (self.slot(variable, each) for each in self.slots())
        mean = self._next(squares, squares * rho + K.square(gradient) * (1.0 - rho))
        delta = -(K.sqrt(steps + epsilon) * gradient / K.sqrt(mean + epsilon))
        self._next(steps, steps * rho + K.square(delta) * (1.0 - rho))
        return scalars["rate"] * delta


class Adam(Optimizer):
    """Means of the gradient and of its square."""

    def slots(self) -> dict[str, float]:
        """Keras 3's."""
        hat = {"velocity_hat": 0.0} if self.said.get("amsgrad") else {}
        return {"momentum": 0.0, "velocity": 0.0, **hat}

    def numbers(self, step: int, rate: float) -> list[Any]:
        """The rate, corrected for means that began at 0."""
        one, number = np.float32(1.0), np.float32(step + 1)
        first, second = (
            np.power(np.float32(self._number(*each)), number)
            for each in (("beta_1", 0.9), ("beta_2", 0.999))
        )
        return [np.float32(rate) * np.sqrt(one - second) / (one - first)]

    def step(self, gradient: Any, variable: Any, **scalars: Any) -> Any:
        """Keras 3's."""
        mean = self._towards(
            self.slot(variable, "momentum"), gradient, 1.0 - self._number("beta_1", 0.9)
        )
        square = self._towards(
            self.slot(variable, "velocity"),
            K.square(gradient),
            1.0 - self._number("beta_2", 0.999),
        )
        if self.said.get("amsgrad"):
            slot = self.slot(variable, "velocity_hat")
            square = self._next(slot, K.maximum(slot, square))
        return -(
            mean * scalars["rate"] / (K.sqrt(square) + self._number("epsilon", 1e-7))
        )


class Adamax(Optimizer):
    """Adam with the largest gradient in place of the mean square."""

    scalars = ("rate", "rest")

    def slots(self) -> dict[str, float]:
        """Keras 3's."""
        return {"momentum": 0.0, "norm": 0.0}

    def numbers(self, step: int, rate: float) -> list[Any]:
        """The rate, and what is missing from the first mean."""
        power = np.power(np.float32(self._number("beta_1", 0.9)), np.float32(step + 1))
        return [np.float32(rate), np.float32(1.0) - power]

    def step(self, gradient: Any, variable: Any, **scalars: Any) -> Any:
        """Keras 3's."""
        mean = self._towards(
            self.slot(variable, "momentum"), gradient, 1.0 - self._number("beta_1", 0.9)
        )
        slot = self.slot(variable, "norm")
        sign = K.sign(gradient)
        top = self._next(
            slot, K.maximum(slot * self._number("beta_2", 0.999), sign * gradient)
        )
        scale = scalars["rest"] * (top + self._number("epsilon", 1e-7))
        return -(scalars["rate"] * mean / scale)


class Nadam(Optimizer):
    """Adam that looks a step ahead."""

    scalars = ("rate", "now", "ahead", "rest_now", "rest_ahead", "rest_square")

    def __init__(self, said: Any) -> None:
        super().__init__(said)
        self._at = -1
        self._before = self._product = np.float32(1.0)

    def slots(self) -> dict[str, float]:
        """Keras 3's."""
        return {"momentum": 0.0, "velocity": 0.0}

    def products(self, step: int) -> dict[str, Any]:
        """The momenta multiplied; a step that was only asked for does not count."""
        return {"u_product": self._before if step == self._at else self._product}

    def resume(self, step: int, products: Any) -> None:
        """After so many steps."""
        self._at, self._product = step - 1, products["u_product"]

    def numbers(self, step: int, rate: float) -> list[Any]:
        """The rate, and the momenta of this step and of the next one."""
        one = np.float32(1.0)
        beta = np.float32(self._number("beta_1", 0.9))
        now, ahead = (
            beta * (one - np.float32(0.5) * np.power(np.float32(0.96), np.float32(at)))
            for at in (step + 1, step + 2)
        )
        if step != self._at:
            # The momenta multiplied; a step that is asked for again counts once.
            self._at, self._before = step, self._product
            self._product = self._product * now
        square = np.power(
            np.float32(self._number("beta_2", 0.999)), np.float32(step + 1)
        )
        return [
            np.float32(rate),
            now,
            ahead,
            one - self._product,
            one - self._product * ahead,
            one - square,
        ]

    def step(self, gradient: Any, variable: Any, **scalars: Any) -> Any:
        """Keras 3's."""
        mean = self._towards(
            self.slot(variable, "momentum"), gradient, 1.0 - self._number("beta_1", 0.9)
        )
        square = self._towards(
            self.slot(variable, "velocity"),
            K.square(gradient),
            1.0 - self._number("beta_2", 0.999),
        )
        ahead = scalars["ahead"] * mean / scalars["rest_ahead"]
        now = (1.0 - scalars["now"]) * gradient / scalars["rest_now"]
        root = K.sqrt(square / scalars["rest_square"]) + self._number("epsilon", 1e-7)
        return -((ahead + now) * scalars["rate"] / root)


#: Keras 3's names -> class.
OPTIMIZERS = {
    "sgd": SGD,
    "rmsprop": RMSprop,
    "adagrad": Adagrad,
    "adadelta": Adadelta,
    "adam": Adam,
    "adamw": Adam,
    "adamax": Adamax,
    "nadam": Nadam,
}


def optimizer_of(said: Any) -> Optimizer:
    """The optimizer of a name and arguments.

    Args:
        said: arguments of Keras 3's optimizer, with "name".

    Raises:
        ValueError: there is none of that name.
    """
    name = said.get("name")
    if name not in OPTIMIZERS:
        known = ", ".join(sorted(OPTIMIZERS))
        message = f"no optimizer {name!r}; there are {known}"
        raise ValueError(message)
    return OPTIMIZERS[name](said)


def needs_norms(said: Any) -> bool:
    """Whether `clipped` needs the length of a gradient.

    Args:
        said: as that of `clipped`.
    """
    return bool(said.get("clipnorm") or said.get("global_clipnorm"))


def clipped(gradients: Any, said: Any) -> Any:
    """Gradients as the optimizer's arguments limit them.

    Args:
        gradients: of all variables.
        said: clipnorm, global_clipnorm, clipvalue; the first that is given counts.
    """
    norm, together, most = (
        said.get(each) for each in ("clipnorm", "global_clipnorm", "clipvalue")
    )
    if norm:
        return [
            each * norm / K.maximum(_norm([each]), float(norm)) for each in gradients
        ]
    if together:
        length = _norm(gradients)
        scale = together * K.minimum(1.0 / length, 1.0 / float(together))
        return [each * scale for each in gradients]
    if most:
        return [K.clip(each, -float(most), float(most)) for each in gradients]
    return gradients


def _norm(tensors: Any) -> Any:
    total: Any = 0.0
    for each in tensors:
        total = total + K.sum(K.square(each))
    return K.sqrt(total)
