"""What is installed: Keras and its backends, seen in metadata and never imported.

The answers follow `sys.path` and the environment as they are at each call; nothing
is remembered.
"""

import os
import re
import sys
from pathlib import Path

from packaging.version import Version

from kerasplug._frameworks.availability import Availability
from kerasplug._frameworks.older import (
    OLDER_BACKENDS,
    configured,
    is_older,
    older_state,
)
from kerasplug._frameworks.pluggable import entry_points, listed_by_keras
from kerasplug._frameworks.presence import (
    BUILT_IN_BACKENDS,
    DISTRIBUTIONS,
    installed,
    recorded_version,
    spec_of,
    state_of,
)
from kerasplug.config import config_problems
from kerasplug.errors import ImplementationError, KerasBrokenError

__all__ = [
    "BUILT_IN_BACKENDS",
    "DISTRIBUTIONS",
    "IMPLEMENTATIONS",
    "checked",
    "examine",
    "examine_backend",
    "explain",
    "family_root",
    "installed",
    "malformed",
    "mend_import",
    "modules_of",
    "satisfies",
    "version_of",
]

#: The implementations, in the order of preference.
IMPLEMENTATIONS = ("tensorflow", "keras", "tf_keras")

#: The engines for which kerasplug has an extra.
_EXTRAS = ("tensorflow", "jax", "torch")

#: A plain release, alone or behind `>=`.
_AT_LEAST = re.compile(r"(?:>=\s*)?(\d{1,9}(?:\.\d{1,9})*)\Z", re.ASCII)

_ASKED = "asked for"

_VERSION_LINE = re.compile(r"^__version__\s*=\s*['\"]([^'\"]+)['\"]", re.MULTILINE)


def satisfies(version: str, requirement: str) -> bool:
    """Whether a version meets a requirement that is not `malformed`.

    Args:
        version: an installed version. A pre-release counts as what it becomes:
            2.15.0rc1 as 2.15.0, as in the R interface.
        requirement: a specifier (">=3.15,<4"), or a plain version, which means "at
            least".

    Raises:
        ValueError: one of the two is not a version or specifier as PEP 440 has them.

    Example:
        >>> satisfies("3.15.1", "3.4"), satisfies("3.15.1", ">=3.15,<3.15.1")
        (True, False)
    """
    wanted_release = _AT_LEAST.match(requirement.strip())
    release = _AT_LEAST.match(version)
    if wanted_release and release:
        # The usual question; `packaging.specifiers` costs five times all the rest.
        return _parts(release[1]) >= _parts(wanted_release[1])
    from packaging.specifiers import SpecifierSet

    plain = requirement.strip()[0] not in "<>=!~"
    wanted = SpecifierSet(f">={Version(requirement)}" if plain else requirement)
    have = Version(version)
    return any(
        wanted.contains(each, prereleases=True) for each in (have, have.base_version)
    )


def _parts(release: str) -> list[int]:
    """The numbers of a release, without zeros at the end: 3.0 is 3."""
    parts = [int(part) for part in release.split(".")]
    while parts and not parts[-1]:
        parts.pop()
    return parts


def checked(name: object, where: str = "") -> str:
    """The name of an implementation in its normal form.

    Args:
        name: a name in any case.
        where: where it comes from, for the error.

    Raises:
        ImplementationError: there is no such implementation.
    """
    if isinstance(name, str) and name.lower() in IMPLEMENTATIONS:
        return name.lower()
    message = f"There is no Keras implementation {name!r}."
    raise ImplementationError(
        message, found=where, expected="one of " + ", ".join(IMPLEMENTATIONS)
    )


def _uses_legacy() -> bool:
    """Whether TF_USE_LEGACY_KERAS makes tf.keras be tf_keras, by TensorFlow's rule."""
    return os.environ.get("TF_USE_LEGACY_KERAS") in ("true", "True", "1")


def family_root(implementation: str) -> str:
    """The top-level module that an implementation's classes live in.

    Example:
        >>> family_root("keras"), family_root("tf_keras")
        ('keras', 'tf_keras')
    """
    if implementation == "tensorflow":
        return "tf_keras" if _uses_legacy() else "keras"
    return implementation


