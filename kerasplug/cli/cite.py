"""`kerasplug cite`: BibTeX of Keras, of kerasplug, and of what plugins provide."""

import argparse
import difflib
import io
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, Final, NamedTuple

from kerasplug import registry
from kerasplug.cli import names, software
from kerasplug.cli.bibtex import Entry, keyed
from kerasplug.cli.citations import entries_of
from kerasplug.cli.output import Output, complain
from kerasplug.errors import UnknownNameError
from kerasplug.hooks import RECORD_TYPES
from kerasplug.registry import Claim
from kerasplug.registry.overview import table

__all__ = ["add_arguments", "run"]

#: The kinds whose records can say how to cite a thing.
_KINDS: Final = tuple(
    kind for kind, one in RECORD_TYPES.items() if hasattr(one, "citation")
)


class _Cited(NamedTuple):
    """An entry, and the things that it is the citation of."""

    entry: Entry
    things: tuple[str, ...]


class _Silent(NamedTuple):
    """What does not say how to cite it."""

    kind: str
    name: str


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Tell the parser what `kerasplug cite` takes."""
    names.add_name(
        parser,
        _citable,
        "of an application, a data set, or any other thing that says how to cite it, "
        "bare or canonical; or of a plugin, for all of it; or keras, kerasplug, "
        "tensorflow, jax, torch; without one: Keras, the backend in use, and kerasplug",
        nargs="*",
    )


def run(options: argparse.Namespace) -> int:
    """Print the entries; 0, or 1 where something does not say how to cite it.

    Raises:
        UnknownNameError: nothing installed has one of the names.
        AmbiguousNameError: several distributions provide a thing of that name.
        PluginError: a plugin contradicts itself about it.
    """
    cited: list[_Cited] = []
    told: dict[Claim, str] = {}
    silent: list[_Silent] = []
    for name in dict.fromkeys(options.name or _usual()):
        if _is_software(name):
            cited.append(_Cited(software.entry(name), (name,)))
            continue
        claims = _named(name)
        told |= {claim: text for claim in claims if (text := _citation(claim))}
        silent += _silent(name, claims)
    cited += _grouped(told)
    entries = keyed(one.entry for one in cited)
    if options.json:
        options.output.data(_plain(entries, cited, silent))
    else:
        _write(options.output, "\n\n".join(map(str, entries)))
    for one in dict.fromkeys(silent):
        complain(f"kerasplug: the {one.kind} {one.name} does not say how to cite it")
        complain(f"  mend:     kerasplug show {one.name} says where it is from")
    return int(bool(silent))


def _usual() -> list[str]:
    """Keras, the backend that it uses, if that is installed, and this toolkit."""
    from kerasplug._frameworks import examine_backend
    from kerasplug.implementation import backend

    engine = backend()
    used = engine in software.NAMES and bool(examine_backend(engine))
    return ["keras", *([engine] if used else []), "kerasplug"]


def _is_software(name: str) -> bool:
    """Whether it is meant; a thing of a plugin with such a name goes before it."""
    if name not in software.NAMES:
        return False
    return not any(one.kind in _KINDS for one in names.claims_of(table(), name))


def _named(name: str) -> Sequence[Claim]:
    """The things that a name means; a data set and an application may share it."""
    found = _found(name)
    citable = [claim for claim in found.claims if claim.kind in _KINDS]
    clash = found._replace(claims=citable or found.claims).ambiguous
    if clash:
        raise names.ambiguous(name, clash)
    if found.claims or found.plugin is None:
        return citable or found.claims
    return [one for one in _all() if one.provider is found.plugin and _citation(one)]


def _found(name: str) -> names.Found:
    """What it means; software is known to the error as well."""
    try:
        return names.find(name)
    except UnknownNameError as error:
        near = difflib.get_close_matches(name, software.NAMES, n=1, cutoff=0.7)
        if not near:
            raise
        close = [*near, *error.close]
        mend = "did you mean " + " or ".join(map(repr, close)) + "?"
        raise UnknownNameError(
            error.what, close=close, found=error.found, mend=mend
        ) from None


def _all() -> Iterator[Claim]:
    """All that plugins provide and that could say how to cite it."""
    return (claim for kind in _KINDS for claim in registry.claims(kind))


def _citation(claim: Claim) -> str:
    return str(getattr(claim.record(), "citation", "")).strip()


def _silent(name: str, claims: Sequence[Claim]) -> list[_Silent]:
    """What a name means and has nothing to say: things, or a whole plugin."""
    if not claims:
        return [_Silent("plugin", name)]
    return [_Silent(c.kind, c.canonical) for c in claims if not _citation(c)]


def _grouped(told: dict[Claim, str]) -> Iterator[_Cited]:
    """The entries of each citation once, however many things share it."""
    groups: dict[str, list[Claim]] = {}
    for claim, text in told.items():
        groups.setdefault(" ".join(text.split()), []).append(claim)
    for some in groups.values():
        first = some[0]
        things = tuple(claim.canonical for claim in some)
        for entry in entries_of(told[first], first.name, first.summary, _note(some)):
            yield _Cited(entry, things)


def _note(claims: Iterable[Claim]) -> str:
    """The things and whose they are, so that a reader can get the same."""
    by_owner: dict[tuple[str, str], list[str]] = {}
    for one in claims:
        by_owner.setdefault((one.kind, names.who(one.provider)), []).append(one.name)
    return "; ".join(
        f"{kind if len(some) == 1 else registry.KINDS[kind]} {', '.join(some)} of {who}"
        for (kind, who), some in by_owner.items()
    )


def _plain(
    entries: list[Entry], cited: Sequence[_Cited], silent: list[_Silent]
) -> dict[str, Any]:
    """The answer for a program."""
    return {
        "entries": [
            {"key": entry.key, "things": list(one.things), "bibtex": str(entry)}
            for entry, one in zip(entries, cited, strict=True)
        ],
        "without": [one._asdict() for one in dict.fromkeys(silent)],
    }


def _write(output: Output, text: str) -> None:
    """Write it in UTF-8 wherever no terminal shows it: it is for files of LaTeX."""
    stream = output.stream
    if not text:
        return
    if output.terminal or not isinstance(stream, io.TextIOWrapper):
        output.write(text + "\n")
        return
    before, errors = stream.encoding, stream.errors
    stream.reconfigure(encoding="utf-8", errors=errors)
    again = Output(stream, as_json=False)
    again.write(text + "\n")
    again.flush()
    stream.reconfigure(encoding=before, errors=errors)


def _citable() -> list[str]:
    """Names that can be asked for: for completion."""
    things = {name for kind in _KINDS for name in registry.names(kind)}
    return [*things, *{one.provider.name for one in _all()}, *software.NAMES]
