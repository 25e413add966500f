"""What people ask about plugins: which there are, and how each is doing."""

import dataclasses

from kerasplug.registry.needs import needs_of_provider, unmet
from kerasplug.registry.overview import Table, table
from kerasplug.registry.parts import KINDS, Claim, Fault, Provider

__all__ = ["PluginInfo", "plugins"]


@dataclasses.dataclass(frozen=True, slots=True)
class PluginInfo:
    """One plugin, as it is in this environment.

    Attributes:
        name: the distribution's name, normalised as PEP 503 says.
        version: its version; empty for a plugin that was registered by hand.
        state: `"active"`, `"disabled"` (by a switch), `"incompatible"` (it needs what
            is not here), `"faulty"` (it broke the contract) or `"quarantined"` (it
            ended the process that asked it, and is not asked again).
        faults: what is broken, each with cause, traceback and mend.
        load_time: seconds that its hook modules took to be asked, or None where the
            index knew the answer.
        names: kind -> names that it provides.
        hooks: the hooks that its hook modules implement.
        reports: what is odd but harmless, one line each.
        unmet: what it needs and is not here, one line each.
        summary: its own one-line description.
        location: where its metadata lie.
    """

    name: str
    version: str
    state: str
    faults: tuple[Fault, ...]
    load_time: float | None
    names: dict[str, tuple[str, ...]]
    hooks: tuple[str, ...]
    reports: tuple[str, ...]
    unmet: tuple[str, ...]
    summary: str
    location: str


def plugins() -> tuple[PluginInfo, ...]:
    """All plugins of this environment, sorted by name, the faulty ones included.

    Returns:
        One `PluginInfo` a distribution, and one for each that `register` added.

    Raises:
        UnknownNameError: `KERASPLUG_DISABLE` or `KERASPLUG_ONLY` names what nothing
            has.

    Example:
        >>> import kerasplug
        >>> record = kerasplug.LayerRecord(name="gate", target="my_layers:Gate")
        >>> with kerasplug.register(record, name="mine"):
        ...     [one.names for one in kerasplug.plugins() if one.name == "mine"]
        [{'layer': ('gate',)}]
    """
    present = table()
    claims: dict[str, list[Claim]] = {}
    for kind in KINDS:
        for found in present.of_kind(kind).values():
            for claim in found:
                claims.setdefault(claim.provider.name, []).append(claim)
    return tuple(
        _info(present, provider, claims.get(provider.name, []))
        for provider in present.providers.values()
    )


def _info(present: Table, provider: Provider, claims: list[Claim]) -> PluginInfo:
    faults = tuple(present.faults.get(provider.name, ()))
    missing = [problem for problem, _ in unmet(needs_of_provider(provider))]
    off = provider.name in present.off
    reports = [line for hooked in provider.hooked for line in hooked.reports]
    return PluginInfo(
        name=provider.name,
        version=provider.version,
        state=_state(faults, missing, off=off),
        faults=faults,
        load_time=present.seconds.get(provider.name),
        names={
            kind: tuple(sorted(one.name for one in claims if one.kind == kind))
            for kind in KINDS
            if any(one.kind == kind for one in claims)
        },
        hooks=tuple(name for hooked in provider.hooked for name in hooked.hooks),
        reports=(*provider.reports, *reports),
        unmet=tuple(missing),
        summary=provider.summary,
        location=provider.location,
    )


def _state(faults: tuple[Fault, ...], missing: list[str], *, off: bool) -> str:
    if off:
        return "disabled"
    if any(fault.quarantined for fault in faults):
        return "quarantined"
    if faults:
        return "faulty"
    return "incompatible" if missing else "active"
