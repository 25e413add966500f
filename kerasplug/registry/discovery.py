"""Finding providers: from the index where it is current, else by looking.

On the warm path: `scan`, which is dear, is imported only for a folder whose index
is not current, `elsewhere` only where something lies outside folders.
"""

import os

from kerasplug.config import says_yes
from kerasplug.registry import index, paths
from kerasplug.registry.parts import Provider

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Collection

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
    ask: "Callable[[list[Provider]], Collection[Provider]]",
) -> list[Provider]:
    """All providers in this environment; the index is brought up to date.

    Args:
        ask: asks those hook modules of the providers whose answers are not known, and
            gives the providers of which there is something new to remember.
    """
    use_index = not says_yes("KERASPLUG_NO_CACHE")
    looked = [
        Folder(path, status, use_index=use_index) for path, status in paths.folders()
    ]
    found = [provider for folder in looked for provider in folder.providers]
    archives, finders = paths.archives(), paths.foreign_finders()
    if archives or finders:
        from kerasplug.registry.elsewhere import providers_elsewhere

        found += providers_elsewhere(archives, finders)
    news = ask(found)
    for folder in looked if use_index else ():
        if not folder.current or any(one in news for one in folder.providers):
            folder.save()
    return found
