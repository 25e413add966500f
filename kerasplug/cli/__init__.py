"""The command `kerasplug`: one module a command, imported when it is asked for.

Each command's module has `add_arguments(parser)` and `run(options)`, which returns the
exit code: 0 for success, 1 for a failure, 2 for a wrong argument or an unknown name.
"""

import argparse
import importlib
import os
import sys
from collections.abc import Sequence
from typing import Any

import kerasplug
from kerasplug.errors import AmbiguousNameError, KerasplugError, UnknownNameError

__all__ = ["main"]

#: Command -> its module below this package, and its line in the help.
COMMANDS = {
    "list": ("list_names", "list what the installed plugins provide"),
    "install-command": (
        "install_command",
        "print (never run) the command that brings a plugin or an engine",
    ),
    "demo": ("demo", "train, save and load a model that is made of plugin layers"),
}

FAILURE = 1
USAGE = 2
INTERRUPTED = 130  # as shells say that Ctrl-C ended a program


def main(argv: Sequence[str] | None = None) -> int:
    """The exit code of one command.

    Args:
        argv: the arguments after the program's name; None: those of this process.

    Returns:
        0 for success, 1 for a failure, 2 for an unknown name, 130 after Ctrl-C.

    Raises:
        SystemExit: 0 after `--help` and `--version`, 2 for a wrong argument, as
            argparse does it.

    Example:
        >>> from kerasplug.cli import main
        >>> main(["install-command", "jax"])
        python -m pip install "kerasplug[jax]"
        0
    """
    arguments = sys.argv[1:] if argv is None else list(argv)
    try:
        return _run(arguments)
    except (UnknownNameError, AmbiguousNameError) as error:
        return _failed(error, USAGE)
    except KerasplugError as error:
        return _failed(error, FAILURE)
    except BrokenPipeError:
        # A reader such as `head` has seen enough. Python would complain once more
        # when it flushes at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return FAILURE
    except KeyboardInterrupt:
        sys.stderr.write("\nkerasplug: interrupted\n")
        return INTERRUPTED


def _run(arguments: list[str]) -> int:
    name = next((one for one in arguments if not one.startswith("-")), "")
    options = _parser(name).parse_args(arguments)
    code: int = _module(options.command).run(options)
    sys.stdout.flush()
    return code


def _failed(error: KerasplugError, code: int) -> int:
    sys.stderr.write(f"kerasplug: {error}\n")
    return code


def _module(command: str) -> Any:
    return importlib.import_module(f"{__name__}.{COMMANDS[command][0]}")


def _parser(command: str) -> argparse.ArgumentParser:
    """The parser; only the command that was asked for tells its arguments."""
    parser = argparse.ArgumentParser(
        prog="kerasplug",
        description="The plugin toolkit for packages that extend Keras.",
    )
    parser.add_argument(
        "--version", action="version", version=f"kerasplug {kerasplug.__version__}"
    )
    commands = parser.add_subparsers(dest="command", metavar="COMMAND", required=True)
    for name, (_, line) in COMMANDS.items():
        one = commands.add_parser(name, help=line, description=line.capitalize() + ".")
        if name == command:
            _module(name).add_arguments(one)
    return parser
