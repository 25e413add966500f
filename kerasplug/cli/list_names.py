"""`kerasplug list`: what the installed plugins provide. It imports no Keras."""

import argparse
import json
import sys

from kerasplug import registry
from kerasplug.errors import PluginError
from kerasplug.registry import KINDS, Claim

__all__ = ["add_arguments", "run"]

_KIND_OF = {plural: kind for kind, plural in KINDS.items()} | {
    kind: kind for kind in KINDS
}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Tell the parser what `kerasplug list` takes."""
    parser.add_argument(
        "kind",
        nargs="?",
        choices=sorted(_KIND_OF),
        metavar="KIND",
        help="only this kind: " + ", ".join(KINDS.values()),
    )
    parser.add_argument("--json", action="store_true", help="print JSON, for programs")


def run(options: argparse.Namespace) -> int:
    """Print the list, on standard error what is wrong with plugins; 0."""
    kinds = [_KIND_OF[options.kind]] if options.kind else list(KINDS)
    text = _json(kinds) if options.json else _plain(kinds)
    sys.stdout.write(text)
    _report_faults()
    return 0


def _json(kinds: list[str]) -> str:
    rows = [
        {
            "kind": kind,
            "name": _label(claim),
            "canonical": claim.canonical,
            "distribution": claim.provider.name,
            "version": claim.provider.version,
            "target": claim.target,
            "summary": _summary(claim),
        }
        for kind in kinds
        for claim in registry.claims(kind)
    ]
    return json.dumps(rows, indent=2, ensure_ascii=False) + "\n"


def _plain(kinds: list[str]) -> str:
    blocks = [_block(kind) for kind in kinds]
    text = "\n".join(block for block in blocks if block)
    what = KINDS[kinds[0]] if len(kinds) == 1 else "plugins"
    return text or f"no {what}\n"


def _block(kind: str) -> str:
    """The lines of one kind; empty where nothing provides it."""
    rows = [
        (
            _label(claim),
            f"{claim.provider.name} {claim.provider.version}".strip(),
            _summary(claim),
        )
        for claim in registry.claims(kind)
    ]
    if not rows:
        return ""
    first = max(len(row[0]) for row in rows)
    second = max(len(row[1]) for row in rows)
    lines = [f"  {a:<{first}}  {b:<{second}}  {c}".rstrip() for a, b, c in rows]
    return "\n".join([KINDS[kind], *lines]) + "\n"


def _label(claim: Claim) -> str:
    """The name by which one can ask for it: bare where that is unique."""
    bare = claim.name in registry.names(claim.kind)
    return claim.name if bare else claim.canonical


def _summary(claim: Claim) -> str:
    try:
        return claim.record().summary
    except PluginError as error:
        return f"(broken: {error.what})"


def _report_faults() -> None:
    for plugin in registry.plugins():
        for fault in plugin.faults:
            who = f"{plugin.name} {plugin.version}".strip()
            sys.stderr.write(f"kerasplug: {who} is broken: {fault.what}\n")
            sys.stderr.write(f"  mend:     {fault.mend}\n")
