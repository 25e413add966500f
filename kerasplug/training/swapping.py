"""Averaged weights that are put away again after a prediction, too."""

from typing import Any

__all__ = ["Swapped"]


class Swapped:
    """What comes before Keras' `SwapEMAWeights`.

    Source: keras 3.15.1, `SwapEMAWeights.on_predict_end`: it looks whether the averages
    are *not* in the model before it takes them out, so that they stay in it.
    """

    def on_predict_end(self, logs: Any = None) -> None:
        """Put the model's own weights back, as after an evaluation."""
        here: Any = self
        here.on_test_end(logs)
