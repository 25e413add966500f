"""The names that Keras itself has, read from its files and without importing it.

A file of the older format names a class without its module. Whether `Dense` is
Keras' own can then only be known from Keras; each of its public folders has an
`__init__.py` that lists what it exports, one `import … as …` after another.
"""

import functools
import importlib.util
import re
from pathlib import Path
from typing import Final

from kerasplug.implementation import chosen

__all__ = ["is_keras_module", "keras_names", "keras_package"]

_FOLDERS: Final = (
    "activations",
    "constraints",
    "dtype_policies",
    "initializers",
    "layers",
    "losses",
    "metrics",
    "models",
    "optimizers",
    "optimizers/schedules",
    "quantizers",
    "random",
    "regularizers",
)
#: Patterns as text: compiled where HDF5 files are read, and not at each start.
_EXPORT: Final = r"import\s+(?:\(\s*)?(\w+)(?:\s+as\s+(\w+))?"
_CAPITAL: Final = r"(?<=[a-z0-9])([A-Z])|(?<=[A-Z])([A-Z])(?=[a-z])"

#: Written into files by Keras, exported by none of its folders.
_UNLISTED: Final = frozenset(
    ("Functional", "InputLayer", "acc", "accuracy", "ce", "crossentropy", "mae", "mse")
)
#: Top-level modules that Keras looks into, or imports, by itself.
_OWN: Final = ("keras", "tf_keras")
_IMPORTED_BY_KERAS: Final = ("keras_hub", "keras_cv", "keras_nlp")


def keras_package() -> str:
    """The package whose names count as Keras' own in this process."""
    return "tf_keras" if chosen() == "tf_keras" else "keras"


def is_keras_module(module: str) -> bool:
    """Whether Keras finds the things of this module without anybody's help."""
    top = module.partition(".")[0]
    if module.startswith("tensorflow.python.keras"):
        return True
    if top in _IMPORTED_BY_KERAS:
        return importlib.util.find_spec(top) is not None
    return top in _OWN


@functools.cache
def keras_names(package: str) -> frozenset[str]:
    """What an installed Keras exports; empty where it is not installed.

    Args:
        package: `"keras"` or `"tf_keras"`.
    """
    spec = importlib.util.find_spec(package)
    if spec is None or not spec.submodule_search_locations:
        return frozenset()
    root = Path(spec.submodule_search_locations[0])
    if package == "tf_keras":
        root = root / "api" / "_v2" / "keras"
    names = {name for folder in _FOLDERS for name in _exports(root, folder)}
    return frozenset(names | {_snake(name) for name in names} | _UNLISTED)


def _exports(root: Path, folder: str) -> list[str]:
    try:
        text = (root / folder / "__init__.py").read_text(encoding="utf-8")
    except OSError:
        return []
    return [alias or name for name, alias in re.findall(_EXPORT, text)]


def _snake(name: str) -> str:
    """Keras also knows each class by its name in small letters: `adam`."""
    return re.sub(_CAPITAL, lambda match: "_" + match[0], name).lower()
