"""How far training is: a bar on a terminal, a line for each epoch elsewhere."""

import importlib.util
import sys
import time
from typing import Any, TextIO

from kerasplug.errors import MissingExtraError
from kerasplug.training.basing import KerasCallback, plain_class
from kerasplug.training.numbers import brief, plain, seconds

__all__ = ["RichProgress"]


class RichProgress(KerasCallback):
    """A callback that shows how far `fit` is; give `fit` `verbose=0` with it.

    On a terminal there is a bar for each epoch, with the numbers so far and the time
    that is left. Elsewhere, as in a log file, there is one line after each epoch.

    Args:
        file: where to write; None: standard output.

    Raises:
        MissingExtraError: rich is not installed.

    Example:
        >>> RichProgress.__mro__[1].__name__
        'KerasCallback'
    """

    #: Keras may call it from other threads, and trains on meanwhile.
    async_safe = True

    def __init__(self, file: TextIO | None = None) -> None:
        super().__init__()
        if importlib.util.find_spec("rich") is None:
            what = "RichProgress needs rich, which is not installed."
            raise MissingExtraError(what, extra="rich")
        self._file = file
        self._bars: Any = None
        self._task: Any = None
        self._begun = 0.0
        self._steps = 0

    def on_train_begin(self, logs: Any = None) -> None:  # noqa: ARG002 -- Keras' own signature
        """Open the bars, where there is a terminal."""
        self._close()  # what a failed training left
        if self._stream().isatty():
            self._bars = _bars(self._stream())
            self._bars.start()

    def on_epoch_begin(self, epoch: int, logs: Any = None) -> None:  # noqa: ARG002 -- Keras' own signature
        """Begin a bar."""
        self._begun, self._steps = time.perf_counter(), 0
        if self._bars is not None:
            total = self._params().get("steps")
            title = self._title(epoch)
            self._task = self._bars.add_task(title, total=total, numbers="")

    def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
        """Move the bar on; of batches that are told in any order the last counts."""
        self._steps = max(self._steps, batch + 1)
        if self._bars is not None:
            self._show(plain(logs))

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        """End the bar, or write the line."""
        numbers = plain(logs)
        if self._bars is not None:
            self._bars.update(self._task, total=self._steps)
            self._show(numbers)
            return
        took = seconds(time.perf_counter() - self._begun)
        parts = [f"{self._steps} steps", took, *_briefs(numbers)]
        line = f"{self._title(epoch)}: {', '.join(parts)}\n"
        self._stream().write(line)
        self._stream().flush()

    def on_train_end(self, logs: Any = None) -> None:  # noqa: ARG002 -- Keras' own signature
        """Give the terminal back."""
        self._close()

    def __reduce__(self) -> tuple[Any, ...]:
        return plain_class(self), (self._file,)  # bars can't be kept

    def _show(self, numbers: dict[str, Any]) -> None:
        text = "  ".join(_briefs(numbers))
        self._bars.update(self._task, completed=self._steps, numbers=text)

    def _stream(self) -> TextIO:
        return self._file or sys.stdout

    def _params(self) -> dict[str, Any]:
        return getattr(self, "params", None) or {}

    def _title(self, epoch: int) -> str:
        return f"Epoch {epoch + 1}/{self._params().get('epochs', '?')}"

    def _close(self) -> None:
        bars, self._bars = self._bars, None
        if bars is not None:
            bars.stop()


def _briefs(numbers: dict[str, Any]) -> list[str]:
    return [brief(name, value) for name, value in numbers.items()]


def _bars(stream: TextIO) -> Any:
    from rich import progress
    from rich.console import Console

    columns = (
        progress.TextColumn("{task.description}", markup=False),
        progress.BarColumn(bar_width=20),
        progress.MofNCompleteColumn(),
        progress.TimeElapsedColumn(),
        progress.TimeRemainingColumn(),
        progress.TextColumn("{task.fields[numbers]}", markup=False),
    )
    return progress.Progress(*columns, console=Console(file=stream))
