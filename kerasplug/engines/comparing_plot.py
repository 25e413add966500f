"""The picture of a comparison: times on the left, deviations on the right."""

import importlib.util
import math
import os
from pathlib import Path
from typing import Any, Final

from kerasplug.engines.comparing_result import Comparison, Difference
from kerasplug.errors import MissingExtraError, RecordError
from kerasplug.files import replacing

__all__ = ["check_picture", "draw"]

#: What errors about the path are about.
_CALL: Final = "Comparison.plot"
_ENDINGS: Final = (".png", ".svg", ".pdf")
#: Colours that people with any eyes tell apart.
_GOOD, _BAD = "#0072b2", "#d55e00"
#: The picture goes on by this factor, so that there is room for a number.
_ROOM: Final = 1000.0
#: Where its bars begin: the axis is logarithmic, and a deviation may be 0.
_LEAST: Final = 1e-12


def check_picture(path: "str | os.PathLike[str]") -> str:
    """The path, if a picture can be drawn there.

    Args:
        path: a file that ends in `.png`, `.svg` or `.pdf`, in a folder that is there.

    Raises:
        RecordError: it is not of these.
        MissingExtraError: matplotlib is not installed.

    Example:
        >>> check_picture("picture.txt")
        Traceback (most recent call last):
        kerasplug.errors.RecordError: Invalid value received for argument `path` ...
          found:    path='picture.txt' (of type str)
          expected: a path that ends in .png or .svg or .pdf
    """
    plain = os.fspath(path)
    if not plain.endswith(_ENDINGS):
        rule = f"a path that ends in {' or '.join(_ENDINGS)}"
        raise RecordError(_CALL, "path", plain, rule)
    if Path(plain).is_dir() or not Path(plain).absolute().parent.is_dir():
        rule = "a file in a folder that exists"
        raise RecordError(_CALL, "path", plain, rule)
    if importlib.util.find_spec("matplotlib") is None:
        what = "A picture needs matplotlib, which is not installed."
        raise MissingExtraError(what, extra="plot")
    return plain


def draw(comparison: Comparison, path: "str | os.PathLike[str]") -> None:
    """Draw a comparison into a file, which appears whole or not at all.

    Args:
        comparison: what was found.
        path: as for `check_picture`.

    Raises:
        RecordError, MissingExtraError: as `check_picture`.
    """
    plain = check_picture(path)
    from matplotlib.figure import Figure  # no pyplot: it has no windows, and no state

    size = (9.0, 1.6 + 0.5 * len(comparison.runs))
    figure = Figure(figsize=size, dpi=120, layout="constrained")
    times, deviations = figure.subplots(1, 2, sharey=True)
    _draw_times(times, comparison)
    _draw_deviations(deviations, comparison)
    times.set_yticks(range(len(comparison.runs)), _labels(comparison))
    # All rows, also where the first or the last one has no bar; the first one on top.
    times.set_ylim(len(comparison.runs) - 0.5, -0.5)
    for axes in (times, deviations):
        axes.grid(visible=True, axis="x", alpha=0.25)
        axes.spines[["top", "right"]].set_visible(False)
    figure.suptitle(Path(comparison.path).name, parse_math=False)
    with replacing(plain) as temporary:
        figure.savefig(temporary, format=plain.rpartition(".")[2])


def _labels(comparison: Comparison) -> list[str]:
    """The names of the backends, with what is to be said of each."""
    said = {run.name: "failed" for run in comparison.runs if run.timing is None}
    said[comparison.reference] = "reference"
    return [
        f"{run.name}\n({said[run.name]})" if run.name in said else run.name
        for run in comparison.runs
    ]


def _draw_times(axes: Any, comparison: Comparison) -> None:
    for place, run in enumerate(comparison.runs):
        if run.timing is None:
            continue
        low, middle, high = (
            one * 1000.0
            for one in (run.timing.lower, run.timing.median, run.timing.upper)
        )
        around = [[middle - low], [high - middle]]
        axes.barh(place, middle, height=0.55, color=_GOOD, xerr=around, capsize=3)
    axes.set_xlim(left=0)
    axes.set_xlabel(f"ms for a batch of {comparison.batch_size} (median, quartiles)")


def _draw_deviations(axes: Any, comparison: Comparison) -> None:
    found = [comparison.worst(run.name) for run in comparison.runs]
    sizes = [comparison.tolerance, *(one.deviation for one in found if one)]
    sizes = [size for size in sizes if size and math.isfinite(size)] or [_LEAST]
    least, top = min([_LEAST, *sizes]), max(sizes) * _ROOM
    for place, one in enumerate(found):
        if one is not None:
            _bar(axes, place, one, (least, top))
    if comparison.tolerance:
        axes.axvline(comparison.tolerance, color=_BAD, linestyle="--", linewidth=1)
    axes.set_xscale("log")
    axes.set_xlim(least, top)
    axes.set_xlabel("greatest deviation (dashed: the tolerance)")


def _bar(axes: Any, place: int, one: Difference, ends: tuple[float, float]) -> None:
    """A bar, with its number to the right; within it where it leaves the picture."""
    least, top = ends
    endless = not math.isfinite(one.deviation)
    length = top if endless else max(one.deviation, least)
    axes.barh(place, length, height=0.55, color=_GOOD if one.ok else _BAD)
    axes.annotate(
        "not comparable" if one.note else f"{one.deviation:.2g}",
        (least if endless else length, place),
        (4, 0),
        textcoords="offset points",
        va="center",
        color="white" if endless else "black",
    )
