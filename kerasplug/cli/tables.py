"""Tables on a terminal: with rich where it is installed, else broken into lines."""

import importlib.util
import io
import unicodedata
from collections.abc import Sequence

from kerasplug.cli.output import STYLES, Output

__all__ = ["columns", "table", "wrapped"]

_GAP = 2
#: No column gets narrower than this, whatever the terminal.
_NARROWEST = 8
#: How many lines rich is told that there are; nothing depends on it.
_ANY = 25
#: SGR code -> the words that rich has for it.
_WORDS = {"1": "bold", "2": "dim", "31": "red", "32": "green", "33": "yellow"}
_WORDS["36"] = "cyan"

Rows = Sequence[Sequence[str]]


def columns(text: str) -> int:
    """How many columns of a terminal a text takes: East Asian letters take two.

    Example:
        >>> columns("name"), columns("\u540d\u524d")
        (4, 4)
    """
    return len(text) if text.isascii() else sum(map(_columns_of_one, text))


def _columns_of_one(character: str) -> int:
    if unicodedata.combining(character):
        return 0
    return 2 if unicodedata.east_asian_width(character) in "WF" else 1


def wrapped(text: str, width: int) -> list[str]:
    """The text in lines of at most `width` columns; at least one line.

    Example:
        >>> wrapped("one two three", 8)
        ['one two', 'three']
    """
    width = max(width, _NARROWEST)
    if columns(text) <= width:
        return [text]
    lines: list[str] = []
    line = ""
    for word in text.split(" "):
        longer = f"{line} {word}" if line else word
        if columns(longer) <= width:
            line = longer
            continue
        *whole, rest = _pieces(word, width)
        lines += [*([line] if line.strip() else []), *whole]
        line = rest
    return [*lines, line] if line or not lines else lines


def _pieces(word: str, width: int) -> list[str]:
    """A word in pieces of at most `width` columns."""
    pieces = [""]
    for character in word:
        if columns(pieces[-1] + character) > width:
            pieces.append("")
        pieces[-1] += character
    return pieces


def table(output: Output, rows: Rows, styles: Sequence[str], indent: int) -> list[str]:
    """The lines of a table.

    Args:
        output: says whether it has a width to keep and whether it has colours.
        rows: cells without anything that a terminal would obey.
        styles: as `Output.table` has them.
        indent: columns to leave free on the left.
    """
    width = output.width if output.terminal else _natural_width(rows) + indent
    if output.terminal and importlib.util.find_spec("rich") is not None:
        lines = _by_rich(output, rows, styles, width - indent)
    else:
        lines = list(_by_hand(output, rows, styles, width - indent))
    return [f"{' ' * indent}{line}".rstrip() for line in lines]


def _natural_width(rows: Rows) -> int:
    return sum(_widths(rows)) + _GAP * (len(rows[0]) - 1)


def _widths(rows: Rows) -> list[int]:
    return [max(map(columns, column)) for column in zip(*rows, strict=True)]


def _style(styles: Sequence[str], column: int, text: str) -> str:
    """What a cell means."""
    style = styles[column] if column < len(styles) else ""
    return text if style == "level" else style


def _by_hand(
    output: Output, rows: Rows, styles: Sequence[str], width: int
) -> list[str]:
    widths = _fitting(_widths(rows), width)
    lines = []
    for row in rows:
        cells = [wrapped(text, wide) for text, wide in zip(row, widths, strict=True)]
        for number in range(max(map(len, cells))):
            parts = [cell[number] if number < len(cell) else "" for cell in cells]
            line = "".join(
                output.styled(part, _style(styles, at, row[at]))
                + " " * (widths[at] - columns(part) + _GAP)
                for at, part in enumerate(parts)
            )
            lines.append(line.rstrip())
    return lines


def _fitting(widths: list[int], width: int) -> list[int]:
    """Widths of columns that fit: narrow ones keep theirs, the others share the rest.

    Example:
        >>> _fitting([5, 60, 60], 49)
        [5, 20, 20]
    """
    left = width - _GAP * (len(widths) - 1)
    found = dict.fromkeys(range(len(widths)), 0)
    waiting = sorted(found, key=lambda at: widths[at])
    while waiting:
        at = waiting.pop(0)
        share = left // (len(waiting) + 1)
        found[at] = min(widths[at], max(share, _NARROWEST))
        left -= found[at]
    return list(found.values())


def _by_rich(
    output: Output, rows: Rows, styles: Sequence[str], width: int
) -> list[str]:
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    made = Table.grid(padding=(0, _GAP, 0, 0))
    for _ in rows[0]:
        made.add_column(overflow="fold")
    for row in rows:
        cells = [Text(text) for text in row]
        for at, cell in enumerate(cells):
            codes = STYLES.get(_style(styles, at, row[at]), "")
            cell.stylize(" ".join(_WORDS[code] for code in codes.split(";") if code))
        made.add_row(*cells)
    file = io.StringIO()
    console = Console(
        file=file,
        width=max(width, _NARROWEST),
        height=_ANY,  # without both, a terminal called "dumb" has 80 columns
        force_terminal=True,
        color_system="standard" if output.colour else None,
        no_color=not output.colour,
        highlight=False,
        markup=False,
        emoji=False,
    )
    console.print(made)
    return file.getvalue().splitlines()
