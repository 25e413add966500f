"""What plugins cost: each module imported alone, in a fresh process of its own."""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, NamedTuple

from kerasplug.registry.checking import question_of
from kerasplug.registry.overview import table
from kerasplug.registry.parts import KINDS, Claim, Hooked, Provider
from kerasplug.registry.starting import start

__all__ = ["Timing", "measure"]

#: How long the import of a target may take: Keras and an engine come with it.
_TARGET_LIMIT = 300.0


class Timing(NamedTuple):
    """What one module costs.

    Args:
        plugin: the distribution's name.
        version: its version.
        what: what it is: `"hook module my_package.hooks"`, `"layer gate"`.
        module: the module that was imported.
        seconds: how long that took, the modules that it imports included.
        modules: how many modules came with it.
        heavy: which of the packages that take long were among them.
        error: what went wrong; empty where nothing did.
    """

    plugin: str
    version: str
    what: str
    module: str
    seconds: float
    modules: int
    heavy: tuple[str, ...]
    error: str


def measure(
    names: Iterable[str] | None = None, *, targets: bool = False
) -> list[Timing]:
    """The cost of the plugins' hook modules, dearest first.

    Args:
        names: distributions; None: all that are on.
        targets: also import what the plugins provide, which imports Keras there.

    Returns:
        One timing for each hook module and, with `targets`, for each contribution.

    Raises:
        ConfigError: KERASPLUG_HOOK_TIMEOUT is no number of seconds.
        KeyboardInterrupt: somebody pressed Ctrl-C.
    """
    present = table()
    chosen = set(present.providers) if names is None else set(names)
    providers = [
        one
        for one in present.providers.values()
        if one.name in chosen and one.name not in present.off
    ]
    found = [
        _of_hooks(provider, hooked)
        for provider in providers
        for hooked in provider.hooked
    ]
    if targets:
        found += [_of_target(claim) for claim in _claims(chosen)]
    return sorted(found, key=lambda one: (-one.seconds, one.plugin, one.what))


def _claims(chosen: set[str]) -> Iterator[Claim]:
    present = table()
    for kind in KINDS:
        for _, claims in sorted(present.of_kind(kind).items()):
            yield from (one for one in claims if one.provider.name in chosen)


def _of_hooks(provider: Provider, hooked: Hooked) -> Timing:
    from kerasplug.registry.asking import plain_of, time_limit

    what = f"hook module {hooked.module}"
    question = plain_of(provider, hooked)
    return _timing(provider, what, hooked.module, question, time_limit())


def _of_target(claim: Claim) -> Timing:
    what = f"{claim.kind} {claim.name}"
    module = claim.target.partition(":")[0]
    return _timing(claim.provider, what, module, question_of(claim), _TARGET_LIMIT)


def _timing(
    provider: Provider,
    what: str,
    module: str,
    question: Mapping[str, Any],
    limit: float,
) -> Timing:
    ending = start({0: question}, limit, stop=False)
    said = ending.answers.get(0)
    if said is None:
        reason = ending.reason or "no process could be started to import it"
        return Timing(provider.name, provider.version, what, module, 0.0, 0, (), reason)
    fault = said["fault"] or {}
    return Timing(
        provider.name,
        provider.version,
        what,
        module,
        said["seconds"],
        said["modules"],
        tuple(said["heavy"]),
        fault.get("cause", ""),
    )
