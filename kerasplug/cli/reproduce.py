"""`kerasplug reproduce`: a script in fresh processes, and where they first differ."""

import argparse
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from kerasplug.cli.output import Output

if TYPE_CHECKING:
    from kerasplug.reproducing.result import Difference, Reproducibility

__all__ = ["add_arguments", "run"]

#: What stands before the arguments of the script.
_MARK = "--"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Tell the parser what `kerasplug reproduce` takes."""
    parser.add_argument(
        "script", type=_existing, help="a Python file that trains a model"
    )
    parser.add_argument(
        "--runs",
        type=_count,
        default=2,
        metavar="N",
        help="how often it is run (default: %(default)s)",
    )
    parser.add_argument("--backend", metavar="NAME", help="the backend of Keras")
    parser.add_argument(
        "--timeout",
        type=_seconds,
        default=600.0,
        metavar="SECONDS",
        help="how long one run may take (default: %(default)s)",
    )
    parser.add_argument(
        "--hash-seed",
        type=_hash_seed,
        metavar="N",
        help="PYTHONHASHSEED of all runs (default: each run has another one)",
    )
    parser.add_argument(
        "--no-explain",
        dest="explain",
        action="store_false",
        help="say what differs, and do not look for causes, which takes more runs",
    )
    parser.epilog = "What stands after -- is handed to the script."
    _hand_on(parser)


def _hand_on(parser: argparse.ArgumentParser) -> None:
    """Keep what stands after `--` from the parser.

    A list of arguments at the end would do, if argparse did not take it for empty where
    an option stands before it. Source: Python 3.11, `argparse.consume_positionals`.
    """
    parser.set_defaults(arguments=[])
    parse = parser.parse_known_args

    def parse_until_mark(
        args: Sequence[str] | None = None, namespace: Any = None
    ) -> tuple[Any, list[str]]:
        given = list(args or ())
        at = given.index(_MARK) if _MARK in given else len(given)
        found, more = parse(given[:at], namespace)
        found.arguments = given[at + 1 :]
        return found, more

    parser.parse_known_args = parse_until_mark  # type: ignore[method-assign,assignment]  # the parser is not ours to subclass


def _existing(text: str) -> str:
    if not Path(text).is_file():
        message = f"there is no file {text!r}"
        raise argparse.ArgumentTypeError(message)
    return text


def _count(text: str) -> int:
    if not text.isdecimal() or int(text) < 2:  # noqa: PLR2004 -- it takes two to compare
        message = f"expected a whole number >= 2, received {text!r}"
        raise argparse.ArgumentTypeError(message)
    return int(text)


def _hash_seed(text: str) -> str:
    if not text.isdecimal() or int(text) >= 1 << 32:
        message = f"expected a whole number from 0 to 4294967295, received {text!r}"
        raise argparse.ArgumentTypeError(message)
    return text


def _seconds(text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = -1.0
    if not 0 < value < float("inf"):
        message = f"expected a number > 0, received {text!r}"
        raise argparse.ArgumentTypeError(message)
    return value


def run(options: argparse.Namespace) -> int:
    """Run the script several times; 0 where it gave the same each time, else 1.

    Raises:
        ImplementationError: Keras or the backend is not installed.
        ReproducibilityError: a run failed, or nothing could be compared.
        KerasplugError: no process can be started.
    """
    from kerasplug.reproducing.checking import check_reproducible

    hashes = options.hash_seed
    found = check_reproducible(
        options.script,
        options.runs,
        argv=options.arguments,
        timeout=options.timeout,
        environment={} if hashes is None else {"PYTHONHASHSEED": hashes},
        backend=options.backend,
        explain=options.explain,
    )
    if options.json:
        options.output.data(found.as_dict())
    else:
        _show(options.output, found)
    return 0 if found.same else 1


# --- for people ---------------------------------------------------------------------


def _show(output: Output, found: "Reproducibility") -> None:
    output.heading(found.target)
    output.fields(_facts(found))
    if found.first is not None:
        output.line()
        output.heading("The first difference")
        output.fields(_difference(found.first))
    for title, lines in (("Likely causes", found.causes), ("Notes", found.notes)):
        if lines:
            output.line()
            output.heading(title)
            for line in lines:
                output.line(line, indent=2)
    output.line()
    output.line(_verdict(found))


def _facts(found: "Reproducibility") -> list[tuple[str, str]]:
    versions = ", ".join(f"{name} {one}" for name, one in found.versions.items())
    return [
        ("backend", found.backend),
        ("versions", versions),
        ("runs", str(found.runs)),
        ("steps compared", str(found.steps)),
        ("tensors compared", str(found.tensors)),
    ]


def _difference(first: "Difference") -> list[tuple[str, str]]:
    shape = f"{first.dtype} {first.shape}" if first.dtype else ""
    one, two = first.runs
    facts = [
        ("what", first.what),
        ("tensor", shape),
        ("note", first.note),
        ("largest", "" if first.largest is None else f"{first.largest:.3g}"),
    ]
    if first.index is not None and first.values is not None:
        left, right = first.texts
        where = f" at {first.index}" if first.index else ""
        facts += [(f"run {one}", f"{left}{where}"), (f"run {two}", f"{right}{where}")]
    return facts


def _verdict(found: "Reproducibility") -> str:
    if found.same:
        return f"All {found.runs} runs gave the same, bit by bit."
    return "The runs differ."
