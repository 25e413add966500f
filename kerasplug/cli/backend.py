"""`kerasplug backend`: what computes: listed, shown, chosen, and looked at by a doctor.

Nothing is imported to know, unless somebody asks for it; then other processes do it.
"""

import argparse
import warnings
from typing import Final

from kerasplug.cli import backend_doctor, backend_show, names
from kerasplug.config import configured_backend, read_config, write_config
from kerasplug.engines import describing
from kerasplug.engines.describing import Described
from kerasplug.engines.environment import disable_env, enable_env, enabled_by
from kerasplug.errors import ConfigError, ImplementationError, KerasplugError

__all__ = ["add_arguments", "run"]

#: Action -> whether it takes a name: "must", "may" or "not".
_ACTIONS: Final = {
    "list": "not",
    "show": "must",
    "doctor": "may",
    "use": "must",
    "enable-env": "not",
    "disable-env": "not",
}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Tell the parser what `kerasplug backend` takes."""
    parser.add_argument(
        "action",
        choices=tuple(_ACTIONS),
        help="list all; show everything about one; say what is wrong with one, or "
        "with the configured one; write one into keras.json; let plain `import "
        "keras` find backends of packages in this environment, or no longer",
    )
    named = parser.add_argument(
        "name", nargs="?", metavar="NAME", help="of a backend, such as jax"
    )
    names.complete_with(named, _known)
    parser.add_argument(
        "--probe",
        action="store_true",
        help="with show: list its devices, by starting it in another process",
    )
    parser.add_argument(
        "--force",
        action="store_true",
        help="with use: write it even where it can't be used here",
    )


def _known() -> list[str]:
    return [one.name for one in describing.backends()]


def run(options: argparse.Namespace) -> int:
    """Do it; 0, or 1 where the doctor finds something broken.

    Raises:
        UnknownNameError: there is no such backend.
        ImplementationError: with use: it can't be used here; nothing was written.
        ConfigError: keras.json, or the file of `enable-env`, can't be written.
    """
    takes = _ACTIONS[options.action]
    if (takes == "must") != bool(options.name) and takes != "may":
        raise _misused(options.action, named=bool(options.name))
    actions = {
        "list": _list,
        "show": backend_show.run,
        "doctor": backend_doctor.run,
        "use": _use,
        "enable-env": _enable,
        "disable-env": _disable,
    }
    code: int = actions[options.action](options)
    return code


def _misused(action: str, *, named: bool) -> KerasplugError:
    what = f"kerasplug backend {action} takes {'no' if named else 'one'} name."
    found = "a name" if named else "no name"
    mend = f"kerasplug backend {action}" + ("" if named else " NAME")
    return KerasplugError(what, found=found, mend=mend)


# --- list ---


def _list(options: argparse.Namespace) -> int:
    found = describing.backends()
    if options.json:
        options.output.data([backend_show.plain(one) for one in found])
        return 0
    options.output.table(map(_row, found), ("label", "name"))
    chosen, where = configured_backend()
    options.output.write("\n")
    options.output.line(f"configured: {chosen} (by {where})")
    return 0


def _row(one: Described) -> tuple[str, ...]:
    """The cells of one backend: whether it is configured, and what it is."""
    if one.state == "available":
        what = ", ".join(backend_show.can(one)) or one.reason
    else:
        what = one.reason
    version = f"{one.engine} {one.engine_version}" if one.engine_version else ""
    mark = "*" if one.configured else ""
    return mark, one.name, one.kind, one.state, version, what


# --- use ---


def _use(options: argparse.Namespace) -> int:
    name = options.name if options.force else _usable(options.name).name
    before = _in_file()
    try:
        path = write_config(backend=name)
    except OSError as error:
        what = "keras.json can't be written."
        mend = "export KERAS_HOME=<a folder of your own>"
        raise ConfigError(what, found=str(error), mend=mend) from error
    notes = _notes(name)
    if options.json:
        told = {"backend": name, "before": before, "file": path, "notes": notes}
        options.output.data(told)
    else:
        was = f"backend {name} (before: {before})"
        options.output.line(f"{path}: {was}")
        for note in notes:
            options.output.line(f"note: {note}")
    return 0


def _in_file() -> str:
    """The backend that keras.json has; what is wrong with it `write_config` tells."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return read_config()["backend"]


def _usable(name: str) -> Described:
    """The backend, if Keras can start with it here.

    Raises:
        UnknownNameError: there is no such backend.
        ImplementationError: Keras can't start with it.
    """
    one = describing.described(name)
    if one.kind == "worker":
        what = f"No Keras 3 computes on {one.name}: it runs in a process of its own."
        mend = f"kerasplug backend show {one.name}"
        raise ImplementationError(what, expected="a backend of Keras 3", mend=mend)
    if one.state == "available":
        return one
    what = f"The backend {one.name} can't be used here; nothing was written."
    mend = f"{one.mend}   (or write it all the same: --force)"
    raise ImplementationError(what, found=one.reason, mend=mend)


def _notes(name: str) -> list[str]:
    """What keeps the choice from holding at once."""
    notes = []
    now, where = configured_backend()
    if now != name:
        notes.append(f"{where} says {now}, which goes before keras.json: unset {where}")
    if _is_advertised(name) and enabled_by() is None:
        notes.append(
            f"plain `import keras` finds {name} after: kerasplug backend enable-env"
        )
    return notes


def _is_advertised(name: str) -> bool:
    """Whether only a package's advertisement leads to it, and not Keras itself."""
    from kerasplug._frameworks.pluggable import listed_by_keras
    from kerasplug.engines.advertised import advertised

    listed = listed_by_keras()
    return name in advertised() and name not in (*listed.built_in, *listed.packages)


# --- the environment ---


def _enable(options: argparse.Namespace) -> int:
    return _tell_file(options, enable_env(), "plain `import keras` finds them now")


def _disable(options: argparse.Namespace) -> int:
    try:
        path = disable_env()
    except OSError as error:
        what = "The file that lets Keras find backends can't be removed."
        raise ConfigError(what, found=str(error), mend="remove it by hand") from error
    return _tell_file(options, path, "removed" if path else "there was no such file")


def _tell_file(options: argparse.Namespace, path: str | None, what: str) -> int:
    if options.json:
        options.output.data({"file": path})
    else:
        options.output.line(f"{path}: {what}" if path else what)
    return 0
