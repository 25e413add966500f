"""Running a program in fresh processes, under one setting or another."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final, Literal, NamedTuple

from kerasplug.engines.apart import ask_apart
from kerasplug.errors import ReproducibilityError

__all__ = ["Depth", "Laboratory", "Program", "Run", "Setting"]

Depth = Literal["steps", "inside"]

_CHILD: Final = "kerasplug.reproducing.child"
_SEEDED: Final = "kerasplug.reproducing.seeded_child"
#: What keeps the engines from dividing one computation among several threads.
_ONE_THREAD: Final = {
    "NPROC": "1",
    "OMP_NUM_THREADS": "1",
    "MKL_NUM_THREADS": "1",
    "TF_NUM_INTRAOP_THREADS": "1",
    "TF_NUM_INTEROP_THREADS": "1",
}
_HASHES: Final = "PYTHONHASHSEED"


class Program(NamedTuple):
    """What is run.

    Args:
        label: what people call it.
        target: the same as a child takes it.
    """

    label: str
    target: Mapping[str, Any]


class Setting(NamedTuple):
    """How runs differ from the plain ones.

    Args:
        hash_seed: of all runs; None: each run has another one.
        seeded: the backend whose global generator, with those of Python and NumPy, is
            seeded before the program begins; None: the program seeds itself.
        one_thread: whether the engine computes with one thread.
    """

    hash_seed: int | None = None
    seeded: str | None = None
    one_thread: bool = False


class Run(NamedTuple):
    """A run that came to its end.

    Args:
        number: from 1.
        folder: where its journal is.
        answer: what its process said of itself.
    """

    number: int
    folder: Path
    answer: Mapping[str, Any]


class Laboratory:
    """Where a program is run, again and again.

    Args:
        program: what is run.
        folder: a folder for the runs.
        keep: how many bytes of arrays one run may keep.
        timeout: seconds that one run may take.
        environment: variables that each process has besides those of this one.
    """

    def __init__(
        self,
        program: Program,
        folder: Path,
        *,
        keep: int,
        timeout: float,
        environment: Mapping[str, str],
    ) -> None:
        self.program = program
        self._folder = folder
        self._keep = keep
        self._timeout = timeout
        self._environment = dict(environment)
        self._started = 0

    @property
    def has_fixed_hashes(self) -> bool:
        """Whether the caller has given all runs one hash seed."""
        return _HASHES in self._environment

    def run(
        self,
        number: int,
        depth: Depth,
        setting: Setting | None = None,
        *,
        keep: bool = True,
    ) -> Run:
        """Run the program once.

        Args:
            number: which run it is, from 1; hashes depend on it.
            depth: how much is written down.
            setting: what is other than usual.
            keep: whether arrays are kept.

        Raises:
            KeyboardInterrupt: somebody pressed Ctrl-C; the process is ended.
            KerasplugError: no process can be started.
            ReproducibilityError: the program failed, or its process ended otherwise.
        """
        setting = setting or Setting()
        self._started += 1
        folder = self._folder / str(self._started)
        folder.mkdir()
        ending = ask_apart(
            _CHILD if setting.seeded is None else _SEEDED,
            {**self._request(folder, depth, keep=keep), "backend": setting.seeded},
            folder,
            timeout=self._timeout,
            environment=self._variables(number, setting),
            command="kerasplug reproduce",
        )
        answer = ending.answer
        if answer is None or answer["state"] != "ok":
            how = ending.how if answer is None else f"{answer['error']}\n{ending.last}"
            what = f"Run {number} of {self.program.label} failed."
            mend = "make it run to its end; then it can be compared"
            raise ReproducibilityError(what, found=how.strip(), mend=mend)
        return Run(number, folder, answer)

    def _request(self, folder: Path, depth: Depth, *, keep: bool) -> dict[str, Any]:
        return {
            "folder": str(folder),
            "keep": self._keep if keep else 0,
            "target": dict(self.program.target),
            "depth": depth,
        }

    def _variables(self, number: int, setting: Setting) -> dict[str, str]:
        """What differs between runs, and what the caller wants."""
        seed = number if setting.hash_seed is None else setting.hash_seed
        threads = _ONE_THREAD if setting.one_thread else {}
        return {_HASHES: str(seed), **self._environment, **threads}
