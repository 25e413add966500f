"""Functions of Keras 2 under whose names Keras 3 has others.

Imports no Keras until one is called.
"""

from typing import Any

from kerasplug.implementation import implementation

__all__ = ["hard_sigmoid_of_keras_2"]


def hard_sigmoid_of_keras_2(x: Any) -> Any:
    """`clip(0.2 x + 0.5, 0, 1)`; what Keras 3 calls `hard_sigmoid` has a slope of 1/6.

    It stands in for the activation `hard_sigmoid` in models that Keras 2 wrote: with
    the other slope they would compute something else, and nothing would say so.

    Args:
        x: a tensor.
    """
    return implementation().ops.clip(0.2 * x + 0.5, 0.0, 1.0)
