"""The records of the callbacks that come with kerasplug; they need no Keras."""

from typing import Final

from kerasplug.hooks import CallbackRecord, hookimpl

__all__ = ["kerasplug_callbacks"]

#: Name -> (attribute of `kerasplug.training.targets`, one line about it).
_CALLBACKS: Final = {
    "backup_and_restore": ("BackupAndRestore", "training that was killed goes on"),
    "csv_logger": ("CSVLogger", "writes a line of CSV for each epoch"),
    "early_stopping": ("EarlyStopping", "ends training when a number gets no better"),
    "graceful_interrupt": ("GracefulInterrupt", "Ctrl-C ends training in good order"),
    "gradual_unfreezing": (
        "GradualUnfreezing",
        "lets more layers learn from certain epochs on",
    ),
    "history_plot": ("HistoryPlot", "draws the curves of a training into a file"),
    "json_log": ("JsonLog", "writes a line of JSON for each epoch"),
    "lambda": ("LambdaCallback", "calls plain functions"),
    "learning_rate_scheduler": (
        "LearningRateScheduler",
        "a function says the learning rate of each epoch",
    ),
    "model_checkpoint": ("ModelCheckpoint", "saves the model while it trains"),
    "progbar_logger": ("ProgbarLogger", "draws Keras' own progress bar"),
    "reduce_lr_on_plateau": (
        "ReduceLROnPlateau",
        "lowers the learning rate when nothing gets better",
    ),
    "remote_monitor": ("RemoteMonitor", "sends the numbers of each epoch to a server"),
    "reset_states": ("ResetStates", "lets stateful RNNs begin anew with each epoch"),
    "resumable_callbacks": (
        "ResumableCallbacks",
        "keeps what other callbacks count over a restart",
    ),
    "rich_progress": ("RichProgress", "shows how far training is"),
    "step_costs": ("StepCosts", "measures the time and memory of each step"),
    "swap_ema_weights": (
        "SwapEMAWeights",
        "evaluates and predicts with averages of the weights",
    ),
    "tensorboard": ("TensorBoard", "writes what TensorBoard shows"),
    "terminate_on_nan": ("TerminateOnNaN", "ends training where the loss is NaN"),
}


@hookimpl
def kerasplug_callbacks() -> list[CallbackRecord]:
    """Records of Keras' own callbacks and of ours."""
    room = "kerasplug.training.targets"
    return [
        CallbackRecord(name=name, target=f"{room}:{attribute}", summary=summary)
        for name, (attribute, summary) in _CALLBACKS.items()
    ]
