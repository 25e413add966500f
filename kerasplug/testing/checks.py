"""The policy: what stands in the way of a test, the most telling thing first.

One place, for the call, the mark and the decorator alike.
"""

import difflib
import sys
from collections.abc import Iterator

from kerasplug._frameworks import (
    OLDER_BACKENDS,
    configured,
    examine_backend,
    family_root,
)
from kerasplug.errors import (
    ImplementationError,
    KerasBrokenError,
    MissingPluginError,
    NeedsError,
    PluginError,
)
from kerasplug.implementation import (
    Availability,
    availability,
    backend,
    chosen,
    loaded,
)
from kerasplug.registry import PluginInfo, plugins
from kerasplug.testing.requirement import Requirement, Unmet

__all__ = ["first_unmet"]


def first_unmet(needed: Requirement) -> Unmet | None:
    """What stands in the way, if anything does.

    The order is a decision. No Keras at all comes first: strict mode then fails,
    whatever else the test would want. Then what this process runs with, which is a
    choice, before the version, which is a fact about what was chosen.

    Args:
        needed: what the test needs.

    Raises:
        ImplementationError: the environment asks for an unknown implementation.
    """
    return next(_unmet(needed), None)


def _unmet(needed: Requirement) -> Iterator[Unmet]:
    own = loaded() or chosen()
    sound = _ask(own)
    if not sound:
        yield _of(_missing(needed, own) if sound.state == "missing" else sound)
    yield from _other_implementation(needed, own)
    yield from _other_backend(needed)
    yield from _asked_keras(needed, own)
    for name in needed.plugin:
        yield from _plugin(name)
    if needed.gpus:
        yield from _gpus(needed.gpus, own)


def _ask(implementation: str, version: str | None = None) -> Availability:
    """Whether it can be used with the backend of this process."""
    active = backend()
    # A Keras that runs may have been given another one than is configured.
    given = None if active == configured()[0] else active
    if family_root(implementation) == "tf_keras":
        given = None
    return availability(version, implementation=implementation, backend=given)


def _of(answer: Availability) -> Unmet:
    kind = "broken" if answer.state == "broken" else "missing"
    return Unmet(kind, answer.reason, answer.mend, answer.error())


def _missing(needed: Requirement, own: str) -> Availability:
    """The answer where there is no Keras: how to get the one that the test needs."""
    name = needed.implementation[0] if needed.implementation else own
    wanted = needed.backend[0] if needed.backend else None
    answer = availability(needed.version, implementation=name, backend=wanted)
    if answer:  # another one than this process was told to use
        return availability(implementation=own)
    if wanted is not None and backend() not in needed.backend:
        answer.mend = f"{answer.mend}; then {_set_backend(wanted)}"
    return answer


def _set(variable: str, value: str) -> str:
    return f"{'set' if sys.platform == 'win32' else 'export'} {variable}={value}"


def _set_backend(name: str) -> str:
    return _set("KERAS_BACKEND", OLDER_BACKENDS.get(name, name))


def _other(reason: str, mend: str) -> Unmet:
    return Unmet("other", reason, mend, ImplementationError(reason, mend=mend))


def _in_family(needed: Requirement, own: str) -> list[str]:
    """The implementations that will do and that this process can serve."""
    roots = family_root(own)
    return [name for name in needed.implementation if family_root(name) == roots]


def _other_implementation(needed: Requirement, own: str) -> Iterator[Unmet]:
    if needed.implementation and not _in_family(needed, own):
        asked = " or ".join(needed.implementation)
        yield _other(
            f"This process uses the implementation {own}, {asked} is asked.",
            f"{_set('KERASPLUG_IMPLEMENTATION', needed.implementation[0])}"
            "   (in a new process)",
        )


def _other_backend(needed: Requirement) -> Iterator[Unmet]:
    active = backend()
    if not needed.backend or active in needed.backend:
        return
    said, where = configured()
    why = where if active == said else "it runs already"
    first = needed.backend[0]
    lacks = examine_backend(first)
    mend = f"{_set_backend(first)}   (in a new process)"
    yield _other(
        f"The backend of this process is {active} ({why}), "
        f"{' or '.join(needed.backend)} is asked.",
        mend if lacks else f"{lacks.mend}; then {mend}",
    )


def _asked_keras(needed: Requirement, own: str) -> Iterator[Unmet]:
    """Its version, and that the implementation which was named is whole."""
    names = _in_family(needed, own) or [own]
    answers = [_ask(name, needed.version) for name in names]
    if not any(answers):
        yield _of(answers[0])


def _plugin(name: str) -> Iterator[Unmet]:
    infos = {one.name: one for one in plugins()}
    info = infos.get(name)
    if info is None:
        yield _no_plugin(name, list(infos))
    elif info.state == "disabled":
        reason = f"The plugin {name} is switched off."
        mend = "take it out of KERASPLUG_DISABLE, or put it into KERASPLUG_ONLY"
        error = MissingPluginError(reason, names=[name], mend=mend)
        yield Unmet("missing", reason, mend, error)
    elif info.state == "incompatible":
        yield _incompatible(info)
    elif info.state != "active":
        yield _faulty(info)


def _no_plugin(name: str, known: list[str]) -> Unmet:
    close = difflib.get_close_matches(name, known, n=1)
    mend = f"python -m pip install {name}"
    if close:
        mend = f"write {close[0]!r}, if you mean that, or: {mend}"
    reason = f"The plugin {name} is not installed."
    return Unmet("missing", reason, mend, MissingPluginError(reason, names=[name]))


def _incompatible(info: PluginInfo) -> Unmet:
    needs = "; ".join(info.unmet)
    reason = f"The plugin {info.name} {info.version} can't be used here: {needs}."
    mend = f"python -m pip install --upgrade {info.name}   (with what it needs)"
    error = NeedsError(reason, plugin=info.name, version=info.version, mend=mend)
    return Unmet("missing", reason, mend, error)


def _faulty(info: PluginInfo) -> Unmet:
    fault = info.faults[0]
    reason = f"The plugin {info.name} {info.version} is broken: {fault.what}."
    error = PluginError(
        reason,
        plugin=info.name,
        version=info.version,
        found=fault.cause,
        mend=fault.mend,
    )
    return Unmet("broken", reason, fault.mend, error)


def _gpus(count: int, own: str) -> Iterator[Unmet]:
    # Here: few tests ask for GPUs, and the others need none of this.
    from kerasplug._frameworks.devices import gpus_among, no_gpus, probe_devices

    asked = "1 GPU is asked" if count == 1 else f"{count} GPUs are asked"
    if why := no_gpus():
        mend = "run it on a machine with GPUs, and don't hide them"
        yield _other(f"{asked}, and there is none: {why}.", mend)
        return
    devices, error = probe_devices(own, backend())
    if error:
        reason = f"{asked}, and asking {backend()} for its devices fails: {error}"
        mend = f"python -c 'import {backend()}'   (shows why)"
        yield Unmet("broken", reason, mend, KerasBrokenError(reason, mend=mend))
    found = gpus_among(devices)
    if len(found) < count:
        seen = ", ".join(devices) or "no device"
        mend = "run it where there are enough, with an engine that was built for them"
        yield _other(f"{asked}, {backend()} sees {seen}.", mend)
