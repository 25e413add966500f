"""Keeping models while they train."""

import os
from typing import Any

from kerasplug.training.backing import states_in
from kerasplug.training.checking import MODES, Checked
from kerasplug.training.targets import made

__all__ = ["callback_backup_and_restore", "callback_model_checkpoint"]


def callback_model_checkpoint(
    filepath: str | os.PathLike[str],
    monitor: str = "val_loss",
    verbose: int = 0,
    save_best_only: bool = False,  # noqa: FBT001, FBT002 -- R's own signature
    save_weights_only: bool = False,  # noqa: FBT001, FBT002 -- R's own signature
    mode: str = "auto",
    save_freq: str | int = "epoch",
    initial_value_threshold: float | None = None,
) -> Any:
    """Keras' `ModelCheckpoint`: saves the model, or its weights, while it trains.

    Args:
        filepath: where; `{epoch}` and the names of numbers are filled in. It ends in
            `.keras` or `.h5`, with `save_weights_only` in `.weights.h5`.
        monitor: the number that says which model is best.
        verbose: 1 says when it saves.
        save_best_only: whether only a model that is better than all before is saved.
            An epoch without validation, whose number is not known, is not saved then;
            Keras alone writes it over the best.
        save_weights_only: whether only weights are saved.
        mode: `"min"`, `"max"` or `"auto"`.
        save_freq: `"epoch"`, or after how many batches.
        initial_value_threshold: only what is better than this is best.

    Returns:
        A callback of the Keras in use, which is imported now.

    Raises:
        RecordError: an argument is not of these; or the best is to be told by a number
            of the validation, after batches, which have none.
        ModelError: within `fit`: as for `callback_early_stopping`.

    Example:
        >>> callback_model_checkpoint("model.weights")
        Traceback (most recent call last):
        kerasplug.errors.RecordError: Invalid value received for ...
          found:    filepath='model.weights' (of type str)
          expected: a path that ends in .keras or .h5

    Source: R interface to Keras 3, `callback_model_checkpoint()`.
    """
    check = Checked("callback_model_checkpoint()")
    weights_only = check.truth("save_weights_only", save_weights_only)
    endings = (".weights.h5",) if weights_only else (".keras", ".h5")
    if save_freq != "epoch":
        check.whole("save_freq", save_freq, least=1)
    if save_best_only and save_freq != "epoch" and monitor.startswith("val_"):
        rule = '"epoch": batches have no number of the validation'
        raise check.wrong(save_freq, of="save_freq", rule=rule)
    least = initial_value_threshold
    return made(
        "ModelCheckpoint",
        filepath=check.path("filepath", filepath, *endings),
        monitor=check.text("monitor", monitor),
        verbose=check.one_of("verbose", verbose, (0, 1)),
        save_best_only=check.truth("save_best_only", save_best_only),
        save_weights_only=weights_only,
        mode=check.one_of("mode", mode, MODES),
        save_freq=save_freq,
        initial_value_threshold=None
        if least is None
        else check.number("initial_value_threshold", least),
    )


def callback_backup_and_restore(
    backup_dir: str | os.PathLike[str],
    save_freq: str | int | bool = "epoch",  # noqa: FBT001 -- R's own signature
    double_checkpoint: bool = False,  # noqa: FBT001, FBT002 -- R's own signature
    delete_checkpoint: bool = True,  # noqa: FBT001, FBT002 -- R's own signature
    *,
    callbacks: Any = None,
) -> Any:
    """Keras' `BackupAndRestore`: training that was killed goes on where it was.

    So do the callbacks that are named here; Keras alone lets them count anew. In the
    list that `fit` gets they come before this one.

    Args:
        backup_dir: a folder of its own.
        save_freq: `"epoch"`, after how many batches, or False: never by itself.
        double_checkpoint: whether the backup before the last is kept, too.
        delete_checkpoint: whether the folder is removed after training has ended.
        callbacks: those that count on: one or a list of `EarlyStopping`,
            `ReduceLROnPlateau`, `ModelCheckpoint`; with the best weights of an
            `EarlyStopping` that restores them. They need `save_freq="epoch"`.

    Returns:
        A callback of the Keras in use, which is imported now.

    Raises:
        RecordError: an argument is not of these.
        ModelError: within `fit`: one of `callbacks` is not before this one in its list,
            or the backup has no states of them.

    Example:
        >>> callback_backup_and_restore("")
        Traceback (most recent call last):
        kerasplug.errors.RecordError: Invalid value received for ...
          found:    backup_dir='' (of type str)
          expected: a path: a text or os.PathLike

    Source: R interface to Keras 3, `callback_backup_and_restore()`.
    """
    check = Checked("callback_backup_and_restore()")
    if save_freq != "epoch" and save_freq is not False:
        check.whole("save_freq", save_freq, least=1)
    if callbacks is not None and save_freq != "epoch":
        rule = '"epoch": callbacks count epochs'
        raise check.wrong(save_freq, of="save_freq", rule=rule)
    folder = check.path("backup_dir", backup_dir)
    one = made(
        "BackupAndRestore",
        backup_dir=folder,
        save_freq=save_freq,
        double_checkpoint=check.truth("double_checkpoint", double_checkpoint),
        delete_checkpoint=check.truth("delete_checkpoint", delete_checkpoint),
    )
    one.states = None if callbacks is None else states_in(folder, callbacks)
    return one
