"""The benchmarks' one command: what is measured, against whom, and the verdict.

Run it as `python benchmarks/run.py [--quick] [--only NAME] [--json FILE]`.
"""

import argparse
import datetime as dt
import importlib.metadata
import json
import os
import platform
import sys
import tempfile
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import applications
import backends
import commands
import conformance
import datasets
import devices
import discovery
import fetching
import imports
import loading
import seeding
import weights
import workers
from timing import Row
from workshop import ROOT, Workshop

_BENCHMARKS: Mapping[str, Callable[[Workshop, int], list[Row]]] = {
    "imports": imports.measure,
    "discovery": discovery.measure,
    "commands": commands.measure,
    "loading": loading.measure,
    "conformance": conformance.measure,
    "weights": weights.measure,
    "fetching": fetching.measure,
    "datasets": datasets.measure,
    "applications": applications.measure,
    "backends": backends.measure,
    "workers": workers.measure,
    "devices": devices.measure,
    "seeding": seeding.measure,
}
_REPEATS = 21
_QUICK = 5
_PEERS = ("pluggy", "stevedore", "keras", "pooch")
_VERDICT = {True: "met", False: "NOT MET", None: ""}


def main(arguments: Sequence[str] | None = None) -> int:
    """The exit status: 1 where a goal was not met, in a full run."""
    if not hasattr(os, "wait4"):
        sys.exit("The benchmarks need os.wait4, which this system does not have.")
    options = _options(arguments)
    repeats = _QUICK if options.quick else _REPEATS
    machine = _machine(repeats)
    print(*(f"{key}: {value}" for key, value in machine.items()), sep="\n")
    rows: list[Row] = []
    for name in options.only or _BENCHMARKS:
        # A folder for each, so that one's leftovers are not another's noise.
        with tempfile.TemporaryDirectory(prefix="kerasplug-bench-") as folder:
            made = _BENCHMARKS[name](Workshop(Path(folder)), repeats)
        _show(made)
        rows += made
    print(f"\nload average at the end: {_load()}")
    if options.json:
        plain = {"machine": machine, "rows": [row.plain() for row in rows]}
        options.json.write_text(json.dumps(plain, indent=1) + "\n", encoding="utf-8")
    if options.quick:
        print(f"{_QUICK} repeats are for trying: this is no verdict.")
        return 0
    return int(any(row.met is False for row in rows))


def _options(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument(
        "--quick", action="store_true", help=f"{_QUICK} repeats, no verdict"
    )
    parser.add_argument(
        "--only", action="append", choices=_BENCHMARKS, help="one group of rows"
    )
    parser.add_argument("--json", type=Path, metavar="FILE", help="results as JSON")
    return parser.parse_args(arguments)


def _machine(repeats: int) -> dict[str, str]:
    versions = [f"{name} {importlib.metadata.version(name)}" for name in _PEERS]
    return {
        "date": dt.datetime.now(dt.UTC).date().isoformat(),
        "python": f"{platform.python_version()} on {platform.system()}, "
        f"{platform.machine()}, {os.cpu_count()} cores",
        "kerasplug": importlib.metadata.version("kerasplug"),
        "peers": ", ".join(versions),
        "repeats": f"{repeats}, interleaved",
        "load average at the beginning": _load(),
    }


def _load() -> str:
    return " ".join(f"{one:.1f}" for one in os.getloadavg())


def _show(rows: Sequence[Row]) -> None:
    section = None
    for row in rows:
        if row.section != section:
            section = row.section
            print(f"\n{section}")
        goal = "" if row.goal is None else f"goal {row.goal:.3g}"
        peer = "" if row.peer_ms is None else f" / {row.peer_ms:.1f}"
        print(
            f"  {row.what:<34}{row.against:<26}"
            f"{row.value:8.3f} ({row.lower:.3f} .. {row.upper:.3f})"
            f"  {goal:<11}{_VERDICT[row.met]:<8}{row.own_ms:.1f}{peer} ms",
            flush=True,
        )


if __name__ == "__main__":
    sys.path.insert(0, str(ROOT))
    sys.exit(main())
