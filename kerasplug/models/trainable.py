"""The trainable flags of layers and variables: taken down, set and put back exactly.

Keras' own setter passes a value on to everything that a layer holds, but on TensorFlow
only where the layer itself has another value: setting `True` on a trainable model whose
layers are frozen does nothing there and unfreezes them on JAX. So nothing here relies
on it: each layer and each variable is set by itself, parents first.
"""

from collections.abc import Iterator
from typing import Any, NamedTuple

from kerasplug.models.kinds import family, walk

__all__ = ["TrainableState", "own_variables", "set_trainable", "trainable_state"]


class TrainableState(NamedTuple):
    """Which layers and variables were trainable at one moment.

    Args:
        layers: pairs of a layer and its flag, parents first.
        variables: pairs of a variable and its flag; none for Keras 2, whose
            variables follow their layers.
    """

    layers: tuple[tuple[Any, bool], ...]
    variables: tuple[tuple[Any, bool], ...]

    def put_back(self) -> None:
        """Nothing; all flags are afterwards what they were."""
        for layer, flag in self.layers:
            layer.trainable = flag
        for variable, flag in self.variables:
            if variable.trainable != flag:
                variable.trainable = flag


def trainable_state(layer: Any) -> TrainableState:
    """The flags of a layer and of all that it holds."""
    layers = [layer, *(part for _, part in walk(layer))]
    variables = [] if family(layer) == "tf_keras" else layer.weights
    return TrainableState(
        tuple((one, one.trainable) for one in layers),
        tuple((one, one.trainable) for one in variables),
    )


def set_trainable(layer: Any, value: bool) -> None:  # noqa: FBT001 -- the one thing it sets
    """Nothing; a layer and all that it holds are trainable afterwards, or frozen."""
    for one in (layer, *(part for _, part in walk(layer))):
        one.trainable = value
        for variable in own_variables(one):
            variable.trainable = value


def own_variables(layer: Any) -> Iterator[Any]:
    """The variables that a layer of Keras 3 made as trainable ones, without its parts'.

    Their flags decide what a model trains. Moving means and counters are none of them:
    they are never trainable, and stay so.
    """
    if family(layer) == "keras":
        yield from getattr(layer, "_trainable_variables", ())
