"""The core: `convert_to_tensor`, `cast`, `shape`, ...; 24 functions, all required.

An author of a backend begins here: everything else leans on what a tensor is.
`custom_gradient`, a class, is optional.
"""

from keras.src.backend.numpy.ops import core as _theirs
from keras.src.backend.numpy.ops.core import custom_gradient

from keras_toy.src.borrowing import borrowed

_functions = borrowed(_theirs)
globals().update(_functions)
# So that type checkers know those that other modules here import by name.
cast = _functions["cast"]
compute_output_spec = _functions["compute_output_spec"]
convert_to_tensor = _functions["convert_to_tensor"]
device_scope = _functions["device_scope"]

__all__ = ["custom_gradient", *_functions]  # noqa: PLE0604 -- names of functions
