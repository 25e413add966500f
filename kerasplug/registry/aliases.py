"""Aliases that belong to somebody else.

An alias is an older name under which saved files hold a plugin's thing. A plugin that
lists another one's name would take over that one's files.
"""

from collections.abc import Iterable, Iterator

from kerasplug.registry.parts import Claim, Fault

__all__ = ["drop_foreign_aliases"]


def drop_foreign_aliases(claims: Iterable[Claim]) -> Iterator[Fault]:
    """Take from each claim the aliases that another distribution owns.

    Args:
        claims: all claims of the environment; those concerned are changed.

    Returns:
        One fault for each alias that was taken, of the distribution that claims it.
    """
    claims = list(claims)
    owners: dict[str, list[Claim]] = {}
    for claim in claims:
        for name in {claim.registered_name or _class_name(claim)}:
            owners.setdefault(name, []).append(claim)
    for claim in claims:
        for alias in claim.aliases:
            owner = _owner(owners.get(alias, []), claim)
            if owner is not None:
                claim.aliases = tuple(one for one in claim.aliases if one != alias)
                yield _fault(claim, alias, owner)


def _class_name(claim: Claim) -> str:
    """What Keras calls a thing that is not registered: the bare name of its class."""
    return claim.target.rpartition(":")[2].rpartition(".")[2]


def _owner(owners: Iterable[Claim], claim: Claim) -> Claim | None:
    """Another distribution's claim; none where this distribution is one of them."""
    found = list(owners)
    if any(one.provider is claim.provider for one in found):
        return None
    return found[0] if found else None


def _fault(claim: Claim, alias: str, owner: Claim) -> Fault:
    return Fault(
        claim.provider,
        f"the {claim.kind} {claim.name!r} has the alias {alias!r}, which belongs to "
        f"{owner.provider.name}",
        entry=claim.name,
        cause=f"{owner.canonical} ({owner.target}) has that name itself; the alias is "
        "not used",
        mend=f"update {claim.provider.name}; its author removes the alias {alias!r}",
    )
