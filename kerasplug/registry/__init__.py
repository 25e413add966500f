"""Installed metadata -> index -> record -> raw target, and what is wrong with them.

This front is light: it imports only what a warm listing needs. The functions import
the rest when they are called.
"""

from kerasplug.registry.overview import names as table_names
from kerasplug.registry.overview import table
from kerasplug.registry.parts import KINDS, Claim, Fault, Provider
from kerasplug.registry.session import blocked, refresh, register, unregister

TYPE_CHECKING = False
if TYPE_CHECKING:
    from kerasplug.registry.infos import PluginInfo as PluginInfo
    from kerasplug.registry.infos import plugins as plugins

__all__ = [
    "KINDS",
    "Claim",
    "Fault",
    "PluginInfo",
    "Provider",
    "blocked",
    "claim",
    "claims",
    "load",
    "load_part",
    "names",
    "plugins",
    "refresh",
    "register",
    "unregister",
]


def __getattr__(name: str) -> object:
    if name in ("PluginInfo", "plugins"):
        from kerasplug.registry import infos

        return getattr(infos, name)
    message = f"module {__name__!r} has no attribute {name!r}"
    raise AttributeError(message)


def names(kind: str) -> tuple[str, ...]:
    """Sorted names of a kind: bare where unique, canonical where several claim one.

    Args:
        kind: one of `KINDS`.

    Raises:
        UnknownNameError: a switch in the environment names what nothing has.
    """
    return table_names(kind)


def claims(kind: str | None = None) -> tuple[Claim, ...]:
    """All claims of a kind, or of all kinds, sorted by name and distribution."""
    present = table()
    return tuple(
        claim
        for one in ([kind] if kind else KINDS)
        for _, found in sorted(present.of_kind(one).items())
        for claim in found
    )


def claim(kind: str, name: str) -> Claim:
    """The one claim that a bare or canonical name means.

    Args:
        kind: one of `KINDS`.
        name: `"gated_dense"` or `"downstream-pkg/gated_dense"`.

    Raises:
        UnknownNameError: no plugin has it.
        AmbiguousNameError: several distributions have it.
        PluginError: the plugin that would have it is broken.
    """
    present = table()
    found = present.of_kind(kind).get(name, ())
    if len(found) == 1:
        return found[0]
    from kerasplug.registry.finding import find

    return find(present, kind, name)


def load(claim: Claim) -> object:
    """The raw target of a claim, imported now; see `kerasplug.registry.loading`."""
    from kerasplug.registry.loading import load as load_now

    return load_now(claim)


def load_part(claim: Claim, place: str) -> object:
    """What a record names besides; see `kerasplug.registry.loading`."""
    from kerasplug.registry.loading import load_part as load_now

    return load_now(claim, place)
