"""A real environment with PlaidML, Keras 2.2.4, kerasplug, this plugin and pytest.

It is made once for a whole run, also for all workers of pytest-xdist together. Test
files import the fixture from here.
"""

import os
import shutil
import subprocess
import sys
import textwrap
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import pytest
from filelock import FileLock
from kerasplug_plaidml.engine import PlaidML

ROOT = Path(__file__).resolve().parents[3]

#: What kerasplug and pytest need themselves.
_OTHERS = ("filelock", "iniconfig", "packaging", "pluggy", "pygments", "pytest")

# What would choose a Keras, a backend or a device, or let in what is not installed.
_FOREIGN = ("PYTHON", "KERAS", "PLAIDML", "VIRTUAL_ENV", "COVERAGE", "COV_", "PYTEST")


@dataclass(frozen=True)
class Here:
    """A virtual environment, and a home for what its processes write.

    Attributes:
        prefix: the environment.
        home: `HOME`, `KERAS_HOME` and `XDG_CACHE_HOME` of its processes are in here.
    """

    prefix: Path
    home: Path

    @property
    def python(self) -> Path:
        """The interpreter."""
        scripts, ending = ("Scripts", ".exe") if os.name == "nt" else ("bin", "")
        return self.prefix / scripts / f"python{ending}"

    def env(self, variables: Mapping[str, str]) -> dict[str, str]:
        """The environment of its processes: nothing chosen, nothing from elsewhere."""
        kept = {k: v for k, v in os.environ.items() if not k.startswith(_FOREIGN)}
        own = {
            "HOME": str(self.home),
            "USERPROFILE": str(self.home),
            "KERAS_HOME": str(self.home / "keras"),
            "XDG_CACHE_HOME": str(self.home / "cache"),
        }
        return kept | own | variables

    def start(
        self, *arguments: str | Path, cwd: Path | None = None, **variables: str
    ) -> "subprocess.CompletedProcess[str]":
        """A process of its Python, when it has ended; it may have failed.

        Args:
            arguments: of the interpreter.
            cwd: the working directory; None: the home.
            **variables: more environment variables.
        """
        return subprocess.run(
            [self.python, *arguments],
            env=self.env(variables),
            cwd=cwd or self.home,
            capture_output=True,
            text=True,
            check=False,
        )

    def run(
        self, code: str, *flags: str, cwd: Path | None = None, **variables: str
    ) -> list[str]:
        """The lines that code prints; its failing fails the test, with all it said."""
        done = self.start(*flags, "-c", textwrap.dedent(code), cwd=cwd, **variables)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout.splitlines()

    def alone(self, folder: Path) -> "Here":
        """The same environment with a home of its own, for tests that write there."""
        folder.mkdir(parents=True, exist_ok=True)
        return Here(self.prefix, folder)


def _made(folder: Path) -> Here:
    made = Here(folder / "environment", folder / "home")
    made.home.mkdir(parents=True)
    uv = [sys.executable, "-m", "uv"]
    _run([*uv, "venv", "-q", "--python", sys.executable, made.prefix])
    build = [sys.executable, "-m", "build", "--wheel", "--no-isolation"]
    for source in (ROOT, ROOT / "plugins" / "plaidml"):
        _run([*build, "--outdir", folder / "wheels", source])
    wheels = (folder / "wheels").glob("*.whl")
    install = [*uv, "pip", "install", "-q", "--no-deps", "--python", made.python]
    _run([*install, *PlaidML.requirements, *_OTHERS, *wheels])
    return made


def _run(command: list[str | Path]) -> None:
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def shared(base: Path, worker: str) -> Here:
    """The environment, made by whichever worker of the run comes first.

    Args:
        base: this worker's folder for temporary files.
        worker: its name, `"master"` where there is but one.
    """
    root = base if worker == "master" else base.parent
    folder = root / "plaidml-here"
    with FileLock(root / "plaidml-here.lock"):
        if not (folder / "made").exists():
            # Half of one is there where its making failed for another worker.
            shutil.rmtree(folder, ignore_errors=True)
            folder.mkdir(parents=True)
            _made(folder)
            (folder / "made").touch()
    return Here(folder / "environment", folder / "home")


@pytest.fixture(scope="session")
def here(request: pytest.FixtureRequest) -> Here:
    """An environment in which Keras itself computes with PlaidML."""
    base = request.getfixturevalue("tmp_path_factory").getbasetemp()
    worker = getattr(request.config, "workerinput", {}).get("workerid", "master")
    return shared(base, worker).alone(base / "home-here")
