"""The ops, one module for each family, as `keras.ops` asks for them.

The functions of `core` are here as well: Keras calls `backend.ops.cast`, not
`backend.ops.core.cast`.
"""

from keras_toy.src.ops import core, image, linalg, math, nn, numpy
from keras_toy.src.ops.core import *  # noqa: F403 -- whatever core has, as Keras wants it

__all__ = ["core", "image", "linalg", "math", "nn", "numpy", *core.__all__]  # noqa: PLE0604 -- core's are strings
