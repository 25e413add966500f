"""What is said when a file needs what is not here: short, and with a mend.

All names come from a file that may be hostile: they are shown as `repr` does, cut
to a sane length, and never used for anything.
"""

import re
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Final

from kerasplug.errors import MissingPluginError
from kerasplug.names import normalise
from kerasplug.registry.overview import table
from kerasplug.saving.matching import Match
from kerasplug.saving.mentions import Said

__all__ = ["mismatch_note", "missing_error"]

#: How many things an error names one by one.
_SHOWN: Final = 5
#: Where a name is cut, in characters.
_LONGEST: Final = 100
_MODULE: Final = re.compile(r"[A-Za-z]\w{0,60}\Z", re.ASCII)


def missing_error(path: str, lacking: Sequence[Match]) -> MissingPluginError:
    """The error for a file that needs what nothing here provides.

    Args:
        path: the file.
        lacking: what is not provided, or not allowed; at least one.
    """
    names = [match.said.name for match in lacking]
    shown = ", ".join(_described(match.said) for match in lacking[:_SHOWN])
    if len(lacking) > _SHOWN:
        shown += f" and {len(lacking) - _SHOWN} more"
    things = "1 thing" if len(lacking) == 1 else f"{len(lacking)} things"
    refused = [match for match in lacking if match.status == "not allowed"]
    who = "no allowed plugin" if refused else "nothing installed"
    return MissingPluginError(
        f"{Path(path).name} needs {things} that {who} provides: {shown}.",
        names=names,
        found="; ".join(_found(lacking)),
        mend="; or ".join(_mends(lacking)),
    )


def _described(said: Said) -> str:
    origin = f" of module {_shown(said.module)}" if said.module else ""
    return f'"{_shown(said.name)}" ({said.kind} {_shown(said.class_name)}{origin})'


def _shown(name: str) -> str:
    """A name as it is, without what could pretend to be another line of the text."""
    cut = name if len(name) <= _LONGEST else name[: _LONGEST - 3] + "..."
    return repr(cut)[1:-1]


def _found(lacking: Iterable[Match]) -> list[str]:
    """What is known about why it is missing."""
    refused = [
        f"{claim.canonical} provides it and is not allowed"
        for match in lacking
        for claim in match.claims
    ]
    off = [
        note
        for match in lacking
        if not match.claims
        for note in _switched_off(match.said)
    ]
    broken = [
        f"the plugin {fault.plugin} is broken and may provide it ({fault.what})"
        for faults in table().faults.values()
        for fault in faults[:1]
    ]
    return list(dict.fromkeys([*refused, *off, *broken]))


def _switched_off(said: Said) -> list[str]:
    tail = said.name.rpartition(">")[2]
    return [
        f"the plugin {provider.name} is switched off and may provide it"
        for provider in table().providers.values()
        if provider.name in table().off
        and (not provider.declared or _declares(provider.declared, tail))
    ]


def _declares(declared: Iterable[tuple[str, str, str]], tail: str) -> bool:
    return any(target.rpartition(":")[2] == tail for _, _, target in declared)


def _mends(lacking: Sequence[Match]) -> list[str]:
    refused = [claim.canonical for match in lacking for claim in match.claims]
    if refused:
        return [f"allow={sorted(set(refused))!r}, or add them to KERASPLUG_ALLOW"]
    tops = dict.fromkeys(top for match in lacking if (top := _top(match.said)))
    mends = [_mend(top) for top in list(tops)[:3]]
    pairs = f'custom_objects={{"{_shown(lacking[0].said.name)}": …}}'
    return [*mends, f"pass {pairs}"]


def _top(said: Said) -> str:
    """The top-level module that the thing lived in, as far as the file says."""
    module = said.module.partition(".")[0]
    if module == "__main__":
        return ""
    package = said.registered_name.partition(">")[0]
    name = module or package.partition(".")[0]
    return name if _MODULE.match(name) and name != "Custom" else ""


def _mend(top: str) -> str:
    from importlib.metadata import packages_distributions, version

    owners = packages_distributions().get(top, ())
    if owners:
        owner = owners[0]
        return (
            f"{owner} {version(owner)}, which is installed and has the module {top}, "
            "declares nothing of it to kerasplug: import what registers it first"
        )
    return (
        f"its module is {top}; a distribution of that name usually provides it: "
        f"python -m pip install {normalise(top)} (if you trust the file)"
    )


def mismatch_note(match: Match, own: str) -> tuple[str, str, str, str]:
    """What, found, expected and mend for a class that bears another name.

    Args:
        match: the file's words and the claim that was imported for them.
        own: the name under which the class is registered with Keras.
    """
    claim = match.claim
    assert claim is not None
    name = _shown(match.said.name)
    mend = (
        f"if they are the same, let {claim.provider.name} add the alias: "
        f'aliases=("{name}",) in its record; else pass custom_objects={{"{name}": …}}'
    )
    return (
        f'The file needs "{name}", and {claim.canonical} is something else.',
        f'{claim.target}, registered with Keras as "{own}"',
        f'"{name}", the name in the file',
        mend,
    )
