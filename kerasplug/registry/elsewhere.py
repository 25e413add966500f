"""Metadata that does not lie in a folder: zip files and foreign finders.

It can't be watched on the disk, so it is read anew in each process, through
`importlib.metadata`, which is dear; few environments have any of it.
"""

from collections.abc import Iterable, Iterator
from importlib.metadata import Distribution, DistributionFinder

from kerasplug.registry.parts import Provider
from kerasplug.registry.scan import provider_from

__all__ = ["providers_elsewhere"]


def providers_elsewhere(
    archives: Iterable[str], finders: Iterable[object]
) -> list[Provider]:
    """Providers in these zip files and behind these finders.

    Args:
        archives: paths on `sys.path` that are no folders.
        finders: objects of `sys.meta_path` with a `find_distributions` method.
    """
    found: list[Provider] = []
    for distribution in _distributions(list(archives), finders):
        try:
            points = distribution.read_text("entry_points.txt") or ""
            metadata = distribution.read_text("METADATA") or distribution.read_text(
                "PKG-INFO"
            )
        except Exception:  # noqa: BLE001, S112 -- a foreign finder may raise anything; the others count
            continue
        location = str(getattr(distribution, "_path", type(distribution).__name__))
        found += provider_from(points, metadata or "", location)
    return found


def _distributions(
    archives: list[str], finders: Iterable[object]
) -> Iterator[Distribution]:
    if archives:
        yield from Distribution.discover(path=archives)
    for finder in finders:
        try:
            yield from finder.find_distributions(DistributionFinder.Context())  # type: ignore[attr-defined]  # it has one: that is how it was chosen
        except Exception:  # noqa: BLE001, S112 -- as above
            continue
