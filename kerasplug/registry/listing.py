"""Names alone, where the index of one folder says them all.

Most environments have their plugins in one folder. Then the sorted names stand ready
in its index, and no provider and no claim has to be built to list them.

On the warm path: nothing dear is imported.
"""

from kerasplug.config import says_yes
from kerasplug.registry import index, paths, session
from kerasplug.registry.switches import settings

TYPE_CHECKING = False
if TYPE_CHECKING:
    from kerasplug.registry.index import Names

__all__ = ["listed"]

_last: "tuple[object, Names | None] | None" = None


def listed(key: object, kind: str) -> "tuple[str, ...] | None":
    """Sorted names of a kind; None where only the whole table knows them.

    That is where something is switched, registered, outside folders, new to the
    index, or in two folders, whose names could clash.

    Args:
        key: what the answer depends on; while it is the same, so is the answer.
        kind: one of `KINDS`.
    """
    global _last  # noqa: PLW0603 -- a cache, as that of `table`
    last = _last
    if last is None or last[0] != key:
        last = _last = (key, _of_one_folder())
    return None if last[1] is None else last[1].get(kind, ())


def _of_one_folder() -> "Names | None":
    if (
        any(settings())
        or says_yes("KERASPLUG_NO_CACHE")
        or session.adds_anything()
        or paths.archives()
        or paths.foreign_finders()
    ):
        return None
    found: Names = {}
    for path, status in paths.folders():
        said = index.names(path, status)
        if said is None and not paths.holds_metadata(path):
            continue
        if said is None or (said and found):
            return None
        found = said or found
    return found
