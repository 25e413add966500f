"""What `multi_gpu_model` costs, beside one device and beside the frameworks' own ways.

On virtual devices of one processor: nothing gets faster by them, and what is measured
is what dividing the work costs. `gpu_scaling.py` is for real ones.
"""

import json
from collections.abc import Mapping, Sequence
from typing import Final, NamedTuple

from timing import Row, ratio
from workshop import ROOT, Workshop, with_keras

__all__ = ["measure"]

_DRIVER: Final = ROOT / "benchmarks" / "devices_driver.py"


class _Pair(NamedTuple):
    """Two tasks of the driver, with their names in the table and their goal."""

    own: str
    peer: str
    what: str
    against: str
    goal: float | None = None


_PLAIN: Final = "keras, one device"
_NOISE: Final = "(noise) the same, once more"


class _Comparison(NamedTuple):
    """What one process measures: a backend, the driver's word for it, its rows."""

    backend: str
    what: str
    section: str
    pairs: Sequence[_Pair]


_COMPARISONS: Final = (
    _Comparison(
        "tensorflow",
        "share",
        "a step of training, tensorflow, one device",
        [
            _Pair("ours", "plain", "kerasplug, one device", _PLAIN, 1.03),
            _Pair("plain again", "plain", _NOISE, _PLAIN),
        ],
    ),
    _Comparison(
        "tensorflow",
        "mirrored",
        "an epoch of 6 steps, tensorflow, 2 virtual devices",
        [
            _Pair("ours", "mirrored", "multi_gpu_model", "MirroredStrategy", 0.25),
            _Pair("ours", "plain", "multi_gpu_model", _PLAIN, 1.15),
            _Pair("mirrored", "plain", "MirroredStrategy", _PLAIN),
            _Pair("plain again", "plain", _NOISE, _PLAIN),
        ],
    ),
    _Comparison(
        "jax",
        "mesh",
        "an epoch of 6 steps, jax, 8 virtual devices",
        [
            _Pair("ours", "bare", "multi_gpu_model", "DataParallel", 1.05),
            _Pair("bare again", "bare", _NOISE, "DataParallel"),
            _Pair("ours", "plain", "multi_gpu_model", _PLAIN),
        ],
    ),
)


def measure(workshop: Workshop, repeats: int) -> list[Row]:
    """Rows about models on several devices."""
    rows = []
    for one in _COMPARISONS:
        samples = _samples(workshop, one, repeats)
        for cpu in (False, True):
            rows += [_row(one, pair, samples, cpu=cpu) for pair in one.pairs]
    return rows


def _samples(
    workshop: Workshop, comparison: _Comparison, repeats: int
) -> dict[str, list[tuple[float, float]]]:
    folder = workshop.folder / comparison.what
    folder.mkdir()
    code = _DRIVER.read_text("utf-8")
    arguments = (comparison.what, str(repeats))
    said = with_keras(folder, comparison.backend, [workshop.library], code, *arguments)
    found: dict[str, list[tuple[float, float]]] = json.loads(said.splitlines()[-1])
    return found


def _row(
    comparison: _Comparison,
    pair: _Pair,
    samples: Mapping[str, Sequence[tuple[float, float]]],
    *,
    cpu: bool,
) -> Row:
    """The ratio of wall times, with the goal; or that of CPU times, which has none."""
    named = {
        pair.what: [one[cpu] for one in samples[pair.own]],
        pair.against: [one[cpu] for one in samples[pair.peer]],
    }
    goal = None if cpu else pair.goal
    section = f"{comparison.section} ({'CPU' if cpu else 'wall'} time)"
    return ratio(section, named, pair.what, pair.against, goal)
