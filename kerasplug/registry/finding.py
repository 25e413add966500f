"""From a name to its claim, with an error for each way in which that can fail."""

import difflib

from kerasplug.errors import AmbiguousNameError, PluginError, UnknownNameError
from kerasplug.names import normalise
from kerasplug.registry.overview import Table
from kerasplug.registry.parts import KINDS, Claim, Fault

__all__ = ["find"]


def find(table: Table, kind: str, name: str) -> Claim:
    """The one claim that `name` means.

    Raises:
        UnknownNameError: no plugin has it.
        AmbiguousNameError: several plugins have it.
        PluginError: the plugin that would have it is broken.
    """
    distribution, slash, bare = str(name).rpartition("/")
    found = table.of_kind(kind).get(bare, [])
    owner = normalise(distribution)
    if slash:
        found = [claim for claim in found if claim.provider.name == owner]
    if len(found) == 1:
        return found[0]
    if found:
        raise _ambiguous(kind, bare, found)
    if owner in table.faults:
        raise broken(table.faults[owner][0])
    for (plugin, its_kind, its_name), fault in table.contested.items():
        if (its_kind, its_name) == (kind, bare) and owner in ("", plugin):
            raise broken(fault)
    raise _unknown(table, kind, name)


def broken(fault: Fault) -> PluginError:
    """The error for asking a broken plugin for its things."""
    error = PluginError(
        f"The plugin {fault.plugin} {fault.version} is broken: {fault.what}.",
        plugin=fault.plugin,
        version=fault.version,
        found=fault.cause,
        mend=fault.mend,
    )
    error.__cause__ = fault.error
    if fault.error is None and fault.trace:
        # It happened in the process that asks hook modules.
        error.add_note(fault.trace)
    return error


def _ambiguous(kind: str, name: str, found: list[Claim]) -> AmbiguousNameError:
    names = [claim.canonical for claim in found]
    who = ", ".join(
        f"{one.provider.name} {one.provider.version}".strip() for one in found
    )
    return AmbiguousNameError(
        f"{len(found)} distributions provide the {kind} {name!r}.",
        claims=names,
        found=who,
        expected="one provider for a bare name",
        mend=f"ask for one of {', '.join(map(repr, names))}",
    )


def _unknown(table: Table, kind: str, name: str) -> UnknownNameError:
    known = table.names(kind)
    close = difflib.get_close_matches(name, known, n=3, cutoff=0.5)
    if close:
        mend = "did you mean " + " or ".join(map(repr, close)) + "?"
    else:
        mend = f"list(kerasplug.{KINDS[kind]}) says what there is"
    article = "an" if kind[0] in "aeiou" else "a"
    notes = [
        f"{fault.plugin} is broken and may provide it ({fault.cause})"
        for faults in table.faults.values()
        for fault in faults[:1]
    ]
    notes += [
        f"{plugin} is switched off and may provide it" for plugin in sorted(table.off)
    ]
    return UnknownNameError(
        f"No installed plugin provides {article} {kind} named {name!r}.",
        close=close,
        found="; ".join(notes),
        mend=mend,
    )
