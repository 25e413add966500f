"""Real environments with the Keras to come, in which backends are packages.

`nightly` has keras-nightly, JAX, kerasplug and the toy backend; `official` has two of
Keras' own packages besides. Each is made once for a whole run, also for all workers of
pytest-xdist together. Test files import the fixtures from here.
"""

import os
import shutil
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest
from filelock import FileLock
from install_kit import ROOT, run

TOY = ROOT / "examples" / "toy_backend"

#: Older ones lack what the tests are about; the newest there is gets installed.
KERAS = "keras-nightly>=3.16.0.dev2026102704"

# Keras' NumPy backend imports JAX and SciPy; the last four are kerasplug's and pytest.
_NIGHTLY = (KERAS, "jax", "scipy", "filelock", "packaging", "pluggy", "pytest")

# The engines themselves, with what their packages forget.
_ENGINES = ("openvino", "mlx[cpu]", "scipy")

# Both require a plain `keras`, which would lie over the files of keras-nightly.
_OFFICIAL = ("keras-openvino", "keras-mlx")

# What would choose a backend, or let in what is not installed.
_FOREIGN = ("PYTHON", "KERAS", "VIRTUAL_ENV", "COVERAGE", "COV_", "MLX_", "PYTEST")


@dataclass(frozen=True)
class Nightly:
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

    @property
    def site(self) -> Path:
        """Where its packages are."""
        code = "import sysconfig; print(sysconfig.get_path('purelib'))"
        return Path(self.run("-c", code).strip())

    def env(self, **variables: str) -> dict[str, str]:
        """The environment of its processes: nothing chosen, nothing from elsewhere."""
        kept = {k: v for k, v in os.environ.items() if not k.startswith(_FOREIGN)}
        own = {
            "HOME": str(self.home),
            "KERAS_HOME": str(self.home / "keras"),
            "XDG_CACHE_HOME": str(self.home / "cache"),
            "PYTHONDONTWRITEBYTECODE": "1",
            # Compiling each function with a C++ compiler takes minutes.
            "MLX_DISABLE_COMPILE": "1",
        }
        return kept | own | variables

    def run(self, *arguments: str | Path, **variables: str) -> str:
        """What its Python prints; its failing fails the test, with all it said.

        Args:
            arguments: of the interpreter, such as `"-c", program`.
            **variables: more environment variables.
        """
        return run([self.python, *arguments], self.env(**variables), cwd=self.home)

    def command(self, code: str) -> list[str]:
        """The command of a process that runs `code`, for those that may fail."""
        return [str(self.python), "-c", code]

    def install(self, *arguments: str | Path) -> None:
        """Install packages; a second time they come from uv's cache."""
        base = [sys.executable, "-m", "uv", "pip", "install", "-q"]
        run([*base, "--python", self.python, *arguments], os.environ)

    def alone(self, folder: Path) -> "Nightly":
        """The same environment with a home of its own, for tests that write there."""
        folder.mkdir(parents=True, exist_ok=True)
        return Nightly(self.prefix, folder)


def _new(folder: Path) -> Nightly:
    """An empty environment."""
    made = Nightly(folder / "environment", folder / "home")
    made.home.mkdir(parents=True)
    uv = [sys.executable, "-m", "uv", "venv", "-q", "--python", sys.executable]
    run([*uv, made.prefix], os.environ)
    return made


def _made_nightly(folder: Path) -> Nightly:
    """With keras-nightly, kerasplug and the toy backend as they are in this tree."""
    made = _new(folder)
    # Pre-releases of Keras only: those of all others would come with `allow`.
    made.install("--prerelease", "if-necessary-or-explicit", *_NIGHTLY)
    build = [sys.executable, "-m", "build", "--wheel", "--no-isolation"]
    for source in (ROOT, TOY):
        run([*build, "--outdir", folder / "wheels", source], os.environ)
    made.install("--no-deps", *(folder / "wheels").glob("*.whl"))
    return made


def _made_official(folder: Path) -> Nightly:
    """The same and the packages for OpenVINO and MLX."""
    made = _made_nightly(folder)
    made.install(*_ENGINES)
    made.install("--no-deps", *_OFFICIAL)
    return made


_MAKERS = {"nightly": _made_nightly, "official": _made_official}


def shared(name: str, base: Path, worker: str) -> Nightly:
    """The environment of that name, made by whichever worker comes first.

    Args:
        name: `"nightly"` or `"official"`.
        base: this worker's folder for temporary files.
        worker: its name, `"master"` where there is but one.
    """
    root = base if worker == "master" else base.parent
    folder = root / f"keras-{name}"
    with FileLock(root / f"keras-{name}.lock"):
        if not (folder / "made").exists():
            # Half of one is there where its making failed for another worker.
            shutil.rmtree(folder, ignore_errors=True)
            folder.mkdir(parents=True)
            _MAKERS[name](folder)
            (folder / "made").touch()
    return Nightly(folder / "environment", folder / "home")


def _fixture(name: str, request: pytest.FixtureRequest) -> Nightly:
    base = request.getfixturevalue("tmp_path_factory").getbasetemp()
    worker = getattr(request.config, "workerinput", {}).get("workerid", "master")
    made = shared(name, base, worker)
    return made.alone(base / f"home-{name}")


@pytest.fixture(scope="session")
def nightly(request: pytest.FixtureRequest) -> Nightly:
    """keras-nightly, JAX, SciPy, pytest, kerasplug and the toy backend."""
    return _fixture("nightly", request)


@pytest.fixture(scope="session")
def official(request: pytest.FixtureRequest) -> Nightly:
    """The same, with OpenVINO, MLX and their packages for Keras."""
    return _fixture("official", request)
