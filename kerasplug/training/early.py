"""Stopping early, and learning slower, when a number gets no better."""

from typing import Any

from kerasplug.training.checking import MODES, Checked
from kerasplug.training.targets import made

__all__ = ["callback_early_stopping", "callback_reduce_lr_on_plateau"]


def callback_early_stopping(
    monitor: str = "val_loss",
    min_delta: float = 0,
    patience: int = 0,
    verbose: int = 0,
    mode: str = "auto",
    baseline: float | None = None,
    restore_best_weights: bool = False,  # noqa: FBT001, FBT002 -- R's own signature
    start_from_epoch: int = 0,
) -> Any:
    """Keras' `EarlyStopping`: ends training when a number gets no better.

    Args:
        monitor: the number's name, such as `"val_loss"` or `"accuracy"`.
        min_delta: a smaller change is no improvement.
        patience: after so many epochs without improvement training ends.
        verbose: 1 says when it does.
        mode: `"min"`: less is better; `"max"`: more is; `"auto"`: by the name.
        baseline: only what is better than this, too, makes the patience begin anew.
        restore_best_weights: whether the model has the weights of its best epoch
            afterwards.
        start_from_epoch: epochs before this one, counted from 0, are passed over.

    Returns:
        A callback of the Keras in use, which is imported now.

    Raises:
        RecordError: an argument is not of these; Keras takes an unknown `mode` for
            `"auto"`.
        ModelError: within `fit`, after its first epoch: there is no such number; those
            that there are are named. Where that epoch had no validation, and `monitor`
            is one of it, a `KerasplugWarning` says so.

    Example:
        >>> callback_early_stopping(mode="minimum")
        Traceback (most recent call last):
        kerasplug.errors.RecordError: Invalid value received for ...
          found:    mode='minimum' (of type str)
          expected: 'auto' or 'min' or 'max'

    Source: R interface to Keras 3, `callback_early_stopping()`; keras 3.15.1,
    `EarlyStopping`, whose counting is left as it is: NaN is no improvement, and the
    first epoch, which has nothing to be compared with, always is one.
    """
    check = Checked("callback_early_stopping()")
    return made(
        "EarlyStopping",
        monitor=check.text("monitor", monitor),
        min_delta=check.number("min_delta", min_delta, least=0),
        patience=check.whole("patience", patience),
        verbose=check.one_of("verbose", verbose, (0, 1)),
        mode=check.one_of("mode", mode, MODES),
        baseline=None if baseline is None else check.number("baseline", baseline),
        restore_best_weights=check.truth("restore_best_weights", restore_best_weights),
        start_from_epoch=check.whole("start_from_epoch", start_from_epoch),
    )


def callback_reduce_lr_on_plateau(
    monitor: str = "val_loss",
    factor: float = 0.1,
    patience: int = 10,
    verbose: int = 0,
    mode: str = "auto",
    min_delta: float = 1e-4,
    cooldown: int = 0,
    min_lr: float = 0.0,
) -> Any:
    """Keras' `ReduceLROnPlateau`: lowers the learning rate when nothing gets better.

    Args:
        monitor: the number's name.
        factor: what the learning rate is multiplied by, below 1.
        patience: after so many epochs without improvement.
        verbose: 1 says when.
        mode: `"min"`, `"max"` or `"auto"`.
        min_delta: a smaller change is no improvement.
        cooldown: so many epochs are not counted after the rate was lowered.
        min_lr: the rate gets no lower than this.

    Returns:
        A callback of the Keras in use, which is imported now.

    Raises:
        RecordError: an argument is not of these.
        ModelError: within `fit`: as for `callback_early_stopping`.

    Example:
        >>> callback_reduce_lr_on_plateau(factor=2)
        Traceback (most recent call last):
        kerasplug.errors.RecordError: Invalid value received for ...
          found:    factor=2 (of type int)
          expected: a finite number, at least 0, less than 1

    Source: R interface to Keras 3, `callback_reduce_lr_on_plateau()`.
    """
    check = Checked("callback_reduce_lr_on_plateau()")
    return made(
        "ReduceLROnPlateau",
        monitor=check.text("monitor", monitor),
        factor=check.number("factor", factor, least=0, below=1),
        patience=check.whole("patience", patience),
        verbose=check.one_of("verbose", verbose, (0, 1)),
        mode=check.one_of("mode", mode, MODES),
        min_delta=check.number("min_delta", min_delta, least=0),
        cooldown=check.whole("cooldown", cooldown),
        min_lr=check.number("min_lr", min_lr, least=0),
    )
