"""Training: Keras' callbacks under R's names, our own, and ways to fit.

This front is light: each name is loaded when it is used.
"""

TYPE_CHECKING = False
if TYPE_CHECKING:
    from kerasplug.training.checkpoints import (
        callback_backup_and_restore as callback_backup_and_restore,
    )
    from kerasplug.training.checkpoints import (
        callback_model_checkpoint as callback_model_checkpoint,
    )
    from kerasplug.training.costs import CallbackCost as CallbackCost
    from kerasplug.training.costs import CallbackCosts as CallbackCosts
    from kerasplug.training.costs import callback_costs as callback_costs
    from kerasplug.training.early import (
        callback_early_stopping as callback_early_stopping,
    )
    from kerasplug.training.early import (
        callback_reduce_lr_on_plateau as callback_reduce_lr_on_plateau,
    )
    from kerasplug.training.gradual import GradualUnfreezing as GradualUnfreezing
    from kerasplug.training.interrupting import GracefulInterrupt as GracefulInterrupt
    from kerasplug.training.json_log import JsonLog as JsonLog
    from kerasplug.training.keras_callbacks import (
        callback_csv_logger as callback_csv_logger,
    )
    from kerasplug.training.keras_callbacks import (
        callback_learning_rate_scheduler as callback_learning_rate_scheduler,
    )
    from kerasplug.training.keras_callbacks import (
        callback_progbar_logger as callback_progbar_logger,
    )
    from kerasplug.training.keras_callbacks import (
        callback_remote_monitor as callback_remote_monitor,
    )
    from kerasplug.training.keras_callbacks import (
        callback_swap_ema_weights as callback_swap_ema_weights,
    )
    from kerasplug.training.keras_callbacks import (
        callback_tensorboard as callback_tensorboard,
    )
    from kerasplug.training.keras_callbacks import (
        callback_terminate_on_naan as callback_terminate_on_naan,
    )
    from kerasplug.training.keras_callbacks import (
        callback_terminate_on_nan as callback_terminate_on_nan,
    )
    from kerasplug.training.lambdas import callback_lambda as callback_lambda
    from kerasplug.training.plotting import HistoryPlot as HistoryPlot
    from kerasplug.training.resumable import ResumableCallbacks as ResumableCallbacks
    from kerasplug.training.rich_progress import RichProgress as RichProgress
    from kerasplug.training.safety import safe_fit as safe_fit
    from kerasplug.training.states import callback_state as callback_state
    from kerasplug.training.states import (
        restore_callback_state as restore_callback_state,
    )
    from kerasplug.training.step_costs import StepCosts as StepCosts
    from kerasplug.training.step_costs import StepReport as StepReport
    from kerasplug.training.unfreezing import fit_gradually as fit_gradually

_HOME = {
    "CallbackCost": "costs",
    "CallbackCosts": "costs",
    "GracefulInterrupt": "interrupting",
    "GradualUnfreezing": "gradual",
    "HistoryPlot": "plotting",
    "JsonLog": "json_log",
    "ResumableCallbacks": "resumable",
    "RichProgress": "rich_progress",
    "StepCosts": "step_costs",
    "StepReport": "step_costs",
    "callback_backup_and_restore": "checkpoints",
    "callback_costs": "costs",
    "callback_csv_logger": "keras_callbacks",
    "callback_early_stopping": "early",
    "callback_lambda": "lambdas",
    "callback_learning_rate_scheduler": "keras_callbacks",
    "callback_model_checkpoint": "checkpoints",
    "callback_progbar_logger": "keras_callbacks",
    "callback_reduce_lr_on_plateau": "early",
    "callback_remote_monitor": "keras_callbacks",
    "callback_state": "states",
    "callback_swap_ema_weights": "keras_callbacks",
    "callback_tensorboard": "keras_callbacks",
    "callback_terminate_on_naan": "keras_callbacks",
    "callback_terminate_on_nan": "keras_callbacks",
    "fit_gradually": "unfreezing",
    "restore_callback_state": "states",
    "safe_fit": "safety",
}

__all__ = [*_HOME]  # noqa: PLE0604 -- strings, and the test of the list proves it


def __getattr__(name: str) -> object:
    if name not in _HOME:
        message = f"module {__name__!r} has no attribute {name!r}"
        raise AttributeError(message)
    module = __import__(f"{__name__}.{_HOME[name]}", None, None, (name,))
    return getattr(module, name)
