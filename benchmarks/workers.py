"""What a worker costs beside PlaidML alone, and PlaidML beside tf.keras.

Wall time, since two processes do the work.
"""

import json
import os
import subprocess
import sys
from pathlib import Path
from statistics import median, quantiles

from timing import Row, ratio, spread
from workshop import ROOT, Workshop

__all__ = ["measure"]

_WORKER = "a worker with PlaidML (wall time)"
_CARRYING = "64 MB of arrays between two processes (wall time)"
_ENGINES = "PlaidML through a worker, tf.keras here (wall time, 512 rows)"
_TIMES = 1.5
_OVERHEAD_MS = 1.0
#: 64 MB at 2 GB/s.
_CARRYING_MS = 32.0

_INSTALL = """
from kerasplug.cli import main
raise SystemExit(main(["backend", "install", "plaidml"]))
"""


def measure(workshop: Workshop, repeats: int) -> list[Row]:
    """Rows about `to_backend(model, "plaidml")`."""
    samples = _samples(workshop.folder, repeats)
    there, both = samples["there"], samples["both"]
    named = {"predict 1000 x 784": samples["worker many"]}
    named["in a PlaidML process"] = samples["peer many"]
    rows = [
        spread(_CARRYING, "there", there, _CARRYING_MS, "ms"),
        spread(_CARRYING, "there and back", both, 2 * _CARRYING_MS, "ms"),
        ratio(_WORKER, named, "predict 1000 x 784", "in a PlaidML process", _TIMES),
        _overhead("20 times one row, each", samples, "row", _OVERHEAD_MS),
        _overhead("one row, a single time", samples, "one", None),
    ]
    return rows + [
        ratio(_ENGINES, samples, f"{what} plaidml", f"{what} keras")
        for what in ("dense predict", "dense train", "conv predict", "conv train")
    ]


def _overhead(
    what: str, samples: dict[str, list[float]], name: str, goal: float | None
) -> Row:
    """What a call costs beside the same call there: the difference of each pair."""
    own, peer = samples[f"worker {name}"], samples[f"peer {name}"]
    pairs = [1000 * (mine - other) for mine, other in zip(own, peer, strict=True)]
    lower, middle, upper = quantiles(pairs, n=4, method="inclusive")
    return Row(
        _WORKER,
        what,
        "ms more than there",
        middle,
        lower,
        upper,
        goal,
        1000 * median(own),
        1000 * median(peer),
    )


def _samples(folder: Path, repeats: int) -> dict[str, list[float]]:
    environment = {
        **os.environ,
        "CUDA_VISIBLE_DEVICES": "-1",
        "KERAS_BACKEND": "tensorflow",
        "KERAS_HOME": str(folder / "keras"),
        "KERASPLUG_IMPLEMENTATION": "keras",
        "TF_CPP_MIN_LOG_LEVEL": "3",
        "XDG_CACHE_HOME": str(folder / "cache"),
    }
    command = [sys.executable, "-c", _INSTALL]
    subprocess.run(
        command, env=environment, cwd=folder, check=True, stdout=subprocess.DEVNULL
    )
    done = subprocess.run(
        [sys.executable, ROOT / "benchmarks" / "workers_driver.py", str(repeats)],
        env=environment,
        cwd=folder,
        stdout=subprocess.PIPE,
        text=True,
        check=True,
    )
    found: dict[str, list[float]] = json.loads(done.stdout.splitlines()[-1])
    return found
