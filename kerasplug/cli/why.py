"""`kerasplug why`: who provides a name, who else wanted to, and what using it means.

Nothing is imported to know: modules are looked for where Python would look.
"""

import argparse
import os
from collections.abc import Iterator

from kerasplug.cli import USAGE, facts, names
from kerasplug.cli.facts import Facts
from kerasplug.cli.output import Output
from kerasplug.errors import ImplementationError, KerasplugError, UnknownNameError
from kerasplug.names import normalise
from kerasplug.registry import KINDS, Claim, Provider
from kerasplug.registry.locating import locate
from kerasplug.registry.overview import Table, table

__all__ = ["add_arguments", "keras_in_use", "run"]

_SWITCHES = ("KERASPLUG_DISABLE", "KERASPLUG_ONLY")
_VARIABLES = ("KERASPLUG_IMPLEMENTATION", "KERAS_IMPLEMENTATION")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Tell the parser what `kerasplug why` takes."""
    names.add_name(
        parser,
        names.contributions,
        "of a thing that a plugin provides, bare or canonical (distribution/name)",
    )
    names.add_kind(parser, "--kind")


def run(options: argparse.Namespace) -> int:
    """Print it; 0, or 2 where the bare name is not unique.

    Raises:
        UnknownNameError: no plugin has that name, not even one that is switched off.
        PluginError: the only one that has it contradicts itself about it.
    """
    present = table()
    claims = names.claims_of(present, options.name, options.kind)
    others = list(_others(present, options.name, options.kind))
    if not claims and not others:
        raise _unknown(present, options.name, options.kind)
    clash = names.Found(claims, None).ambiguous
    answer = {
        "name": options.name,
        "providers": [_provider(present, claim) for claim in claims],
        "others": others,
        "in_doubt": names.in_doubt(present),
        "ambiguous": [claim.canonical for claim in clash],
        "keras": keras_in_use(),
    }
    if options.json:
        options.output.data(answer)
    else:
        _print(options.output, answer)
    return USAGE if clash else 0


def _unknown(present: Table, name: str, kind: str | None) -> UnknownNameError:
    if not kind and normalise(name) in present.providers:
        what = f"{name!r} is a plugin, and none of the things that plugins provide."
        return UnknownNameError(what, mend=f"kerasplug show {name}")
    return names.unknown(present, name, kind)


def _provider(present: Table, claim: Claim) -> Facts:
    """Who has it, what it needs and what would be imported for it."""
    module = claim.target.partition(":")[0]
    state, where = locate(module)
    known = facts.of_claim(claim)
    kept = ("kind", "canonical", "distribution", "version", "told_by", "target")
    return {
        **{key: known[key] for key in (*kept, "needs")},
        "faults": [fault.what for fault in present.faults.get(claim.provider.name, ())],
        "imports": {
            "module": module,
            "state": state,
            "file": where if state == "found" else "",
            "missing": where if state == "missing" else "",
        },
    }


def _others(present: Table, name: str, kind: str | None) -> Iterator[Facts]:
    """Plugins that claim the name and don't get it, each with the reason."""
    for provider in present.providers.values():
        for its_kind, its_name, target in _claimed(provider):
            wanted = name in (its_name, f"{provider.name}/{its_name}")
            if not wanted or kind not in (None, its_kind):
                continue
            reason = _refusal(present, provider, its_kind, its_name)
            if reason:
                yield {
                    "kind": its_kind,
                    "canonical": f"{provider.name}/{its_name}",
                    "distribution": provider.name,
                    "version": provider.version,
                    "target": target,
                    **reason,
                }


def _claimed(provider: Provider) -> list[tuple[str, str, str]]:
    """(kind, name, target) of all that a plugin says it has, each once."""
    hooked = (line[:3] for one in provider.hooked for line in one.lines or ())
    malformed = (
        (kind, name, value)
        for group, name, value in provider.malformed
        for kind, plural in KINDS.items()
        if group == f"kerasplug.{plural}"
    )
    return list(dict.fromkeys([*provider.declared, *hooked, *malformed]))


