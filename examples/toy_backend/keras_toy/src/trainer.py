"""The half of `keras.Model` that the backend writes: `fit`, `evaluate` and `predict`.

An author of a backend derives from `keras.src.trainers.trainer.BaseTrainer`. Keras
imports this module by its name, `src.trainer`, and takes the class `Trainer`.
"""

from typing import Any, NoReturn

from keras.src.backend.numpy.trainer import Trainer as NumpyTrainer

__all__ = ["Trainer"]

_MESSAGE = (
    "The toy backend computes no gradients, so it can't train. It predicts and "
    "evaluates; for training choose tensorflow, jax or torch."
)


class Trainer(NumpyTrainer):  # type: ignore[misc]  # Keras has no types
    """Predicts and evaluates as the NumPy backend does, and refuses to train."""

    def fit(self, *args: Any, **kwargs: Any) -> NoReturn:
        """Refuse, before any data are read."""
        raise NotImplementedError(_MESSAGE)

    def train_on_batch(self, *args: Any, **kwargs: Any) -> NoReturn:
        """Refuse, as `fit` does."""
        raise NotImplementedError(_MESSAGE)
