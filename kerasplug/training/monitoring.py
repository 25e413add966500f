"""Callbacks that watch a number, and say so when it is not there."""

import difflib
import warnings
from collections.abc import Mapping
from typing import Any

from kerasplug.errors import KerasplugWarning, ModelError

__all__ = ["Monitored", "Saved"]

#: What the name of a number of the validation begins with.
_VALIDATION = "val_"
#: How many frames are between the warning and `fit`.
_DEPTH = 4


class Monitored:
    """What comes before Keras' own `on_epoch_end`: a look for what is monitored.

    Keras 3 stops with an error where `mode` is `"auto"`; with `"min"` and `"max"` it
    only warns, epoch by epoch, while nothing is ever stopped.
    """

    _warned: bool = False

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        """Look for the number, then do what Keras does.

        Raises:
            ModelError: there is no such number.
        """
        if self._is_there(logs):
            super().on_epoch_end(epoch, logs)  # type: ignore[misc]  # Keras' class comes after this one

    def _is_there(self, logs: Mapping[str, Any] | None) -> bool:
        """Whether the number is there; False: this epoch had no validation.

        Raises:
            ModelError: it is not there, and will never be.
        """
        monitor: str = self.monitor  # type: ignore[attr-defined]  # Keras' class has it
        there = [*(logs or ())]
        if monitor in there or (monitor == "learning_rate" and self._brings_rate()):
            return True
        validated = any(name.startswith(_VALIDATION) for name in there)
        if monitor.startswith(_VALIDATION) and not validated:
            self._warn_once(monitor, there)
            return False
        raise _missing(type(self).__name__, monitor, there)

    def _brings_rate(self) -> bool:
        """Whether Keras' own `on_epoch_end` adds the learning rate before it looks."""
        names = [base.__name__ for base in type(self).__mro__]
        return "ReduceLROnPlateau" in names

    def _warn_once(self, monitor: str, there: list[str]) -> None:
        if self._warned:
            return
        self._warned = True
        message = (
            f"{type(self).__name__} watches {monitor!r}, and this epoch had no "
            f"validation, so it does nothing. Found: {', '.join(there) or 'nothing'}. "
            "Give fit() validation_data or validation_split; with validation_freq it "
            "looks after each validation."
        )
        warnings.warn(message, KerasplugWarning, stacklevel=_DEPTH)


class Saved(Monitored):
    """The same for `ModelCheckpoint`, which looks only if it keeps the best.

    Keras saves an epoch without the number over the best model that there is.
    """

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        """Look for the number where it decides, then do what Keras does.

        Raises:
            ModelError: there is no such number.
        """
        here: Any = self
        if not here.save_best_only:
            # Keras asks for a direction even where nothing is compared.
            here.monitor_op = here.monitor_op or _never
            super(Monitored, here).on_epoch_end(epoch, logs)  # type: ignore[misc]  # Keras' class comes after it
        else:
            super().on_epoch_end(epoch, logs)


def _never(_one: Any, _other: Any) -> bool:
    return False


def _missing(who: str, monitor: str, there: list[str]) -> ModelError:
    what = f"{who} watches {monitor!r}, which training does not give."
    close = difflib.get_close_matches(monitor, there, n=1)
    mend = f"monitor={close[0]!r}" if close else "give compile() that metric by name"
    return ModelError(
        what,
        found=", ".join(there) or "no numbers at all",
        expected="the name of a loss or metric, with val_ for that of the validation",
        mend=mend,
    )
