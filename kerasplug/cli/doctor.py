"""`kerasplug doctor`: what is wrong in this environment, and how to mend it.

Nothing is imported to know, unless somebody asks for it; then other processes do it.
"""

import argparse
from collections.abc import Iterator

from kerasplug import registry
from kerasplug.cli import (
    doctor_caches,
    doctor_environment,
    doctor_keras,
    doctor_plugins,
    findings,
    names,
)
from kerasplug.cli.findings import Finding
from kerasplug.names import normalise
from kerasplug.registry import PluginInfo, quarantine
from kerasplug.registry.overview import table
from kerasplug.registry.parts import describe

__all__ = ["add_arguments", "run"]


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Tell the parser what `kerasplug doctor` takes."""
    parser.add_argument(
        "--probe",
        action="store_true",
        help="import Keras and list the devices, in other processes",
    )
    parser.add_argument(
        "--imports",
        action="store_true",
        help="import everything that plugins provide, in other processes",
    )
    action = parser.add_argument(
        "--retry",
        action="append",
        metavar="NAME",
        default=[],
        help="take a plugin out of quarantine and ask it again; may be repeated",
    )
    names.complete_with(action, _quarantined)


def _quarantined() -> list[str]:
    return [entry.plugin for entry in quarantine.entries()]


def run(options: argparse.Namespace) -> int:
    """Print what was found; 0, or 1 where something is broken.

    Raises:
        UnknownNameError: `--retry` names what no plugin has.
        KerasplugError: with `--retry` the switches in the environment are wrong.
    """
    if options.retry:
        sections = {"quarantine": list(_retried(options.retry))}
    else:
        looks = {
            "environment": doctor_environment.look(),
            "Keras": doctor_keras.look(probe=options.probe),
            "backends": doctor_keras.look_at_backends(),
            "devices": doctor_keras.look_at_devices(probe=options.probe),
            "caches": doctor_caches.look(),
            "plugins": doctor_plugins.look(imports=options.imports),
        }
        sections = {name: list(_careful(name, look)) for name, look in looks.items()}
    return findings.tell(options.output, sections)


def _careful(section: str, look: Iterator[Finding]) -> Iterator[Finding]:
    """The findings of a section; an error of the look itself is one of them."""
    try:
        yield from look
    except Exception as error:  # noqa: BLE001 -- one broken thing must not hide all others
        what = f"the look at it failed: {describe(error)}"
        mend = "python -m pip check; if that finds nothing, tell kerasplug's authors"
        yield Finding("broken", section, what, mend)


def _retried(wanted: list[str]) -> Iterator[Finding]:
    """Release, ask again, and tell what has become of each."""
    _check_known(wanted)
    released = {name: quarantine.release(name) for name in dict.fromkeys(wanted)}
    registry.refresh()
    infos = {one.name: one for one in registry.plugins()}
    for name, entries in released.items():
        if not entries:
            yield Finding("ok", name, "not in quarantine; nothing was changed")
        for entry in entries:
            yield _outcome(entry, infos.get(entry.plugin))


def _outcome(entry: quarantine.Entry, info: PluginInfo | None) -> Finding:
    """What has become of a hook module that was released."""
    if info is None:
        return Finding("ok", entry.plugin, "released; it is not installed here")
    for fault in info.faults:
        if fault.entry == entry.entry:
            return doctor_plugins.finding_of(fault)
    what = f"released; {entry.module} was asked again and answers"
    rest = f"; for the rest see: kerasplug show {info.name}" if info.faults else ""
    return Finding("ok", entry.plugin, what + rest)


def _check_known(wanted: list[str]) -> None:
    """Raise `UnknownNameError` before anything is changed."""
    providers = table().providers.values()
    known = {one.name for one in providers}.union(_quarantined())
    known.update(hooked.entry for one in providers for hooked in one.hooked)
    known.update(entry.entry for entry in quarantine.entries())
    for name in wanted:
        if name not in known and normalise(name) not in known:
            raise names.unknown_plugin(name, known)
