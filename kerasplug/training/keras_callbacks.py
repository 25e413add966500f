"""Keras' other callbacks under R's names, with their arguments checked."""

import importlib.util
import math
import os
from collections.abc import Callable, Mapping
from typing import Any

from kerasplug.errors import KerasplugError, RecordError
from kerasplug.implementation import implementation
from kerasplug.training.checking import Checked
from kerasplug.training.targets import made

__all__ = [
    "callback_csv_logger",
    "callback_learning_rate_scheduler",
    "callback_progbar_logger",
    "callback_remote_monitor",
    "callback_swap_ema_weights",
    "callback_tensorboard",
    "callback_terminate_on_naan",
    "callback_terminate_on_nan",
]


def callback_csv_logger(
    filename: str | os.PathLike[str],
    separator: str = ",",
    append: bool = False,  # noqa: FBT001, FBT002 -- R's own signature
) -> Any:
    """Keras' `CSVLogger`: writes a line for each epoch.

    Args:
        filename: a file, in a folder that is there.
        separator: one character.
        append: whether lines are added to a file that is there.

    Returns:
        A callback of the Keras in use, which is imported now.

    Raises:
        RecordError: an argument is not of these.

    Example:
        >>> callback_csv_logger("log.csv", separator=", ")
        Traceback (most recent call last):
        kerasplug.errors.RecordError: Invalid value received for ...
          found:    separator=', ' (of type str)
          expected: one character

    Source: R interface to Keras 3, `callback_csv_logger()`.
    """
    check = Checked("callback_csv_logger()")
    if len(check.text("separator", separator)) != 1:
        raise check.wrong(separator, of="separator", rule="one character")
    return made(
        "CSVLogger",
        filename=check.file("filename", filename),
        separator=separator,
        append=check.truth("append", append),
    )


def callback_learning_rate_scheduler(
    schedule: Callable[..., float], verbose: int = 0
) -> Any:
    """Keras' `LearningRateScheduler`: a function says the learning rate of each epoch.

    Args:
        schedule: is given the epoch, from 0, and the rate there is, and returns the new
            one; or is given only the epoch.
        verbose: 1 says the rate of each epoch.

    Returns:
        A callback of the Keras in use, which is imported now.

    Raises:
        RecordError: an argument is not of these.
            Within `fit`, too: the function raised a `TypeError`, which Keras takes for
            a function of one argument; or it returned no number.

    Example:
        >>> callback_learning_rate_scheduler(0.1)
        Traceback (most recent call last):
        kerasplug.errors.RecordError: Invalid value received for ...
          found:    schedule=0.1 (of type float)
          expected: a function of 2 (epoch, rate)

    Source: R interface to Keras 3, `callback_learning_rate_scheduler()`.
    """
    check = Checked("callback_learning_rate_scheduler()")
    try:
        check.function("schedule", schedule, "epoch", "rate")
        takes = 2
    except ValueError:
        if not callable(schedule):
            raise
        check.function("schedule", schedule, "epoch")
        takes = 1
    return made(
        "LearningRateScheduler",
        schedule=_Schedule(schedule, takes),
        verbose=check.one_of("verbose", verbose, (0, 1)),
    )


class _Schedule:
    """A user's schedule as Keras calls it; its mistakes stay its own."""

    def __init__(self, schedule: Callable[..., float], takes: int) -> None:
        self._schedule = schedule
        self._takes = takes

    def __call__(self, epoch: int, rate: float) -> float:
        try:
            return float(self._schedule(*(epoch, rate)[: self._takes]))
        except (TypeError, ValueError) as error:
            # No ModelError: that is a TypeError, after which Keras would try again.
            rule = f"a function that gives a number for epoch {epoch}; it raised "
            rule += f"{type(error).__name__}: {error}"[:300]
            call = "callback_learning_rate_scheduler()"
            raise RecordError(call, "schedule", self._schedule, rule) from error


