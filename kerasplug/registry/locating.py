"""Where a module's file is, found without importing the module or its parents."""

import importlib.util
import sys
from importlib.machinery import ModuleSpec, PathFinder

__all__ = ["locate"]


def locate(module: str) -> tuple[str, str]:
    """("found" | "missing" | "unknown", the file or what is missing) of a module.

    Args:
        module: its dotted name.

    Returns:
        `"unknown"` where only running code could tell: below a module that is no
        package (`os.path`), or in a package with a finder of its own.

    Example:
        >>> locate("json.decoder")[0], locate("json.no_such_module")[0]
        ('found', 'missing')
    """
    if module in sys.modules:
        return "found", getattr(sys.modules[module], "__file__", None) or ""
    top, *rest = module.split(".")
    spec = _top(top)
    name = top
    for part in rest:
        if spec is None:
            break
        name = f"{name}.{part}"
        locations = list(spec.submodule_search_locations or ())
        if not locations:
            return "unknown", ""
        spec = PathFinder.find_spec(name, locations)
    if spec is None:
        return "missing", name
    return "found", spec.origin or ""


def _top(name: str) -> ModuleSpec | None:
    """How Python would find a top-level module; that imports nothing."""
    loaded = sys.modules.get(name)
    spec = getattr(loaded, "__spec__", None)
    if isinstance(spec, ModuleSpec):
        return spec
    try:
        return importlib.util.find_spec(name)
    except Exception:  # noqa: BLE001 -- a broken finder on sys.meta_path is no reason to raise here
        return None
