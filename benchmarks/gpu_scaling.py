"""What several GPUs gain: models on 1, 2, 4, 8 of them, after a proof that it is right.

`python benchmarks/gpu_scaling.py [--gpus 1 2 4 8] [--backend tensorflow]`. Without GPUs
`--virtual 2 --quick` tries all of it on a divided processor; its numbers say nothing.

Ends with status 0; 1: something computed a wrong result, or did not run; 2: there are
no such devices.
"""

import argparse
import itertools
import json
import os
import subprocess
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from statistics import median, quantiles
from typing import Any, Final, NamedTuple

__all__ = ["main"]

_HERE: Final = Path(__file__).resolve().parent
_COUNTS: Final = (1, 2, 4, 8)
#: The largest difference that the order of adding up makes in float64 after six steps;
#: and where Keras 3.15.1 rounds to float32 by itself, as on JAX in normalization.
_TOLERANCE, _TOLERANCE_32 = 1e-9, 1e-4
#: Keras' own way for several devices.
_PEER: Final = {"tensorflow": "MirroredStrategy", "jax": "DataParallel"}
_PLAIN, _PLAIN_NO_XLA, _OURS = "plain", "plain, no XLA", "multi_gpu_model"
#: What a check tells of each device.
_COMPUTED: Final = {
    "tensorflow": "convolutions forward, backward, matrix products",
    "jax": "devices",
    "torch": "operations of the backward pass",
}
_NETWORKS: Final = ("residual", "attention")


class Case(NamedTuple):
    """One line of the table.

    Args:
        network: the name of one.
        scaling: `"weak"`, as many rows for each device; `"strong"`, as many for all.
        way: who spreads it.
        devices: canonical names.
        rows: of the whole batch.
    """

    network: str
    scaling: str
    way: str
    devices: Sequence[str]
    rows: int


def main(arguments: Sequence[str] | None = None) -> int:
    """The exit status."""
    options = _options(arguments)
    devices = _devices(options)
    missing = options.asked and options.gpus[-1] > len(devices)
    if len(devices) < 2 or missing:
        return _refuse(options, devices)
    counts = [count for count in options.gpus if count <= len(devices)]
    checks = _checked(options, [devices[:count] for count in counts if count > 1])
    right = all(one["right"] for one in checks)
    # The speed of something else than was asked for is no result.
    timed = _timed(options, devices, counts) if right else []
    if options.json:
        told = {"backend": options.backend, "virtual": options.virtual}
        told |= {"checks": checks, "cases": timed}
        options.json.write_text(json.dumps(told, indent=1) + "\n", encoding="utf-8")
    # That a peer fails is a result, too.
    failed = any("error" in one for one in timed if one["way"] in (_PLAIN, _OURS))
    return int(not right or failed)