def callback_terminate_on_nan(
    raise_error: bool = False,  # noqa: FBT001, FBT002 -- Keras' own signature
) -> Any:
    """Keras' `TerminateOnNaN`: ends training where the loss is no number any more.

    Args:
        raise_error: whether it raises a `RuntimeError`, so that what other callbacks do
            at the end, such as removing a backup, is not done.

    Returns:
        A callback of the Keras in use, which is imported now.

    Raises:
        RecordError: an argument is not of these.
        TypeError: `raise_error` on Keras 2, which does not know it.

    Example:
        >>> callback_terminate_on_nan("yes")
        Traceback (most recent call last):
        kerasplug.errors.RecordError: Invalid value received for ...
          found:    raise_error='yes' (of type str)
          expected: True or False

    Source: R interface to Keras 3, `callback_terminate_on_nan()`.
    """
    check = Checked("callback_terminate_on_nan()")
    told = {"raise_error": True} if check.truth("raise_error", raise_error) else {}
    return made("TerminateOnNaN", **told)


def callback_terminate_on_naan() -> Any:
    """The same as `callback_terminate_on_nan`, as the R interface to Keras 2 spells it.

    Returns:
        A callback of the Keras in use, which is imported now.

    Source: R interface to Keras 2.15, `callback_terminate_on_naan()`.
    """
    return callback_terminate_on_nan()


def callback_tensorboard(  # noqa: PLR0913, PLR0917 -- R's own signature
    log_dir: str | os.PathLike[str] = "logs",
    histogram_freq: int = 0,
    write_graph: bool = True,  # noqa: FBT001, FBT002 -- R's own signature
    write_images: bool = False,  # noqa: FBT001, FBT002 -- R's own signature
    write_steps_per_second: bool = False,  # noqa: FBT001, FBT002 -- R's own signature
    update_freq: str | int = "epoch",
    profile_batch: int | tuple[int, int] = 0,
    embeddings_freq: int = 0,
    embeddings_metadata: Mapping[str, str] | str | None = None,
) -> Any:
    """Keras' `TensorBoard`: writes what TensorBoard shows.

    Args:
        log_dir: a folder; each training has its own.
        histogram_freq: after how many epochs weights are shown; 0: never.
        write_graph: whether the graph is.
        write_images: whether weights are shown as images.
        write_steps_per_second: whether the speed is.
        update_freq: `"epoch"`, `"batch"`, or after how many batches.
        profile_batch: which batch, or which from first to last, is profiled; 0: none.
        embeddings_freq: after how many epochs embeddings are shown; 0: never.
        embeddings_metadata: files that say what the embeddings mean.

    Returns:
        A callback of the Keras in use, which is imported now.

    Raises:
        RecordError: an argument is not of these.
        KerasplugError: the package tensorboard, which Keras writes with, is missing.

    Example:
        >>> callback_tensorboard(update_freq="step")
        Traceback (most recent call last):
        kerasplug.errors.RecordError: Invalid value received for ...
          found:    update_freq='step' (of type str)
          expected: a whole number, at least 1

    Source: R interface to Keras 3, `callback_tensorboard()`.
    """
    check = Checked("callback_tensorboard()")
    if update_freq not in ("epoch", "batch"):
        check.whole("update_freq", update_freq, least=1)
    pair = (
        profile_batch if isinstance(profile_batch, tuple | list) else (profile_batch,)
    )
    for one in pair:
        check.whole("profile_batch", one)
    options = {
        "log_dir": check.path("log_dir", log_dir),
        "histogram_freq": check.whole("histogram_freq", histogram_freq),
        "write_graph": check.truth("write_graph", write_graph),
        "write_images": check.truth("write_images", write_images),
        "write_steps_per_second": check.truth(
            "write_steps_per_second", write_steps_per_second
        ),
        "update_freq": update_freq,
        "profile_batch": profile_batch,
        "embeddings_freq": check.whole("embeddings_freq", embeddings_freq),
        "embeddings_metadata": embeddings_metadata,
    }
    _require("tensorboard")
    return made("TensorBoard", **options)


