"""What plugin code changes about the process that imports it, and the undoing of it.

A hook module holds records; whoever lists it wants names, and nothing else: no other
warnings filters, no other `sys.path`, nothing on standard output.
"""

import contextlib
import io
import os
import stat
import sys
import time
import warnings
from types import TracebackType
from typing import NamedTuple, Self

__all__ = ["HEAVY", "Effects"]

#: Packages that take a good part of a second, or several, to import.
HEAVY = ("tensorflow", "keras", "tf_keras", "jax", "torch", "numpy")

#: How many names or characters a report quotes.
_QUOTED = 60


class _Aside(io.TextIOBase):
    """Stands for `sys.stdout`: what is printed goes to standard error, and is noted."""

    def __init__(self) -> None:
        self.first = ""
        self.length = 0

    def writable(self) -> bool:
        return True

    def write(self, text: str) -> int:
        self.first = (self.first + text)[:_QUOTED]
        self.length += len(text)
        if sys.stderr is not None:
            sys.stderr.write(text)
        return len(text)


class _State(NamedTuple):
    """What is compared: the process before and after."""

    environment: dict[str, str]
    path: list[str]
    folder: str
    modules: frozenset[str]

    @classmethod
    def now(cls) -> Self:
        try:
            folder = os.getcwd()
        except OSError:  # it was removed
            folder = ""
        return cls(dict(os.environ), list(sys.path), folder, frozenset(sys.modules))


class Effects:
    """Notices what the code in a `with` statement changes, and undoes it.

    Modules stay imported: an import can't be undone.

    Args:
        own_output: whether file descriptor 1 is a file that nobody else writes, so that
            its growth is this code's doing.

    Attributes:
        reports: one line for each thing that it changed.
        heavy: those of `HEAVY` that it imported.
        modules: how many modules it imported.
        seconds: how long it took.

    Example:
        >>> with Effects() as effects:
        ...     sys.path.append("elsewhere")
        >>> effects.reports, "elsewhere" in sys.path
        (["changes sys.path (adds 'elsewhere'); undone"], False)
    """

    def __init__(self, *, own_output: bool = False) -> None:
        self.reports: list[str] = []
        self.heavy: tuple[str, ...] = ()
        self.modules = 0
        self.seconds = 0.0
        self._own_output = own_output
        self._undoing = contextlib.ExitStack()

    def __enter__(self) -> Self:
        self._before = _State.now()
        self._written = self._size()
        self._undoing.enter_context(warnings.catch_warnings())
        self._filters = list(warnings.filters)
        self._aside = _Aside()
        self._undoing.enter_context(contextlib.redirect_stdout(self._aside))
        self._began = time.perf_counter()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.seconds = time.perf_counter() - self._began
        other_filters = list(warnings.filters) != self._filters
        self._undoing.close()
        after = _State.now()
        new = after.modules - self._before.modules
        self.modules = len(new)
        self.heavy = tuple(name for name in HEAVY if name in new)
        self._report_output()
        self._restore_environment(after)
        self._restore_path(after)
        if other_filters:
            self.reports.append("changes the warnings filters; undone")
        if self.heavy:
            self.reports.append(self._heavy_report())

    def _size(self) -> int:
        if not self._own_output:
            return 0
        status = os.fstat(1)
        return status.st_size if stat.S_ISREG(status.st_mode) else 0

    def _report_output(self) -> None:
        length = self._aside.length + self._size() - self._written
        if length:
            first = f": {self._aside.first!r}" if self._aside.first else ""
            self.reports.append(
                f"prints to standard output when it is imported ({length} "
                f"characters{first}); kept away from it"
            )

    def _restore_environment(self, after: _State) -> None:
        before = self._before.environment
        changed = sorted(
            key
            for key in before.keys() | after.environment.keys()
            if before.get(key) != after.environment.get(key)
        )
        for key in changed:
            if key in before:
                os.environ[key] = before[key]
            else:
                os.environ.pop(key, None)
        if changed:
            # The names alone: values can be secrets.
            self.reports.append(f"changes the environment ({_few(changed)}); undone")

    def _restore_path(self, after: _State) -> None:
        before = self._before
        if after.path != before.path:
            new = [repr(one) for one in after.path if one not in before.path]
            what = f"adds {_few(new)}" if new else "removes or moves folders"
            self.reports.append(f"changes sys.path ({what}); undone")
            sys.path[:] = before.path
        if after.folder != before.folder and before.folder:
            self.reports.append("changes the current directory; undone")
            with contextlib.suppress(OSError):
                os.chdir(before.folder)

    def _heavy_report(self) -> str:
        # The first ones bring the others: TensorFlow imports Keras and NumPy.
        named = [name for name in self.heavy if name != "numpy"] or ["numpy"]
        return (
            f"imports {', '.join(named)} to be listed, {self.seconds:.1f} s in all; "
            "a hook module needs records only"
        )


def _few(names: list[str]) -> str:
    shown = ", ".join(names[:5])
    return f"{shown} and {len(names) - 5} more" if len(names) > 5 else shown  # noqa: PLR2004 -- how many are shown, twice in two lines
