"""The demo's picture: how loss and accuracy went."""

from pathlib import Path
from typing import Any

from kerasplug.files import replacing

__all__ = ["draw"]

#: Two colours that people with any colour vision can tell apart.
TRAINING, VALIDATION = "#0072b2", "#d55e00"


def draw(
    history: dict[str, list[float]], best_epoch: int, accuracy: float, path: Path
) -> None:
    """Write a PNG of the training curves.

    Args:
        history: `loss`, `val_loss`, `accuracy`, `val_accuracy`; a number an epoch.
        best_epoch: whose weights were kept, from 1.
        accuracy: on the test images, in [0, 1].
        path: of the file; replaced whole.
    """
    from matplotlib.figure import Figure

    figure = Figure(figsize=(10, 4.2), dpi=130, layout="constrained")
    left, right = figure.subplots(1, 2)
    _panel(left, history, "loss", best_epoch)
    _panel(right, history, "accuracy", best_epoch)
    left.set_ylim(bottom=0)
    left.set_ylabel("cross-entropy (nats)")
    right.set_ylabel("share of digits read right")
    right.set_ylim(top=1.005)
    figure.suptitle(
        f"Plugin layers learn 8x8 digits: {accuracy:.1%} of the test set read right"
    )
    with replacing(path) as temporary:
        figure.savefig(temporary)


def _panel(axes: Any, history: dict[str, list[float]], name: str, best: int) -> None:
    epochs = range(1, len(history[name]) + 1)
    mark = "." if len(epochs) == 1 else None  # one point alone makes no line
    learned = history[name]
    axes.plot(epochs, learned, "-", marker=mark, color=TRAINING, label="training")
    watched = history[f"val_{name}"]
    axes.plot(epochs, watched, "--", marker=mark, color=VALIDATION, label="validation")
    axes.axvline(best, color="0.6", lw=1, ls=":", zorder=0)
    axes.plot([best], [watched[best - 1]], "o", color=VALIDATION, label="kept epoch")
    axes.set_title(name.capitalize())
    axes.set_xlabel("epoch")
    axes.set_xlim(0.5, len(epochs) + 0.5)
    axes.xaxis.get_major_locator().set_params(integer=True)
    axes.grid(alpha=0.25)
    axes.spines[["top", "right"]].set_visible(False)
    axes.legend(frameon=False)
