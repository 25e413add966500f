"""`kerasplug backend install` and `remove`: the environment of an engine of its own."""

import argparse
import os

from kerasplug import registry
from kerasplug.cli.output import complain
from kerasplug.engines import describing
from kerasplug.engines.workers import environments, places
from kerasplug.engines.workers.known import engine_of
from kerasplug.engines.workers.locating import variable_of
from kerasplug.errors import ConfigError, ImplementationError, KerasMissingError

__all__ = ["install", "remove"]


def install(options: argparse.Namespace) -> int:
    """Make the private environment of an engine, unless it is there; 0.

    Raises:
        UnknownNameError: there is no such backend.
        KerasMissingError: its plugin is missing, or a Python that would do.
        ConfigError: it is not one that computes in a process of its own.
        KerasplugError: it can't be made; nothing was left of it.
    """
    engine = engine_of(_claim(options.name))
    made = environments.install(
        engine, python=options.python, reinstall=options.reinstall, say=complain
    )
    variable = variable_of(engine)
    if os.environ.get(variable):
        complain(f"note: {variable} is set, and goes before it")
    if options.json:
        options.output.data({"name": engine.name, **made._asdict()})
    else:
        said = "was made" if made.made else "is there already"
        options.output.line(f"{engine.name}: {made.folder} {said}")
    return 0


def _claim(name: str) -> registry.Claim:
    """The claim of a worker's record.

    Raises:
        UnknownNameError: there is no such backend.
        KerasMissingError: the plugin that would bring it is not installed.
        ConfigError: it computes in Keras' own process.
    """
    one = describing.described(name)
    if one.kind != "worker":
        message = f"The backend {one.name} runs with Keras, in your own environment."
        raise ConfigError(
            message,
            expected="an engine that has an environment of its own",
            mend=f"kerasplug install-command {one.name}   (says what installs it)",
        )
    claim = describing.claim_of(one)
    if claim is None and not one.mend:
        message = f"{one.name} can't be installed."
        raise KerasMissingError(message, found=one.reason)
    if claim is None:
        message = f"The plugin that brings {one.name} is not there: {one.reason}"
        mend = f"{one.mend}, and then: kerasplug backend install {one.name}"
        raise KerasMissingError(message, mend=mend)
    return claim


def remove(options: argparse.Namespace) -> int:
    """Remove all private environments of an engine; 0, also where there are none.

    Raises:
        UnknownNameError: there is no such backend, and nothing of that name to remove.
        ImplementationError: it is one of Keras' own, or in a package.
        OwnershipError: a folder in its place is not ours.
        StorageError: it can't be removed.
    """
    name = options.name.rpartition("/")[2]
    if not places.folders_of(name):
        one = describing.described(options.name)
        if one.kind != "worker":
            message = f"The backend {one.name} has no environment of its own."
            mend = f"python -m pip uninstall {one.engine or one.package}"
            raise ImplementationError(message, mend=mend)
    removed = environments.remove(name, say=complain)
    if options.json:
        options.output.data({"name": name, "removed": list(removed)})
    else:
        said = "removed" if removed else "there was nothing to remove"
        options.output.line(f"{name}: {said}")
    return 0
