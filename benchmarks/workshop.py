"""What the benchmarks measure in: environments made for it, of known content."""

import compileall
import importlib.util
import os
import shutil
import subprocess
import sys
import venv
from collections.abc import Sequence
from pathlib import Path

from timing import Interpreter

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "tests"))

from fakes import install, settle  # noqa: E402 -- the tests' helper, found by the line above

__all__ = ["Workshop", "install", "layer_source", "settle", "with_keras"]

_LAYER = """
import keras


{decorator}class Gate{number}(keras.layers.Layer):
    def __init__(self, units, **kwargs):
        super().__init__(**kwargs)
        self.units = units

    def build(self, input_shape):
        self.kernel = self.add_weight(shape=(input_shape[-1], self.units))

    def call(self, inputs):
        return inputs @ self.kernel

    def compute_output_shape(self, input_shape):
        return (*input_shape[:-1], self.units)

    def get_config(self):
        return {{**super().get_config(), "units": self.units}}
"""

_PACKAGES = ("pluggy", "packaging", "stevedore", "importlib_metadata", "zipp")

_BODY = (
    """
# {name}

Layers for Keras, and what goes with them.

"""
    + (
        "This paragraph stands for the description that a real distribution carries "
        "in its metadata. Its length is what matters: a reader of headers has to step "
        "over it, and a parser of the whole message has to keep it.\n\n"
    )
    * 7
)

_HEADERS = """\
Summary: Layers number {number}, made for a measurement
Home-page: https://example.org/{name}
Author-email: Nobody <nobody@example.org>
License-Expression: Apache-2.0
Classifier: Programming Language :: Python :: 3
Classifier: Programming Language :: Python :: 3.11
Classifier: Topic :: Scientific/Engineering :: Artificial Intelligence
Requires-Python: >=3.10
Requires-Dist: kerasplug>=0.1
Requires-Dist: keras>=3.0
Requires-Dist: numpy>=1.24
Requires-Dist: pytest>=8 ; extra == "test"
Provides-Extra: test
Description-Content-Type: text/markdown
"""

_HOOKS = """\
from kerasplug import LayerRecord, hookimpl


@hookimpl
def kerasplug_layers():
    return [LayerRecord(name="layer_{number}", target="dist_{number}.layers:Layer")]
"""


class Workshop:
    """A folder with an empty virtual environment and all that goes on its path.

    kerasplug and its peers are copied there, compiled and settled: the repository
    itself may be in the middle of an edit, and has no business on the path.

    Args:
        folder: an empty folder.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.home = folder / "home"
        self.home.mkdir(parents=True)
        self.library = folder / "library"
        self.library.mkdir()
        venv.create(folder / "environment", symlinks=True)
        self.python = folder / "environment" / "bin" / "python"
        _copy(ROOT / "kerasplug", self.library)
        _copy(ROOT / "_kerasplug_backends.py", self.library)
        _copy(ROOT / "_kerasplug_state.py", self.library)
        for name in _PACKAGES:
            spec = importlib.util.find_spec(name)
            if spec is not None and spec.origin is not None:
                _copy(Path(spec.origin).parent, self.library)
        compileall.compile_dir(self.library, quiet=2)
        settle(
            self.library,
            self.home,
            *(folder / "environment" / "lib").glob("*/site-packages"),
        )

    def site(self, number: int, plugins: int, *, hooked: bool = False) -> Path:
        """A new folder with `number` distributions, of which `plugins` are plugins.

        Args:
            number: how many distributions.
            plugins: how many declare a layer; the others have a command only.
            hooked: whether the plugins have hook modules instead of declarations.
        """
        folder = self.folder / f"site-{number}-{plugins}{'-hooked' * hooked}"
        for index in range(number):
            name = f"dist-{index}"
            group = _group(index, hooked=hooked) if index < plugins else _command(index)
            modules = {f"dist_{index}/__init__.py": ""}
            if hooked:
                modules[f"dist_{index}_hooks.py"] = _HOOKS.format(number=index)
            text = _HEADERS + _BODY
            metadata = text.format(name=name, number=index)
            install(folder, name, group, modules=modules, metadata=metadata)
        compileall.compile_dir(folder, quiet=2)
        settle(folder)
        return folder

    def interpreter(self, *sites: Path, cache: str = "cache") -> Interpreter:
        """An interpreter that has `sites`, kerasplug and its peers on its path."""
        folders = [*sites, self.library]
        return Interpreter(self.python, folders, self.home, self.folder / cache)


def layer_source(number: int, decorator: str = "") -> str:
    """The source of a layer `Gate0`, `Gate1`, … as authors write them."""
    return _LAYER.format(number=number, decorator=decorator and f"{decorator}\n")


def with_keras(
    folder: Path, backend: str, paths: Sequence[Path], code: str, *arguments: str
) -> str:
    """What a process of this environment's own Python prints, which has Keras.

    Args:
        folder: where it runs, and where Keras' and kerasplug's own files go.
        backend: `KERAS_BACKEND`.
        paths: `PYTHONPATH`.
        code: its program.
        arguments: what the program finds in `sys.argv`.
    """
    environment = {
        **os.environ,
        "CUDA_VISIBLE_DEVICES": "-1",
        "KERAS_BACKEND": backend,
        "KERAS_HOME": str(folder / "keras"),
        "KERASPLUG_IMPLEMENTATION": "keras",
        "PYTHONPATH": os.pathsep.join(map(str, paths)),
        "TF_CPP_MIN_LOG_LEVEL": "3",
        "XDG_CACHE_HOME": str(folder / "cache"),
    }
    environment.pop("PYTHONDONTWRITEBYTECODE", None)
    done = subprocess.run(
        [sys.executable, "-c", code, *arguments],
        env=environment,
        cwd=folder,
        stdout=subprocess.PIPE,
        text=True,
        check=True,
    )
    return done.stdout


def _copy(source: Path, folder: Path) -> None:
    if source.is_dir():
        ignored = shutil.ignore_patterns("__pycache__")
        shutil.copytree(source, folder / source.name, ignore=ignored)
    else:
        shutil.copy2(source, folder)


def _group(index: int, *, hooked: bool) -> dict[str, dict[str, str]]:
    if hooked:
        return {"kerasplug": {f"hooks_{index}": f"dist_{index}_hooks"}}
    return {"kerasplug.layers": {f"layer_{index}": f"dist_{index}.layers:Layer"}}


def _command(index: int) -> dict[str, dict[str, str]]:
    return {"console_scripts": {f"dist-{index}": f"dist_{index}:main"}}
