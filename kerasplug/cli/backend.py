"""`kerasplug backend`: what computes: listed, shown, chosen, and looked at by a doctor.

Nothing is imported to know, unless somebody asks for it; then other processes do it.
"""

import argparse
import warnings
from typing import Final

from kerasplug._frameworks import OLDER_BACKENDS, configured, older_here
from kerasplug.cli import backend_doctor, backend_install, backend_show, names
from kerasplug.config import read_config, write_config
from kerasplug.engines import describing
from kerasplug.engines.describing import Described
from kerasplug.engines.environment import disable_env, enable_env, enabled_by
from kerasplug.errors import ConfigError, ImplementationError

__all__ = ["add_arguments", "run"]

#: Action -> what it does, and whether it takes a name: "must", "may" or "not".
_ACTIONS: Final = {
    "list": ("list all of them", "not"),
    "show": ("show everything about one", "must"),
    "doctor": ("say what is wrong with one, or with the configured one", "may"),
    "use": ("write one into keras.json, for all programs", "must"),
    "install": ("make the environment of an engine that has one of its own", "must"),
    "remove": ("remove that environment", "must"),
    "enable-env": (
        "let plain `import keras` find backends of packages in this environment",
        "not",
    ),
    "disable-env": ("undo enable-env", "not"),
}

#: Action -> a flag of its own, and what it does.
_FLAGS: Final = {
    "show": ("--probe", "list its devices, by starting it in another process"),
    "use": ("--force", "write it even where it can't be used here"),
    "install": ("--reinstall", "make it anew where it is there"),
}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Tell the parser what `kerasplug backend` takes."""
    actions = parser.add_subparsers(dest="action", metavar="ACTION", required=True)
    for action, (what, takes) in _ACTIONS.items():
        text = f"{what[:1].upper()}{what[1:]}."
        one = actions.add_parser(action, help=what, description=text)
        # Without a default: else it would take back one that stands before the action.
        one.add_argument(
            "--json",
            action="store_true",
            default=argparse.SUPPRESS,
            help="print JSON, for programs",
        )
        if takes != "not":
            named = one.add_argument(
                "name",
                metavar="NAME",
                help="of a backend, such as jax",
                nargs="?" if takes == "may" else None,
            )
            names.complete_with(named, _known)
        if action in _FLAGS:
            flag, told = _FLAGS[action]
            one.add_argument(flag, action="store_true", help=told)
        if action == "install":
            told = "the Python to make it of: a path, or a name on PATH"
            one.add_argument("--python", metavar="PYTHON", help=told)


def _known() -> list[str]:
    return [one.name for one in describing.backends()]


def run(options: argparse.Namespace) -> int:
    """Do it; 0, or 1 where the doctor finds something broken.

    Raises:
        UnknownNameError: there is no such backend.
        ImplementationError: with use: it can't be used here; nothing was written.
        ConfigError: keras.json, or the file of `enable-env`, can't be written.
        KerasplugError: with install and remove: as those.
    """
    actions = {
        "list": _list,
        "show": backend_show.run,
        "doctor": backend_doctor.run,
        "use": _use,
        "install": backend_install.install,
        "remove": backend_install.remove,
        "enable-env": _enable,
        "disable-env": _disable,
    }
    code: int = actions[options.action](options)
    return code


# --- list ---


def _list(options: argparse.Namespace) -> int:
    found = describing.backends()
    if options.json:
        options.output.data([backend_show.plain(one) for one in found])
        return 0
    options.output.table(map(_row, found), ("label", "name"))
    chosen, where = configured()
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
    found = describing.described(options.name)  # a typing error is never written
    name = found.name if options.force else _usable(found).name
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


def _usable(one: Described) -> Described:
    """The same backend, if Keras can start with it here.

    Raises:
        ImplementationError: Keras can't start with it.
    """
    if one.kind == "worker" and older_here(one.name):
        what = f"All Kerases read keras.json, and most of them don't know {one.name}."
        mend = f"export KERAS_BACKEND={OLDER_BACKENDS[one.name]}"
        raise ImplementationError(what, expected="a backend of Keras 3", mend=mend)
    if one.kind == "worker":
        what = f"No Keras 3 computes on {one.name}: it runs in a process of its own."
        mend = f'kerasplug.to_backend(model, "{one.name}") moves a model there'
        raise ImplementationError(what, expected="a backend of Keras 3", mend=mend)
    if one.state == "available":
        return one
    what = f"The backend {one.name} can't be used here; nothing was written."
    mend = f"{one.mend}   (or write it all the same: --force)"
    raise ImplementationError(what, found=one.reason, mend=mend)


def _notes(name: str) -> list[str]:
    """What keeps the choice from holding at once."""
    notes = []
    now, where = configured()
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
