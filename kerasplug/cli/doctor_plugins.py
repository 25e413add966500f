"""The doctor's look at the plugins: faults, needs, clashes, missing modules."""

from collections.abc import Iterator

from kerasplug import registry
from kerasplug.cli import names
from kerasplug.cli.findings import Finding
from kerasplug.cli.stored import count
from kerasplug.errors import KerasplugError
from kerasplug.registry import KINDS, Fault, PluginInfo, checking
from kerasplug.registry.needs import needs_of_claim, unmet
from kerasplug.registry.overview import table

__all__ = ["finding_of", "look"]


def look(*, imports: bool) -> Iterator[Finding]:
    """Findings about all plugins; with `imports` their things are really imported."""
    try:
        infos = registry.plugins()
    except KerasplugError as error:  # a switch names what nothing has
        yield Finding("broken", "switches", error.what, error.mend)
        return
    if not infos:
        mend = "kerasplug install-command datasets"
        yield Finding("note", "plugins", "none is installed", mend)
    for info in infos:
        yield from _plugin(info)
    yield from _clashes()
    claims = [one for one in registry.claims() if not one.given]
    if imports:
        # Needs that are not met were told of already.
        ready = [one for one in claims if not unmet(needs_of_claim(one))]
        found = checking.check_targets(ready)
    else:
        found = checking.missing_modules(claims)
    for fault in found:
        about = f"{fault.plugin}/{fault.entry}"
        yield Finding("broken", about, f"{fault.what}: {fault.cause}", fault.mend)
    if imports and not found:
        yield Finding("ok", "imports", f"{len(ready)} of {len(claims)} things work")


def _plugin(info: PluginInfo) -> Iterator[Finding]:
    about = f"{info.name} {info.version}".strip()
    if info.state == "disabled":
        mend = "unset KERASPLUG_DISABLE KERASPLUG_ONLY"
        yield Finding("warning", about, "switched off", mend)
    elif info.faults:
        yield from map(finding_of, info.faults)
    elif info.state == "incompatible":
        yield from _lacking(info, about)
    else:
        yield Finding("ok", about, _counts(info))
    for report in info.reports:
        yield Finding("note", about, report, f"update {info.name}, or tell its authors")


def finding_of(fault: Fault) -> Finding:
    """A fault of a plugin as a finding."""
    return Finding(
        "broken", names.who(fault), f"{fault.what}: {fault.cause}", fault.mend
    )


def _lacking(info: PluginInfo, about: str) -> Iterator[Finding]:
    from kerasplug.registry.needs import needs_of_provider

    for problem, mend in unmet(needs_of_provider(table().providers[info.name])):
        yield Finding("warning", about, problem, mend or "use another environment")


def _counts(info: PluginInfo) -> str:
    counts = (count(len(some), kind, KINDS[kind]) for kind, some in info.names.items())
    return ", ".join(counts) or "provides nothing"


def _clashes() -> Iterator[Finding]:
    for kind in KINDS:
        for name, claims in sorted(table().of_kind(kind).items()):
            if len(claims) > 1:
                canonical = ", ".join(claim.canonical for claim in claims)
                what = f"the {kind} {name!r} is provided by {len(claims)} plugins"
                mend = f"ask for one of {canonical}"
                yield Finding("warning", name, what, mend)
