"""`kerasplug completion`: names completed by the tab key, with argcomplete's help.

The shell calls `kerasplug` itself to know what could be meant, with a variable set by
which `main` sees it; so the names are those of this environment.
"""

import argparse

from kerasplug.errors import MissingExtraError

__all__ = ["add_arguments", "complete", "run"]

_SHELLS = ("bash", "zsh", "fish")
_COMMAND = "kerasplug"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Tell the parser what `kerasplug completion` takes."""
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.add_argument("shell", choices=_SHELLS, help="the shell that reads the code")
    parser.epilog = (
        "once in a session of bash or zsh:\n"
        f'  eval "$({_COMMAND} completion bash)"\n'
        "or of fish:\n"
        f"  {_COMMAND} completion fish | source\n"
    )


def run(options: argparse.Namespace) -> int:
    """Print the shell's code; 0.

    Raises:
        MissingExtraError: argcomplete is not installed.
    """
    try:
        from argcomplete.shell_integration import shellcode
    except ImportError as error:
        what = "Completion needs argcomplete, which is not installed."
        raise MissingExtraError(what, extra="completion") from error
    code = shellcode([_COMMAND], shell=options.shell).strip("\n") + "\n"
    if options.json:
        options.output.data({"shell": options.shell, "code": code})
    else:
        options.output.write(code)
    return 0


def complete() -> int:
    """Answer the shell's question about a half-written line.

    Returns:
        1, and only where argcomplete is not there any more: else the process ends.
    """
    from kerasplug.cli.parser import everything

    try:
        from argcomplete.finders import CompletionFinder
    except ImportError:
        return 1
    CompletionFinder()(everything())
    return 1
