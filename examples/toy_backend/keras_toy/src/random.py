"""Random numbers: `normal`, `dropout`, `shuffle`, ...; 10 functions, all required.

Each takes `seed`, and has to give the same numbers for the same seed. Keras takes
`SeedGenerator` and `make_default_seed` from here as well, which are its own.
"""

from keras.src.backend.numpy import random as _theirs
from keras.src.random.seed_generator import SeedGenerator, make_default_seed

from keras_toy.src.borrowing import borrowed

_functions = borrowed(_theirs)
globals().update(_functions)

__all__ = ["SeedGenerator", "make_default_seed", *_functions]  # noqa: PLE0604 -- names of functions
