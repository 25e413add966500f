"""Which backends there are here, and everything about one; no engine is imported.

A backend is Keras' own (`keras`), in a package for Keras 3.16 and later (`package`), or
an engine that runs an older Keras in a process of its own (`worker`).
"""

import contextlib
import difflib
import importlib.metadata
import os
import re
from collections.abc import Iterator
from typing import Final, NamedTuple

from kerasplug import registry
from kerasplug._frameworks.dependencies import missing_dependencies
from kerasplug._frameworks.metadata import (
    BUILT_IN_BACKENDS,
    DISTRIBUTIONS,
    examine_backend,
    version_of,
)
from kerasplug._frameworks.older import configured, older_keras
from kerasplug._frameworks.pluggable import listed_by_keras, place_of
from kerasplug._frameworks.presence import state_of
from kerasplug.config import config_path
from kerasplug.engines.advertised import Advertised, advertised
from kerasplug.engines.capabilities import ABILITIES, Ability, abilities
from kerasplug.engines.workers.inspecting import installed_in
from kerasplug.engines.workers.known import engine_of
from kerasplug.engines.workers.locating import interpreter_of
from kerasplug.errors import KerasMissingError, KerasplugError, UnknownNameError
from kerasplug.hooks import BackendRecord
from kerasplug.names import normalise
from kerasplug.registry.needs import needs_of_claim, unmet

__all__ = [
    "OFFICIAL",
    "WORKERS",
    "Described",
    "abilities_of",
    "backends",
    "claim_of",
    "configuration",
    "described",
    "unlisted",
    "variables_read",
]

#: The names that Keras' authors have packages `keras_<name>` for.
OFFICIAL: Final = ("mlx", "openvino", "paddle")

#: Engines of older Kerases, and the plugin that brings them; empty: none does.
WORKERS: Final = {"plaidml": "kerasplug-plaidml", "theano": "", "cntk": ""}

#: A backend -> the module that computes, where it is not the one of that name.
_COMPUTES: Final = {"paddle": "paddlepaddle"}

_GPUS: Final = ("CUDA_VISIBLE_DEVICES", "HIP_VISIBLE_DEVICES", "ROCR_VISIBLE_DEVICES")

#: What steers a backend, beside KERAS_BACKEND and KERAS_HOME.
_VARIABLES: Final = {
    "tensorflow": (*_GPUS, "TF_CPP_MIN_LOG_LEVEL", "TF_FORCE_GPU_ALLOW_GROWTH"),
    "jax": (
        *_GPUS,
        "JAX_PLATFORMS",
        "XLA_PYTHON_CLIENT_MEM_FRACTION",
        "XLA_PYTHON_CLIENT_PREALLOCATE",
    ),
    "torch": (*_GPUS, "KERAS_TORCH_DEVICE"),
    "mlx": ("MLX_DISABLE_COMPILE",),
    "paddle": ("CUDA_VISIBLE_DEVICES",),
    "plaidml": ("PLAIDML_DEVICE_IDS",),
    "theano": ("THEANO_FLAGS",),
}

_NIGHTLY: Final = "a new environment with: python -m pip install --pre keras-nightly"


class Described(NamedTuple):
    """What is known of one backend.

    Args:
        name: what KERAS_BACKEND would be.
        kind: "keras", "package" or "worker".
        state: "available"; "missing": not installed; "broken": installed, and what it
            needs is not; "unsuitable": installed, and not for this Keras.
        reason: why it is not available; empty otherwise.
        mend: what helps; empty where it is available.
        engine: the distribution that computes, such as "jax"; empty: not known.
        engine_version: its version; empty where it is not installed.
        package: the distribution that brings it to Keras: Keras itself, or a plugin.
        package_version: its version; empty where it is not installed.
        module: the package that Keras takes it from; empty for a worker.
        configured: whether Keras would start with it.

    Example:
        >>> Described("toy", "package", "missing").state
        'missing'
    """

    name: str
    kind: str
    state: str
    reason: str = ""
    mend: str = ""
    engine: str = ""
    engine_version: str = ""
    package: str = ""
    package_version: str = ""
    module: str = ""
    configured: bool = False


def backends() -> list[Described]:
    """All backends that are known here: Keras' own, those in packages, workers.

    Returns:
        Each name once; where a package has a name that Keras has itself, Keras' own.

    Raises:
        UnknownNameError: a switch in the environment names what nothing has.

    Example:
        >>> {one.kind for one in backends()} <= {"keras", "package", "worker"}
        True
    """
    found: dict[str, Described] = {}
    for one in (*_own(), *_packages(), *_workers()):
        found.setdefault(one.name, one)
    chosen = configured()[0]
    return [one._replace(configured=one.name == chosen) for one in found.values()]


def described(name: str) -> Described:
    """One backend.

    Args:
        name: its bare name, or that in `distribution/name`.

    Raises:
        UnknownNameError: there is none of that name; the error has close ones.
    """
    everything = {one.name: one for one in backends()}
    owner, _, bare = name.rpartition("/")
    found = everything.get(bare)
    if found is not None and (not owner or normalise(owner) in _owners(found)):
        return found
    close = difflib.get_close_matches(name, sorted(everything), n=3, cutoff=0.5)
    mend = "did you mean " + " or ".join(map(repr, close)) + "?"
    message = f"There is no backend {name!r}."
    raise UnknownNameError(
        message,
        close=close,
        expected="one of " + ", ".join(everything),
        mend=mend if close else "kerasplug backend list",
    )


