"""`kerasplug backend doctor`: the true cause where a backend does not work.

Keras calls every `ImportError` inside a backend "not installed". Here it is imported
for real, in another process, and the first error is told: what is missing, and who
needs it. An engine with a process of its own is started, and has to compute.
"""

import argparse
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

from kerasplug._frameworks import configured, older_here
from kerasplug._frameworks.causes import Cause
from kerasplug._frameworks.metadata import version_of
from kerasplug._frameworks.pluggable import listed_by_keras, place_of
from kerasplug._frameworks.presence import recorded_version
from kerasplug._frameworks.probe import ask_elsewhere
from kerasplug.cli import backend_worker, findings
from kerasplug.cli.doctor_keras import look_at_settings
from kerasplug.cli.findings import Finding
from kerasplug.config import read_config
from kerasplug.engines import describing, gpus
from kerasplug.engines.advertised import advertised
from kerasplug.engines.describing import Described
from kerasplug.errors import KerasplugError, UnknownNameError

__all__ = ["imported", "run"]

_LEVELS: Final = {"available": "ok", "missing": "warning", "unsuitable": "warning"}

#: Imports Keras on one backend, and looks below what hides the first error.
_CHILD: Final = """
import json, sys
request = json.loads(sys.argv[1])
sys.path[:] = request["path"]
answer = {"version": "", "backend": "", "seen": "", "cause": None}
try:
    if request["advertised"]:
        from kerasplug.engines.choosing import use_backend
        use_backend(request["name"])
    import keras
    keras.layers.Layer
    answer["version"] = keras.__version__
    answer["backend"] = keras.config.backend()
except BaseException as error:
    from kerasplug._frameworks.causes import true_cause
    answer["seen"] = f"{type(error).__name__}: {error}"
    answer["cause"] = true_cause(error)
with open(request["answer"], "w", encoding="utf-8") as file:
    json.dump(answer, file)
"""


def run(options: argparse.Namespace) -> int:
    """Print what was found; 0, or 1 where something is broken.

    Raises:
        UnknownNameError: there is no such backend.
    """
    one = _asked(options.name)
    sections = {
        "choice": list(_choice()),
        "names": list(_names()),
        **(_of_backend(one) if one else {}),
    }
    sections = {key: some for key, some in sections.items() if some}
    name = one.name if one else configured()[0]
    return findings.tell(options.output, sections, backend=name)


def _asked(name: str | None) -> Described | None:
    """The backend that is looked at; None where the configured one does not exist."""
    if name:
        return describing.described(name)
    try:
        return describing.described(configured()[0])
    except UnknownNameError:
        return None


def _of_backend(one: Described) -> dict[str, list[Finding]]:
    works, found = [], [*_state(one), *_fit(one)]
    if one.kind != "worker" and one.state in ("available", "broken"):
        works = list(_imports(one))
    sections = {one.name: found, "import": works}
    if one.kind == "worker":
        sections |= backend_worker.sections(one)
    if works and works[0].level == "ok" and one.name in gpus.ENGINES:
        evidence = gpus.gather(one.name, probe=True)
        sections["devices"] = [Finding(*each) for each in gpus.look(evidence)]
    return sections


# --- who chooses ---


def _choice() -> Iterator[Finding]:
    """Which backend Keras starts with, who says so, and who says something else."""
    name, where = configured()
    try:
        one = describing.described(name)
    except UnknownNameError as error:
        yield Finding(
            "broken", "backend", f"{name}, by {where}: {error.what}", error.mend
        )
    else:
        yield from _chosen(one, where)
    wrong = list(look_at_settings())
    yield from wrong
    try:
        said = name if wrong else read_config()["backend"]
    except KerasplugError as error:
        yield Finding("broken", "Keras' home", error.what, error.mend)
        return
    if where == "KERAS_BACKEND" and said != name and not older_here(name):
        what = f"KERAS_BACKEND={name} goes before keras.json, which says {said}"
        yield Finding("note", "KERAS_BACKEND", what, "unset KERAS_BACKEND")
    yield from _other_home()


def _chosen(one: Described, where: str) -> Iterator[Finding]:
    """Whether Keras can start with the backend that was chosen for it."""
    what = f"{one.name}, by {where}"
    if one.kind == "worker" and not older_here(one.name):
        what += ": no Keras here runs on it, it has a process of its own"
        mend = "choose another one, and: "
        mend += f'remote = kerasplug.to_backend(model, "{one.name}")'
        yield Finding("broken", "backend", what, mend)
    else:
        yield Finding("ok", "backend", what)


