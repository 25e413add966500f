"""Mathematics: `fft2`, `segment_sum`, `logsumexp`, ...; 23 functions.

`lgamma` is optional. `_get_complex_tensor_from_tuple` is not public, and `keras.ops`
calls it.
"""

from keras.src.backend.numpy.ops import math as _theirs
from keras.src.backend.numpy.ops.math import _get_complex_tensor_from_tuple

from keras_toy.src.borrowing import borrowed

_functions = borrowed(_theirs)
globals().update(_functions)

__all__ = ["_get_complex_tensor_from_tuple", *_functions]  # noqa: PLE0604 -- names of functions
