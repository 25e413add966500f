"""The table: what all providers together claim, and what is wrong with them.

Built once and kept until the environment that it was built from is another one.
On the warm path: names come from the index, and no record is built.
"""

import os
import sys

from kerasplug.registry import session
from kerasplug.registry.discovery import discover
from kerasplug.registry.listing import listed
from kerasplug.registry.parts import KINDS, Claim, Fault, Provider, kind_of
from kerasplug.registry.switches import Switches, settings, unknown_switch

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = ["Table", "names", "table"]


class Table:
    """Providers, their claims by kind and name, their faults and their timings.

    It is complete when it is made and does not change.
    """

    def __init__(self, switches: Switches) -> None:
        self.faults: dict[str, list[Fault]] = {}
        self.contested: dict[tuple[str, str, str], Fault] = {}
        self.seconds: dict[str, float] = {}
        self.off: set[str] = set()
        # A plugin asked while it was being asked: it sees all others, and this view
        # is not kept.
        self.provisional = False
        self._switches = switches
        copies = discover(self._ask)
        self.providers = self._merge([*copies, *session.registered()])
        self._note_malformed()
        self._claims: dict[str, dict[str, list[Claim]]] = {kind: {} for kind in KINDS}
        every = [claim for one in self.providers.values() for claim in self._of(one)]
        self._check_switches(every)
        self._check_aliases(every)
        for claim in every:
            if not switches or switches.claim_is_on(claim):
                names = self._claims[claim.kind]
                names.setdefault(claim.name, []).append(claim)

    def _ask(self, providers: list[Provider]) -> list[Provider]:
        """Ask hook modules whose answers are not known; who said something new."""
        on = self._switches.provider_is_on if self._switches else None
        self.off.update(one.name for one in providers if on and not on(one))
        questions = [
            (provider, hooked)
            for provider in providers
            if provider.name not in self.off
            for hooked in provider.hooked
            if hooked.lines is None
        ]
        if not questions:
            return []
        from kerasplug.registry.asking import ask_all

        answers = ask_all(questions, _key())
        for (provider, _), answer in zip(questions, answers, strict=True):
            self.provisional = self.provisional or not answer.asked
            if answer.seconds is not None:
                before = self.seconds.get(provider.name, 0.0)
                self.seconds[provider.name] = before + answer.seconds
            if answer.fault is not None:
                self._add(answer.fault)
        return [
            provider
            for provider, hooked in questions
            if hooked.lines is not None and hooked.stamp
        ]

    def _add(self, fault: Fault) -> None:
        faults = self.faults.setdefault(fault.plugin, [])
        if all(fault.what != known.what for known in faults):
            faults.append(fault)

    def _merge(self, copies: "Iterable[Provider]") -> dict[str, Provider]:
        """One provider a name, in an order that nothing but the names decides."""
        merged: dict[str, Provider] = {}
        for provider in copies:
            other = merged.setdefault(provider.name, provider)
            if other is not provider and other.content() != provider.content():
                merged[provider.name] = self._choose(other, provider)
        return dict(sorted(merged.items()))

    def _choose(self, one: Provider, other: Provider) -> Provider:
        from kerasplug.registry.copies import choose

        chosen, fault = choose(one, other)
        self._add(fault)
        return chosen

    def _note_malformed(self) -> None:
        """An entry point that is not valid is a fault of its plugin."""
        for provider in self.providers.values():
            for group, name, value in provider.malformed:
                fault = Fault(
                    provider,
                    f"the entry point {name!r} is malformed",
                    entry=name,
                    mend=f"update {provider.name}; its author writes it as "
                    'name = "module:attribute"',
                    cause=f"[{group}] {name} = {value!r}: expected a name of letters, "
                    "digits, '_', '.' and '-', and 'module:attribute'",
                )
                self._add(fault)
                kind = kind_of(group)
                if kind and provider.name not in self.off:
                    self.contested[provider.name, kind, name] = fault

    def _of(self, provider: Provider) -> list[Claim]:
        """The claims of one provider; different targets under one name are a fault."""
        if provider.name in self.off:
            return []
        claims: dict[tuple[str, str], Claim] = {}
        for hooked in provider.hooked:
            for line in hooked.lines or ():
                self._put(claims, Claim(provider, *line))
        for kind, name, target in provider.declared:
            self._put(claims, Claim(provider, kind, name, target))
        for claim in session.claims_of(provider):
            self._put(claims, claim)
        return [
            claim
            for key, claim in claims.items()
            if (provider.name, *key) not in self.contested
        ]

    def _put(self, claims: dict[tuple[str, str], Claim], claim: Claim) -> None:
        known = claims.setdefault((claim.kind, claim.name), claim)
        if known.target == claim.target:
            return
        fault = Fault(
            claim.provider,
            f"the {claim.kind} {claim.name!r} has two targets",
            mend=f"let {claim.provider.name} declare it once",
            cause=f"{known.target} and {claim.target}",
        )
        self._add(fault)
        self.contested[claim.provider.name, claim.kind, claim.name] = fault

    def _check_aliases(self, claims: list[Claim]) -> None:
        """An alias that is another distribution's own name is not used."""
        if any(claim.aliases for claim in claims):
            from kerasplug.registry.aliases import drop_foreign_aliases

            for fault in drop_foreign_aliases(claims):
                self._add(fault)

    def _check_switches(self, claims: list[Claim]) -> None:
        if not self._switches:
            return
        unknown = self._switches.unknown(self.providers.values(), claims)
        if unknown:
            raise unknown_switch(unknown[0], self.providers.values(), claims)

    def of_kind(self, kind: str) -> dict[str, list[Claim]]:
        """Name -> its claims, in the order of the distributions' names."""
        return self._claims[kind]

    def names(self, kind: str) -> tuple[str, ...]:
        """Sorted names that work: bare while unique, else canonical."""
        found = self._claims[kind]
        if all(len(claims) == 1 for claims in found.values()):
            return tuple(sorted(found))
        return tuple(
            sorted(
                name if len(claims) == 1 else claim.canonical
                for name, claims in found.items()
                for claim in claims
            )
        )


_last: "tuple[object, Table] | None" = None


def _key() -> object:
    return (
        tuple(sys.path),
        settings(),
        os.environ.get("KERASPLUG_NO_CACHE"),
        session.epoch(),
    )


def names(kind: str) -> tuple[str, ...]:
    """Sorted names that work; no table is built where the index alone says them.

    Raises:
        UnknownNameError: a switch names what nothing has.
    """
    key = _key()
    if _last is None or _last[0] != key:
        found = listed(key, kind)
        if found is not None:
            return found
    return table().names(kind)


def table() -> Table:
    """The table of this environment, as it is now.

    `sys.path`, the switches and what was registered are compared at each call, the
    disk is looked at only for a new table: see `refresh`.

    Raises:
        UnknownNameError: a switch names what nothing has.
    """
    global _last  # noqa: PLW0603 -- the one cache of the registry
    key = _key()
    last = _last
    if last is not None and last[0] == key:
        return last[1]
    # No lock is held here: plugin code runs, and a lock held over an import can
    # deadlock with Python's own. Two threads may both look; the first one counts.
    made = Table(Switches(*settings(), session.blocked_names()))
    if made.provisional:
        return made
    with session.lock:
        if _last is None or _last[0] != key:
            _last = (key, made)
        return _last[1]
