"""`kerasplug compare`: one saved model on several backends, side by side."""

import argparse
from pathlib import Path
from typing import TYPE_CHECKING, Any

from kerasplug.cli.output import Output

if TYPE_CHECKING:
    from kerasplug.engines.comparing_result import BackendRun, Comparison

__all__ = ["add_arguments", "run"]


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Tell the parser what `kerasplug compare` takes."""
    parser.add_argument(
        "model", type=_existing, help="a whole model: a .keras or an HDF5 file"
    )
    parser.add_argument(
        "--backends",
        type=_names,
        required=True,
        metavar="A,B,...",
        help="two or more backends; the first one that succeeds is the reference",
    )
    parser.add_argument(
        "--input",
        dest="inputs",
        action="append",
        type=_input,
        metavar="[NAME=]FILE",
        help="a .npy or .npz file with samples, once for each input of the model "
        "(default: one batch of made up numbers)",
    )
    parser.add_argument("--reference", metavar="BACKEND", help="compare with this one")
    for name, kind, default, line in _NUMBERS:
        parser.add_argument(
            name,
            type=kind,
            metavar="N",
            default=default,
            help=f"{line} (default: %(default)s)",
        )
    parser.add_argument(
        "--plot",
        metavar="FILE",
        help="draw times and differences into a .png, .svg or .pdf file",
    )


def _existing(text: str) -> str:
    if not Path(text).exists():
        message = f"there is no file {text!r}"
        raise argparse.ArgumentTypeError(message)
    return text


def _names(text: str) -> list[str]:
    names = [one.strip() for one in text.split(",")]
    if len(names) < 2 or len(set(names)) < len(names) or not all(names):  # noqa: PLR2004 -- it takes two to compare
        message = f"expected two or more different names, received {text!r}"
        raise argparse.ArgumentTypeError(message)
    return names


def _input(text: str) -> tuple[str, str]:
    """The name, perhaps empty, and the file; a file with = in its name goes first."""
    if Path(text).is_file():
        return "", text
    name, sign, path = text.partition("=")
    return (name, _existing(path)) if sign and name else ("", _existing(text))


def _count(text: str) -> int:
    if not text.isdecimal() or not 0 < int(text) < 2**32:
        message = f"expected a whole number >= 1, received {text!r}"
        raise argparse.ArgumentTypeError(message)
    return int(text)


def _seed(text: str) -> int:
    return _count(text) if text != "0" else 0


def _size(text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = -1.0
    if not 0 <= value < float("inf"):
        message = f"expected a number >= 0, received {text!r}"
        raise argparse.ArgumentTypeError(message)
    return value


def _seconds(text: str) -> float:
    if not _size(text):
        message = f"expected a number > 0, received {text!r}"
        raise argparse.ArgumentTypeError(message)
    return float(text)


_NUMBERS = (
    ("--batch-size", _count, 32, "samples in a batch"),
    ("--repeats", _count, 10, "how many batches are timed"),
    ("--tolerance", _size, 1e-4, "the greatest deviation within bounds"),
    ("--seed", _seed, 0, "of made up numbers and of random layers"),
    ("--timeout", _seconds, 600.0, "seconds that one backend may take"),
)


def run(options: argparse.Namespace) -> int:
    """Compare; 0 where all succeeded and agree within the tolerance, else 1.

    Raises:
        UnknownNameError: there is no backend of a name.
        ImplementationError: a backend is not installed.
        RecordError: the picture can't be drawn there, or the reference is no backend.
        MissingExtraError: a picture is wanted and matplotlib is not installed.
        KerasplugError: the model or the inputs can't be used.
    """
    from kerasplug.engines.comparing import compare_backends

    if options.plot is not None:
        from kerasplug.engines.comparing_plot import check_picture

        check_picture(options.plot)
    found = compare_backends(
        options.model,
        options.backends,
        _inputs(options.inputs),
        batch_size=options.batch_size,
        repeats=options.repeats,
        tolerance=options.tolerance,
        seed=options.seed,
        reference=options.reference,
        timeout=options.timeout,
    )
    if options.plot is not None:
        found.plot(options.plot)
    if options.json:
        options.output.data(found.to_dict())
    else:
        _show(options.output, found)
    return 0 if found.ok else 1


def _inputs(given: list[tuple[str, str]] | None) -> Any:
    """The files as `compare_backends` takes them."""
    from kerasplug.errors import KerasplugError

    if given is None:
        return None
    names = [name for name, _ in given]
    if not any(names):
        return [path for _, path in given]
    if not all(names) or len(set(names)) < len(names):
        what = "Either each --input has a name of its own, or none has."
        raise KerasplugError(what, expected="--input a=a.npy --input b=b.npy")
    return dict(given)


# --- for people ---------------------------------------------------------------------


def _show(output: Output, found: "Comparison") -> None:
    head = f"{found.path}: {found.samples} samples, {found.batch_size} a batch"
    output.heading(head)
    output.table(_times(found), ("name",))
    for run in found.runs:
        if run.error:
            output.line()
            output.heading(f"{run.name} failed")
            output.line(run.error, indent=2)
    if found.differences:
        output.line()
        output.heading(f"Differences from {found.reference}")
        output.table(_differences(found), ("name",))
    output.line()
    output.line(_verdict(found))


def _times(found: "Comparison") -> list[tuple[str, ...]]:
    head = ("backend", "state", "a batch", "quartiles", "first batch", "loading", "of")
    return [head, *(_times_of(run) for run in found.runs)]


def _times_of(run: "BackendRun") -> tuple[str, ...]:
    versions = ", ".join(f"{name} {version}" for name, version in run.versions.items())
    if run.timing is None:
        return (run.name, run.state, "-", "-", "-", "-", versions)
    time = run.timing
    around = f"{_milli(time.lower)} .. {_milli(time.upper)}"
    first, load = _milli(time.first), _milli(time.load)
    return (run.name, run.state, _milli(time.median), around, first, load, versions)


def _milli(seconds: float) -> str:
    return f"{seconds * 1000:.4g} ms" if seconds < 1 else f"{seconds:.4g} s"


def _differences(found: "Comparison") -> list[tuple[str, ...]]:
    from kerasplug.engines.comparing_result import differs

    head = ("backend", "output", "state", "absolute", "relative", "in words")
    rows = [
        (
            one.backend,
            one.output,
            "ok" if one.ok else "TOO FAR",
            f"{one.absolute:.3g}",
            f"{one.relative:.3g}",
            differs(one),
        )
        for one in found.differences
    ]
    return [head, *rows]


def _verdict(found: "Comparison") -> str:
    failed = [run.name for run in found.runs if run.state != "ok"]
    apart = dict.fromkeys(one.backend for one in found.differences if not one.ok)
    if found.ok:
        return f"All agree within {found.tolerance:g}."
    parts = [f"failed: {', '.join(failed)}"] if failed else []
    if apart:
        parts.append(f"not within {found.tolerance:g}: {', '.join(apart)}")
    if not found.reference:
        parts.append("there was nothing to compare with")
    return f"They do not agree; {'; '.join(parts)}." if parts else "Nothing compared."
