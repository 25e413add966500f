"""Finding providers: from the index where it is current, else by looking.

On the warm path: `scan`, which is dear, is imported only for a folder whose index
is not current, `elsewhere` only where something lies outside folders.
"""

import os

from kerasplug.registry import index, paths
from kerasplug.registry.parts import Provider

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["Folder", "discover"]


class Folder:
    """A folder of `sys.path` with its providers, and whether the index has them."""

    __slots__ = ("began", "current", "path", "providers", "status", "watched")

    def __init__(self, path: str, status: os.stat_result, *, use_index: bool) -> None:
        self.path = path
        self.status = status
        self.began = 0
        self.watched: list[str] = []
        known = index.read(path, status) if use_index else None
        if known is None and not paths.holds_metadata(path):
            known = []
        self.current = known is not None
        self.providers = self._look() if known is None else known

    def _look(self) -> list[Provider]:
        import time

        from kerasplug.registry.scan import scan

        self.began = time.time_ns()
        providers, self.watched = scan(self.path)
        return providers

    def save(self) -> None:
        """Write the index, if it does not say all this already."""
        if not self.began:
            # The index was current, and only a hook module said something new.
            import time

            from kerasplug.registry.scan import scan

            self.began = time.time_ns()
            self.watched = scan(self.path)[1]
        index.write(self.path, self.status, self.providers, self.watched, self.began)
        self.current = True


def discover(
    ask: "Callable[[Provider], bool]",
) -> list[Provider]:
    """All providers in this environment; the index is brought up to date.

    Args:
        ask: asks those hook modules of a provider whose answers are not known, and
            says whether there is something new to remember.
    """
    use_index = not os.environ.get("KERASPLUG_NO_CACHE")
    found: list[Provider] = []
    for path, status in paths.folders():
        folder = Folder(path, status, use_index=use_index)
        news = [ask(provider) for provider in folder.providers]
        if use_index and (any(news) or not folder.current):
            folder.save()
        found += folder.providers
    archives, finders = paths.archives(), paths.foreign_finders()
    if archives or finders:
        from kerasplug.registry.elsewhere import providers_elsewhere

        others = providers_elsewhere(archives, finders)
        for provider in others:
            ask(provider)
        found += others
    return found
