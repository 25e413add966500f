"""The command `kerasplug`: one module a command, imported when it is asked for.

Each command's module has `add_arguments(parser)` and `run(options)`, which writes its
answer to `options.output` and returns the exit code: 0 for success, 1 for a failure,
2 for a wrong argument or an unknown name.

On the warm path: `kerasplug list` imports nothing that is dear, not even `argparse`.
"""

import os
import sys

import kerasplug
from kerasplug.errors import AmbiguousNameError, KerasplugError, UnknownNameError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from kerasplug.cli.output import Output

__all__ = ["main"]

#: Command -> its module below this package, and its line in the help.
COMMANDS = {
    "list": ("list_names", "list what the installed plugins provide"),
    "show": ("show", "show everything about one plugin or about one thing of it"),
    "why": ("why", "explain who provides a name, and what using it would import"),
    "doctor": ("doctor", "look for what is wrong, and say how to mend it"),
    "timings": ("timings", "measure what each plugin costs at its first import"),
    "data": ("data", "list, download, verify or remove the files of data sets"),
    "cite": ("cite", "print BibTeX of Keras, of applications and of data sets"),
    "backend": ("backend", "list, show, check or choose what Keras computes with"),
    "compare": ("compare", "run a saved model on several backends, and compare"),
    "reproduce": ("reproduce", "run a script again, and name the first difference"),
    "cache": ("cache", "show or clear what kerasplug keeps on disk"),
    "install-command": (
        "install_command",
        "print (never run) the command that brings a plugin or an engine",
    ),
    "demo": ("demo", "train, save and load a model that is made of plugin layers"),
    "completion": ("completion", "print the code that completes names in a shell"),
}

SUCCESS = 0
FAILURE = 1
USAGE = 2
INTERRUPTED = 130  # as shells say that Ctrl-C ended a program


def main(argv: "Sequence[str] | None" = None) -> int:
    """The exit code of one command.

    Args:
        argv: the arguments after the program's name; None: those of this process.

    Returns:
        0 for success, 1 for a failure, 2 for an unknown or an ambiguous name, 130
        after Ctrl-C.

    Raises:
        SystemExit: 0 after `--help` and `--version`, 2 for a wrong argument, as
            argparse does it.

    Guarantees:
        While the command runs, what anything else writes to standard output goes to
        standard error; afterwards both are as they were.

    Example:
        >>> from kerasplug.cli import main
        >>> main(["install-command", "jax"])
        python -m pip install "kerasplug[jax]"
        0
    """
    arguments = sys.argv[1:] if argv is None else list(argv)
    if "_ARGCOMPLETE" in os.environ:
        from kerasplug.cli.completion import complete

        return complete()
    try:
        return _answer(*_understood(arguments))
    except KeyboardInterrupt:
        from kerasplug.cli.output import complain

        complain("\nkerasplug: interrupted")
        return INTERRUPTED


def _understood(arguments: "list[str]") -> "tuple[Callable[[Output], int], bool]":
    """What is to be done with the output, and whether a program reads it."""
    if arguments[:1] == ["list"]:
        from kerasplug.cli.list_names import plainly

        # Where there is nothing to parse, argparse would cost more than the listing.
        quick = plainly(arguments[1:])
        if quick is not None:
            return quick, False
    from kerasplug.cli.parser import parsed

    options = parsed(arguments)

    def run(output: "Output") -> int:
        options.output = output
        code: int = options.run(options)
        return code

    return run, options.json


def _answer(run: "Callable[[Output], int]", as_json: bool) -> int:  # noqa: FBT001 -- passed on from `_understood`, in its order
    from kerasplug.cli.output import Output
    from kerasplug.cli.streams import answering

    with answering() as stream:
        output = Output(stream, as_json=as_json)
        try:
            code = run(output)
            output.flush()
        except (UnknownNameError, AmbiguousNameError) as error:
            return _failed(output, error, USAGE)
        except KerasplugError as error:
            return _failed(output, error, FAILURE)
        except BrokenPipeError:  # a reader such as `head` has seen enough
            return FAILURE
    return code


def _failed(output: "Output", error: KerasplugError, code: int) -> int:
    """Tell people on standard error, and a program on standard output as well."""
    from kerasplug.cli.output import complain

    complain(f"kerasplug: {error}")
    if output.as_json and not output.answered:
        from kerasplug.cli.parser import plain_error

        try:
            output.data(plain_error(error))
            output.flush()
        except (KerasplugError, BrokenPipeError):  # then nobody can be told
            return code
    return code


def version() -> str:
    """The line that `--version` prints."""
    return f"kerasplug {kerasplug.__version__}"
