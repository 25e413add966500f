"""`use_backend`: what computes, chosen before Keras starts, or said to be too late."""

import os
import sys
from collections.abc import Sequence

import _kerasplug_backends
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
    from kerasplug.engines.advertised import Advertised

__all__ = ["package_for", "use_backend"]

#: Engines that no Keras 3 has; they run an older Keras in a process of their own.
_WORKERS = ("cntk", "plaidml", "theano")


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

    Args:
        name: `"tensorflow"`, `"jax"`, `"torch"`, `"numpy"`, or that of a backend in a
            package: bare, or `"distribution/name"` where several have it.
        devices: what it may compute on: `"cpu"`, `"gpu"`, `"gpu:1"`,
            `["gpu:0", "gpu:1"]`, numbers of GPUs (`0`, `[0, 1]`), or `Devices` with
            memory growth and further variables. None: as the environment has it.

    Raises:
        ImplementationError: too late: Keras is loaded and computes with another
            backend, or the engine is loaded and has read which devices it may use. It
            says who imported Keras. Or the chosen implementation has no such backend.
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
    variables = variables_of(bare, devices_of(devices))
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


def _refuse_worker(name: str) -> None:
    """Raise for an engine that computes single models in another process."""
    from kerasplug import registry
    from kerasplug.hooks import BackendRecord

    claims = [one for one in registry.claims("backend") if one.name == name]
    records = [claim.record() for claim in claims]
    if any(
        isinstance(one, BackendRecord) and one.engine == "worker" for one in records
    ):
        message = f"{name} computes in a process of its own, no Keras here runs on it."
        raise ImplementationError(message, expected="a backend of Keras 3")
    if name in _WORKERS:
        message = f"No Keras 3 runs on {name}, and no installed plugin brings it."
        mend = f"kerasplug install-command {name}   (says what would)"
        raise UnknownNameError(message, expected="a backend of Keras 3", mend=mend)


def _refuse_legacy(name: str) -> None:
    """Raise where the implementation is the legacy one: it has one backend only."""
    if name == "tensorflow" or family_root(chosen()) != "tf_keras":
        return
    message = f"The Keras that was chosen, {chosen()}, runs on tensorflow only."
    raise ImplementationError(
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
