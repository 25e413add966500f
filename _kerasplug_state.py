"""What must outlive `keras.config.set_backend`.

That function drops every module whose name begins with `keras` from
`sys.modules`, and `kerasplug` begins so. This module does not: it holds on to
the package, whose modules hold each other, and puts all of them back when
`kerasplug` is imported again. So classes keep their identity and what was
registered stays registered.

pytest need not look for asserts to rewrite here: PYTEST_DONT_REWRITE.

Source: keras 3.15.1, `keras/src/utils/backend_utils.py`, `set_backend`.
"""

import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from types import ModuleType

__all__ = ["keep", "package", "restore"]

#: The package object that this process uses, once anything of it was used.
package: "ModuleType | None" = None


def keep(module: "ModuleType") -> None:
    """Remember the package; the first one that is used is the one that stays."""
    global package  # noqa: PLW0603 -- the one thing that this module is for
    if package is None:
        package = sys.modules.setdefault(module.__name__, module)


def restore() -> None:
    """Put the remembered package and all its loaded modules into `sys.modules`."""
    if package is not None:
        sys.modules[package.__name__] = package
        _restore_below(package)


def _restore_below(parent: "ModuleType") -> None:
    """Walk down: the package notes its rooms, other packages bind their modules."""
    bound = {**vars(parent), **vars(parent).get("_bound", {})}
    for name, child in bound.items():
        full = f"{parent.__name__}.{name}"
        if isinstance(child, type(sys)) and child.__name__ == full:
            sys.modules.setdefault(full, child)
            _restore_below(child)
