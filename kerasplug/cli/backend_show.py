"""`kerasplug backend show`: everything about one backend, also in JSON."""

import argparse
from typing import Any

from kerasplug._frameworks.devices import probe_devices
from kerasplug.cli import backend_worker
from kerasplug.cli.output import Output
from kerasplug.engines import describing
from kerasplug.engines.describing import Described

__all__ = ["can", "plain", "run"]

Facts = dict[str, Any]

_WORDS = {True: "yes", False: "no", None: "unknown"}


def run(options: argparse.Namespace) -> int:
    """Print everything about one backend; 0.

    Raises:
        UnknownNameError: there is no such backend.
    """
    one = describing.described(options.name)
    found = describing.abilities_of(one)
    told = {
        **plain(one),
        "because": {word: ability.because for word, ability in found.items()},
        "configured_by": describing.configuration()["by"] if one.configured else "",
        "variables": describing.variables_read(one),
        **_devices(one, probe=options.probe),
    }
    if options.json:
        options.output.data(told)
    else:
        _print(options.output, told)
    return 0


def plain(one: Described) -> Facts:
    """A backend as JSON has it: its fields, and what it can do (null: not known)."""
    found = describing.abilities_of(one)
    can_do = {word: ability.value for word, ability in found.items()}
    return {**one._asdict(), "capabilities": can_do}


def can(one: Described) -> list[str]:
    """The words for what a backend surely can do."""
    found = describing.abilities_of(one)
    return [word for word, ability in found.items() if ability.value]


def _devices(one: Described, *, probe: bool) -> Facts:
    """The devices that it lists; None where it was not asked."""
    if one.kind == "worker":
        return backend_worker.facts(one, probe=probe)
    if not probe:
        return {"devices": None, "devices_error": ""}
    devices, error = probe_devices("keras", one.name)
    return {"devices": devices, "devices_error": error}


def _print(output: Output, told: Facts) -> None:
    output.heading(f"backend {told['name']}: {told['state']}")
    output.fields(
        [
            ("kind", told["kind"]),
            ("why", told["reason"]),
            ("mend", told["mend"]),
            ("computes", f"{told['engine']} {told['engine_version']}".rstrip()),
            ("brought by", f"{told['package']} {told['package_version']}".rstrip()),
            ("module", told["module"]),
            ("configured by", told["configured_by"]),
            ("runs on", told.get("python", "")),
            ("found by", told.get("found_by", "")),
            ("devices", _devices_text(told)),
        ]
    )
    if told.get("facts"):
        output.heading("says of itself")
        said = told["facts"].items()
        output.fields([(str(key), str(value)) for key, value in said])
    output.heading("can")
    output.table(
        [
            (word, _WORDS[value], told["because"][word])
            for word, value in told["capabilities"].items()
        ],
        ("name", "", "label"),
    )
    if told["variables"]:
        output.heading("steered by")
        rows = told["variables"].items()
        output.table(
            [(name, "not set" if said is None else f"={said}") for name, said in rows],
            ("name",),
        )


def _devices_text(told: Facts) -> str:
    if told["devices"] is None:
        return f"kerasplug backend show {told['name']} --probe"
    if told["devices_error"]:
        return f"can't be listed: {told['devices_error']}"
    return ", ".join(told["devices"])
