"""`kerasplug data`: the files of data sets: seen, brought, checked and removed."""

import argparse
from typing import Any

from kerasplug.cli import data_files, names
from kerasplug.cli.output import Output
from kerasplug.cli.stored import count, size
from kerasplug.errors import KerasplugError
from kerasplug.registry import Claim

__all__ = ["add_arguments", "run"]

_ACTIONS = ("list", "fetch", "verify", "path", "remove")
#: What `fetch` and `verify` find where all is well.
_GOOD = ("right", "embedded")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Tell the parser what `kerasplug data` takes."""
    parser.add_argument(
        "action",
        choices=_ACTIONS,
        help="list all; download what is missing; hash anew what is there; print where "
        "the files are or would be; remove them",
    )
    named = parser.add_argument(
        "names", nargs="*", metavar="NAME", help="of data sets, bare or canonical"
    )
    names.complete_with(named, data_files.known)
    parser.add_argument(
        "--all", action="store_true", help="with fetch and remove: all data sets"
    )


def run(options: argparse.Namespace) -> int:
    """Do it; 0, or 1 where a file is wrong or could not be had.

    Raises:
        UnknownNameError: no plugin has such a data set.
        AmbiguousNameError: several have it.
        FetchError: a file can't be removed.
    """
    claims = data_files.claims(options.names)
    if not options.names and not options.all and options.action in ("fetch", "remove"):
        _refuse(options)
    actions = (_list, _fetch, _verify, _path, _remove)
    return dict(zip(_ACTIONS, actions, strict=True))[options.action](options, claims)


def _refuse(options: argparse.Namespace) -> None:
    what = f"kerasplug data {options.action} was told no data set."
    mend = f"kerasplug data {options.action} NAME, or --all"
    raise KerasplugError(what, found="no name", expected="a name", mend=mend)


def _list(options: argparse.Namespace, claims: list[Claim]) -> int:
    found = [data_files.told(claim) for claim in claims]
    if options.json:
        options.output.data(found)
    elif not found:
        options.output.write("no data sets\n")
    else:
        options.output.table(
            (
                (one["name"], one["state"], size(one["bytes"]), one["summary"])
                for one in found
            ),
            ("name", "label"),
        )
    return 0


def _path(options: argparse.Namespace, claims: list[Claim]) -> int:
    found = {claim.canonical: data_files.paths(claim) for claim in claims}
    if options.json:
        options.output.data(found)
    else:
        for some in found.values():
            for path in some:
                options.output.write(f"{path}\n")
    return 0


def _fetch(options: argparse.Namespace, claims: list[Claim]) -> int:
    found = []
    for claim in claims:
        one = _tried(data_files.bring, claim, quiet=options.json)
        found.append({"name": claim.canonical, **one})
    return _tell(options, found)


def _verify(options: argparse.Namespace, claims: list[Claim]) -> int:
    found = []
    for claim in claims:
        one = _tried(data_files.check, claim)
        if options.names or one["state"] not in ("missing", "embedded"):
            found.append({"name": claim.canonical, **one})
    return _tell(options, found)


def _tried(action: Any, claim: Claim, **more: Any) -> dict[str, Any]:
    """What became of one data set; another one is not kept waiting by its fault."""
    try:
        state, paths = action(claim, **more)
    except KerasplugError as error:
        return {"state": "error", "paths": [], "error": str(error)}
    return {"state": state, "paths": list(paths)}


def _tell(options: argparse.Namespace, found: list[dict[str, Any]]) -> int:
    if options.json:
        options.output.data(found)
    else:
        _print(options.output, found)
    return int(any(one["state"] not in _GOOD for one in found))


def _print(output: Output, found: list[dict[str, Any]]) -> None:
    if not found:
        output.line("nothing is downloaded")
    for one in found:
        output.heading(f"{one['name']}: {one['state']}")
        for path in one["paths"]:
            output.line(path, indent=2)
        for line in one.get("error", "").splitlines():
            output.line(line, indent=2)


def _remove(options: argparse.Namespace, claims: list[Claim]) -> int:
    found = {claim.canonical: data_files.remove(claim) for claim in claims}
    if options.json:
        options.output.data(found)
        return 0
    for name, paths in found.items():
        what = count(len(paths), "file or folder", "files and folders")
        options.output.line(f"{name}: {what} removed")
    return 0
