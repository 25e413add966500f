"""What callbacks have counted, kept in a file, so that training can be killed."""

import json
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

from kerasplug.errors import ModelError
from kerasplug.files import write_atomically
from kerasplug.training.basing import KerasCallback
from kerasplug.training.checking import Checked, callbacks_of
from kerasplug.training.states import callback_state, restore_callback_state

__all__ = ["ResumableCallbacks"]

_FORMAT: Final = 1
#: The state before the last is kept, too: a process can be killed between our file and
#: that of the weights.
_KEPT: Final = 2


class ResumableCallbacks(KerasCallback):
    """A callback that keeps what other callbacks have counted over a restart.

    Weights and optimizer come back from a file, and early stopping begins to count
    anew. With this, it counts on: training stops at the epoch at which it would have
    stopped without the interruption.

    `callback_backup_and_restore(folder, callbacks=[early, reduce])` has all in one
    folder. This one is for weights that are saved in another way. Its place in the list
    is after the callbacks whose states it keeps, and before whatever saves the weights:
    `[early, reduce, ResumableCallbacks("states.json", [early, reduce]), checkpoint]`.

    After each epoch the file is written, whole or not at all. When training goes on at
    an epoch after the first (`initial_epoch`, or `BackupAndRestore`), the states of the
    epoch before are put back, after the callbacks themselves have begun anew. When it
    begins at the first epoch, the file is not read.

    Args:
        path: a file, in a folder that is there.
        callbacks: those whose states are kept: one or a list of `EarlyStopping`,
            `ReduceLROnPlateau`, `ModelCheckpoint`.
        weights: whether the best weights are kept, too, which an `EarlyStopping` with
            `restore_best_weights` needs; then the file is larger than the model.

    Raises:
        RecordError: an argument is not of these; or an `EarlyStopping` restores its
            best weights, and `weights` is False.
        ModelError: within `fit`: one of the callbacks is not in its list, or comes
            after this one; or training goes on at an epoch of which the file has no
            states.

    Example:
        >>> ResumableCallbacks("states.json", [3])
        Traceback (most recent call last):
        kerasplug.errors.RecordError: Invalid value received for ...
          found:    callbacks=3 (of type int)
          expected: a Keras callback, or a list of them
    """

    #: Who keeps them, as errors say it: a backup can have one of these inside.
    keeper: str = "ResumableCallbacks"

    def __init__(
        self,
        path: str | os.PathLike[str],
        callbacks: Any,
        *,
        weights: bool = False,
    ) -> None:
        super().__init__()
        self.callbacks = self._checked(path, callbacks, weights=weights)
        self.path = os.fspath(path)
        self.weights = weights
        self._kept: list[dict[str, Any]] = []
        self._begins = False

    @staticmethod
    def _checked(
        path: str | os.PathLike[str], callbacks: Any, *, weights: bool = False
    ) -> list[Any]:
        check = Checked("ResumableCallbacks")
        found = callbacks_of(check.call, "callbacks", callbacks)
        check.file("path", path)
        check.truth("weights", weights)
        for one in found:
            callback_state(one)  # raises where it has none
            if getattr(one, "restore_best_weights", False) and not weights:
                rule = "True: an EarlyStopping restores its best weights"
                raise check.wrong(weights, of="weights", rule=rule)
        return found

    def set_params(self, params: Any) -> None:
        """See that the callbacks come before: Keras has given them the same object.

        Raises:
            ModelError: they don't.
        """
        late = [one for one in self.callbacks if one.params is not params]
        super().set_params(params)  # type: ignore[misc]  # Keras' class comes after this one
        if late:
            what = f"{self.keeper} has to come after the callbacks that it keeps."
            names = ", ".join(one.__class__.__name__ for one in late)
            mend = f"callbacks=[*kept, {self.keeper}(path, kept)]"
            found = f"not before it in the list: {names}"
            raise ModelError(what, found=found, mend=mend)

    def on_train_begin(self, logs: Any = None) -> None:  # noqa: ARG002 -- Keras' own signature
        """Be ready; where training begins is known when its first epoch does."""
        self._begins = True

    def on_epoch_begin(self, epoch: int, logs: Any = None) -> None:  # noqa: ARG002 -- Keras' own signature
        """Put the states back where training goes on.

        Raises:
            ModelError: the file has none of the epoch before.
        """
        begins, self._begins = self._begins, False
        if not begins:
            return
        self._kept = _read(self.path) if epoch else []
        if epoch:
            states = self._states_of(epoch - 1)
            for one, state in zip(self.callbacks, states, strict=True):
                restore_callback_state(one, state)
            self._kept = [one for one in self._kept if one["epoch"] < epoch]

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:  # noqa: ARG002 -- Keras' own signature
        """Keep the states."""
        states = [callback_state(one, weights=self.weights) for one in self.callbacks]
        self._kept = [*self._kept, {"epoch": epoch, "states": states}][-_KEPT:]
        text = json.dumps({"format": _FORMAT, "epochs": self._kept}, allow_nan=False)
        write_atomically(self.path, text.encode())

    def _states_of(self, epoch: int) -> Sequence[dict[str, Any]]:
        there = {one["epoch"]: one["states"] for one in self._kept}
        classes = [one["class"] for one in there.get(epoch, ())]
        if classes == [callback_state(one)["class"] for one in self.callbacks]:
            return there[epoch]  # type: ignore[no-any-return]  # _read has looked
        what = f"Training goes on after epoch {epoch}, of which there are no states."
        of = ", ".join(f"epoch {one}" for one in there) or "none"
        found = f"{self.path}: {of}"
        if epoch in there:
            found += f", of {', '.join(classes)}"
        raise ModelError(
            what,
            found=found,
            expected=f"states of epoch {epoch}, of these callbacks in this order",
            mend="give the weights and the initial_epoch that belong to the file, or "
            "train without keeping states",
        )


def _read(path: str) -> list[dict[str, Any]]:
    """What the file holds; nothing where there is none.

    Raises:
        ModelError: it is not of this kind.
    """
    try:
        with Path(path).open(encoding="utf-8") as file:
            told = json.load(file)
        return [
            {
                "epoch": int(one["epoch"]),
                "states": [{**state} for state in one["states"]],
            }
            for one in told["epochs"]
            if told["format"] == _FORMAT and all("class" in s for s in one["states"])
        ]
    except FileNotFoundError:
        return []
    except (ValueError, TypeError, KeyError) as error:
        what = f"{path} holds no states of callbacks."
        found = f"{type(error).__name__}: {error}"[:200]
        raise ModelError(what, found=found, mend="remove it, and train anew") from error
