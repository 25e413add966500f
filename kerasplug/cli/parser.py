"""What may stand on the command line, and the errors about it."""

import argparse
import difflib
import importlib
import sys
from collections.abc import Iterable
from typing import Any, NoReturn

from kerasplug.cli import COMMANDS, version
from kerasplug.errors import KerasplugError

__all__ = ["close_ones", "everything", "one_of", "parsed", "plain_error"]

_EPILOG = """\
exit codes:
  0    success
  1    something is broken, or the command could not do what it was asked
  2    a wrong argument, an unknown name, or a name that several plugins have
  130  interrupted by Ctrl-C

environment variables:
  KERASPLUG_DISABLE, KERASPLUG_ONLY   plugins to switch off, or to use alone
  KERASPLUG_NO_CACHE                  look at everything anew, remember nothing
  NO_COLOR, FORCE_COLOR               never, or always, use colours

"kerasplug COMMAND --help" tells what a command takes. With --json standard output
holds one JSON document, also after an error: {"error": {...}}.
"""


class _UsageError(Exception):
    """A wrong argument, and the parser that can tell how the right ones look."""

    def __init__(self, parser: argparse.ArgumentParser, message: str) -> None:
        super().__init__(message)
        self.parser = parser


class _Parser(argparse.ArgumentParser):
    """A parser that leaves it to `parsed` how an error is told."""

    def error(self, message: str) -> NoReturn:
        raise _UsageError(self, message)


def parsed(arguments: list[str]) -> argparse.Namespace:
    """The options of one command; `run` is the command itself, `json` the form.

    Raises:
        SystemExit: 0 after `--help` and `--version`, 2 for a wrong argument.
    """
    name = next((one for one in arguments if not one.startswith("-")), "")
    known = name in COMMANDS
    parser = _parser([name], in_full=True) if known else _parser(COMMANDS)
    try:
        if name and not known:
            parser.error(f"there is no command {name!r}; {close_ones(name, COMMANDS)}")
        return parser.parse_args(arguments)
    except _UsageError as error:
        if "--json" in arguments:
            import json

            told = {"error": {"type": "UsageError", "what": str(error)}}
            sys.stdout.write(json.dumps(told, indent=2) + "\n")
        argparse.ArgumentParser.error(error.parser, str(error))


def everything() -> argparse.ArgumentParser:
    """The parser of all commands with all their arguments: for completion."""
    return _parser(COMMANDS, in_full=True)


def _parser(names: Iterable[str], *, in_full: bool = False) -> argparse.ArgumentParser:
    """The parser of these commands; their arguments cost the import of each one."""
    parser = _Parser(
        prog="kerasplug",
        description="The plugin toolkit for packages that extend Keras.",
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--version", action="version", version=version())
    commands = parser.add_subparsers(dest="command", metavar="COMMAND", required=True)
    for name in names:
        module, line = COMMANDS[name]
        text = f"{line[:1].upper()}{line[1:]}."
        one = commands.add_parser(name, help=line, description=text)
        if in_full:
            command: Any = importlib.import_module(f"kerasplug.cli.{module}")
            one.add_argument(
                "--json", action="store_true", help="print JSON, for programs"
            )
            command.add_arguments(one)
            one.set_defaults(run=command.run)
    return parser


def close_ones(name: str, known: Iterable[str]) -> str:
    """What to say after "there is no ...": close names, or all where there are few.

    Example:
        >>> close_ones("lsit", ["list", "show"])
        "did you mean 'list'?"
    """
    names = sorted(known)
    close = difflib.get_close_matches(name, names, n=3, cutoff=0.5)
    if close:
        return "did you mean " + " or ".join(map(repr, close)) + "?"
    return "there are " + ", ".join(names)


def one_of(name: str, known: Iterable[str], what: str) -> str:
    """The name, if it is known: for the `type` of an argument.

    Raises:
        argparse.ArgumentTypeError: it is not; the text has close names.
    """
    if name in known:
        return name
    message = f"there is no {what} {name!r}; {close_ones(name, known)}"
    raise argparse.ArgumentTypeError(message)


def plain_error(error: KerasplugError) -> dict[str, dict[str, object]]:
    """An error as JSON has it: its type, and those of its parts that are not empty."""
    told = {
        key: value
        for key, value in vars(error).items()
        if value and isinstance(value, str | tuple)
    }
    return {"error": {"type": type(error).__name__, **told}}
