"""What is known of plugins and their things, in the form that JSON has.

`show`, `why` and `doctor` say the same of the same thing, to people and to programs.
"""

import dataclasses
from collections.abc import Iterable, Iterator
from typing import Any

from kerasplug.hooks import Record
from kerasplug.registry import KINDS, Claim, Fault, PluginInfo
from kerasplug.registry.needs import needs_of_claim, unmet

__all__ = [
    "Facts",
    "fault_pairs",
    "need_pairs",
    "of_claim",
    "of_fault",
    "of_needs",
    "of_plugin",
    "source_of",
]

Facts = dict[str, Any]

_COMMON = {field.name for field in dataclasses.fields(Record)}


def of_claim(claim: Claim) -> Facts:
    """Everything about one contribution; nothing of it is imported."""
    record = claim.record()
    plain = record.to_plain()
    names = [field.name for field in dataclasses.fields(record)]
    own = [name for name in names if name not in _COMMON]
    return {
        "kind": claim.kind,
        "name": claim.name,
        "canonical": claim.canonical,
        "target": claim.target,
        "distribution": claim.provider.name,
        "version": claim.provider.version,
        "location": claim.provider.location,
        "told_by": source_of(claim),
        "summary": claim.summary,
        "registered_name": claim.registered_name,
        "aliases": list(claim.aliases),
        "needs": of_needs(claim),
        "fields": {name: plain.get(name, getattr(record, name)) for name in own},
    }


def source_of(claim: Claim) -> str:
    """How a plugin says that it has this thing."""
    if claim.given:
        return "registered in this process"
    if claim.is_declared:
        return f"entry point in kerasplug.{KINDS[claim.kind]}"
    modules = [
        hooked.module
        for hooked in claim.provider.hooked
        if any(line[:2] == (claim.kind, claim.name) for line in hooked.lines or ())
    ]
    return "hook module " + ", ".join(modules)


def of_needs(claim: Claim) -> list[Facts]:
    """Each thing that a contribution needs, and whether it is there."""
    found: list[Facts] = []
    for text, one in _single(needs_of_claim(claim)):
        missing = unmet(one)
        found.append(
            {
                "need": text,
                "met": not missing,
                "problem": "; ".join(problem for problem, _ in missing),
                "mend": "; ".join(mend for _, mend in missing),
            }
        )
    return found


def _single(needs: Any) -> Iterator[tuple[str, Facts]]:
    """(words, needs) of each need alone."""
    words = {"keras": "Keras {}", "python": "Python {}"}
    for key, value in needs.items():
        if key == "packages":
            yield from ((one, {key: [one]}) for one in value)
        elif key in words:
            yield words[key].format(value), {key: value}
        else:
            yield f"{key.removesuffix('s')} {' or '.join(value)}", {key: value}


def of_fault(fault: Fault) -> Facts:
    """What is broken, why, and what mends it."""
    return {
        "entry": fault.entry,
        "what": fault.what,
        "cause": fault.cause,
        "mend": fault.mend,
        "quarantined": fault.quarantined,
        "trace": fault.trace,
    }


def of_plugin(info: PluginInfo) -> Facts:
    """Everything about one plugin."""
    return {
        "name": info.name,
        "version": info.version,
        "state": info.state,
        "summary": info.summary,
        "location": info.location,
        "names": {kind: list(names) for kind, names in info.names.items()},
        "hooks": list(info.hooks),
        "unmet": list(info.unmet),
        "reports": list(info.reports),
        "seconds": info.load_time,
        "faults": [of_fault(fault) for fault in info.faults],
    }


def need_pairs(needs: Iterable[Facts]) -> Iterator[tuple[str, str]]:
    """A line for each need, and for those that are not met what mends it."""
    for need in needs:
        if need["met"]:
            yield "needs", f"{need['need']} (met)"
        else:
            yield "needs", f"{need['need']} (NOT MET: {need['problem']})"
            yield "mend", need["mend"]


def fault_pairs(faults: Iterable[Facts]) -> Iterator[tuple[str, str]]:
    """Lines that say what is broken, why, and what mends it."""
    for fault in faults:
        yield "broken", fault["what"]
        yield "cause", fault["cause"]
        yield "mend", fault["mend"]
