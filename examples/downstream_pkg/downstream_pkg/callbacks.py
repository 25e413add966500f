"""The callback. Importing this module loads Keras."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import kerasplug

if TYPE_CHECKING:
    from kerasplug.typing import keras
else:
    keras = kerasplug.implementation()

__all__ = ["BestKeeper"]


class BestKeeper(keras.callbacks.Callback):
    """A callback that ends training with the weights of the best epoch.

    Unlike `EarlyStopping` it never stops a training, and unlike `ModelCheckpoint` it
    writes no file: it keeps one copy of the weights in memory.

    Args:
        monitor: which number of the epoch's logs decides; smaller is better, except
            for names that end in "accuracy" or "auc". Default: "val_loss".

    Attributes:
        best: the best number seen, None before the first epoch's end.
        best_epoch: the epoch it was seen in, from 1; None before the first one's end.

    Raises:
        KeyError: the logs do not hold `monitor` at an epoch's end.

    Example:
        >>> BestKeeper("val_accuracy").best_epoch is None
        True
    """

    def __init__(self, monitor: str = "val_loss") -> None:
        super().__init__()
        self.monitor = monitor
        self._forget()

    def _forget(self) -> None:
        self.best: float | None = None
        self.best_epoch: int | None = None
        self._weights: Any = None

    def on_train_begin(self, logs: dict[str, Any] | None = None) -> None:  # noqa: ARG002 -- Keras' own signature
        """Begin anew: nothing of an earlier training counts."""
        self._forget()

    def on_epoch_end(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        """Keep a copy of the weights if this epoch was the best so far."""
        logs = logs or {}
        if self.monitor not in logs:
            message = (
                f"BestKeeper watches {self.monitor!r}, which this training does not "
                f"report. It reports: {', '.join(sorted(logs)) or 'nothing'}"
            )
            raise KeyError(message)
        value = float(logs[self.monitor])
        if self.best is None or self._better(value, self.best):
            self.best, self.best_epoch = value, epoch + 1
            self._weights = self.model.get_weights()

    def _better(self, new: float, old: float) -> bool:
        grows = self.monitor.lower().endswith(("accuracy", "auc"))
        return new > old if grows else new < old

    def on_train_end(self, logs: dict[str, Any] | None = None) -> None:  # noqa: ARG002 -- Keras' own signature
        """Give the model the weights of the best epoch."""
        if self._weights is not None:
            self.model.set_weights(self._weights)
