"""`use_backend`: what computes, chosen before Keras starts, or said to be too late."""

import dataclasses
import os
import sys
from collections.abc import Sequence
from itertools import repeat

import _kerasplug_backends
from kerasplug._frameworks import older_keras
from kerasplug._frameworks.metadata import (
    BUILT_IN_BACKENDS,
    examine_backend,
    family_root,
    version_of,
)
from kerasplug._frameworks.pluggable import listed_by_keras, place_of
from kerasplug.engines.devices import Devices, Variables, devices_of, variables_of
from kerasplug.errors import ConfigError, ImplementationError, UnknownNameError
from kerasplug.implementation import backend, chosen, first_user

TYPE_CHECKING = False
if TYPE_CHECKING:
    from kerasplug import registry
    from kerasplug.engines.advertised import Advertised
    from kerasplug.engines.workers.engine import WorkerEngine

__all__ = ["package_for", "use_backend"]


def use_backend(
    name: str,
    *,
    devices: Devices | str | int | Sequence[str | int] | None = None,
) -> None:
    """Choose what Keras computes with, in this process and in those that it starts.

    It has to come before Keras is imported, by whomever. Then it also works for a
    backend that Keras itself does not know: for every installed package that advertises
    one, in the entry points `kerasplug.backends` or `keras.backends` (Keras 3.16 and
    later), and a plain `import keras` afterwards computes on it.

    In an environment that was made for an engine with a Keras of its own, PlaidML with
    Keras 2.2.4, that engine's name chooses this Keras and all that it needs. Elsewhere
    single models compute on such an engine, see `to_backend`.

    Args:
        name: `"tensorflow"`, `"jax"`, `"torch"`, `"numpy"`, or that of a backend in a
            package: bare, or `"distribution/name"` where several have it.
        devices: what it may compute on: `"cpu"`, `"gpu"`, `"gpu:1"`,
            `["gpu:0", "gpu:1"]`, numbers of GPUs (`0`, `[0, 1]`), or `Devices` with
            memory growth and further variables; for PlaidML its own names, such as
            `"llvm_cpu.0"`. None: as the environment has it.

    Raises:
        ImplementationError: too late: Keras is loaded and computes with another
            backend, or the engine is loaded and has read which devices it may use. It
            says who imported Keras. Or the chosen implementation has no such backend,
            or no Keras of this environment: it says how a model computes there.
        KerasMissingError: what the backend needs is not installed.
        KerasBrokenError: it is installed and can't be imported.
        KerasVersionError: this Keras takes no backends from packages.
        UnknownNameError: there is no such backend.
        AmbiguousNameError: several packages advertise it.
        ConfigError: the backend can't be given these devices.

    Guarantees:
        After an error nothing has changed. The environment variable KERAS_BACKEND says
        what was chosen, so that processes started from now on have it too; those that
        say `import keras` without kerasplug find a package's backend after `kerasplug
        backend enable-env`.

    Example:
        >>> import kerasplug
        >>> kerasplug.use_backend(kerasplug.backend())

    Source: `use_backend` of the R interface to Keras.
    """
    name = _checked(name)
    bare = name.rpartition("/")[2]
    asked = devices_of(devices)
    if bare not in BUILT_IN_BACKENDS and (worker := _worker(name)) is not None:
        _use_worker(worker, asked)
        return
    variables = variables_of(bare, asked)
    package = package_for(name)
    _refuse_legacy(bare)
    if not _is_loaded(bare) and package is None:
        _refuse_missing(bare)
    _refuse_late_devices(bare, variables)
    if package is not None:
        _kerasplug_backends.admitted[bare] = package.module
        _kerasplug_backends.install()
    _set({"KERAS_BACKEND": bare, **variables})


def _checked(name: object) -> str:
    if isinstance(name, str) and name.strip():
        return name.strip()
    message = "A backend has to be named."
    raise ConfigError(message, found=repr(name), expected='a name such as "jax"')


def package_for(name: str) -> "Advertised | None":
    """The package that has to be let in; None for what Keras resolves itself.

    Args:
        name: bare, or `"distribution/name"`.

    Raises:
        UnknownNameError: there is no such backend.
        AmbiguousNameError: several packages advertise it.
        KerasVersionError: this Keras takes no backends from packages.
        ImplementationError: it computes in a process of its own; or a package is
            asked for a name that Keras has itself.
    """
    listed = listed_by_keras()
    owner, _, bare = name.rpartition("/")
    if bare in (*listed.built_in, *listed.packages):
        if owner:
            raise _taken(name, bare)
        return None
    # Here: what Keras has itself needs none of it, and it costs as much as the rest.
    from kerasplug.engines.advertised import (
        advertised,
        advertisement,
        refusal_of_keras,
    )

    if bare not in advertised():
        _refuse_worker(name)
        if name in BUILT_IN_BACKENDS:  # by other versions of Keras
            return None
        if not listed.takes_packages and _is_laid_out(name):
            raise refusal_of_keras(name)
    found = advertisement(name)
    if not listed.takes_packages:
        raise refusal_of_keras(bare)
    return found


def _taken(name: str, bare: str) -> ImplementationError:
    message = f"Keras resolves the name {bare} itself, so {name} can't be had."
    return ImplementationError(
        message,
        expected="a name that Keras does not have",
        mend=f'use_backend("{bare}"), which is the one that Keras takes',
    )


