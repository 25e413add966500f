"""`keras.Variable`: a value that changes, such as the weights of a layer.

An author of a backend derives from `keras.src.backend.common.KerasVariable`, and says
in these three methods how a value is kept. The NumPy backend recognises its own class
only, so this one derives from that.
"""

from typing import Any

from keras.src.backend.numpy import Variable as NumpyVariable

from keras_toy.src.ops import core

__all__ = ["Variable"]


class Variable(NumpyVariable):  # type: ignore[misc]  # Keras has no types
    """A variable whose value is an array of NumPy."""

    def _initialize(self, value: Any) -> None:
        """Keep the first value; it has the variable's dtype."""
        super()._initialize(value)

    def _direct_assign(self, value: Any) -> None:
        """Keep another value of the same shape."""
        super()._direct_assign(value)

    def _convert_to_tensor(self, value: Any, dtype: str | None = None) -> Any:
        """Turn what a user gave into what the backend computes with."""
        return core.convert_to_tensor(value, dtype=dtype)
