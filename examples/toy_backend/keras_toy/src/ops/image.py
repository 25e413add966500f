"""Pictures: `resize`, `rgb_to_hsv`, ...; 12 functions, all required."""

from keras.src.backend.numpy.ops import image as _theirs

from keras_toy.src.borrowing import borrowed

_functions = borrowed(_theirs)
globals().update(_functions)

__all__ = [*_functions]  # noqa: PLE0604 -- names of functions
