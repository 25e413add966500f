"""The wheels of all distributions: built, installed, listed, used, uninstalled."""

import os
import subprocess
import sys
import venv
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]

#: Folder of the project -> what its wheel has at the top, beside its metadata.
PROJECTS = {
    ".": {
        "kerasplug",
        "_kerasplug_backends.py",
        "_kerasplug_pytest.py",
        "_kerasplug_state.py",
    },
    "plugins/datasets": {"kerasplug_datasets"},
    "plugins/applications": {"kerasplug_applications"},
    "plugins/plaidml": {"kerasplug_plaidml"},
    "examples/downstream_pkg": {"downstream_pkg"},
}

pytestmark = pytest.mark.slow


def run(*command: object, **environment: str) -> str:
    """What a command prints; its output is the failure where there is one."""
    done = subprocess.run(
        [str(part) for part in command],
        env={**os.environ, "PIP_DISABLE_PIP_VERSION_CHECK": "1", **environment},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def wheels(tmp_path_factory):
    """Folder of the project -> its wheel, just built."""
    folder = tmp_path_factory.mktemp("wheels")
    built = {}
    for project in PROJECTS:
        before = set(folder.glob("*.whl"))
        run(
            *(sys.executable, "-m", "build", "--wheel", "--no-isolation"),
            *("--outdir", folder, ROOT / project),
        )
        (built[project],) = set(folder.glob("*.whl")) - before
    return built


@pytest.fixture(scope="module")
def fresh(wheels, tmp_path_factory):
    """The Python of a new environment that has kerasplug's wheel, and no Keras."""
    folder = tmp_path_factory.mktemp("fresh") / "venv"
    venv.create(folder, with_pip=True)
    python = folder / ("Scripts" if os.name == "nt" else "bin") / "python"
    run(python, "-m", "pip", "install", "--quiet", wheels["."], "numpy>=1.26")
    return python


@pytest.mark.parametrize("project", PROJECTS)
def test_wheel_holds_the_package_alone(wheels, project):
    """A wheel holds its package with types and licence, and no test or cache."""
    with zipfile.ZipFile(wheels[project]) as wheel:
        names = wheel.namelist()
    (metadata,) = {name.split("/")[0] for name in names if ".dist-info/" in name}
    tops = {name.split("/")[0] for name in names} - {metadata}
    (package,) = (top for top in tops if not top.endswith(".py"))

    assert tops == PROJECTS[project]
    assert f"{package}/py.typed" in names
    assert f"{metadata}/licenses/LICENSE" in names
    assert not [name for name in names if "test_" in name or "__pycache__" in name]


def test_wheel_has_every_module(wheels):
    """The host's wheel holds each Python file that the package has here."""
    with zipfile.ZipFile(wheels["."]) as wheel:
        packed = {name for name in wheel.namelist() if name.startswith("kerasplug/")}
    there = {
        path.relative_to(ROOT).as_posix()
        for path in (ROOT / "kerasplug").rglob("*.py*")
        if path.suffix in (".py", ".pyi")
    }

    assert there <= packed


def test_host_needs_neither_keras_nor_numpy(fresh):
    """The host's wheel brings pluggy and packaging, and lists its own few things."""
    brought = run(fresh, "-m", "pip", "list", "--format=freeze").lower()

    assert "keras=" not in brought
    assert "tensorflow" not in brought
    assert names("datasets", fresh) == names("applications", fresh) == []
    ours = ["application_preprocessing", "placed", "top_predictions"]
    assert names("layers", fresh) == ours
    assert "early_stopping" in names("callbacks", fresh)


_DIGITS = "(x, _), (_, v) = kerasplug.datasets['digits'].load(); print(x.shape, len(v))"
_TARGET = "print(kerasplug.layers.record('gated_dense').target)"


@pytest.mark.parametrize(
    ("project", "kind", "name", "use", "printed"),
    [
        ("plugins/datasets", "datasets", "digits", _DIGITS, "(1442, 8, 8) 355"),
        (
            *("examples/downstream_pkg", "layers", "gated_dense", _TARGET),
            "downstream_pkg.layers:GatedDense",
        ),
    ],
    ids=["datasets", "downstream_pkg"],
)
def test_plugin_comes_and_goes(wheels, fresh, project, kind, name, use, printed):
    """What a plugin provides is listed once its wheel is in, works, and goes again."""
    wheel = wheels[project]
    distribution = wheel.name.split("-")[0]

    assert name not in names(kind, fresh)
    run(fresh, "-m", "pip", "install", "--quiet", "--no-deps", wheel)
    assert name in names(kind, fresh)
    assert name in names(kind, fresh), "and a second time, from the index"
    assert run(fresh, "-c", f"import kerasplug; {use}").strip() == printed
    run(fresh, "-m", "pip", "uninstall", "--quiet", "--yes", distribution)
    assert name not in names(kind, fresh)


def names(kind: str, python: Path) -> list[str]:
    """The names of a collection, in a new process of that Python."""
    listed = run(python, "-c", f"import kerasplug; print(*kerasplug.{kind})")
    return listed.split()


def test_command_is_installed(fresh):
    """The wheel installs the command `kerasplug`, which knows its version."""
    version = run(fresh.with_name("kerasplug"), "--version")

    assert (
        version.split()[-1]
        == run(fresh, "-c", "import kerasplug; print(kerasplug.__version__)").strip()
    )
