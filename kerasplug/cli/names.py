"""Names on the command line: what they mean, and which ones there are."""

import argparse
import difflib
from collections.abc import Callable, Iterable, Sequence
from typing import Any, NamedTuple

from kerasplug import registry
from kerasplug.cli.list_names import KIND_OF
from kerasplug.cli.parser import one_of
from kerasplug.errors import AmbiguousNameError, UnknownNameError
from kerasplug.names import normalise
from kerasplug.registry import KINDS, Claim, Fault, Provider
from kerasplug.registry.overview import Table, table

__all__ = [
    "Found",
    "add_kind",
    "add_name",
    "ambiguous",
    "claims_of",
    "complete_with",
    "contributions",
    "find",
    "in_doubt",
    "installed",
    "one_kind",
    "plugins",
    "unknown",
    "unknown_plugin",
    "who",
]


class Found(NamedTuple):
    """What a name means: things of these plugins, and perhaps a plugin itself."""

    claims: list[Claim]
    plugin: Provider | None

    @property
    def ambiguous(self) -> list[Claim]:
        """The claims of the first kind of which several distributions claim it."""
        for kind in KINDS:
            some = [claim for claim in self.claims if claim.kind == kind]
            if len(some) > 1:
                return some
        return []


def one_kind(text: str) -> str:
    """A kind in the singular: for the `type` of an argument.

    Raises:
        argparse.ArgumentTypeError: there is no such kind; the text has close ones.

    Example:
        >>> one_kind("layers")
        'layer'
    """
    return KIND_OF[one_of(text.lower(), KIND_OF, "kind")]


def add_kind(parser: argparse.ArgumentParser, name: str, **more: Any) -> None:
    """Give a command an argument that takes a kind, in the singular or plural."""
    action = parser.add_argument(
        name,
        type=one_kind,
        metavar="KIND",
        help="only this kind: " + ", ".join(KINDS.values()),
        **more,
    )
    complete_with(action, KINDS.values)


def add_name(
    parser: argparse.ArgumentParser,
    names: Callable[[], Iterable[str]],
    text: str,
    **more: Any,
) -> None:
    """Give a command an argument NAME that shells complete.

    Args:
        parser: of the command.
        names: gives the names that there are when somebody presses the tab key.
        text: the line in the help.
        **more: what `add_argument` takes besides.
    """
    action = parser.add_argument("name", metavar="NAME", help=text, **more)
    complete_with(action, names)


def complete_with(action: argparse.Action, names: Callable[[], Iterable[str]]) -> None:
    """Let shells complete an argument; a name in doubt is as good as none."""

    def completer(**_: object) -> list[str]:
        return sorted(names())

    action.completer = completer  # type: ignore[attr-defined]  # argcomplete's own attribute


def plugins() -> list[str]:
    """Names of all plugins."""
    return list(table().providers)


def contributions() -> list[str]:
    """Names of all that plugins provide, as one can ask for it."""
    return sorted({name for kind in KINDS for name in registry.names(kind)})


def installed() -> list[str]:
    """Names of all plugins, and of all that they provide."""
    return [*plugins(), *contributions()]


def who(thing: Provider | Fault) -> str:
    """A distribution and its version, as people read it."""
    name = thing.name if isinstance(thing, Provider) else thing.plugin
    return f"{name} {thing.version}".strip()


def find(name: str, kind: str | None = None) -> Found:
    """What a bare or canonical name, or a distribution's, means.

    Args:
        name: `"gated_dense"`, `"downstream-pkg/gated_dense"` or `"downstream-pkg"`.
        kind: one of `KINDS`, to look only there; None: everywhere.

    Raises:
        UnknownNameError: nothing installed has that name.
        PluginError: a plugin has it, and contradicts itself about it.
    """
    present = table()
    claims = claims_of(present, name, kind)
    plugin = None if kind else present.providers.get(normalise(name))
    if claims or plugin is not None:
        return Found(claims, plugin)
    for (owner, its_kind, its_name), fault in present.contested.items():
        if kind in (None, its_kind) and name in (its_name, f"{owner}/{its_name}"):
            from kerasplug.registry.finding import broken

            raise broken(fault)
    raise unknown(present, name, kind)


def claims_of(present: Table, name: str, kind: str | None = None) -> list[Claim]:
    """All claims that a bare or canonical name can mean, by kind."""
    distribution, slash, bare = name.rpartition("/")
    owner = normalise(distribution)
    return [
        claim
        for one in ([kind] if kind else KINDS)
        for claim in present.of_kind(one).get(bare, ())
        if not slash or claim.provider.name == owner
    ]


def ambiguous(name: str, claims: list[Claim]) -> AmbiguousNameError:
    """The error for a bare name that several distributions have."""
    names = sorted({claim.canonical for claim in claims})
    return AmbiguousNameError(
        f"Several distributions provide the {claims[0].kind} {name!r}.",
        claims=names,
        found=", ".join(sorted({who(claim.provider) for claim in claims})),
        expected="one provider for a bare name",
        mend=f"ask for one of {', '.join(names)}",
    )


def unknown(present: Table, name: str, kind: str | None = None) -> UnknownNameError:
    """The error for a name that nothing has, with close ones."""
    names = [one for each in ([kind] if kind else KINDS) for one in present.names(each)]
    known = sorted({*names, *(() if kind else present.providers)})
    close = difflib.get_close_matches(name, known, n=3, cutoff=0.5)
    what = kind or "thing or plugin"
    return UnknownNameError(
        f"There is no {what} named {name!r}.",
        close=close,
        found="; ".join(in_doubt(present)),
        mend=_mend(close),
    )


def unknown_plugin(name: str, known: Iterable[str]) -> UnknownNameError:
    """The error for a name that should be a plugin's and is not."""
    close = difflib.get_close_matches(name, sorted(known), n=3, cutoff=0.5)
    return UnknownNameError(
        f"There is no plugin named {name!r}.", close=close, mend=_mend(close)
    )


def _mend(close: Sequence[str]) -> str:
    if not close:
        return "kerasplug doctor says which plugins there are"
    return "did you mean " + " or ".join(map(repr, close)) + "?"


def in_doubt(present: Table) -> list[str]:
    """Plugins that may have any name, since their hook modules have not answered."""
    silent = [
        provider.name
        for provider in present.providers.values()
        if any(hooked.lines is None for hooked in provider.hooked)
    ]
    return [
        f"{name} is {'switched off' if name in present.off else 'broken'} "
        "and may provide it"
        for name in silent
        if name in present.off or name in present.faults
    ]
