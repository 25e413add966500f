"""Recurrent networks: `rnn`, and the fast `lstm`, `gru` and their like; 6 functions.

All have to be there. Those but `rnn` and `cudnn_ok` may raise NotImplementedError: the
layers then compute step by step.
"""

from keras.src.backend.numpy import rnn as _theirs

from keras_toy.src.borrowing import borrowed

_functions = borrowed(_theirs)
globals().update(_functions)

__all__ = [*_functions]  # noqa: PLE0604 -- names of functions
