"""What choosing a backend costs, beside the variable KERAS_BACKEND and a plain import.

Starting Keras takes seconds, and two starts differ by more than what is measured. So
whole processes are only told, and the goal is judged by our own share within one
process, where what Keras imports as well is imported before.
"""

from pathlib import Path
from statistics import median, quantiles

from timing import Row, spread
from workshop import Workshop, with_keras

__all__ = ["measure"]

_GOAL_MS = 30.0
_BACKEND = "jax"
_SECTION = f"choosing a backend ({_BACKEND}), fresh processes"

_SHARE = """
import dataclasses, importlib.metadata, inspect, json, logging, os, re, shutil
import subprocess, sys, tempfile, time, typing
import packaging.version
os.environ.pop("KERAS_BACKEND")
before = time.process_time()
import kerasplug
kerasplug.use_backend(sys.argv[1])
spent = time.process_time() - before
import keras
assert keras.backend.backend() == sys.argv[1]
print(spent)
"""
_OURS = """
import os, sys, time
os.environ.pop("KERAS_BACKEND")
import kerasplug
kerasplug.use_backend(sys.argv[1])
import keras
print(time.process_time())
"""
_THEIRS = """
import time
import keras
print(time.process_time())
"""


def measure(workshop: Workshop, repeats: int) -> list[Row]:
    """Rows about `use_backend` and `import keras` after it."""
    folder = workshop.folder / "backends"
    folder.mkdir()
    programs = {"share": _SHARE, "ours": _OURS, "theirs": _THEIRS}
    samples: dict[str, list[float]] = {name: [] for name in programs}
    for number in range(repeats + 1):  # the first one only compiles what it imports
        for name, code in programs.items():
            seconds = _seconds(folder, workshop.library, code)
            if number:
                samples[name].append(seconds)
    what = "our share of use_backend() and import keras"
    share = spread(_SECTION, what, samples["share"], _GOAL_MS)
    return [share, _whole(samples["ours"], samples["theirs"])]


def _seconds(folder: Path, library: Path, code: str) -> float:
    said = with_keras(folder, _BACKEND, [library], code, _BACKEND)
    return float(said.split()[-1])


def _whole(own: list[float], peer: list[float]) -> Row:
    """Whole processes: the difference of each pair."""
    pairs = [1000 * (mine - other) for mine, other in zip(own, peer, strict=True)]
    lower, middle, upper = quantiles(pairs, n=4, method="inclusive")
    return Row(
        _SECTION,
        "whole processes, with use_backend() and with KERAS_BACKEND",
        "ms of CPU more",
        middle,
        lower,
        upper,
        None,
        1000 * median(own),
        1000 * median(peer),
    )
