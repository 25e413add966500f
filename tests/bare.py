"""An interpreter that sees kerasplug and what it needs, and nothing else installed."""

import os
import subprocess
import sys
import textwrap
from collections.abc import Mapping
from pathlib import Path

import packaging
import pluggy
from fakes import install

ROOT = Path(__file__).parents[1]
_SETTINGS = ("KERAS_BACKEND", "KERAS_IMPLEMENTATION", "TF_USE_LEGACY_KERAS")

#: The smallest Keras that the door accepts.
KERAS = (
    "__version__ = '{version}'\nclass _Layers:\n    Layer = object\nlayers = _Layers\n"
)

#: A TensorFlow whose tf.keras is Keras 3's, as from 2.16 on.
TENSORFLOW = "import keras\n"


def needed(folder: Path) -> Path:
    """A folder with links to the few packages that kerasplug depends on."""
    if not folder.exists():
        folder.mkdir()
        for package in (packaging, pluggy):
            source = Path(str(package.__file__)).parent
            (folder / source.name).symlink_to(source)
    return folder


def put(
    folder: Path, name: str, source: str | None = "", version: str = "3.15.1"
) -> Path:
    """The folder, where a distribution `name` with a module of that name now is.

    Args:
        folder: a folder for `sys.path`.
        name: the top-level module, and the distribution.
        source: the module's code; None for metadata without files.
        version: the distribution's version.
    """
    modules = {} if source is None else {f"{name}/__init__.py": source}
    install(folder, name, {}, version=version, modules=modules)
    return folder


def put_keras(folder: Path, source: str = "", version: str = "3.15.1") -> Path:
    """The folder, where a small Keras now is."""
    return put(folder, "keras", KERAS.format(version=version) + source, version)


def bare(
    code: str,
    folder: Path,
    *paths: Path,
    env: Mapping[str, str] | None = None,
    check: bool = True,
) -> subprocess.CompletedProcess[str]:
    """What a program does in an interpreter without site-packages.

    Args:
        code: the program, dedented.
        folder: a temporary folder; it becomes the home and the current directory.
        paths: folders whose packages are installed there.
        env: more environment variables.
        check: whether a failing program fails the test, with its error output.
    """
    path = [*paths, ROOT, needed(folder / "needed")]
    kept = {key: value for key, value in os.environ.items() if key not in _SETTINGS}
    done = subprocess.run(
        [sys.executable, "-S", "-c", textwrap.dedent(code)],
        env={
            **{key: kept[key] for key in kept if not key.startswith("KERASPLUG_")},
            "KERAS_HOME": str(folder / "keras-home"),
            "PYTHONPATH": os.pathsep.join(map(str, path)),
            **(env or {}),
        },
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
    )
    if check:
        assert done.returncode == 0, done.stdout + done.stderr
    return done
