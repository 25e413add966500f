"""Running pytest for real: in this environment, or where no Keras is installed."""

import importlib.metadata
import os
import re
import subprocess
import sys
import textwrap
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from bare import ROOT, needed
from fakes import install

import kerasplug

#: What pytest itself and its plugin xdist are made of, by their distributions.
_PYTEST = ("pytest", "pluggy", "iniconfig", "packaging", "pygments")
_XDIST = ("pytest-xdist", "execnet")
_COUNT = re.compile(r"(\d+) (passed|failed|skipped|errors?|xfailed|deselected)")


@dataclass(frozen=True)
class Ran:
    """What a run of pytest did.

    Attributes:
        code: its exit code.
        out: what it printed.
    """

    code: int
    out: str

    @property
    def counts(self) -> dict[str, int]:
        """What its last line counts: "passed", "failed", "skipped", "error"."""
        last = self.out.strip().splitlines()[-1]
        return {
            what.removesuffix("s") if what == "errors" else what: int(number)
            for number, what in _COUNT.findall(last)
        }


def write(folder: Path, files: Mapping[str, str]) -> None:
    """Write files, dedented, and an ini file where there is none: pytest's root."""
    for name, text in {"pytest.ini": "[pytest]\n", **files}.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(textwrap.dedent(text), encoding="utf-8")


def clean(env: Mapping[str, str] | None = None) -> dict[str, str]:
    """Our environment without what steers Keras, kerasplug and pytest, and `env`."""
    steers = ("PYTEST_", "KERASPLUG_", "PYTHONDONTWRITE", "COV_")
    keras = ("KERAS_BACKEND", "KERAS_IMPLEMENTATION", "TF_USE_LEGACY_KERAS")
    # pytest says more where one of these is set.
    builds = ("CI", "BUILD_NUMBER")
    kept = {
        key: value
        for key, value in os.environ.items()
        if not key.startswith(steers) and key not in (*keras, *builds)
    }
    return {**kept, **(env or {})}


def pytest_here(
    folder: Path,
    files: Mapping[str, str],
    *arguments: str,
    env: Mapping[str, str] | None = None,
) -> Ran:
    """Run pytest in this environment, on a project of these files.

    Args:
        folder: where the project is written.
        files: name -> source; `pytest.ini` if it shall have one of its own.
        arguments: pytest's.
        env: more environment variables.
    """
    write(folder, files)
    return _run([sys.executable, "-m", "pytest", *arguments], folder, clean(env))


def pytest_without(
    folder: Path,
    files: Mapping[str, str],
    *arguments: str,
    paths: tuple[Path, ...] = (),
    env: Mapping[str, str] | None = None,
) -> Ran:
    """Run pytest where kerasplug is installed, and no Keras.

    Args:
        folder: where the project is written.
        files: name -> source.
        arguments: pytest's.
        paths: folders whose packages are installed there, such as a small Keras.
        env: more environment variables.
    """
    write(folder, files)
    return _run(
        [sys.executable, "-S", "-m", "pytest", *arguments],
        folder,
        {
            **clean(env),
            "KERAS_HOME": str(folder / "keras-home"),
            "PYTHONPATH": os.pathsep.join(map(str, path_without(folder, *paths))),
        },
    )


def path_without(folder: Path, *paths: Path) -> list[Path]:
    """The path of an interpreter with kerasplug, pytest, xdist, and these folders."""
    place = folder.parent / f"{folder.name}-installed"
    if not place.exists():
        groups = {"pytest11": {"kerasplug": "_kerasplug_pytest"}}
        install(place, "kerasplug", groups, version=kerasplug.__version__)
        link(place, *_PYTEST, *_XDIST)
    return [*paths, place, ROOT, needed(folder.parent / f"{folder.name}-needed")]


def link(folder: Path, *distributions: str) -> Path:
    """The folder, where links to what these distributions installed here now are."""
    folder.mkdir(parents=True, exist_ok=True)
    for name in distributions:
        for file in importlib.metadata.files(name) or ():
            top = file.parts[0]
            if top not in ("..", "__pycache__") and not (folder / top).exists():
                site = Path(str(file.locate())).parents[len(file.parts) - 1]
                (folder / top).symlink_to(site / top)
    return folder


def _run(command: list[str], folder: Path, env: dict[str, str]) -> Ran:
    done = subprocess.run(
        [*command, "-p", "no:cacheprovider"],
        cwd=folder,
        env=env,
        capture_output=True,
        text=True,
        check=False,
    )
    return Ran(done.returncode, done.stdout + done.stderr)
