"""The curves of a training, drawn while it goes on."""

import importlib.util
import os
from typing import Any, Final

from kerasplug.errors import MissingExtraError
from kerasplug.files import replacing
from kerasplug.training.basing import KerasCallback
from kerasplug.training.checking import Checked
from kerasplug.training.numbers import plain

__all__ = ["HistoryPlot"]

_ENDINGS: Final = (".png", ".svg", ".pdf")
#: Colours that people with any eyes tell apart.
_TRAINING, _VALIDATION = "#0072b2", "#d55e00"
_VAL: Final = "val_"


class HistoryPlot(KerasCallback):
    """A callback that draws the numbers of each epoch into a file.

    There is one panel for each number, with training and validation in it; epochs count
    from 1. The file is replaced as a whole, so a viewer never sees half of it. What is
    no finite number is a gap.

    Args:
        path: a file that ends in `.png`, `.svg` or `.pdf`, in a folder that is there.
        every: `"epoch"`: after each; `"end"`: when training ends.

    Raises:
        RecordError: an argument is not of these.
        MissingExtraError: matplotlib is not installed.

    Guarantees:
        A training that goes on (`fit(initial_epoch=...)`) with the same callback goes
        on in the plot.

    Example:
        >>> HistoryPlot("curves.txt")
        Traceback (most recent call last):
        kerasplug.errors.RecordError: Invalid value received for ...
          found:    path='curves.txt' (of type str)
          expected: a path that ends in .png or .svg or .pdf
    """

    def __init__(self, path: str | os.PathLike[str], every: str = "epoch") -> None:
        super().__init__()
        self.path = self._checked(path, every)
        self.every = every
        self._points: dict[int, dict[str, float]] = {}

    @staticmethod
    def _checked(path: str | os.PathLike[str], every: str = "epoch") -> str:
        check = Checked("HistoryPlot")
        plain_path = check.file("path", check.path("path", path, *_ENDINGS))
        check.one_of("every", every, ("epoch", "end"))
        if importlib.util.find_spec("matplotlib") is None:
            what = "HistoryPlot needs matplotlib, which is not installed."
            raise MissingExtraError(what, extra="plot")
        return plain_path

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        """Keep the numbers, and draw them."""
        kept = {place: at for place, at in self._points.items() if place < epoch}
        numbers = {
            name: value
            for name, value in plain(logs).items()
            if isinstance(value, float)
        }
        self._points = kept | {epoch: numbers}
        if self.every == "epoch":
            self._draw()

    def on_train_end(self, logs: Any = None) -> None:  # noqa: ARG002 -- Keras' own signature
        """Draw them all."""
        if self.every == "end" and self._points:
            self._draw()

    def _draw(self) -> None:
        from matplotlib.figure import (
            Figure,
        )  # no pyplot: it has no windows, and no state

        panels = _panels(self._points)
        size = (7.0, 0.8 + 2.2 * max(len(panels), 1))
        figure = Figure(figsize=size, dpi=120, layout="constrained")
        axes = figure.subplots(max(len(panels), 1), 1, sharex=True, squeeze=False)
        for (name, series), (one,) in zip(panels.items(), axes, strict=False):
            _panel(one, name, series)
        axes[-1][0].set_xlabel("epoch")
        with replacing(self.path) as temporary:
            figure.savefig(temporary, format=self.path.rpartition(".")[2])


def _panels(points: dict[int, dict[str, float]]) -> dict[str, dict[str, Any]]:
    """Number -> training or validation -> (epochs, values); in the order they came."""
    found: dict[str, dict[str, Any]] = {}
    for epoch, numbers in points.items():
        for full, value in numbers.items():
            name = full.removeprefix(_VAL)
            which = "validation" if full.startswith(_VAL) else "training"
            series = found.setdefault(name, {}).setdefault(which, ([], []))
            series[0].append(epoch + 1)
            series[1].append(value)
    return found


def _panel(axes: Any, name: str, series: dict[str, Any]) -> None:
    styles = {"training": ("-", _TRAINING), "validation": ("--", _VALIDATION)}
    for which, (epochs, values) in series.items():
        line, color = styles[which]
        axes.plot(epochs, values, line, color=color, marker=".", label=which)
    axes.set_title(name)
    axes.xaxis.get_major_locator().set_params(integer=True)
    axes.grid(visible=True, alpha=0.25)
    axes.spines[["top", "right"]].set_visible(False)
    axes.legend(frameon=False)
