"""What is done once something has been imported, by whomever."""

import dataclasses
import random
import sys
import threading
import weakref
from collections.abc import Callable, Sequence
from importlib.machinery import ModuleSpec
from types import ModuleType
from typing import Any

from _kerasplug_backends import Loader

__all__ = ["is_loaded", "when_imported"]

Action = Callable[[ModuleType], object]

_lock = threading.RLock()


@dataclasses.dataclass(eq=False, slots=True)  # two equal entries are two
class _Entry:
    """What is to be done; the rest as `when_imported` takes it."""

    action: Action
    again: bool
    undrawn: bool


#: Name -> what is to be done, in the order of asking.
_waiting: dict[str, list[_Entry]] = {}

#: What was waited for and has run to its end, though Python may not say so yet.
_complete: "weakref.WeakValueDictionary[str, ModuleType]" = (
    weakref.WeakValueDictionary()
)


class _Loading(Loader):
    """Loads a module, takes back what that drew, and does what waited for it."""

    def __init__(self, loader: Any) -> None:
        super().__init__(loader, self._after)

    def exec_module(self, module: ModuleType) -> None:
        """Run the module's code."""
        self._before = random.getstate()
        super().exec_module(module)

    def _after(self, module: ModuleType) -> None:
        if any(one.undrawn for one in _entries(module.__name__)):
            random.setstate(self._before)
        _act(module)


class _Finder:
    """Finds what the other finders find, for the names that somebody waits for."""

    def __init__(self) -> None:
        self._asking = threading.local()

    def find_spec(
        self,
        name: str,
        path: Sequence[str] | None = None,
        target: ModuleType | None = None,
    ) -> ModuleSpec | None:
        """The spec of a module that is waited for, with our loader around its own."""
        # Others' finders ask all finders again, this one included.
        if name not in _waiting or getattr(self._asking, "now", False):
            return None
        self._asking.now = True
        try:
            spec = self._of_others(name, path, target)
        finally:
            self._asking.now = False
        if spec is not None and hasattr(spec.loader, "exec_module"):
            spec.loader = _Loading(spec.loader)  # type: ignore[assignment]  # it has what the import system asks for
        return spec

    def _of_others(
        self, name: str, path: Sequence[str] | None, target: ModuleType | None
    ) -> ModuleSpec | None:
        # pytest's, and others', know `find_spec` only; older ones not even that.
        finders = [one for one in sys.meta_path if one is not self]
        found = (
            one.find_spec(name, path, target)
            for one in finders
            if hasattr(one, "find_spec")
        )
        return next((spec for spec in found if spec is not None), None)


_finder = _Finder()


def when_imported(
    name: str, action: Action, *, again: bool = False, undrawn: bool = False
) -> Callable[[], None]:
    """Do something once, right after a module's first import; at once if it is loaded.

    What is imported stays as it is: its `__spec__` and its `__loader__` are those that
    it would have had. An import that fails does not count. One that another thread has
    begun before anybody waited is not seen.

    Args:
        name: of the module, as `import` spells it: `"torch"`.
        action: called with the module, in the thread that imports it, before the
            import statement goes on. What it raises, the import raises. Several are
            called in the order in which they were given.
        again: whether it is done each time that the module is imported anew, as after
            `keras.config.set_backend`.
        undrawn: whether what the import draws from Python's `random` is taken back, so
            that a program draws the same with and without it. Keras' does: rich, which
            it imports, numbers styles.

    Returns:
        A function that takes the action back; after the import, and a second time, it
        does nothing.

    Example:
        >>> seen = []
        >>> take_back = when_imported("colorsys", seen.append)
        >>> import colorsys
        >>> [module.__name__ for module in seen]
        ['colorsys']
    """
    entry = _Entry(action, again, undrawn)
    with _lock:
        _waiting.setdefault(name, []).append(entry)
        if _finder not in sys.meta_path:
            sys.meta_path.insert(0, _finder)

    def take_back() -> None:
        _taken(name, entry)

    # Asked after the entry was made: so no import slips through between the two.
    module = sys.modules.get(name)
    there = is_loaded(name) or module is _complete.get(name, sys)
    if module is not None and there and _is_due(name, entry):
        action(module)
    return take_back


def is_loaded(name: str) -> bool:
    """Whether a module has been imported, to its end.

    Example:
        >>> is_loaded("sys"), is_loaded("no_such_module")
        (True, False)
    """
    module = sys.modules.get(name)
    spec = getattr(module, "__spec__", None)
    return module is not None and not getattr(spec, "_initializing", False)


def _taken(name: str, entry: _Entry) -> bool:
    """Whether the entry was still there; it is not any more."""
    with _lock:
        entries = _waiting.get(name, [])
        kept = [one for one in entries if one is not entry]
        if len(kept) == len(entries):
            return False
        _waiting[name] = kept
        if not kept:
            del _waiting[name]
        if not _waiting and _finder in sys.meta_path:
            sys.meta_path.remove(_finder)
        return True


def _entries(name: str) -> list[_Entry]:
    with _lock:
        return list(_waiting.get(name, ()))


def _is_due(name: str, entry: _Entry) -> bool:
    """Whether it is to be done now; unless it is for each time, then never again."""
    return entry in _entries(name) if entry.again else _taken(name, entry)


def _act(module: ModuleType) -> None:
    """Do what was to be done after this import."""
    name = module.__name__
    with _lock:
        _complete[name] = module
    for entry in _entries(name):
        if _is_due(name, entry):
            entry.action(module)
