"""`kerasplug cache`: what kerasplug keeps on disk, to be seen and to be removed."""

import argparse
from typing import Any

from kerasplug.cli import stored
from kerasplug.cli.output import Output
from kerasplug.config import cache_folder, keras_home
from kerasplug.errors import KerasplugError
from kerasplug.registry import quarantine

__all__ = ["add_arguments", "run"]


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Tell the parser what `kerasplug cache` takes."""
    parser.add_argument(
        "action",
        choices=("show", "clear"),
        help="show what there is; or remove the indexes, which get made anew",
    )
    parser.add_argument(
        "--quarantine",
        action="store_true",
        help="with clear: also forget which plugins are quarantined",
    )
    parser.add_argument(
        "--seals",
        action="store_true",
        help="with clear: also forget which downloads were hashed: they are once more",
    )


def run(options: argparse.Namespace) -> int:
    """Show or clear it; 0."""
    if options.action == "clear":
        return _clear(options)
    found = _found()
    if options.json:
        options.output.data(found)
    else:
        _print(options.output, found)
    return 0


def _found() -> dict[str, Any]:
    try:
        home = keras_home()
    except KerasplugError:  # the doctor says what is wrong with it
        home = ""
    return {
        "folder": cache_folder(),
        "indexes": stored.indexes(),
        "quarantine": [_plain(entry) for entry in quarantine.entries()],
        "seals": stored.seals_kept(),
        "keras_home": home,
        "downloads": stored.of_keras(home) if home else {},
    }


def _plain(entry: quarantine.Entry) -> dict[str, str]:
    wanted = ("plugin", "version", "entry", "module", "reason", "since")
    return {key: getattr(entry, key) for key in wanted}


def _print(output: Output, found: dict[str, Any]) -> None:
    indexes, entries = found["indexes"], found["quarantine"]
    total = stored.size(sum(one["bytes"] for one in indexes))
    number = stored.count(len(indexes), "index", "indexes")
    output.heading(f"{found['folder']}: {number}, {total}")
    output.table(
        (
            (one["state"], stored.size(one["bytes"]), one["folder"] or one["path"])
            for one in indexes
        ),
        ("label",),
    )
    if entries:
        output.write("\n")
        output.heading("quarantine")
    for one in entries:
        who = f"{one['plugin']} {one['version']}".strip()
        output.fields([(who, f"{one['module']}: {one['reason']}, {one['since']} UTC")])
    if found["seals"]["files"]:
        output.write("\n")
        number = stored.count(found["seals"]["files"], "download", "downloads")
        output.heading(f"{number} hashed and not to be hashed again")
    if found["downloads"]:
        output.write("\n")
        where = f"{found['keras_home']}: downloads, removed by `kerasplug data` alone"
        output.heading(where)
        sizes = found["downloads"].items()
        output.table([(name, stored.size(count)) for name, count in sizes])


def _clear(options: argparse.Namespace) -> int:
    removed = {"index": stored.clear_indexes()}
    if options.quarantine:
        removed["quarantine"] = stored.clear_quarantine()
    if options.seals:
        removed["seals"] = stored.clear_seals()
    if options.json:
        options.output.data({"folder": cache_folder(), "removed": removed})
        return 0
    for name, one in removed.items():
        files = stored.count(one["files"], "file", "files")
        options.output.line(f"{name}: {files} removed, {stored.size(one['bytes'])}")
    return 0
