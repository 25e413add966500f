"""What NumPy has: `add`, `matmul`, `reshape`, ...; 221 functions.

29 of them are optional: where one is missing Keras computes it by the others.
"""

from keras.src.backend.numpy.ops import numpy as _theirs

from keras_toy.src.borrowing import borrowed

_functions = borrowed(_theirs)
globals().update(_functions)

__all__ = [*_functions]  # noqa: PLE0604 -- names of functions