def version_of(root: str) -> str:
    """The version of `keras` or `tf_keras`; empty where nothing gives it."""
    return recorded_version(root) or _version_in_source(root)


def _version_in_source(root: str) -> str:
    """The version that a checkout without metadata gives, read as text."""
    spec = spec_of(root)
    for folder in (spec and spec.submodule_search_locations) or ():
        for path in (Path(folder, "src", "version.py"), Path(folder, "__init__.py")):
            try:
                found = _VERSION_LINE.search(path.read_text(encoding="utf-8"))
            except (OSError, ValueError):
                continue
            if found:
                return found[1]
    return ""


def _install(*what: str) -> str:
    quoted = (f'"{each}"' if set(each) & set("<>=!~[ ") else each for each in what)
    return "python -m pip install " + " ".join(quoted)


def _keras_requirement(root: str, wanted: str | None) -> str:
    """What to ask pip for."""
    name = root.replace("_", "-")
    if wanted is None:
        return name
    return name + (wanted if wanted.strip()[0] in "<>=!~" else f">={wanted}")


def malformed(wanted: object) -> str:
    """Why something is not a version that can be asked for; empty where it is one."""
    if not isinstance(wanted, str) or not wanted.strip():
        return f"not a version or a specifier: {wanted!r}"
    try:
        satisfies("0", wanted)
    except ValueError as error:
        return str(error)
    return ""


def examine(
    implementation: str, backend: str | None = None, wanted: str | None = None
) -> Availability:
    """Whether an implementation can be used, as far as metadata tell.

    Args:
        implementation: one of `IMPLEMENTATIONS`.
        backend: the backend to use it with; None: the configured one.
        wanted: the version that is asked, not `malformed`; None: any.
    """
    root = family_root(implementation)
    for fault in (
        _examine_tensorflow(implementation, root, wanted),
        _examine_keras(implementation, root, wanted, backend),
        _examine_dependencies(root),
        _examine_version(root, wanted),
        _examine_with_backend(root, backend),
    ):
        if fault is not None:
            return fault
    return Availability("available", version=version_of(root))


def _examine_tensorflow(
    implementation: str, root: str, wanted: str | None
) -> Availability | None:
    """The fault of TensorFlow, where the implementation can't be without it."""
    if implementation == "keras":
        return None
    state, why = state_of("tensorflow")
    if state == "found" or (implementation == "tf_keras" and not installed(root)):
        return None
    if implementation == "tf_keras":
        state, why = "broken", f"tf_keras needs tensorflow, and {why}"
    mend = _install(_keras_requirement(root, wanted), "tensorflow")
    return Availability(state, f"{why}.", mend)


def _examine_keras(
    implementation: str, root: str, wanted: str | None, backend: str | None
) -> Availability | None:
    """The fault of the package itself, if it has one."""
    state, why = state_of(root)
    if state == "found":
        return None
    mend = _bring_keras(root, wanted, backend or configured()[0])
    if state == "missing" and implementation == "tensorflow":
        if _uses_legacy():
            why = f"TF_USE_LEGACY_KERAS asks for tf_keras, and {why}"
            return Availability("unsuitable", f"{why}.", mend)
        state, why = "broken", f"tensorflow needs keras, and {why}"
    return Availability(state, f"{why}.", mend)


def _examine_dependencies(root: str) -> Availability | None:
    """The fault of what Keras itself needs and is not there: its import would fail."""
    if root in sys.modules:  # it is in use, which proves that it works
        return None
    # Here: loading a model asks this with Keras loaded, and counts milliseconds.
    from kerasplug._frameworks.dependencies import missing_dependencies

    lacking = missing_dependencies(root)
    if not lacking:
        return None
    version = version_of(root)
    needs = ", ".join(lacking)
    reason = f"{root} {version} is installed without what it needs: {needs}."
    return Availability("broken", reason, _install(*lacking), version=version)


def _bring_keras(root: str, wanted: str | None, backend: str) -> str:
    """The command that brings a Keras that can compute."""
    requirement = _keras_requirement(root, wanted)
    brings = "tensorflow" if root == "tf_keras" else backend
    if brings in OLDER_BACKENDS:
        return _bring(brings)
    if root == "keras" and brings in _EXTRAS:
        # Our own extra knows from which version on Keras' loaders are safe.
        return _install(f"kerasplug[{brings}]", *([requirement] if wanted else ()))
    return _install(requirement, *_to_install(brings))