def _other_home() -> Iterator[Finding]:
    """A `keras.json` that is not read, because KERAS_HOME is elsewhere."""
    home = os.environ.get("KERAS_HOME")
    usual = Path("~/.keras/keras.json").expanduser()
    if home and usual.is_file() and usual.parent != Path(home).expanduser():
        what = f"KERAS_HOME={home}: Keras reads keras.json there, and not {usual}"
        yield Finding("note", "KERAS_HOME", what, "unset KERAS_HOME")


def _names() -> Iterator[Finding]:
    """Names that packages claim, and packages that claim none."""
    listed = listed_by_keras()
    for name, some in advertised().items():
        who = ", ".join(one.canonical for one in some)
        if name in (*listed.built_in, *listed.packages):
            others = [one.distribution for one in some if not _is_official(name, one)]
            if others:
                what = f"{who} has a name that Keras has itself: Keras' own is used"
                mend = f"python -m pip uninstall {' '.join(others)}"
                yield Finding("warning", name, what, mend)
        elif len(some) > 1:
            what = f"{len(some)} packages advertise this name: {who}"
            mend = f"uninstall all but one, or: use_backend({some[0].canonical!r})"
            yield Finding("warning", name, what, mend)
    for module in describing.unlisted():
        name = module.removeprefix("keras_")
        what = "laid out as a backend, and neither Keras nor an advertisement names it"
        mend = "its authors add to pyproject.toml: "
        mend += f'[project.entry-points."keras.backends"] {name} = "{module}"'
        yield Finding("note", module, what, mend)


def _is_official(name: str, one: Any) -> bool:
    """Whether it is the very package that Keras would take for that name."""
    return bool(one.module == f"keras_{name}.src")


# --- one backend ---


def _state(one: Described) -> Iterator[Finding]:
    level = _LEVELS.get(one.state, "broken")
    versions = (one.engine, one.engine_version), (one.package, one.package_version)
    what = ", ".join(" ".join(pair) for pair in versions if pair[1])
    if one.state == "available":
        yield Finding(level, one.state, what or "installed")
    else:
        yield Finding(level, one.state, one.reason, one.mend)


def _fit(one: Described) -> Iterator[Finding]:
    """Whether the package is of this Keras' time."""
    keras = version_of("keras")
    takes = listed_by_keras().takes_packages
    spare = recorded_version(f"keras-{one.name}") if one.kind == "keras" else None
    if spare is not None:
        what = (
            f"keras-{one.name} {spare} is not used: Keras {keras} has {one.name} itself"
        )
        mend = f"python -m pip uninstall keras-{one.name}"
        yield Finding("note", f"keras-{one.name}", what, mend)
    if one.kind != "package" or not takes or place_of(one.module) is None:
        return
    because = describing.abilities_of(one)["train"].because
    if "SUPPORTS_GRADIENT" not in because or "has neither" in because:
        what = f"{one.package} {one.package_version} has no flag SUPPORTS_GRADIENT, "
        what += f"which Keras {keras} asks for: its checks of layers end with an error"
        mend = f"python -m pip install --upgrade {one.package}"
        yield Finding("warning", "flags", what, mend)


def _imports(one: Described) -> Iterator[Finding]:
    version, seen, cause = imported(one.name)
    if cause is None and not seen:
        yield Finding("ok", "import", f"Keras {version} computes on {one.name}")
        return
    if cause is None:
        mend = "start it by itself, and read all that it writes"
        yield Finding("broken", "import", seen, mend)
        return
    what = cause.text + (f" At {cause.where}." if cause.where else "")
    said = seen.partition(": ")[2]
    if said not in cause.text and not said.startswith("No module named"):
        what += f" Keras says of it: {seen}"
    yield Finding("broken", cause.module or "import", what, cause.mend)


def imported(name: str) -> tuple[str, str, Cause | None]:
    """What importing Keras on a backend gives, in another process.

    Args:
        name: the backend.

    Returns:
        The version of Keras; the error that users see; the first error below it. Of an
        import that works only the version; of a process that ended only the error.
    """
    listed = listed_by_keras()
    plugged = name not in (*listed.built_in, *listed.packages)
    request = {"name": name, "advertised": plugged}
    answer, error = ask_elsewhere(_CHILD, request, None if plugged else name)
    if error:
        return "", error, None
    if answer["cause"] is not None:
        return "", answer["seen"], Cause(*answer["cause"])
    if answer["backend"] != name:
        return "", f"Keras computes on {answer['backend']}, not on {name}", None
    return answer["version"], "", None
