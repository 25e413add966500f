"""Backups that hold what other callbacks have counted, too."""

from pathlib import Path
from typing import Any, Final

from kerasplug.training.checking import callbacks_of
from kerasplug.training.resumable import ResumableCallbacks
from kerasplug.training.states import callback_state

__all__ = ["Backed", "states_in"]

#: In the folder of the backup, beside Keras' own files.
_FILE: Final = "callbacks.json"


def states_in(folder: str, callbacks: Any) -> Any:
    """What keeps the states of callbacks in a backup.

    Args:
        folder: of the backup; made, if it is missing.
        callbacks: one or a list.

    Raises:
        RecordError: there is one that has no state.
    """
    found = callbacks_of("callback_backup_and_restore()", "callbacks", callbacks)
    weights = any(getattr(one, "restore_best_weights", False) for one in found)
    for one in found:
        callback_state(one)  # raises where it has none
    Path(folder).mkdir(parents=True, exist_ok=True)
    kept = ResumableCallbacks(Path(folder, _FILE), found, weights=weights)
    kept.keeper = "BackupAndRestore"
    return kept


class Backed:
    """What comes before Keras' `BackupAndRestore`: the states, where there are some."""

    #: A `ResumableCallbacks`, or None.
    states: Any = None

    def set_params(self, params: Any) -> None:
        """Hand on what `fit` tells, to see that the callbacks come before.

        Raises:
            ModelError: they don't.
        """
        if self.states is not None:
            self.states.set_params(params)
        super().set_params(params)  # type: ignore[misc]  # Keras' class comes after this one

    def on_train_begin(self, logs: Any = None) -> None:
        """Load the weights; that training begins is known."""
        super().on_train_begin(logs)  # type: ignore[misc]  # Keras' class comes after this one
        if self.states is not None:
            self.states.on_train_begin(logs)

    def on_epoch_begin(self, epoch: int, logs: Any = None) -> None:
        """Put the states back where training goes on.

        Raises:
            ModelError: the backup has none of the epoch before.
        """
        if self.states is not None:
            self.states.on_epoch_begin(epoch, logs)
        super().on_epoch_begin(epoch, logs)  # type: ignore[misc]  # Keras' class comes after this one

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        """Keep the states, then the weights: a process can be killed in between."""
        if self.states is not None:
            # A training that ended has removed the folder.
            Path(self.states.path).parent.mkdir(parents=True, exist_ok=True)
            self.states.on_epoch_end(epoch, logs)
        super().on_epoch_end(epoch, logs)  # type: ignore[misc]  # Keras' class comes after this one