def mend_import(root: str, lacks: str = "") -> str:
    """What mends an installed thing whose import fails.

    Args:
        root: its top-level module.
        lacks: the module that was not found on the way; empty: something else.
    """
    again = _install("--force-reinstall", root.replace("_", "-"))
    return f"install what brings the module {lacks}, or: {again}" if lacks else again


def modules_of(backend: str) -> list[str]:
    """The modules that make up a backend."""
    if backend in OLDER_BACKENDS:
        return [backend]
    return list(BUILT_IN_BACKENDS.get(backend, (f"keras_{backend}",)))


def _to_install(backend: str) -> tuple[str, ...]:
    """The distributions that bring a backend's missing modules."""
    lacking = (name for name in modules_of(backend) if state_of(name)[0] != "found")
    return tuple(name.replace("_", "-") for name in lacking)


def _bring(backend: str) -> str:
    """The command that brings a backend, whether or not a Keras is there."""
    if backend in OLDER_BACKENDS:  # it brings its Keras itself
        own = _install(f"{backend}-keras", f"kerasplug-{backend}")
        return f"{own}   (in an environment of its own)"
    return _install(*(_to_install(backend) or (backend,)))


def _is_version(text: str) -> bool:
    try:
        Version(text)
    except ValueError:
        return False
    return True


def _examine_version(root: str, wanted: str | None) -> Availability | None:
    version = version_of(root)
    if not _is_version(version):
        reason = f"The {root} that is installed has no version (found {version!r})."
        return Availability("broken", reason, _install("--force-reinstall", root))
    if wanted is None or satisfies(version, wanted):
        return None
    reason = f"{root} {version} is installed, {wanted} is asked."
    if root == "tf_keras" and _would_do("keras", wanted):
        mend = "export KERASPLUG_IMPLEMENTATION=keras   (in a new process)"
    else:
        mend = _install(_keras_requirement(root, wanted))
    return Availability("unsuitable", reason, mend, version=version, expected=wanted)


def _would_do(root: str, wanted: str) -> bool:
    version = version_of(root)
    return _is_version(version) and satisfies(version, wanted)


def _examine_with_backend(root: str, asked: str | None) -> Availability | None:
    """The fault of the backend that it would run on, if it has one."""
    version = version_of(root)
    name, where = (asked, _ASKED) if asked is not None else configured()
    if root == "tf_keras":
        if asked in (None, "tensorflow"):
            return None
        reason = f"tf_keras runs on tensorflow only, {asked} is asked."
        mend = "ask for the implementation keras"
        return Availability("unsuitable", reason, mend, version=version)
    if is_older(version):
        return _examine_older(version, name, where)
    if name in OLDER_BACKENDS and state_of(f"keras_{name}")[0] == "missing":
        return _newer_than(name, where, version)
    return _examine_own(root, version, name, where)


def _examine_own(root: str, version: str, name: str, where: str) -> Availability | None:
    """The fault of a backend of Keras 3."""
    state, why = _backend_state(name)
    if state == "found":
        return None
    if state == "broken":
        mend = _install(*_to_install(name)) if _to_install(name) else _install(name)
        reason = f"The backend {name} ({where}) is broken: {why}."
        return Availability("broken", reason, mend, version=version)
    return _without_backend(root, version, name, where)


def _examine_older(version: str, name: str, where: str) -> Availability | None:
    """The fault of the backend of a Keras that takes others than those of today."""
    if older_state(name) == ("found", ""):
        return None
    there = [one for one in OLDER_BACKENDS if older_state(one) == ("found", "")]
    reason = (
        f"keras {version} is installed, its backend {name} ({where}) is not, or it is "
        f"none of its own; installed here: {', '.join(there) or 'none'}."
    )
    if not there and name in OLDER_BACKENDS:
        mend = _bring(name)
    elif not there:
        mend = _install("keras>=3", *_to_install(name))
    elif where == _ASKED:
        mend = "an environment with Keras 3, or the backend " + there[0]
    else:
        mend = f'kerasplug.use_backend("{there[0]}")   (before Keras is imported)'
    return Availability("unsuitable", reason, mend, version=version)


