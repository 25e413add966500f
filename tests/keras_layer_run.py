"""Run the conformance suite over rows of `keras_layer_table.py`, in other processes.

python tests/keras_layer_run.py jax Dense LSTM      # these rows, what came out
python tests/keras_layer_run.py --times jax         # all rows, and what takes long
python tests/keras_layer_run.py --write             # all, on both: the golden file
python tests/keras_layer_run.py --write --rows A B  # these, on both, in the golden file
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
import warnings
from collections import Counter
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parent))

from keras_layer_faults import BY_CHANCE, EXPECTED
from keras_layer_table import TABLE, layer_of

from kerasplug.testing import LayerCase

__all__ = [
    "BACKENDS",
    "GOLDEN",
    "case_of",
    "chunks",
    "demand_as_expected",
    "faults",
    "golden",
    "in_process",
    "in_processes",
    "summary",
]

BACKENDS = ("tensorflow", "jax")
GOLDEN = Path(__file__).parent / "golden" / "keras_layers.json"

#: Processes for each backend; starting one takes seconds.
_CHUNKS = 4

#: How many checks ran, and which did not apply.
Summary = tuple[int, list[str]]


def case_of(row: str, backend: str) -> LayerCase:
    """The case of a row, with what is known to be wrong in Keras."""
    options = dict(TABLE[row])
    layer = options.pop("layer", f"keras.layers:{layer_of(row)}")
    expected = EXPECTED.get(backend, {}).get(row, {})
    case = LayerCase(layer, name=row, expected_failures=expected, **options)
    if row not in BY_CHANCE:
        return case
    checks = [one.id for one in case.checks if one.id not in BY_CHANCE[row]]
    return LayerCase(
        layer, name=row, checks=checks, expected_failures=expected, **options
    )


def chunks() -> list[list[str]]:
    """All rows, cut for processes that run side by side."""
    rows = list(TABLE)
    return [rows[number::_CHUNKS] for number in range(_CHUNKS)]


# --- in the process of its own -----------------------------------------------------


def _run(rows: Iterable[str], backend: str) -> Iterator[dict[str, Any]]:
    for row in rows:
        case = case_of(row, backend)
        seconds = {}
        for check in case.checks:
            start = time.perf_counter()
            case.outcome(check)
            seconds[check.id] = time.perf_counter() - start
        report = case.report()
        faults = [f"{row} on {backend}: {one}" for one in report.faults]
        yield {"row": row, "seconds": seconds, "faults": faults, **report.to_dict()}


def _child(backend: str, rows: list[str]) -> None:
    """Print one line of JSON for each row, as soon as it has ended."""
    warnings.simplefilter("ignore")
    for found in _run(rows, backend):
        _say(json.dumps(found))


def _say(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


# --- in the process that asks ------------------------------------------------------


def in_process(backend: str, rows: list[str]) -> list[dict[str, Any]]:
    """What came out for rows, from a new process.

    Raises:
        RuntimeError: it ended before the last row; which one it was at, and its output.
    """
    with tempfile.TemporaryDirectory() as folder:
        done = subprocess.run(
            [sys.executable, __file__, "--child", backend, *rows],
            env={
                **os.environ,
                **_QUICK,
                "KERAS_BACKEND": backend,
                "JAX_COMPILATION_CACHE_DIR": folder,
            },
            capture_output=True,
            text=True,
            check=False,
        )
    found = [json.loads(line) for line in done.stdout.splitlines() if line[:1] == "{"]
    if len(found) < len(rows):
        message = (
            f"{backend} ended with {done.returncode} at {rows[len(found)]}:\n"
            f"{done.stderr[-8000:]}"
        )
        raise RuntimeError(message)
    return found


#: Small layers: compiling well takes longer than running. Many layers compile the same
#: small programs; JAX does so once for each layer, unless it may keep them in a folder.
_QUICK = {
    "TF_CPP_MIN_LOG_LEVEL": "3",
    "XLA_FLAGS": "--xla_backend_optimization_level=0 "
    "--xla_llvm_disable_expensive_passes=true",
    "JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS": "0",
    "JAX_PERSISTENT_CACHE_MIN_ENTRY_SIZE_BYTES": "-1",
}


def in_processes(
    parts: list[tuple[str, list[str]]], *, beside: int = 2
) -> dict[str, list[dict[str, Any]]]:
    """What came out for rows by backend, from several processes at a time."""
    with ThreadPoolExecutor(beside) as pool:
        answers = list(pool.map(lambda part: in_process(*part), parts))
    found: dict[str, list[dict[str, Any]]] = {}
    for (backend, _), answer in zip(parts, answers, strict=True):
        found.setdefault(backend, []).extend(answer)
    return found


def faults(found: Iterable[dict[str, Any]]) -> list[str]:
    """What was not expected, as a report says it."""
    return [line for one in found for line in one["faults"]]


def summary(found: Iterable[dict[str, Any]]) -> dict[str, Summary]:
    """By row how many checks ran, and which did not apply."""
    return {
        one["row"]: (
            one["ran"],
            sorted(
                check
                for check, end in one["checks"].items()
                if end["status"] == "not applicable"
            ),
        )
        for one in found
    }


def demand_as_expected(backend: str, rows: list[str]) -> None:
    """Nothing, where rows come out as the golden file has it.

    Raises:
        AssertionError: they do not; what is else.
    """
    found = in_process(backend, rows)
    expected = golden()[backend]
    assert not faults(found), "\n\n".join(faults(found))
    for row, said in summary(found).items():
        hint = "if this is meant: python tests/keras_layer_run.py --write"
        assert said == expected[row], f"{row} on {backend}; {hint}"


# --- the golden file ---------------------------------------------------------------


def golden() -> dict[str, dict[str, Summary]]:
    """What the golden file has, by backend and row as `summary` has it."""
    rows = json.loads(GOLDEN.read_text("utf-8"))
    return {
        backend: {
            row: (
                one["ran"][backend],
                sorted(
                    check
                    for check, where in one["not applicable"].items()
                    if where in ("everywhere", backend)
                ),
            )
            for row, one in rows.items()
        }
        for backend in BACKENDS
    }


def _write(found: dict[str, list[dict[str, Any]]]) -> None:
    """Write the golden file: one line for each check that does not apply to a row."""
    by_backend = {backend: summary(rows) for backend, rows in found.items()}
    done = by_backend[BACKENDS[0]]
    before = json.loads(GOLDEN.read_text("utf-8")) if len(done) < len(TABLE) else {}
    rows = before | {row: _golden_row(row, by_backend) for row in done}
    GOLDEN.parent.mkdir(exist_ok=True)
    GOLDEN.write_text(json.dumps(rows, indent=1, sort_keys=True) + "\n", "utf-8")


def _golden_row(row: str, by_backend: dict[str, dict[str, Summary]]) -> dict[str, Any]:
    said = {backend: rows[row] for backend, rows in by_backend.items()}
    where: dict[str, str] = {}
    for backend, (_, checks) in said.items():
        for check in checks:
            where[check] = "everywhere" if check in where else backend
    return {
        "ran": {backend: ran for backend, (ran, _) in said.items()},
        "not applicable": where,
    }


def _times(found: Iterable[dict[str, Any]]) -> None:
    checks: Counter[str] = Counter()
    rows: Counter[str] = Counter()
    for one in found:
        checks.update(one["seconds"])
        rows[one["row"]] += sum(one["seconds"].values())
    for title, counts in (("checks", checks), ("rows", rows)):
        _say(f"{title}: {sum(counts.values()):.0f} s")
        for name, seconds in counts.most_common(15):
            _say(f"  {seconds:6.1f} s  {name}")


def main() -> int:
    """The script; the exit status says whether something was not expected."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("backend", nargs="?", choices=BACKENDS)
    parser.add_argument("rows", nargs="*", metavar="ROW")
    parser.add_argument("--child", action="store_true", help=argparse.SUPPRESS)
    parser.add_argument("--times", action="store_true", help="say what takes long")
    parser.add_argument("--rows", nargs="+", dest="only", metavar="ROW")
    parser.add_argument("--write", action="store_true", help="write the golden file")
    given = parser.parse_args()
    if given.child:
        _child(given.backend, given.rows)
        return 0
    parts = (
        [(given.backend, given.rows)]
        if given.rows
        else [(backend, cut) for cut in chunks() for backend in BACKENDS]
    )
    if given.only:
        parts = [(backend, given.only) for backend in BACKENDS]
    chosen = [part for part in parts if given.backend in (None, part[0])]
    found = in_processes(chosen)
    return _said(found, given)


def _said(found: dict[str, list[dict[str, Any]]], given: argparse.Namespace) -> int:
    said = [line for answers in found.values() for line in faults(answers)]
    for line in said:
        _say(line)
    for name, answers in found.items():
        ran = sum(one["ran"] for one in answers)
        _say(f"{name}: {len(answers)} rows, {ran} checks ran")
        if given.times:
            _times(answers)
    if given.write and set(found) == set(BACKENDS) and not given.rows:
        _write(found)
    return bool(said)


if __name__ == "__main__":
    sys.exit(main())
