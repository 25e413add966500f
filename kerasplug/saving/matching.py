"""From what a file mentions to the plugin that provides it. Nothing is imported.

The order is: a declared registered name or alias; module and class; the part after
`>`, or the bare class name, when declared targets have it. Keras' own names are
never overridden.
"""

import os
from collections.abc import Callable, Collection, Iterable, Iterator
from typing import Final, NamedTuple

from kerasplug.registry import Claim, claims
from kerasplug.saving.keras_names import is_keras_module, keras_names
from kerasplug.saving.mentions import Said

__all__ = ["Match", "Matcher", "allowed_providers"]

#: The kinds that a saved model can mention.
_KINDS: Final = ("layer", "object")


def allowed_providers(allow: Iterable[str] | None) -> frozenset[str] | None:
    """The distributions and canonical names that may be imported; None: any.

    Args:
        allow: distributions or `distribution/name`, or None. The environment's
            `KERASPLUG_ALLOW`, a comma list of the same, can only narrow it further.
    """
    chosen = [allow] if isinstance(allow, str) else allow
    names = None if chosen is None else frozenset(map(_normal, chosen))
    setting = os.environ.get("KERASPLUG_ALLOW", "").split(",")
    outer = frozenset(_normal(name) for part in setting if (name := part.strip()))
    if not outer:
        return names
    if names is None:
        return outer
    return frozenset(_inner(names, outer))


def _normal(name: str) -> str:
    from kerasplug.names import normalise

    distribution, slash, rest = name.strip().partition("/")
    return normalise(distribution) + slash + rest


def _inner(names: frozenset[str], outer: frozenset[str]) -> Iterable[str]:
    """What both lists allow, where each holds distributions and single names."""
    for name in names:
        distribution = name.partition("/")[0]
        if name in outer or distribution in outer:
            yield name
        else:
            yield from (one for one in outer if one.partition("/")[0] == name)


class Match(NamedTuple):
    """What the environment has for one thing that a file mentions.

    Args:
        said: the file's words.
        status: `"keras"`, `"provided"`, `"ambiguous"`, `"not allowed"`, `"missing"`,
            `"code"` (bytecode of a lambda) or `"unknown"` (perhaps only a text, or
            perhaps Keras' own where no Keras is installed).
        claims: the claims that fit, before `allow` chose among them.
        claim: the one that provides it, where there is exactly one.
        how: what fitted: `"name"`, `"place"` (module and class) or `"tail"` (the bare
            name); empty where nothing did.
    """

    said: Said
    status: str
    claims: tuple[Claim, ...] = ()
    claim: Claim | None = None
    how: str = ""


class Matcher:
    """Finds claims for what files mention.

    Args:
        allow: what may be imported, from `allowed_providers`.
        package: the Keras whose names count as Keras' own: `"keras"` or `"tf_keras"`.
        present: the claims to look among; the default is the environment's.
    """

    def __init__(
        self,
        allow: frozenset[str] | None = None,
        *,
        package: str = "keras",
        present: Iterable[Claim] | None = None,
    ) -> None:
        self._allow = allow
        self._own: Callable[[], frozenset[str]] = lambda: keras_names(package)
        self._names: dict[str, list[Claim]] = {}
        self._targets: dict[str, list[Claim]] = {}
        self._tails: dict[str, list[Claim]] = {}
        every = _of_environment() if present is None else present
        for claim in every:
            self._enter(claim)

    def _enter(self, claim: Claim) -> None:
        for name in {claim.registered_name, *claim.aliases} - {""}:
            self._names.setdefault(name, []).append(claim)
        self._targets.setdefault(claim.target, []).append(claim)
        tail = claim.target.rpartition(":")[2].rpartition(".")[2]
        self._tails.setdefault(tail, []).append(claim)

    def match(self, said: Said) -> Match:
        """What the environment has for `said`."""
        if said.kind == "code":
            return Match(said, "code")
        if self._is_keras(said):
            return Match(said, "keras")
        refused: tuple[Claim, ...] = ()
        for how, fitting in self._candidates(said):
            found = tuple(sorted(fitting, key=lambda claim: claim.canonical))
            usable = {one.target: one for one in reversed(found) if self._may(one)}
            if len(usable) == 1:
                (claim,) = usable.values()
                return Match(said, "provided", found, claim, how)
            if usable:
                return Match(said, "ambiguous", found)
            refused = refused or found
        if refused:
            return Match(said, "not allowed", refused)
        return Match(said, self._without(said))

    def matches(self, everything: Iterable[Said]) -> tuple[Match, ...]:
        """A match for each; bare words that mean nothing to anybody are left out."""
        found = map(self.match, everything)
        return tuple(one for one in found if not _is_noise(one))

    def _is_keras(self, said: Said) -> bool:
        if said.name == f"Custom>{said.class_name}" and not said.module:
            # How tf_keras writes its own optimizers into HDF5 files.
            return said.name not in self._names and said.class_name in self._own()
        if said.registered_name and said.registered_name != said.class_name:
            return False
        if said.module:
            return is_keras_module(said.module)
        return said.class_name in self._own()

    def _candidates(self, said: Said) -> Iterator[tuple[str, list[Claim]]]:
        """What fits, the best first; the next counts where nothing of it is allowed."""
        tail = said.name.rpartition(">")[2]
        place = f"{said.module}:{said.class_name}" if said.module else ""
        for how, found in (
            ("name", self._names.get(said.name)),
            ("place", self._targets.get(place)),
            ("tail", self._tails.get(tail) or self._tails.get(said.class_name)),
        ):
            if found:
                yield how, found

    def _without(self, said: Said) -> str:
        """The status of something that no plugin provides."""
        if said.module and is_keras_module(said.module):
            return (
                "keras"  # keras_hub and its like are registered, and import themselves
            )
        knowable = said.module or said.registered_name or self._own()
        return "missing" if said.certain and knowable else "unknown"

    def _may(self, claim: Claim) -> bool:
        if self._allow is None:
            return True
        return claim.canonical in self._allow or claim.provider.name in self._allow

    def chose(self, claim: Claim) -> bool:
        """Whether the caller allowed this claim by name."""
        return self._allow is not None and self._may(claim)


def _of_environment() -> Collection[Claim]:
    return [claim for kind in _KINDS for claim in claims(kind)]


def _is_noise(match: Match) -> bool:
    said = match.said
    return (not said.certain and not match.claims and not said.registered_name) or (
        not said.certain and match.status == "keras"
    )