def _is_laid_out(name: str) -> bool:
    """Whether there is a package as the Keras to come looks for it, by its name."""
    return name.isidentifier() and place_of(f"keras_{name}.src") is not None


def _worker(name: str) -> "registry.Claim | None":
    """What a plugin says of an engine with a Keras of its own; None: it is none."""
    from kerasplug import registry

    bare = name.rpartition("/")[2]
    if not any(map(_is_worker, registry.claims("backend"), repeat(bare))):
        return None
    return registry.claim("backend", name)


def _is_worker(claim: "registry.Claim", name: str) -> bool:
    from kerasplug.hooks import BackendRecord

    if claim.name != name or claim.is_declared:
        return False
    record = claim.record()
    return isinstance(record, BackendRecord) and record.engine == "worker"


def _use_worker(claim: "registry.Claim", devices: Devices) -> None:
    """Let the Keras of this environment compute with the engine that it is there for.

    Raises:
        ImplementationError: it is another one, or it is too late.
        ConfigError: the engine can't be given these devices.
    """
    from kerasplug.engines.workers.known import engine_of

    name = claim.name
    more = variables_of(name, dataclasses.replace(devices, names=()))
    engine = engine_of(claim)
    if older_keras():
        if not _is_loaded(name):
            _refuse_implementation(name)
        _refuse_late_devices(name, {**_named_devices(engine, devices), **more})
    variables = engine.use_here(devices.names)
    if variables is None:
        raise _in_its_own_process(name)
    _set({**variables, **more})


def _named_devices(engine: "WorkerEngine", devices: Devices) -> Variables:
    """The variables that are others because these devices were named."""
    usual = engine.variables(())
    named = engine.variables(devices.names)
    return {one: value for one, value in named.items() if usual.get(one) != value}


def _in_its_own_process(name: str) -> ImplementationError:
    message = f"{name} computes in a process of its own, no Keras here runs on it."
    return ImplementationError(
        message,
        found=f"keras {version_of('keras') or 'is not installed'}",
        expected="a backend of the Keras that is installed",
        mend=f'remote = kerasplug.to_backend(model, "{name}")',
    )


def _refuse_worker(name: str) -> None:
    """Raise for an engine that computes single models in another process."""
    if _worker(name) is not None:
        raise _in_its_own_process(name.rpartition("/")[2])
    from kerasplug.engines.describing import WORKERS

    if name not in WORKERS:
        return
    which, mend = "that is known", "kerasplug backend list"
    if WORKERS[name]:
        which = "that is installed"
        mend = (
            f"kerasplug install-command {name}   (says what would); then "
            f'remote = kerasplug.to_backend(model, "{name}")'
        )
    message = f"No Keras 3 runs on {name}, and no plugin {which} brings it."
    raise UnknownNameError(message, expected="a backend of Keras 3", mend=mend)


def _refuse_implementation(name: str) -> None:
    """Raise unless stand-alone Keras is the one that is used, or would be."""
    if chosen(name) == "keras":
        return
    raise _other_keras(chosen(name), "does not run on it", name)


def _refuse_legacy(name: str) -> None:
    """Raise where the implementation is the legacy one: it has one backend only."""
    if name == "tensorflow" or family_root(chosen()) != "tf_keras":
        return
    raise _other_keras(chosen(), "runs on tensorflow only", name)


def _other_keras(implementation: str, why: str, name: str) -> ImplementationError:
    message = f"The Keras that was chosen, {implementation}, {why}."
    return ImplementationError(
        message,
        found=f"use_backend({name!r})",
        expected="the implementation keras",
        mend="unset KERASPLUG_IMPLEMENTATION TF_USE_LEGACY_KERAS",
    )


def _is_loaded(name: str) -> bool:
    """Whether Keras computes with it already.

    Raises:
        ImplementationError: it computes with another one.
    """
    root = family_root(chosen())
    if root not in sys.modules:
        return False
    active = backend()
    if active == name:
        return True
    message = f"Too late for the backend {name}: Keras computes with {active} already."
    raise ImplementationError(
        message,
        found=f"{root} {version_of(root)}, first use: {first_user()}",
        expected="use_backend() before anybody imports Keras",
        mend=f"call it earlier, or start a new process with KERAS_BACKEND={name}",
    )


def _refuse_missing(name: str) -> None:
    """Raise unless what the backend needs is installed."""
    found = examine_backend(name)
    if not found:
        raise found.error()


def _refuse_late_devices(name: str, variables: Variables) -> None:
    """Raise where the engine has read variables that would have to be others."""
    engine = BUILT_IN_BACKENDS.get(name, (name,))[0]
    wrong = {
        variable: value
        for variable, value in variables.items()
        if os.environ.get(variable) != value
    }
    if not wrong or engine not in sys.modules:
        return
    message = (
        f"Too late for these devices: {engine} is loaded and has read its settings."
    )
    raise ImplementationError(
        message,
        found=", ".join(f"{one}={os.environ.get(one, '')}" for one in wrong),
        expected=", ".join(f"{one}={value or ''}" for one, value in wrong.items()),
        mend=f"call use_backend() before anything imports {engine}",
    )


def _set(variables: Variables) -> None:
    for variable, value in variables.items():
        if value is None:
            os.environ.pop(variable, None)
        else:
            os.environ[variable] = value
