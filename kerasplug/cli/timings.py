"""`kerasplug timings`: what each plugin costs, imported alone in a new process."""

import argparse

from kerasplug.cli import names
from kerasplug.cli.output import Output
from kerasplug.names import normalise
from kerasplug.registry.measuring import Timing, measure
from kerasplug.registry.overview import table

__all__ = ["add_arguments", "run"]

#: What a hook module may take at its first import, in seconds, unless one says else.
_BUDGET = 0.1


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Tell the parser what `kerasplug timings` takes."""
    names.add_name(parser, names.plugins, "only these plugins; default: all", nargs="*")
    parser.add_argument(
        "--budget",
        type=_seconds,
        metavar="SECONDS",
        help=f"what a module may take; default: {_BUDGET} for hook modules, "
        "no limit for targets",
    )
    parser.add_argument(
        "--targets",
        action="store_true",
        help="also import what the plugins provide, and with it perhaps Keras",
    )


def _seconds(text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = -1.0
    if not 0 <= value < float("inf"):
        message = f"expected a number of seconds >= 0, received {text!r}"
        raise argparse.ArgumentTypeError(message)
    return value


def run(options: argparse.Namespace) -> int:
    """Print the timings; 0, or 1 where one is over its budget or failed.

    Raises:
        UnknownNameError: there is no plugin of a name.
    """
    providers = table().providers
    wanted = [normalise(name) for name in options.name]
    for given, name in zip(options.name, wanted, strict=True):
        if name not in providers:
            raise names.unknown_plugin(given, providers)
    found = measure(wanted or None, targets=options.targets)
    rows = [(one, _verdict(one, options.budget)) for one in found]
    if options.json:
        options.output.data([_plain(*row, options.budget) for row in rows])
    else:
        _print(options.output, rows)
    return int(any(verdict != "ok" for _, verdict in rows))


def _budget(one: Timing, budget: float | None) -> float | None:
    if budget is None and one.what.startswith("hook module"):
        return _BUDGET
    return budget


def _verdict(one: Timing, budget: float | None) -> str:
    """`"ok"`, `"over budget"` or `"failed"`."""
    limit = _budget(one, budget)
    if one.error:
        return "failed"
    return "ok" if limit is None or one.seconds <= limit else "over budget"


def _plain(one: Timing, verdict: str, budget: float | None) -> dict[str, object]:
    limit = _budget(one, budget)
    return {**one._asdict(), "heavy": list(one.heavy), "budget": limit, "is": verdict}


def _print(output: Output, rows: list[tuple[Timing, str]]) -> None:
    if not rows:
        output.line("nothing to measure: declared plugins import nothing to be listed")
        return
    output.table(
        (
            (
                f"{one.seconds:.3f} s",
                f"{one.modules} modules",
                f"{one.plugin} {one.version}".strip(),
                one.what,
                _remark(one, verdict),
            )
            for one, verdict in rows
        ),
        ("", "label", "name"),
        indent=0,
    )


def _remark(one: Timing, verdict: str) -> str:
    parts = [] if verdict == "ok" else [verdict.upper()]
    if one.heavy:
        parts.append(f"imports {', '.join(one.heavy)}")
    if one.error:
        parts.append(one.error)
    return "; ".join(parts)
