"""Lets Keras 3.16 and later compute on backends that are not in its own list.

Keras looks for a backend that it does not bring itself in the module `keras_<name>`,
and only for the names that it lists. `install` puts a finder before all others. It
loads three of Keras' modules as they are, and then adds to each what it lacks: an
installed package that advertises a backend counts as listed. No file of Keras is
changed; for names that Keras resolves by itself everything stays as it is.

It stands at the top level because `keras.config.set_backend` drops whatever begins with
`keras`, and so that an interpreter can load it at its start and import nothing else
(`kerasplug backend enable-env`).

Source: keras-nightly 3.16.0.dev2026102704, `keras/src/utils/module_utils.py`.
"""

import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from importlib.machinery import ModuleSpec
    from types import ModuleType
    from typing import Any

__all__ = ["Loader", "admitted", "install", "is_installed"]

#: Name -> the package that Keras pours in; of those that somebody has chosen by name.
admitted: "dict[str, str]" = {}


class Loader:
    """Loads a module as its own loader does, and changes it afterwards."""

    def __init__(self, loader: "Any", change: "Callable[[ModuleType], None]") -> None:
        self._loader = loader
        self._change = change

    def __getattr__(self, name: str) -> "Any":
        return getattr(self._loader, name)

    def create_module(self, spec: "ModuleSpec") -> "ModuleType | None":
        module: ModuleType | None = self._loader.create_module(spec)
        return module

    def exec_module(self, module: "ModuleType") -> None:
        spec = module.__spec__
        if spec is not None:  # whoever looks at the module later finds its own loader
            spec.loader = module.__loader__ = self._loader
        self._loader.exec_module(module)
        self._change(module)


class _Finder:
    """Finds what the other finders find."""

    def find_spec(
        self,
        name: str,
        path: "Sequence[str] | None" = None,
        target: "ModuleType | None" = None,
    ) -> "ModuleSpec | None":
        change = _CHANGES.get(name)
        if change is None:
            return None
        for finder in sys.meta_path:
            if finder is self:
                continue
            spec = finder.find_spec(name, path, target)
            if spec is not None:
                if hasattr(spec.loader, "exec_module"):
                    spec.loader = Loader(spec.loader, change)  # type: ignore[assignment]  # it has what the import system asks for
                return spec
        return None


_finder = _Finder()


def install() -> None:
    """Put the finder before all others; where it is already, nothing happens."""
    if not is_installed():
        sys.meta_path.insert(0, _finder)


def is_installed() -> bool:
    """Whether the finder is in use in this process."""
    return _finder in sys.meta_path


def _package(name: str) -> str:
    """The package that an advertised name stands for; empty where nobody has it."""
    if name not in admitted:
        from kerasplug.engines.advertised import package_of

        return package_of(name)
    return admitted[name]


def _admit(module: "ModuleType") -> None:
    """Add to a module's list of names the one in use, and those chosen before."""
    listed = getattr(module, "PLUGGABLE_BACKENDS", None)
    if listed is None:
        _refuse_older(module)
        return
    own = {"jax", "numpy", "tensorflow", "torch"} | listed
    names = {name for name in {_in_use(), *admitted} - own if _package(name)}
    if names:
        module.__dict__["PLUGGABLE_BACKENDS"] = listed | names


def _in_use() -> str:
    name: str = sys.modules["keras.src.backend.config"].__dict__["_BACKEND"]
    return name


def _refuse_older(module: "ModuleType") -> None:
    """Say why a Keras without such a list can't have the name that it is asked for."""
    name = module.__dict__.get("_BACKEND", "")
    own = ("jax", "numpy", "openvino", "tensorflow", "torch", "")
    if name not in own and _package(name):
        from kerasplug.engines.advertised import refusal_of_keras

        raise refusal_of_keras(name)


def _resolve(module: "ModuleType") -> None:
    """Let the function that imports parts of a backend find advertised ones."""
    original = module.__dict__.get("get_pluggable_backend_module")
    if original is None:
        return

    def get_pluggable_backend_module(
        module_name: "str | None" = None,
        allow_missing: bool = False,  # noqa: FBT001, FBT002 -- Keras' own signature
        backend: "str | None" = None,
    ) -> "ModuleType | None":
        name = backend or _in_use()
        package = "" if _resolves(original, name) else _package(name)
        if not package:
            found: ModuleType | None = original(module_name, allow_missing, backend)
            return found
        return _part(name, package, module_name or "", may_lack=allow_missing)

    module.__dict__["get_pluggable_backend_module"] = get_pluggable_backend_module


def _resolves(original: "Callable[..., object]", name: str) -> bool:
    """Whether Keras knows the name by itself: then nothing of ours is needed."""
    try:
        original(None, allow_missing=True, backend=name)
    except ValueError:
        return False
    return True


def _part(
    name: str, package: str, module_name: str, *, may_lack: bool
) -> "ModuleType | None":
    """The package itself for `src`, its module for `src.trainer`."""
    import importlib

    full = package + module_name.removeprefix("src")
    try:
        return importlib.import_module(full)
    except ImportError as error:
        if may_lack and isinstance(error, ModuleNotFoundError) and error.name == full:
            return None
        message = (
            f"The backend {name} is installed ({package}) and its import fails: "
            f"{type(error).__name__}: {error}. See: kerasplug backend doctor {name}"
        )
        raise ImportError(message, name=error.name, path=error.path) from error


_CHANGES: "dict[str, Callable[[ModuleType], None]]" = {
    "keras.src.backend.config": _admit,
    "keras.src.utils.module_utils": _resolve,
    "keras.src.utils.backend_utils": _admit,
}
