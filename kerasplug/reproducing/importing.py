"""Doing something to a module right after whoever imports it has imported it."""

import importlib.abc
import importlib.machinery
import sys
from collections.abc import Callable, Sequence
from types import ModuleType

__all__ = ["when_imported"]

_Action = Callable[[ModuleType], None]


class _Loader(importlib.abc.Loader):
    """Another loader, and what is done after it."""

    def __init__(self, loader: importlib.abc.Loader, actions: list[_Action]) -> None:
        self._loader = loader
        self._actions = actions

    def create_module(self, spec: importlib.machinery.ModuleSpec) -> ModuleType | None:
        return self._loader.create_module(spec)

    def exec_module(self, module: ModuleType) -> None:
        # The module's own loader is what it has been without us.
        module.__loader__ = self._loader
        if module.__spec__ is not None:
            module.__spec__.loader = self._loader
        self._loader.exec_module(module)
        for action in self._actions:
            action(module)


class _Finder(importlib.abc.MetaPathFinder):
    """Finds nothing by itself: it asks the finders behind it."""

    def __init__(self) -> None:
        self.actions: dict[str, list[_Action]] = {}

    def find_spec(
        self,
        fullname: str,
        path: Sequence[str] | None,
        target: ModuleType | None = None,
    ) -> importlib.machinery.ModuleSpec | None:
        actions = self.actions.get(fullname)
        if actions is None:
            return None
        for finder in sys.meta_path:
            find = getattr(finder, "find_spec", None)
            spec = None
            if finder is not self and find is not None:
                spec = find(fullname, path, target)
            if spec is not None:
                if spec.loader is not None:
                    spec.loader = _Loader(spec.loader, actions)
                return spec  # type: ignore[no-any-return]  # finders have no types
        return None


_finder = _Finder()


def when_imported(name: str, action: _Action) -> None:
    """Call something with a module once it has been imported, now or later.

    Args:
        name: of the module.
        action: what is called; again for a module that is imported anew.
    """
    _finder.actions.setdefault(name, []).append(action)
    if _finder not in sys.meta_path:
        sys.meta_path.insert(0, _finder)
    if name in sys.modules:
        action(sys.modules[name])
