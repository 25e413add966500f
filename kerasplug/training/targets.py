"""The callback classes themselves, each made when it is asked for.

`targets.EarlyStopping` is a subclass of Keras' class that checks its arguments as
`callback_early_stopping` does; what that function returns is one of it. The plugin
system wants classes, and pickle wants a place where they are found: this is both.
"""

import functools
import importlib
import inspect
from typing import Any, Final

from kerasplug._frameworks import older_keras, refuse_newer
from kerasplug.training.backing import Backed
from kerasplug.training.basing import based_on, callback_class
from kerasplug.training.monitoring import Monitored, Saved
from kerasplug.training.swapping import Swapped

__all__ = ["KERAS", "OWN", "Strict", "made"]


class Strict:
    """What comes before a class of Keras: its arguments are checked first."""

    #: The function that checks, and makes one.
    _function: str = ""

    def __init__(self, *args: Any, **options: Any) -> None:
        front = importlib.import_module("kerasplug.training")
        function = getattr(front, type(self)._function)  # noqa: SLF001 -- a subclass of this one
        vars(self).update(vars(function(*args, **options)))


#: Keras' class -> the function that makes one, and what comes before Keras' methods.
KERAS: Final[dict[str, tuple[str, tuple[type, ...]]]] = {
    "BackupAndRestore": ("callback_backup_and_restore", (Backed,)),
    "CSVLogger": ("callback_csv_logger", ()),
    "EarlyStopping": ("callback_early_stopping", (Monitored,)),
    "LambdaCallback": ("callback_lambda", ()),
    "LearningRateScheduler": ("callback_learning_rate_scheduler", ()),
    "ModelCheckpoint": ("callback_model_checkpoint", (Saved,)),
    "ProgbarLogger": ("callback_progbar_logger", ()),
    "ReduceLROnPlateau": ("callback_reduce_lr_on_plateau", (Monitored,)),
    "RemoteMonitor": ("callback_remote_monitor", ()),
    "SwapEMAWeights": ("callback_swap_ema_weights", (Swapped,)),
    "TensorBoard": ("callback_tensorboard", ()),
    "TerminateOnNaN": ("callback_terminate_on_nan", ()),
}

#: Our own -> the module of its plain class.
OWN: Final = {
    "GracefulInterrupt": "kerasplug.training.interrupting",
    "GradualUnfreezing": "kerasplug.training.gradual",
    "HistoryPlot": "kerasplug.training.plotting",
    "JsonLog": "kerasplug.training.json_log",
    "ResetStates": "kerasplug.models",
    "ResumableCallbacks": "kerasplug.training.resumable",
    "RichProgress": "kerasplug.training.rich_progress",
    "StepCosts": "kerasplug.training.step_costs",
}


#: Options of these values change nothing for a callback that does not know them.
_AS_EVER: Final = (None, False, 0, "epoch")


def __getattr__(name: str) -> Any:
    if name in KERAS:
        return _strict(name, callback_class(name))
    if name in OWN:
        plain = getattr(importlib.import_module(OWN[name]), name)
        return based_on(plain, callback_class("Callback"))
    message = f"module {__name__!r} has no attribute {name!r}"
    raise AttributeError(message)


@functools.lru_cache(maxsize=128)
def _strict(name: str, base: Any) -> Any:
    """One class for each of each Keras."""
    function, before = KERAS[name]
    about = {
        "__module__": __name__,
        "__qualname__": name,
        "__doc__": base.__doc__,
        "_function": function,
    }
    return type(name, (Strict, *before, base), about)


def made(name: str, **options: Any) -> Any:
    """A callback of Keras, of arguments that were checked.

    Args:
        name: of Keras' class.
        **options: what Keras' class is called with.

    Raises:
        ImplementationError: this Keras has no such callback.
        KerasVersionError: it is an older one, whose callback does not know an option.
    """
    base = callback_class(name)
    one = object.__new__(_strict(name, base))
    base.__init__(one, **(_known(base, options) if older_keras() else options))
    return one


def _known(base: Any, options: dict[str, Any]) -> dict[str, Any]:
    """The options that an older class takes; of others it does what these mean."""
    takes = inspect.signature(base.__init__).parameters
    for option, value in options.items():
        if option not in takes and value not in _AS_EVER:
            refuse_newer(f"{option}={value!r}")
    return {option: value for option, value in options.items() if option in takes}
