"""The activation functions. Importing this module loads Keras."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import kerasplug

if TYPE_CHECKING:
    from kerasplug.typing import keras
else:
    keras = kerasplug.implementation()

__all__ = ["squared_relu"]


@keras.saving.register_keras_serializable(package="downstream_pkg")
def squared_relu(x: Any) -> Any:
    """`max(x, 0)` squared, element by element.

    Args:
        x: float tensor of any shape.

    Returns:
        A tensor of the same shape and dtype, >= 0.

    Example:
        >>> import numpy as np
        >>> keras.ops.convert_to_numpy(squared_relu(np.array([-1.0, 3.0]))).tolist()
        [0.0, 9.0]

    Source: D. So et al. (2021), Primer: Searching for Efficient Transformers for
    Language Modeling, https://arxiv.org/abs/2109.08668, section 4.
    """
    return keras.ops.square(keras.ops.relu(x))
