"""`kerasplug show`: everything about one thing of a plugin, or about a plugin."""

import argparse

from kerasplug import registry
from kerasplug.cli import facts, names
from kerasplug.cli.facts import Facts
from kerasplug.cli.output import Output
from kerasplug.registry import KINDS, PluginInfo

__all__ = ["add_arguments", "run"]


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Tell the parser what `kerasplug show` takes."""
    names.add_name(
        parser,
        names.installed,
        "of a thing, bare or canonical (distribution/name), or of a plugin",
    )
    names.add_kind(parser, "--kind")
    parser.add_argument(
        "--trace", action="store_true", help="with the traceback of what is broken"
    )


def run(options: argparse.Namespace) -> int:
    """Print it; 0, or 1 where what was asked for is broken.

    Raises:
        UnknownNameError: nothing installed has that name.
        AmbiguousNameError: several distributions provide a thing of that name.
        PluginError: its plugin contradicts itself about it.
    """
    found = names.find(options.name, options.kind)
    if found.ambiguous:
        raise names.ambiguous(options.name, found.ambiguous)
    things = [facts.of_claim(claim) for claim in found.claims]
    plugin = facts.of_plugin(_info(found.plugin.name)) if found.plugin else None
    if options.json:
        options.output.data({"things": things, "plugin": plugin})
    else:
        _print(options.output, things, plugin, trace=options.trace)
    return int(bool(plugin and plugin["faults"]))


def _info(name: str) -> PluginInfo:
    return next(one for one in registry.plugins() if one.name == name)


def _print(
    output: Output, things: list[Facts], plugin: Facts | None, *, trace: bool
) -> None:
    for number, one in enumerate(things):
        if number:
            output.write("\n")
        _print_thing(output, one)
    if things and plugin:
        output.write("\n")
    if plugin:
        _print_plugin(output, plugin, trace=trace)


def _print_thing(output: Output, thing: Facts) -> None:
    output.heading(f"{thing['kind']} {thing['canonical']}")
    output.fields(
        [
            ("summary", thing["summary"]),
            ("plugin", f"{thing['distribution']} {thing['version']}".strip()),
            ("location", thing["location"]),
            ("told by", thing["told_by"]),
            ("target", thing["target"]),
            ("registered", thing["registered_name"]),
            ("aliases", ", ".join(thing["aliases"])),
            *(
                (name.replace("_", " "), _text(v))
                for name, v in thing["fields"].items()
            ),
            *facts.need_pairs(thing["needs"]),
        ]
    )


def _text(value: object) -> str:
    """The value of a record's field; nothing where it says nothing."""
    if isinstance(value, dict):
        return " ".join(f"{key}={one}" for key, one in value.items())
    if isinstance(value, list | tuple):
        texts = map(_text, value)
        return ", ".join(
            f"({text})" if isinstance(one, list | tuple) else text
            for one, text in zip(value, texts, strict=True)
        )
    return "" if value is None else str(value)


def _print_plugin(output: Output, plugin: Facts, *, trace: bool) -> None:
    output.heading(f"plugin {plugin['name']} {plugin['version']}".rstrip())
    output.fields(
        [
            ("state", plugin["state"]),
            ("summary", plugin["summary"]),
            ("location", plugin["location"]),
            *((KINDS[kind], ", ".join(some)) for kind, some in plugin["names"].items()),
            ("hooks", ", ".join(plugin["hooks"])),
            *(("lacks", problem) for problem in plugin["unmet"]),
            *(("note", report) for report in plugin["reports"]),
            *facts.fault_pairs(plugin["faults"]),
        ]
    )
    for fault in plugin["faults"] if trace else ():
        output.line(fault["trace"], indent=4)
