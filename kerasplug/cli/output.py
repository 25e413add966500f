"""What a command says: JSON for programs, plain text for pipes, tables for people.

What plugins say about themselves is never trusted to be harmless: control characters
and escape sequences in it are shown, not obeyed.

On the warm path: nothing is imported but what Python itself has loaded.
"""

import os
import sys

from kerasplug.errors import KerasplugError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from typing import TextIO

__all__ = ["Output", "aligned", "cleaned", "complain"]

#: Columns where a terminal does not say how many it has.
_WIDTH = 80
_INDENT = 2

#: What a text means -> how a terminal shows it (SGR codes).
STYLES = {
    "heading": "1",
    "label": "2",
    "name": "36",
    "ok": "32",
    "note": "36",
    "warning": "33",
    "broken": "1;31",
}


def cleaned(text: str) -> str:
    r"""The text as one line without anything that a terminal would obey.

    Example:
        >>> print(cleaned("red: \x1b[31m"))
        red: \x1b[31m
    """
    if text.isprintable():
        return text
    return "".join(
        one if one.isprintable() else one.encode("unicode_escape").decode("ascii")
        for one in text.encode("utf-8", "backslashreplace").decode("utf-8")
    )


def _cell(text: str) -> str:
    return text if text.isprintable() else cleaned(" ".join(text.split("\n")))


def complain(text: str) -> None:
    """Write a message for people to standard error, where there is one."""
    if sys.stderr is not None:  # it is None where the process was started without one
        sys.stderr.write("".join(f"{cleaned(line)}\n" for line in text.splitlines()))


def aligned(rows: "Sequence[Sequence[str]]", indent: int = _INDENT) -> "list[str]":
    """Lines in which each column begins at the same place; nothing is cut.

    Example:
        >>> aligned([("a", "one"), ("long", "two")])
        ['  a     one', '  long  two']
    """
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    if not widths:
        return []
    form = " " * indent + "  ".join(f"{{:<{width}}}" for width in widths)
    return [form.format(*row).rstrip() for row in rows]


class Output:
    """Where a command's answer goes, and in which form.

    Args:
        stream: the real standard output.
        as_json: whether the answer is for a program.

    Attributes:
        as_json: the same.
        stream: the same.
        answered: whether a program has got its document.
        terminal: whether people read along: tables then fit its width.
        colour: whether colours are wanted: NO_COLOR, FORCE_COLOR and TERM say so, or
            else that it is a terminal.
        width: columns of the terminal.
    """

    def __init__(self, stream: "TextIO", *, as_json: bool) -> None:
        self.as_json = as_json
        self.answered = False
        self.stream = stream
        self._encoding = getattr(stream, "encoding", None) or "utf-8"
        self.terminal = _is_terminal(stream)
        self.colour = _wants_colour(terminal=self.terminal)
        self.width = _width(stream) if self.terminal else 0

    def write(self, text: str) -> None:
        """Write text as it is; what the stream can't encode is escaped.

        Raises:
            BrokenPipeError: whoever reads it has gone.
            KerasplugError: it can't be written: a full disk.
        """
        if not text.isascii():
            raw = text.encode(self._encoding, "backslashreplace")
            text = raw.decode(self._encoding)
        try:
            self.stream.write(text)
        except BrokenPipeError:
            raise
        except OSError as error:
            raise _unwritable(error) from error

    def flush(self) -> None:
        """Hand over what was written; raises as `write`."""
        try:
            self.stream.flush()
        except BrokenPipeError:
            raise
        except OSError as error:
            raise _unwritable(error) from error

    def data(self, value: object) -> None:
        """Write the whole answer of a program: one JSON document."""
        import json

        self.answered = True
        # Where a character can't be written, JSON has its own way to spell it.
        unicode = self._encoding.lower().replace("-", "") == "utf8"
        text = json.dumps(value, indent=2, ensure_ascii=not unicode)
        if not text.replace("\n", "").isprintable():
            text = "".join(
                one if one.isprintable() or one == "\n" else json.dumps(one)[1:-1]
                for one in text
            )
        self.write(text.replace("\x7f", "\\u007f") + "\n")

    def heading(self, text: str) -> None:
        """Write a line that stands above others."""
        for one in self._broken(cleaned(text), self.width):
            self.write(self.styled(one, "heading") + "\n")

    def line(self, text: str = "", *, indent: int = 0) -> None:
        """Write a paragraph; on a terminal it is broken at its width."""
        for paragraph in text.split("\n"):
            for one in self._broken(cleaned(paragraph), self.width - indent):
                self.write(f"{' ' * indent}{one}".rstrip() + "\n")

    def _broken(self, text: str, width: int) -> "list[str]":
        """The text as it is, or on a terminal in lines of that width."""
        if not self.terminal:
            return [text]
        from kerasplug.cli.tables import wrapped

        return wrapped(text, width)

    def table(
        self,
        rows: "Iterable[Sequence[str]]",
        styles: "Sequence[str]" = (),
        *,
        indent: int = _INDENT,
    ) -> None:
        """Write rows of equal length, column below column.

        Args:
            rows: the cells; lines of one cell are joined.
            styles: what each column means: keys of `STYLES`, or `"level"` where the
                cell's own text is one.
            indent: columns to leave free on the left.
        """
        plain = [tuple(map(_cell, row)) for row in rows]
        if not plain:
            return
        if self.terminal or self.colour:
            from kerasplug.cli.tables import table

            lines = table(self, plain, styles, indent)
        else:
            lines = aligned(plain, indent)
        self.write("".join(f"{line}\n" for line in lines))

    def fields(self, pairs: "Iterable[tuple[str, str]]", *, indent: int = 2) -> None:
        """Write labelled values, one below the other; those without a value not."""
        rows = [(f"{label}:", value) for label, value in pairs if value]
        self.table(rows, ("label",), indent=indent)

    def styled(self, text: str, style: str) -> str:
        """The text with the colour of what it means, where colours are wanted."""
        code = STYLES.get(style)
        return f"\x1b[{code}m{text}\x1b[0m" if code and self.colour else text


def _unwritable(error: OSError) -> KerasplugError:
    what = "The answer can't be written."
    return KerasplugError(what, found=str(error), mend="write it to another place")


def _is_terminal(stream: "TextIO") -> bool:
    try:
        return stream.isatty()
    except (AttributeError, ValueError):
        return False


def _wants_colour(*, terminal: bool) -> bool:
    """The order of the variables is that of Python's own tracebacks."""
    if os.environ.get("NO_COLOR"):
        return False
    if os.environ.get("FORCE_COLOR"):
        return True
    return terminal and os.environ.get("TERM") != "dumb"


def _width(stream: "TextIO") -> int:
    said = os.environ.get("COLUMNS", "")
    if said.isdecimal() and int(said):
        return int(said)
    try:
        return os.get_terminal_size(stream.fileno()).columns or _WIDTH
    except (OSError, ValueError):
        return _WIDTH