def _owners(one: Described) -> set[str]:
    """The distributions that a backend may be called after."""
    owners = {normalise(one.package)}
    if one.kind == "package":
        owners |= {each.distribution for each in advertised().get(one.name, ())}
    return owners


def abilities_of(one: Described) -> dict[str, Ability]:
    """What a backend can do; a worker's plugin says it of its own.

    Args:
        one: what `described` gave.
    """
    if one.kind != "worker":
        return abilities(one.name, one.module)
    record = next((record for name, record in _records() if name == one.name), None)
    said = record.capabilities if isinstance(record, BackendRecord) else ()
    because = "says its plugin" if said else "its plugin is not installed"
    if record is not None and not said:
        because = "its plugin does not say"
    return {
        word: Ability(True, because) if word in said else Ability(None, because)
        for word in ABILITIES
    }


def variables_read(one: Described) -> dict[str, str | None]:
    """The environment variables that steer a backend, and what they say now.

    Args:
        one: what `described` gave.

    Returns:
        Variable -> value; None where it is not set.
    """
    names = _VARIABLES.get(one.name, ())
    for name, record in _records():
        if name == one.name and isinstance(record, BackendRecord):
            names = tuple(dict.fromkeys((*names, *record.environment)))
    return {name: os.environ.get(name) for name in names}


def configuration() -> dict[str, str]:
    """Which backend Keras would start with, and who says so.

    Returns:
        "backend"; "by": KERAS_BACKEND, a path or "the default"; "file": the path of
        `keras.json`, empty where Keras' home is refused.
    """
    name, where = configured()
    try:
        path = config_path()
    except KerasplugError:
        path = ""
    return {"backend": name, "by": where, "file": path}


def unlisted() -> tuple[str, ...]:
    """Installed packages that look like a backend, and that nothing leads to.

    Returns:
        Names of modules such as "keras_toy": neither does Keras list the name, nor does
        the package advertise it.
    """
    known = {*listed_by_keras().packages, *OFFICIAL, *advertised()}
    found = set()
    for distribution in importlib.metadata.distributions():
        with contextlib.suppress(Exception):  # damaged metadata are no backend
            name = re.sub(r"[-.]", "_", distribution.name).lower()
            if name.startswith("keras_") and name.removeprefix("keras_") not in known:
                found.add(name)
    return tuple(sorted(name for name in found if _looks_like_backend(name)))


def _looks_like_backend(module: str) -> bool:
    """Whether it is laid out as Keras wants a backend: others have no trainer there."""
    parts = ("trainer", "random", "rnn")
    return all(place_of(f"{module}.src.{part}") for part in parts)


# --- Keras' own ---


def _own() -> Iterator[Described]:
    version = version_of("keras")
    for name in BUILT_IN_BACKENDS:
        if name not in listed_by_keras().built_in:
            continue
        engine, engine_version = _recorded(BUILT_IN_BACKENDS[name][0])
        found = examine_backend(name)
        state, reason, mend = found.state, found.reason, found.mend
        if state == "missing":  # of the one in a package nothing helps this Keras
            reason = f"{engine} is not installed."
        if found and state_of("keras")[0] != "found":
            state, reason = "unsuitable", "keras is not installed."
            mend = f"kerasplug install-command {name}"
        elif older_keras():
            state, reason = "unsuitable", f"Keras {version} does not run on it."
            mend = f"in another environment: kerasplug install-command {name}"
        yield Described(
            name,
            "keras",
            state,
            reason,
            mend,
            engine,
            engine_version,
            "keras",
            version,
            f"keras.src.backend.{name}",
        )


def _recorded(name: str) -> tuple[str, str]:
    """The distribution that brings a module, and its version; empty: not installed."""
    for one in DISTRIBUTIONS.get(name, (_COMPUTES.get(name, name),)):
        with contextlib.suppress(importlib.metadata.PackageNotFoundError):
            return one, str(importlib.metadata.version(one) or "")
    return _COMPUTES.get(name, name), ""


# --- in packages ---


def _packages() -> Iterator[Described]:
    said = advertised()
    for name in dict.fromkeys((*OFFICIAL, *listed_by_keras().packages, *said)):
        if name in said and name not in (*OFFICIAL, *listed_by_keras().packages):
            yield _advertised(name, said[name])
        else:
            yield _official(name)


def _official(name: str) -> Described:
    """One that Keras 3.16 looks for in `keras_<name>`."""
    module = f"keras_{name}"
    package, version = _recorded(module.replace("_", "-"))
    engine, engine_version = _recorded(name)
    one = Described(
        name,
        "package",
        "available",
        engine=engine,
        engine_version=engine_version,
        package=package,
        package_version=version,
        module=f"{module}.src",
    )
    state, why = state_of(module)
    if state != "found":
        mend = f"python -m pip install {package}"
        if not listed_by_keras().takes_packages:
            mend += "   (it needs Keras 3.16 or later)"
        return one._replace(state=state, reason=f"{why}.", mend=mend)
    return _fitting(one)


