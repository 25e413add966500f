"""Whether a module is installed: what the import system finds, what metadata say."""

import importlib.metadata
import importlib.util
import sys
from importlib.machinery import ModuleSpec

__all__ = [
    "BUILT_IN_BACKENDS",
    "DISTRIBUTIONS",
    "installed",
    "recorded_version",
    "spec_of",
    "state_of",
]

#: A backend that Keras 3 brings itself -> the modules that it imports.
BUILT_IN_BACKENDS = {
    "tensorflow": ("tensorflow",),
    "jax": ("jax", "jaxlib"),
    "torch": ("torch",),
    "numpy": ("numpy", "jax", "jaxlib", "scipy"),
    "openvino": ("openvino",),
}

#: A module -> the distributions that bring it, where their names differ.
DISTRIBUTIONS = {
    "keras": ("keras", "keras-nightly"),
    "tf_keras": ("tf-keras", "tf-keras-nightly"),
    "tensorflow": (
        "tensorflow",
        "tensorflow-cpu",
        "tensorflow-gpu",
        "tensorflow-macos",
        "tensorflow-intel",
        "tensorflow-cpu-aws",
        "tensorflow-aarch64",
        "tensorflow-rocm",
        "tf-nightly",
        "tf-nightly-cpu",
    ),
}


def spec_of(module: str) -> ModuleSpec | None:
    """How the import system would find a top-level module, if it would."""
    loaded = sys.modules.get(module)
    if loaded is not None and getattr(loaded, "__spec__", None) is not None:
        return loaded.__spec__
    try:
        return importlib.util.find_spec(module)
    except Exception:  # noqa: BLE001 -- a broken finder on sys.meta_path is no reason to raise here
        return None


def recorded_version(module: str) -> str | None:
    """The version that the metadata give for a module; None where there are none."""
    for distribution in DISTRIBUTIONS.get(module, (module,)):
        try:
            # A damaged METADATA file has no version, whatever the annotation says.
            return str(importlib.metadata.version(distribution) or "")
        except importlib.metadata.PackageNotFoundError:
            continue
        except Exception:  # noqa: BLE001 -- unreadable metadata are metadata without a version
            return ""
    return None


def state_of(module: str) -> tuple[str, str]:
    """("found" | "missing" | "broken", the reason) of a top-level module."""
    if module in sys.modules and sys.modules[module] is None:
        return "missing", f"{module} is blocked in sys.modules"
    spec = spec_of(module)
    if spec is None:
        version = recorded_version(module)
        if version is None:
            return "missing", f"{module} is not installed"
        return "broken", f"the metadata of {module} {version} are there, its files not"
    if spec.origin is None and spec.submodule_search_locations is not None:
        folder = next(iter(spec.submodule_search_locations), "?")
        return "broken", f"the folder {folder} has no __init__.py"
    return "found", ""


def installed(implementation: str) -> bool:
    """Whether anything of an implementation is installed, sound or not."""
    return state_of(implementation)[0] != "missing"