def _refusal(present: Table, provider: Provider, kind: str, name: str) -> Facts:
    """Why a plugin's claim does not count; nothing where it does."""
    fault = present.contested.get((provider.name, kind, name))
    if fault is not None:
        return {"why": f"{fault.what}: {fault.cause}", "mend": fault.mend}
    claims = present.of_kind(kind).get(name, ())
    if any(claim.provider is provider for claim in claims):
        return {}
    switches = [one for one in _SWITCHES if os.environ.get(one)]
    return {
        "why": f"it is switched off by {' or '.join(switches)}",
        "mend": f"unset {' '.join(switches)}",
    }


def keras_in_use() -> Facts:
    """Which Keras would be used on which backend, and who says so."""
    from kerasplug.config import configured_backend
    from kerasplug.implementation import availability, backend, chosen

    variable = next((one for one in _VARIABLES if os.environ.get(one)), "")
    try:
        name, on = chosen(), backend()
    except ImplementationError as error:
        return _no_keras(variable, error)
    where = configured_backend()[1] if name != "tf_keras" else "tf_keras has no other"
    state = availability()
    return {
        "implementation": name,
        "because": variable or _reason(on, missing=state.state == "missing"),
        "backend": on,
        "configured_by": where,
        "state": state.state,
        "version": state.version,
        "problem": state.reason,
        "mend": state.mend,
    }


def _reason(backend: str, *, missing: bool) -> str:
    if missing:
        return f"nothing else is set; none that fits the backend {backend} is installed"
    return f"it is what is installed and fits the backend {backend}"


def _no_keras(variable: str, error: KerasplugError) -> Facts:
    return {
        "implementation": "",
        "because": variable,
        "backend": "",
        "configured_by": "",
        "state": "mistake",
        "version": "",
        "problem": f"{error.what} Expected {error.expected}.",
        "mend": f"unset {variable}",
    }


def _print(output: Output, answer: Facts) -> None:
    for number, one in enumerate(answer["providers"]):
        if number:
            output.write("\n")
        _print_provider(output, one)
    if not answer["providers"]:
        output.heading(f"{answer['name']}: nobody provides it")
    for other in answer["others"]:
        output.write("\n")
        output.heading(f"not from {other['distribution']} {other['version']}".rstrip())
        keys = (("target", "target"), ("because", "why"), ("mend", "mend"))
        output.fields((label, other[key]) for label, key in keys)
    if answer["in_doubt"]:
        output.write("\n")
        output.heading("who else may have it")
        output.table([(line,) for line in answer["in_doubt"]])
    if answer["ambiguous"]:
        output.write("\n")
        output.line(f"The bare name {answer['name']} is not unique.")
        output.fields([("mend", f"ask for one of {', '.join(answer['ambiguous'])}")])
    if answer["providers"]:
        output.write("\n")
        _print_keras(output, answer["keras"])


def _print_provider(output: Output, one: Facts) -> None:
    imports = one["imports"]
    missing = f"{imports['missing']} (NOT FOUND)" if imports["missing"] else ""
    plugin = f"{one['distribution']} {one['version']}".strip()
    output.heading(f"{one['kind']} {one['canonical']}")
    output.fields(
        [
            ("provided by", plugin),
            ("told by", one["told_by"]),
            *(("its fault", what) for what in one["faults"]),
            *facts.need_pairs(one["needs"]),
            ("imports", one["target"]),
            ("from file", missing or imports["file"] or "only an import can tell"),
            ("mend", missing and _reinstall(one["distribution"])),
        ]
    )


def _reinstall(distribution: str) -> str:
    return f"python -m pip install --force-reinstall {distribution}"


def _print_keras(output: Output, keras: Facts) -> None:
    output.heading("what imports Keras gets")
    output.fields(
        [
            ("implementation", keras["implementation"]),
            ("version", keras["version"]),
            ("because", keras["because"]),
            ("backend", keras["backend"]),
            ("set by", keras["configured_by"]),
            ("problem", keras["problem"]),
            ("mend", keras["mend"]),
        ]
    )
