"""What Keras takes over: each name of `__all__` becomes one of `keras.src.backend`.

Keras imports this package while `keras.src.backend` is being imported. So import from
Keras' own modules by their full paths here, and never `keras` itself.
"""

from keras.src.backend.common.name_scope import name_scope

from keras_toy.src import ops, random, rnn
from keras_toy.src.ops.core import compute_output_spec, device_scope
from keras_toy.src.variable import Variable

#: Whether several threads may compute at once.
IS_THREAD_SAFE = True
SUPPORTS_COMPLEX_DTYPES = True
#: False: `fit` is refused, and Keras' own tests leave training out.
SUPPORTS_GRADIENT = False
SUPPORTS_RAGGED_TENSORS = False
SUPPORTS_SPARSE_TENSORS = False

#: A module that spreads arrays over devices; None: there is none.
distribution_lib = None

__all__ = [
    "IS_THREAD_SAFE",
    "SUPPORTS_COMPLEX_DTYPES",
    "SUPPORTS_GRADIENT",
    "SUPPORTS_RAGGED_TENSORS",
    "SUPPORTS_SPARSE_TENSORS",
    "Variable",
    "compute_output_spec",
    "device_scope",
    "distribution_lib",
    "name_scope",
    "ops",
    "random",
    "rnn",
]