def _options(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    add = parser.add_argument
    backends = ("tensorflow", "jax", "torch")
    default = os.environ.get("KERAS_BACKEND", backends[0])
    add("--backend", choices=backends, default=default, help=f"default: {default}")
    add(
        "--gpus",
        type=int,
        nargs="+",
        metavar="N",
        help="default: 1 2 4 8, as there are",
    )
    add(
        "--virtual", type=int, default=0, metavar="N", help="virtual processors instead"
    )
    add("--batch", type=int, metavar="ROWS", help="rows for each device, weak scaling")
    add("--total", type=int, metavar="ROWS", help="rows for all, strong scaling")
    add("--repeats", type=int, metavar="N", help="epochs that are timed")
    add("--steps", type=int, metavar="N", help="steps of an epoch")
    add(
        "--quick",
        action="store_true",
        help="tiny networks, two of the tables, in one process",
    )
    add("--json", type=Path, metavar="FILE", help="results as JSON")
    options = parser.parse_args(arguments)
    if options.virtual and options.backend == "torch":
        parser.error("PyTorch has no virtual devices: --virtual is for the others")
    usual = (8, 16, 2, 2) if options.quick else (64, 256, 21, 20)
    for name, value in zip(("batch", "total", "repeats", "steps"), usual, strict=True):
        if getattr(options, name) is None:
            setattr(options, name, value)
    options.asked = options.gpus is not None
    options.gpus = sorted({1, *(options.gpus or _COUNTS)})
    return options


# --- which devices ---


def _devices(options: argparse.Namespace) -> Sequence[str]:
    if options.virtual:
        return [f"cpu:{number}" for number in range(options.virtual)]
    (found,) = list(_run(options, [{"do": "devices"}]))
    if "error" in found:
        sys.exit(f"{options.backend} did not start: {found['error']}")
    devices: Sequence[str] = found["devices"]
    return devices


def _refuse(options: argparse.Namespace, devices: Sequence[str]) -> int:
    there = ", ".join(devices) or "no GPU"
    asked = f"{options.gpus[-1]} were" if options.asked else "two or more are"
    text = f"{options.backend} sees {there}, and {asked} wanted."
    if not options.virtual:
        text += (
            " `--virtual 2 --quick` tries this script on a processor that is divided;"
            " its numbers say nothing of GPUs."
        )
    print(text, file=sys.stderr)
    return 2


# --- whether it is right ---


def _checked(
    options: argparse.Namespace, groups: Sequence[Sequence[str]]
) -> list[dict[str, Any]]:
    """What was compared with one device, told as it comes."""
    jobs: list[dict[str, Any]] = [
        {"do": "check", "network": network, "devices": group, "normalized": normalized}
        for group in groups
        for network, normalized in _networks(options)
    ]
    print(f"the same as one device, in float64, {options.backend}")
    checks = []
    for job, result in zip(jobs, _run(options, jobs, JAX_ENABLE_X64="1"), strict=True):
        check = {**job, **result, "tolerance": _tolerance(options.backend, job)}
        check["right"] = _is_right(options.backend, check)
        checks.append(check)
        _tell_check(options.backend, check)
    return checks


def _networks(options: argparse.Namespace) -> Iterator[tuple[str, bool]]:
    """(Network, whether with batch normalization) that equal one device."""
    for network in _NETWORKS:
        yield network, False
    # On PyTorch each slice has statistics of its own.
    if options.backend != "torch" and not options.quick:
        yield "residual", True


def _tolerance(backend: str, job: dict[str, Any]) -> float:
    normalizes = job["normalized"] or job["network"] == "attention"
    rounds = backend == "torch" or (backend == "jax" and normalizes)
    return _TOLERANCE_32 if rounds else _TOLERANCE


def _is_right(backend: str, check: dict[str, Any]) -> bool:
    """Whether the numbers are those of one device, and each device had its part."""
    if "error" in check or not check["difference"] <= check["tolerance"]:
        return False
    if check["normalized"]:
        return True
    places, count = check["places"], len(check["devices"])
    if backend == "jax":
        return bool(places == {"weights on": [count]})
    if backend == "torch":
        return len({place for place in places if place != "cpu"}) == count
    parts = [places.get(device, [0]) for device in check["devices"]]
    return sum(parts[0]) > 0 and all(part == parts[0] for part in parts)


def _tell_check(backend: str, check: dict[str, Any]) -> None:
    network = check["network"] + ", batch normalization" * check["normalized"]
    found = check.get("error") or (
        f"{check['difference']:.1e} apart, at most {check['tolerance']:.0e}"
    )
    verdict = "right" if check["right"] else "WRONG"
    print(f"  {network:<32}{len(check['devices'])} devices  {verdict}  {found}")
    for place, computed in check.get("places", {}).items():
        print(f"    {place:<10} {computed} {_COMPUTED[backend]}", flush=True)


# --- how fast it is ---


def _timed(
    options: argparse.Namespace, devices: Sequence[str], counts: Sequence[int]
) -> list[dict[str, Any]]:
    """The cases with what came of them, told as they come."""
    cases = list(_cases(options, devices, counts))
    jobs = [_job(options, case) for case in cases]
    groups = [jobs] if options.quick else [[job] for job in jobs]
    results = (result for group in groups for result in _run(options, group))
    told: list[dict[str, Any]] = []
    for case, result in zip(cases, results, strict=True):
        one = {**case._asdict(), **result}
        if "rates" in one:
            first = one if case.way == _PLAIN else _alone(case, told)
            one |= _summary(one["rates"], len(case.devices), first)
        _tell(one, told[-1] if told else None)
        told.append(one)
    return told


def _cases(
    options: argparse.Namespace, devices: Sequence[str], counts: Sequence[int]
) -> Iterator[Case]:
    tables = list(itertools.product(_NETWORKS, ("weak", "strong")))
    for network, scaling in tables[::3] if options.quick else tables:
        for count in counts:
            rows = options.batch * count if scaling == "weak" else options.total
            for way in _ways(options, count):
                yield Case(network, scaling, way, devices[:count], rows)


def _ways(options: argparse.Namespace, count: int) -> Iterator[str]:
    """Who computes with so many devices."""
    if count == 1:
        yield _PLAIN
        if options.backend == "tensorflow" and not options.virtual:
            yield _PLAIN_NO_XLA  # Keras takes XLA for one GPU, never for several
        return
    yield _OURS
    if options.backend in _PEER:
        yield _PEER[options.backend]


def _job(options: argparse.Namespace, case: Case) -> dict[str, Any]:
    job = {"do": "time", **case._asdict()}
    del job["scaling"]
    job |= {"steps": options.steps, "repeats": options.repeats}
    return {**job, "small": options.quick}


def _alone(case: Case, told: Sequence[dict[str, Any]]) -> dict[str, Any] | None:
    """What one device does in the same table, by itself; None: it failed."""
    for one in told:
        same = (one["network"], one["scaling"]) == (case.network, case.scaling)
        if same and one["way"] == _PLAIN and "rates" in one:
            return one
    return None


def _summary(
    rates: Sequence[float], count: int, first: dict[str, Any] | None
) -> dict[str, Any]:
    """The median, its quartiles, and what part it is of so many times one device."""
    lower, middle, upper = quantiles(rates, n=4, method="inclusive")
    found: dict[str, Any] = {"rate": middle, "lower": lower, "upper": upper}
    if first:
        found["efficiency"] = middle / (count * median(first["rates"]))
    return found


def _tell(one: dict[str, Any], before: dict[str, Any] | None) -> None:
    table = one["network"], one["scaling"]
    if before is None or table != (before["network"], before["scaling"]):
        print(f"\n{one['network']}, {one['scaling']} scaling, rows a second")
    line = f"  {one['way']:<18}{len(one['devices'])} devices {one['rows']:>6} rows "
    if "error" in one:
        print(line, one["error"], flush=True)
        return
    spread = f"{one['rate']:10.1f} ({one['lower']:.1f} .. {one['upper']:.1f})"
    part = f"{one['efficiency']:.0%}" if "efficiency" in one else ""
    known = [f"{peak / 2**20:.0f}" for peak in one["peaks"] if peak is not None]
    peaks = f"  peak {', '.join(known)} MiB" if known else ""
    print(f"{line}{spread:<34}{part:>5}{peaks}", flush=True)


# --- processes ---


def _run(
    options: argparse.Namespace, jobs: Sequence[dict[str, Any]], **variables: str
) -> Iterator[dict[str, Any]]:
    """What becomes of jobs in a fresh process; where it died, the error says so."""
    told = json.dumps({"virtual": options.virtual, "jobs": jobs})
    paths = [str(_HERE.parent), os.environ.get("PYTHONPATH", "")]
    environment = {
        **os.environ,
        "KERAS_BACKEND": options.backend,
        "KERASPLUG_IMPLEMENTATION": "keras",
        "PYTHONPATH": os.pathsep.join(filter(None, paths)),
        "TF_CPP_MIN_LOG_LEVEL": "3",
        **variables,
    }
    with subprocess.Popen(
        [sys.executable, str(_HERE / "gpu_scaling_driver.py"), told],
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        done = 0
        for line in process.stdout:
            if line.startswith("{"):
                done += 1
                yield json.loads(line)
        last = (process.stderr.read().strip().splitlines() or ["nothing"])[-1]
    for _ in jobs[done:]:
        status = f"the process ended with status {process.returncode}"
        yield {"error": f"{status}, and said: {last[:300]}"}


if __name__ == "__main__":
    sys.exit(main())
