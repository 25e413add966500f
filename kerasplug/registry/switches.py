"""Which plugins are on: `KERASPLUG_DISABLE`, `KERASPLUG_ONLY` and `blocked()`.

They act before any plugin code runs, and a name that nothing has is an error: a
switch that silently does nothing would be worse than none.

On the warm path: nothing dear is imported.
"""

import os

from kerasplug.registry.parts import Claim, Provider

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable

    from kerasplug.errors import UnknownNameError

__all__ = ["Switches", "settings", "unknown_switch"]


def settings() -> "tuple[str, str]":
    """The two environment variables, as they are now."""
    return os.environ.get("KERASPLUG_DISABLE", ""), os.environ.get("KERASPLUG_ONLY", "")


def _names(text: str) -> "list[str]":
    return [name for part in text.split(",") if (name := part.strip())]


def _normal(name: str) -> str:
    """The name with its distribution part written as PEP 503 says."""
    if name.isalnum() and name.islower():
        return name
    from kerasplug.names import normalise

    distribution, slash, rest = name.partition("/")
    return normalise(distribution) + slash + rest


class Switches:
    """What is switched off, and what alone is switched on.

    A name is a distribution, an entry point's name or a canonical name
    `distribution/name`; `all` stands for every distribution.

    Args:
        disable: the value of `KERASPLUG_DISABLE`.
        only: the value of `KERASPLUG_ONLY`; empty: no restriction.
        blocked: names that `blocked()` switches off now.
    """

    def __init__(self, disable: str, only: str, blocked: "Iterable[str]") -> None:
        self.off = dict.fromkeys(_names(disable), "KERASPLUG_DISABLE")
        self.off.update(dict.fromkeys(blocked, "blocked()"))
        self.only = dict.fromkeys(_names(only), "KERASPLUG_ONLY")

    def __bool__(self) -> bool:
        return bool(self.off or self.only)

    def provider_is_on(self, provider: Provider) -> bool:
        """Whether anything of this distribution may be asked."""
        if self._names_provider(self.off, provider):
            return False
        return not self.only or any(
            _normal(name).partition("/")[0] == provider.name
            or name in _entry_names(provider)
            for name in self.only
        )

    def claim_is_on(self, claim: Claim) -> bool:
        """Whether this contribution of a distribution that is on is on itself."""
        if _named(self.off, claim):
            return False
        if not self.only or self._names_provider(self.only, claim.provider):
            return True
        return _named(self.only, claim)

    @staticmethod
    def _names_provider(names: "Iterable[str]", provider: Provider) -> bool:
        hooks = {hooked.entry for hooked in provider.hooked}
        return any(
            name == "all" or _normal(name) == provider.name or name in hooks
            for name in names
        )

    def unknown(
        self, providers: "Iterable[Provider]", claims: "Iterable[Claim]"
    ) -> "list[tuple[str, str]]":
        """Names that fit nothing installed, each with the switch that holds it.

        A canonical name of a distribution that was not asked can't be judged, and is
        taken as known when its distribution is.
        """
        providers = list(providers)
        known = {"all", *(one.name for one in providers)}
        known.update(name for one in providers for name in _entry_names(one))
        asked = {claim.provider.name for claim in claims}
        known.update(claim.canonical for claim in claims)
        return [
            (name, switch)
            for name, switch in {**self.off, **self.only}.items()
            if name not in known
            and (normal := _normal(name)) not in known
            and not ("/" in normal and _unasked(normal, known, asked))
        ]


def _unasked(name: str, known: "set[str]", asked: "set[str]") -> bool:
    distribution = name.partition("/")[0]
    return distribution in known and distribution not in asked


def _entry_names(provider: Provider) -> "set[str]":
    names = {hooked.entry for hooked in provider.hooked}
    return names.union(name for _, name, _ in provider.declared)


def _named(names: "Iterable[str]", claim: Claim) -> bool:
    return any(name == claim.name or _normal(name) == claim.canonical for name in names)


def unknown_switch(
    item: tuple[str, str],
    providers: "Iterable[Provider]",
    claims: "Iterable[Claim]",
) -> "UnknownNameError":
    """The error for a switch that names what nothing has."""
    import difflib

    from kerasplug.errors import UnknownNameError

    name, switch = item
    known = {one.name for one in providers}.union(claim.canonical for claim in claims)
    known.update(claim.name for claim in claims)
    close = difflib.get_close_matches(name, sorted(known), n=3, cutoff=0.5)
    mend = f"did you mean {', '.join(close)}?" if close else f"correct {switch}"
    return UnknownNameError(
        f"{switch} names {name!r}, and no installed plugin has that name.",
        close=close,
        expected="a distribution, an entry point's name, or distribution/name",
        mend=mend,
    )