def callback_remote_monitor(
    root: str = "http://localhost:9000",
    path: str = "/publish/epoch/end/",
    field: str = "data",
    headers: Mapping[str, str] | None = None,
    send_as_json: bool = False,  # noqa: FBT001, FBT002 -- R's own signature
) -> Any:
    """Keras' `RemoteMonitor`: sends the numbers of each epoch to a server.

    Args:
        root: of the server, with `http://` or `https://`.
        path: below it.
        field: of the form that holds the numbers.
        headers: of the request.
        send_as_json: whether the request itself is JSON, without a form.

    Returns:
        A callback of the Keras in use, which is imported now.

    Raises:
        RecordError: an argument is not of these.
        KerasplugError: the package requests, which Keras sends with, is missing.

    Example:
        >>> callback_remote_monitor("localhost")
        Traceback (most recent call last):
        kerasplug.errors.RecordError: Invalid value received for ...
          found:    root='localhost' (of type str)
          expected: an address that begins with http:// or https://

    Source: R interface to Keras 3, `callback_remote_monitor()`.
    """
    check = Checked("callback_remote_monitor()")
    if not check.text("root", root).startswith(("http://", "https://")):
        rule = "an address that begins with http:// or https://"
        raise check.wrong(root, of="root", rule=rule)
    options = {
        "root": root,
        "path": check.text("path", path),
        "field": check.text("field", field),
        "headers": None if headers is None else dict(headers),
        "send_as_json": check.truth("send_as_json", send_as_json),
    }
    _require("requests")
    return made("RemoteMonitor", **options)


def _require(package: str) -> None:
    """Raise where a package is missing that this callback of Keras needs.

    Raises:
        KerasplugError: it is; Keras would say so after the first batch or epoch.
    """
    if importlib.util.find_spec(package) is None:
        what = f"Keras needs the package {package} here, which is not installed."
        raise KerasplugError(what, mend=f"python -m pip install {package}")


def callback_progbar_logger(
    count_mode: str | None = None, stateful_metrics: list[str] | None = None
) -> Any:
    """Keras' `ProgbarLogger`: the bar that `fit` draws.

    `fit` adds one by itself unless `verbose=0`.

    Args:
        count_mode: Keras 2 only: `"samples"` or `"steps"`. Keras 3 counts steps.
        stateful_metrics: Keras 2 only: names of numbers that are not averaged.

    Returns:
        A callback of the Keras in use, which is imported now.

    Raises:
        RecordError: an argument is not of these, or this Keras would ignore it.

    Example:
        >>> callback_progbar_logger("batches")
        Traceback (most recent call last):
        kerasplug.errors.RecordError: Invalid value received for ...
          found:    count_mode='batches' (of type str)
          expected: None or 'samples' or 'steps'

    Source: R interface to Keras 2.15, `callback_progbar_logger()`.
    """
    check = Checked("callback_progbar_logger()")
    check.one_of("count_mode", count_mode, (None, "samples", "steps"))
    given = {"count_mode": count_mode, "stateful_metrics": stateful_metrics}
    told = {name: value for name, value in given.items() if value is not None}
    if implementation().__version__.startswith("3.") and told not in (
        {},
        {"count_mode": "steps"},
    ):
        name, value = next(iter(told.items()))
        raise check.wrong(
            value, of=name, rule="nothing: Keras 3 counts steps, and averages"
        )
    bar = made("ProgbarLogger", **(told if _is_keras2() else {}))
    # Keras 2.2 counts towards it also where `fit` is silent, and never sets it then.
    vars(bar).setdefault("target", math.inf)
    return bar


def _is_keras2() -> bool:
    return not implementation().__version__.startswith("3.")


def callback_swap_ema_weights(
    swap_on_epoch: bool = False,  # noqa: FBT001, FBT002 -- R's own signature
) -> Any:
    """Keras' `SwapEMAWeights`: evaluates and predicts with averages of the weights.

    The optimizer keeps them: it is made with `use_ema=True`. After a prediction the
    model has its own weights again, which Keras alone forgets.

    Args:
        swap_on_epoch: whether the averages are in the model at the end of each epoch,
            too, for callbacks that come later.

    Returns:
        A callback of the Keras in use, which is imported now.

    Raises:
        RecordError: an argument is not of these.
        ImplementationError: this Keras has no such callback.

    Example:
        >>> callback_swap_ema_weights(1)
        Traceback (most recent call last):
        kerasplug.errors.RecordError: Invalid value received for ...
          found:    swap_on_epoch=1 (of type int)
          expected: True or False

    Source: R interface to Keras 3, `callback_swap_ema_weights()`.
    """
    check = Checked("callback_swap_ema_weights()")
    return made(
        "SwapEMAWeights", swap_on_epoch=check.truth("swap_on_epoch", swap_on_epoch)
    )
