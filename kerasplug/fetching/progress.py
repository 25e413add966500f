"""How far a download is: a bar on a terminal, a call, or nothing."""

import contextlib
import sys
from collections.abc import Callable, Iterator
from importlib.util import find_spec
from typing import TYPE_CHECKING, cast

from kerasplug.errors import MissingExtraError
from kerasplug.fetching.faults import refused

if TYPE_CHECKING:
    from kerasplug.fetching.downloading import Report

__all__ = ["showing"]


@contextlib.contextmanager
def showing(progress: object, title: str, size: int | None) -> "Iterator[Report]":
    """What a download is to be reported to.

    Args:
        progress: None: a bar where standard error is a terminal and rich is there;
            True: a bar in any case; False: nothing; else what is called with the number
            of bytes that are there and of those there will be, or None.
        title: what is downloaded.
        size: in bytes; None: not known.

    Raises:
        MissingExtraError: a bar is demanded, and rich is not installed.
        RecordError: `progress` is none of these.
    """
    if progress is not None and not isinstance(progress, bool):
        if not callable(progress):
            rule = "True, False, None, or a function of two arguments"
            raise refused(progress, "progress", rule, of="fetch")
        yield cast("Report", progress)
    elif progress or (progress is None and _wanted_here()):
        with _bar(title, size) as report:
            yield report
    else:
        yield lambda _received, _total: None


def _wanted_here() -> bool:
    stream = sys.stderr
    try:
        terminal = stream is not None and stream.isatty()
    except ValueError:  # closed
        return False
    return terminal and find_spec("rich") is not None


@contextlib.contextmanager
def _bar(title: str, size: int | None) -> Iterator[Callable[[int, int | None], None]]:
    try:
        from rich import progress as rich_progress
        from rich.console import Console
        from rich.markup import escape
    except ImportError as error:
        message = "A progress bar needs rich, which is not installed."
        raise MissingExtraError(message, extra="rich") from error
    columns = (
        rich_progress.TextColumn("{task.description}"),
        rich_progress.BarColumn(),
        rich_progress.DownloadColumn(),
        rich_progress.TransferSpeedColumn(),
        rich_progress.TimeRemainingColumn(),
    )
    with rich_progress.Progress(*columns, console=Console(stderr=True)) as bars:
        task = bars.add_task(escape(title), total=size)

        def report(received: int, total: int | None) -> None:
            bars.update(task, completed=received, total=total or size)

        yield report
