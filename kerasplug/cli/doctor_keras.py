"""The doctor's look at Keras, at what computes for it, and on which devices."""

from collections.abc import Iterator

from kerasplug._frameworks import (
    BUILT_IN_BACKENDS,
    OLDER_BACKENDS,
    examine_backend,
    family_root,
    older_keras,
)
from kerasplug._frameworks.devices import gpu_nodes, no_gpus
from kerasplug.cli.findings import Finding
from kerasplug.cli.why import keras_in_use
from kerasplug.config import config_problems
from kerasplug.engines import gpus
from kerasplug.errors import KerasplugError
from kerasplug.implementation import Availability, availability, backend, chosen
from kerasplug.saving.guards import has_all_guards

__all__ = ["look", "look_at_backends", "look_at_devices", "look_at_settings"]

_LEVELS = {"available": "ok", "missing": "warning", "unsuitable": "warning"}


def look(*, probe: bool) -> Iterator[Finding]:
    """Findings about Keras; with `probe` it is imported, in another process."""
    used = keras_in_use()
    if used["state"] == "mistake":
        yield Finding("broken", "implementation", used["problem"], used["mend"])
    else:
        what = f"{used['implementation']}: {used['because']}"
        yield Finding("ok", "implementation", what)
        what = f"{used['backend']}: set by {used['configured_by']}"
        yield Finding("ok", "backend", what)
        yield _usable(availability(probe="subprocess" if probe else "metadata"))
        yield from _loaders(used["implementation"], used["version"])
    yield from look_at_settings()


def _usable(state: Availability) -> Finding:
    if state:
        return Finding("ok", "Keras", f"{state.version} can be used")
    return Finding(
        _LEVELS.get(state.state, "broken"),
        "Keras",
        state.reason,
        state.mend or 'python -m pip install "kerasplug[tensorflow]"',
    )


def _loaders(implementation: str, version: str) -> Iterator[Finding]:
    """What is known of holes in reading model files."""
    if not version:
        return
    if implementation == "tf_keras":
        what = "tf_keras does not honour safe_mode for HDF5 files"
        mend = "load only files that you trust, or: unset KERASPLUG_IMPLEMENTATION"
        yield Finding("warning", "loaders", what, mend)
    elif older_keras():
        engines = " and ".join(OLDER_BACKENDS)
        what = f"those of Keras {version} have no safe mode; it is here for {engines}"
        mend = "load no models of others here; do that in an environment with Keras 3"
        yield Finding("warning", "loaders", what, mend)
    elif not has_all_guards(version):
        what = f"those of Keras {version} have known holes, also in safe mode"
        mend = 'python -m pip install "keras>=3.15.1"'
        yield Finding("warning", "loaders", what, mend)


def look_at_settings() -> Iterator[Finding]:
    """What is wrong with `keras.json`, by what Keras does about it."""
    for problem in config_problems():
        if problem.startswith("not readable as JSON") or "can't be read" in problem:
            level, mend = "warning", "correct keras.json, or remove it"
        elif "a key that Keras knows" in problem:
            level, mend = "note", "remove the key from keras.json"
        else:
            level, mend = "broken", "correct keras.json, or remove it"
        yield Finding(level, "keras.json", problem, mend)


def look_at_backends() -> Iterator[Finding]:
    """Findings about Keras' own backends, and about those that plugins bring."""
    for name in OLDER_BACKENDS if older_keras() else BUILT_IN_BACKENDS:
        state = examine_backend(name)
        if state:
            yield Finding("ok", name, "installed")
        else:
            yield Finding("note", name, state.reason, state.mend)
    yield from _plugins_backends()


def _plugins_backends() -> Iterator[Finding]:
    from kerasplug import registry
    from kerasplug.registry.needs import needs_of_claim, unmet

    try:
        claims = registry.claims("backend")
    except KerasplugError:  # the plugins' section says what is wrong
        return
    for claim in claims:
        missing = unmet(needs_of_claim(claim))
        if missing:
            what = "; ".join(problem for problem, _ in missing)
            mend = "; ".join(mend for _, mend in missing)
            yield Finding("warning", claim.canonical, what, mend)
        else:
            yield Finding("ok", claim.canonical, claim.summary or "from a plugin")


def look_at_devices(*, probe: bool) -> Iterator[Finding]:
    """Findings about GPUs; with `probe` the engine lists them, in another process."""
    nodes = gpu_nodes()
    hidden = no_gpus()
    if hidden and nodes:
        what = f"there are {', '.join(nodes)}, and {hidden}"
        yield Finding("note", "GPU", what, "unset CUDA_VISIBLE_DEVICES")
    elif hidden:
        yield Finding("ok", "GPU", f"none: {hidden}")
    elif nodes:
        yield Finding("ok", "GPU", f"drivers show {', '.join(nodes)}")
    else:
        what = "only the engine can tell on this system"
        yield Finding("note", "GPU", what, "kerasplug doctor --probe")
    if probe:
        yield from _probed()


def _probed() -> Iterator[Finding]:
    """The engine's own list of devices, and why a GPU is not in it."""
    try:
        engine = backend() if family_root(chosen()) == "keras" else "tensorflow"
    except KerasplugError as wrong:
        yield _unlisted(wrong.what)
        return
    evidence = gpus.gather(engine, probe=True)
    if evidence.error:
        yield _unlisted(evidence.error)
        return
    yield Finding("ok", "devices", ", ".join(evidence.devices or ()))
    for one in gpus.look(evidence):
        if one.level != "ok":  # what is well was told of before
            yield Finding(*one)


def _unlisted(error: str) -> Finding:
    mend = "see the findings about Keras above"
    return Finding("warning", "devices", f"can't be listed: {error}", mend)
