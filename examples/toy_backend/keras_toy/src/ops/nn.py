"""Neural networks: `relu`, `conv`, `batch_normalization`, ...; 50 functions.

Optional: `squareplus`, and two that Keras uses where they are there,
`layer_normalization` and `rms_normalization`.
"""

from keras.src.backend.numpy.ops import nn as _theirs

from keras_toy.src.borrowing import borrowed

_functions = borrowed(_theirs)
globals().update(_functions)

__all__ = [*_functions]  # noqa: PLE0604 -- names of functions
