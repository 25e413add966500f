"""What seeding a session costs: the call itself, and its measures in a training.

On TensorFlow and JAX, and on PyTorch where KERASPLUG_TORCH_PYTHON names a Python that
has it.
"""

import json
import os
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from statistics import median, quantiles
from typing import Final

from timing import Row, ratio
from workshop import ROOT, Workshop, settle

__all__ = ["measure"]

_DRIVER: Final = ROOT / "benchmarks" / "seeding_driver.py"
_GOAL_MS: Final = 50.0
_PYTHONS: Final = {
    "tensorflow": sys.executable,
    "jax": sys.executable,
    "torch": os.environ.get("KERASPLUG_TORCH_PYTHON", ""),
}
#: Names of the measures, as the driver knows them.
_MEASURES: Final = {
    "one thread": ["one thread"],
    "op determinism": ["op determinism"],
    "both": ["one thread", "op determinism"],
    "(noise) the same, once more": [],
}
_PLAIN: Final = "seeds alone"
#: XLA has one way for each operation on a processor.
_WITHOUT_EFFECT: Final = {"jax": ("op determinism", "both")}

#: (wall, CPU) seconds.
_Sample = tuple[float, float]


class _Place:
    """Where the processes of one backend run."""

    def __init__(self, workshop: Workshop, backend: str) -> None:
        self.backend = backend
        self.folder = workshop.folder / f"seeding-{backend}"
        self.home = self.folder / "home"
        self.home.mkdir(parents=True)
        settle(self.home)  # it is on the path, and what is new there is not indexed
        self._library = workshop.library

    def command(self, *arguments: str) -> list[str]:
        """The command line of the driver."""
        return [_PYTHONS[self.backend], "-c", _DRIVER.read_text("utf-8"), *arguments]

    @property
    def environment(self) -> dict[str, str]:
        """What all of them have; nothing keeps Python from its `.pyc` files."""
        environment = {
            **os.environ,
            "KERAS_BACKEND": self.backend,
            "KERAS_HOME": str(self.folder / "keras"),
            "KERASPLUG_IMPLEMENTATION": "keras",
            "PYTHONPATH": os.fspath(self._library),
            "TF_CPP_MIN_LOG_LEVEL": "3",
            "XDG_CACHE_HOME": str(self.folder / "cache"),
        }
        for name in ("PYTHONDONTWRITEBYTECODE", "PYTHONHASHSEED"):
            environment.pop(name, None)
        return environment

    def says(self, *arguments: str) -> str:
        """What a process prints in the end."""
        done = subprocess.run(
            self.command(*arguments),
            env=self.environment,
            cwd=self.home,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
            check=True,
        )
        return done.stdout.splitlines()[-1]


def measure(workshop: Workshop, repeats: int) -> list[Row]:
    """Rows about `use_session_with_seed` and what it asks for."""
    places = [_Place(workshop, name) for name, python in _PYTHONS.items() if python]
    rows = [row for one in places for row in _calls(one, repeats)]
    for model in ("small", "large"):
        rows += [row for one in places for row in _trainings(one, model, repeats)]
    return rows


# --- the call ---


def _calls(place: _Place, repeats: int) -> Iterator[Row]:
    """The call beside Keras' own ones, in fresh processes."""
    section = f"seeding, {place.backend}, fresh processes"
    after = _fresh(place, ("ours", "cleared"), "keras", repeats)
    yield _more(section, "after import keras", after, "cleared", _GOAL_MS)
    if place.backend == "jax":  # the one whose Keras starts the fastest
        first = _fresh(place, ("ours", "keras"), "nothing", repeats)
        yield _more(section, "first of all, with import keras", first, "keras", None)


def _fresh(
    place: _Place, names: Sequence[str], loaded: str, repeats: int
) -> dict[str, list[float]]:
    """CPU seconds of each in turn; the first time only compiles what is imported."""
    samples: dict[str, list[float]] = {name: [] for name in names}
    for number in range(repeats + 1):
        for name in names:
            said = json.loads(place.says("call", name, loaded))
            if number:
                samples[name].append(said[1])
    return samples


def _more(
    section: str,
    what: str,
    samples: Mapping[str, Sequence[float]],
    peer: str,
    goal: float | None,
) -> Row:
    """How much more milliseconds ours takes: medians, and quartiles of the pairs."""
    own, other = samples["ours"], samples[peer]
    pairs = [1000 * (mine - theirs) for mine, theirs in zip(own, other, strict=True)]
    lower, _, upper = quantiles(pairs, n=4, method="inclusive")
    values = 1000 * median(own), 1000 * median(other)
    more = values[0] - values[1]
    return Row(section, what, "ms of CPU more", more, lower, upper, goal, *values)


# --- trainings ---


def _trainings(place: _Place, model: str, repeats: int) -> Iterator[Row]:
    """An epoch under each measure beside one with seeds alone."""
    passed_over = _WITHOUT_EFFECT.get(place.backend, ())
    asked = {
        name: words for name, words in _MEASURES.items() if name not in passed_over
    }
    with ExitStack() as stack:
        turns = {
            name: stack.enter_context(_training(place, model, words))
            for name, words in {_PLAIN: [], **asked}.items()
        }
        samples: dict[str, list[_Sample]] = {name: [] for name in turns}
        for number in range(repeats):
            # Who comes first changes, for what one heats up is there for the next.
            names = list(turns)[:: 1 if number % 2 else -1]
            for name in names:
                samples[name].append(_turn(turns[name]))
    for cpu, clock in enumerate(("wall", "CPU")):
        section = f"an epoch, {model} network, {place.backend} ({clock} time)"
        seconds = {name: [one[cpu] for one in each] for name, each in samples.items()}
        for name in asked:
            yield ratio(section, seconds, name, _PLAIN)


@contextmanager
def _training(
    place: _Place, model: str, measures: Sequence[str]
) -> Iterator["subprocess.Popen[str]"]:
    """A process that trains when it is told so."""
    with subprocess.Popen(
        place.command("train", model, *measures),
        env=place.environment,
        cwd=place.home,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    ) as process:
        assert process.stdout is not None
        for line in process.stdout:
            if line.strip() == "ready":
                break
        yield process


def _turn(process: "subprocess.Popen[str]") -> _Sample:
    """One training there."""
    assert process.stdin is not None
    assert process.stdout is not None
    process.stdin.write("\n")
    process.stdin.flush()
    wall, cpu = json.loads(process.stdout.readline())
    return wall, cpu