def _advertised(name: str, some: tuple[Advertised, ...]) -> Described:
    first = some[0]
    engine, engine_version = _computing(first.distribution, name)
    one = Described(
        name,
        "package",
        "available",
        engine=engine,
        engine_version=engine_version,
        package=first.distribution,
        package_version=first.version,
        module=first.module,
    )
    if len(some) > 1:
        who = ", ".join(each.canonical for each in some)
        reason = f"{len(some)} packages advertise it: {who}."
        mend = f"uninstall all but one, or: use_backend({first.canonical!r})"
        return one._replace(state="unsuitable", reason=reason, mend=mend)
    if place_of(first.module) is None:
        reason = f"{first.canonical} names {first.module}, which is not there."
        mend = f"python -m pip install --force-reinstall {first.distribution}"
        return one._replace(state="broken", reason=reason, mend=mend)
    return _fitting(one)


def _fitting(one: Described) -> Described:
    """The same, after a look at this Keras and at what the package requires."""
    keras = version_of("keras")
    if state_of("keras")[0] != "found":
        mend = "python -m pip install keras"
        return one._replace(
            state="unsuitable", reason="keras is not installed.", mend=mend
        )
    if not listed_by_keras().takes_packages:
        reason = f"Keras {keras} takes no backends from packages, 3.16 and later do."
        return one._replace(state="unsuitable", reason=reason, mend=_NIGHTLY)
    lacking = missing_dependencies(one.package.replace("-", "_"))
    if lacking:
        needs = ", ".join(lacking)
        mend = "python -m pip install " + " ".join(f'"{each}"' for each in lacking)
        reason = f"{one.package} is installed without what it needs: {needs}."
        return one._replace(state="broken", reason=reason, mend=mend)
    return one


def _computing(package: str, name: str) -> tuple[str, str]:
    """What computes for a package: what it requires by the backend's own name.

    Else the only thing that it requires beside Keras and NumPy; else nobody knows.
    """
    lines: list[str] = []
    with contextlib.suppress(Exception):  # unreadable metadata require nothing
        lines = importlib.metadata.requires(package) or []
    found = [re.match(r"[A-Za-z0-9][\w.-]*", line) for line in lines if ";" not in line]
    needed = {one[0].lower() for one in found if one} - {"keras", "kerasplug", "numpy"}
    if name in needed:
        return _recorded(name)
    return _recorded(needed.pop()) if len(needed) == 1 else ("", "")


# --- workers ---


def _records() -> Iterator[tuple[str, object]]:
    """Each backend of a plugin, and its record; None where it can't be had."""
    for claim in registry.claims("backend"):
        record: object = None
        with contextlib.suppress(KerasplugError):  # the plugin's own fault: see doctor
            record = claim.record()
        yield claim.name, record


def claim_of(one: Described) -> registry.Claim | None:
    """The claim of a worker's record; None where its plugin is not installed.

    Args:
        one: what `described` gave, of the kind "worker".
    """
    for claim in registry.claims("backend"):
        if (claim.name, claim.provider.name) == (one.name, one.package):
            return claim
    return None


def _workers() -> Iterator[Described]:
    for claim in registry.claims("backend"):
        try:
            record = claim.record()
        except KerasplugError:
            continue
        if isinstance(record, BackendRecord) and record.engine == "worker":
            yield _worker(claim)
    yield from map(_unprovided, WORKERS)


def _unprovided(name: str) -> Described:
    """An engine of which no installed plugin says anything."""
    plugin = WORKERS[name]
    one = Described(name, "worker", "missing", engine=name, package=plugin)
    if not plugin:
        return one._replace(reason="No plugin that is known brings it.")
    version = _recorded(plugin)[1]
    if not version:
        mend = f"python -m pip install {plugin}"
        return one._replace(reason=f"{plugin} is not installed.", mend=mend)
    reason = f"{plugin} {version} does not bring it."
    mend = f"python -m pip install --upgrade {plugin}"
    return one._replace(reason=reason, mend=mend, package_version=version)


def _worker(claim: registry.Claim) -> Described:
    """One engine of a plugin: there is an environment for it, or what is missing."""
    one = Described(
        claim.name,
        "worker",
        "available",
        engine=claim.name,
        package=claim.provider.name,
        package_version=claim.provider.version,
    )
    missing = unmet(needs_of_claim(claim))
    if missing:
        reason = "; ".join(problem for problem, _ in missing)
        mend = "; ".join(mend for _, mend in missing)
        return one._replace(state="unsuitable", reason=reason, mend=mend)
    try:
        python = interpreter_of(engine_of(claim)).python
    except KerasplugError as error:
        state = "missing" if isinstance(error, KerasMissingError) else "broken"
        reason = " ".join(filter(None, (error.what, error.found)))
        return one._replace(state=state, reason=reason, mend=error.mend)
    version = installed_in(python).get(normalise(claim.name), "")
    return one._replace(engine_version=version)
