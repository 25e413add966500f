"""`kerasplug list`: what the installed plugins provide.

On the warm path: names come from the index, no record is built, and nothing dear is
imported.
"""

from kerasplug.cli.output import complain
from kerasplug.registry import KINDS
from kerasplug.registry.overview import table

TYPE_CHECKING = False
if TYPE_CHECKING:
    import argparse
    from collections.abc import Callable, Iterable

    from kerasplug.cli.output import Output
    from kerasplug.registry import Claim
    from kerasplug.registry.overview import Table

__all__ = ["KIND_OF", "add_arguments", "plainly", "run"]

#: What may stand for a kind on the command line -> the kind.
KIND_OF = {plural: kind for kind, plural in KINDS.items()} | {
    kind: kind for kind in KINDS
}


def add_arguments(parser: "argparse.ArgumentParser") -> None:
    """Tell the parser what `kerasplug list` takes."""
    from kerasplug.cli.names import add_kind

    add_kind(parser, "kind", nargs="?")


def run(options: "argparse.Namespace") -> int:
    """Print the list, on standard error what is wrong with plugins; 0."""
    return _list(options.output, [options.kind] if options.kind else KINDS)


def plainly(words: "list[str]") -> "Callable[[Output], int] | None":
    """The command for `list` or `list KIND`; None where a parser has to look.

    Args:
        words: what stands behind `list`.
    """
    if not words:
        return lambda output: _list(output, KINDS)
    if len(words) == 1 and words[0] in KIND_OF:
        return lambda output: _list(output, [KIND_OF[words[0]]])
    return None


def _list(output: "Output", kinds: "Iterable[str]") -> int:
    present = table()
    found = {kind: _of(present, kind) for kind in kinds}
    if output.as_json:
        output.data([_plain(*one) for some in found.values() for one in some])
    elif any(found.values()):
        _print(output, found)
    else:
        what = KINDS[next(iter(found))] if len(found) == 1 else "plugins"
        output.write(f"no {what}\n")
    _report_faults(present)
    return 0


def _of(present: "Table", kind: str) -> "list[tuple[str, Claim]]":
    """(name by which one can ask for it, claim): bare where that is unique."""
    return [
        (name if len(claims) == 1 else claim.canonical, claim)
        for name, claims in sorted(present.of_kind(kind).items())
        for claim in claims
    ]


def _print(output: "Output", found: "dict[str, list[tuple[str, Claim]]]") -> None:
    first = True
    for kind, claims in found.items():
        if not claims:
            continue
        if not first:
            output.write("\n")
        first = False
        output.heading(KINDS[kind])
        rows = [(name, _who(claim), claim.summary) for name, claim in claims]
        output.table(rows, ("name", "label"))


def _who(claim: "Claim") -> str:
    return f"{claim.provider.name} {claim.provider.version}".strip()


def _plain(name: str, claim: "Claim") -> "dict[str, str]":
    return {
        "kind": claim.kind,
        "name": name,
        "canonical": claim.canonical,
        "distribution": claim.provider.name,
        "version": claim.provider.version,
        "target": claim.target,
        "summary": claim.summary,
    }


def _report_faults(present: "Table") -> None:
    for faults in present.faults.values():
        for fault in faults:
            who = f"{fault.plugin} {fault.version}".strip()
            complain(f"kerasplug: {who} is broken: {fault.what}")
            complain(f"  mend:     {fault.mend}")
