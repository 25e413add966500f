"""Prove the conformance suite on layers of published packages.

Run it as `python benchmarks/packages/run.py [PACKAGE ...]`: each package is installed
in an environment of its own, with this checkout of kerasplug, and the suite has to find
in its layers exactly what `table.py` says. It needs uv and a package index; all
take a quarter of an hour. The exit status is 1 where something else was found.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from table import PACKAGES, Package

_HERE = Path(__file__).resolve().parent
_ROOT = _HERE.parents[1]
_LIMIT = 1800  # seconds for all layers of a package
_COLUMNS = ("passed", "expected", "not applicable", "failed", "unexpected")


def main(arguments: Sequence[str] | None = None) -> int:
    """The exit status."""
    options = _options(arguments)
    faults: list[str] = []
    print("| package | layer | ran |", *(f"{column} |" for column in _COLUMNS))
    print("|---|---|--:|" + "--:|" * len(_COLUMNS))
    found: dict[str, Any] = {}
    for name in options.packages or PACKAGES:
        package = PACKAGES[name]
        with tempfile.TemporaryDirectory(prefix="kerasplug-packages-") as folder:
            reports = _checked(package, options.folder or Path(folder))
        found[name] = reports
        for report in reports:
            _show(package, report)
            faults += [f"{name}, {report['layer']}: {one}" for one in report["faults"]]
    if options.json:
        options.json.write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")
    print(*("", *faults), sep="\n")
    return int(bool(faults))


def _options(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("packages", nargs="*", help="default: all")
    parser.add_argument("--json", type=Path, help="write the reports to this file")
    parser.add_argument(
        "--folder", type=Path, help="keep the environments here, and use those there"
    )
    options = parser.parse_args(arguments)
    if unknown := set(options.packages) - set(PACKAGES):
        parser.error(f"not in the table: {', '.join(sorted(unknown))}")
    return options


def _checked(package: Package, folder: Path) -> list[dict[str, Any]]:
    """The reports on the package's layers, made in an environment of its own."""
    python = _environment(package, folder / package.name)
    answer = folder / f"{package.name}.json"
    answer.unlink(missing_ok=True)
    command = [str(python), str(_HERE / "inside.py"), package.name, str(answer)]
    done = subprocess.run(
        command,
        env={**os.environ, **_variables(package)},
        capture_output=True,
        text=True,
        check=False,
        timeout=_LIMIT,
    )
    if not answer.exists():
        last = "\n".join(done.stderr.splitlines()[-20:])
        return [{"layer": "-", "checks": {}, "faults": [f"no answer: {last}"]}]
    reports: list[dict[str, Any]] = json.loads(answer.read_text(encoding="utf-8"))
    return reports


def _environment(package: Package, folder: Path) -> Path:
    """Make the environment; its interpreter."""
    python = folder / "bin" / "python"
    uv = [sys.executable, "-m", "uv", "--quiet"]
    if not python.exists():
        subprocess.run([*uv, "venv", "-p", sys.executable, str(folder)], check=True)
    install = [*uv, "pip", "install", "-p", str(python), *package.requirements]
    subprocess.run([*install, "-e", str(_ROOT)], check=True)
    return python


def _variables(package: Package) -> dict[str, str]:
    """What tells the package, and kerasplug, which Keras to use."""
    quiet = {"TF_CPP_MIN_LOG_LEVEL": "3"}
    if package.legacy:
        return quiet | {
            "KERASPLUG_IMPLEMENTATION": "tf_keras",
            "TF_USE_LEGACY_KERAS": "1",
        }
    return quiet | {
        "KERASPLUG_IMPLEMENTATION": "keras",
        "KERAS_BACKEND": package.backend,
    }


def _show(package: Package, report: dict[str, Any]) -> None:
    """One line of the table."""
    counts = Counter(one["status"] for one in report["checks"].values())
    numbers = [report.get("ran", 0), *(counts[column] for column in _COLUMNS)]
    cells = [f"{package.name} {package.version}", report["layer"], *map(str, numbers)]
    print("|", " | ".join(cells), "|", flush=True)


if __name__ == "__main__":
    sys.exit(main())