def _newer_than(name: str, where: str, version: str) -> Availability:
    """The answer where the engine is there, and Keras is too new for it."""
    reason = f"keras {version} does not run on {name} ({where}), only an older one did."
    mend = f'remote = kerasplug.to_backend(model, "{name}")'
    return Availability("unsuitable", reason, mend, version=version)


def _without_backend(root: str, version: str, name: str, where: str) -> Availability:
    """The answer where Keras is there and its backend is not."""
    others = [each for each in BUILT_IN_BACKENDS if _backend_state(each)[0] == "found"]
    reason = (
        f"{root} {version} is installed, its backend {name} ({where}) is not; "
        f"installed here: {', '.join(others) or 'none'}."
    )
    install = _install(*_to_install(name))
    setter = "set" if sys.platform == "win32" else "export"
    choose = f"{setter} KERAS_BACKEND={others[0]}" if others else ""
    if where == _ASKED or not others:
        mend = install
    elif name in BUILT_IN_BACKENDS:
        mend = f"{choose}   (or: {install})"
    else:
        mend = choose
    return Availability("unsuitable", reason, mend, version=version)


def _backend_state(name: str) -> tuple[str, str]:
    """("found" | "missing" | "broken", the reason) of a backend."""
    if name not in BUILT_IN_BACKENDS or name in listed_by_keras().packages:
        return _pluggable_state(name)
    first, *others = BUILT_IN_BACKENDS[name]
    if name == "openvino" and state_of(first)[0] == "missing":
        return _pluggable_state(name)
    state, why = state_of(first)
    if state != "found":
        return state, why
    for other in others:
        state, why = state_of(other)
        if state != "found":
            return "broken", f"it needs {other}, and {why}"
    return "found", ""


def _pluggable_state(name: str) -> tuple[str, str]:
    """The same, of a Keras 3.16 backend in a distribution of its own."""
    if not name.isidentifier():
        return "missing", f"{name!r} is not the name of a backend"
    state, why = state_of(f"keras_{name}")
    if state == "missing":
        older = older_state(name) or (state, why)
        return ("found", "") if _is_declared(name) else older
    return state, why


def _is_declared(backend: str) -> bool:
    """Whether a distribution says that it brings this backend."""
    found = entry_points("keras.backends", "kerasplug.backends")
    return any(one.name == backend for one in found)


def examine_backend(name: str) -> Availability:
    """Whether a backend's modules are installed, as far as metadata tell.

    Args:
        name: a backend's name; whether a Keras is installed does not matter.
    """
    state, why = _backend_state(name)
    if state == "found":
        return Availability("available")
    reason = f"The backend {name} is {state}: {why}."
    return Availability(state, reason, _bring(name))


def explain(implementation: str, error: Exception) -> ImplementationError:
    """The error for a Keras whose import has failed.

    Args:
        implementation: one of `IMPLEMENTATIONS`.
        error: what its import raised.
    """
    found = examine(implementation)
    if found.state in ("missing", "unsuitable"):
        return found.error()
    root = family_root(implementation)
    wrong = config_problems()
    if not found:
        why, mend = found.reason, found.mend
    elif wrong and isinstance(error, ValueError | TypeError | AttributeError):
        why, mend = "keras.json: " + "; ".join(wrong), "correct or remove keras.json"
    else:
        why, mend = _hidden(root, error)
    message = f"{root} {version_of(root)} is installed and can't be imported."
    return KerasBrokenError(message, found=why, mend=mend)


def _hidden(root: str, error: Exception) -> tuple[str, str]:
    """What has really failed below an error that may say something else, and a mend."""
    from kerasplug._frameworks.causes import true_cause

    said = f"{type(error).__name__}: {error}"
    if error.__cause__ is None and error.__context__ is None:
        lacks = error.name if isinstance(error, ModuleNotFoundError) else None
        return said, mend_import(root, lacks or "")
    cause = true_cause(error)
    return f"{cause.text} Keras says of it: {said}", cause.mend
