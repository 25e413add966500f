"""The only door to Keras: which one, whether it is there, and the module, lazily.

Nothing else in kerasplug imports Keras. So a package that depends on kerasplug can
be imported, listed and tested where Keras is missing, and everybody in a process
gets the same Keras.
"""

import importlib
import os
import sys
import threading
from pathlib import Path
from types import ModuleType
from typing import Any, NamedTuple

from packaging.version import Version

import _kerasplug_backends
from kerasplug import _frameworks
from kerasplug._frameworks import (
    IMPLEMENTATIONS,
    Availability,
    checked,
    family_of,
    family_root,
    is_stale,
)
from kerasplug.config import keras_home, warn_caller
from kerasplug.errors import ImplementationError, KerasplugError

__all__ = [
    "Availability",
    "LazyModule",
    "availability",
    "backend",
    "chosen",
    "family_of",
    "first_user",
    "implementation",
    "is_backend_available",
    "is_keras_available",
    "is_stale",
    "keras_version",
    "loaded",
    "require_keras",
    "use_implementation",
]

_VARIABLES = ("KERASPLUG_IMPLEMENTATION", "KERAS_IMPLEMENTATION")
_PLUMBING = (str(Path(__file__).parent) + os.sep, "<frozen importlib")


class _First(NamedTuple):
    """The first use of Keras through the door."""

    name: str
    root: str
    who: str


_lock = threading.RLock()
_first: _First | None = None

#: What was asked for -> the name of the module that serves it. Names, not modules:
#: keras.config.set_backend() replaces the modules.
_served_by: dict[str | None, str] = {}

_proxies: dict[str | None, "LazyModule"] = {}


class LazyModule(ModuleType):
    """Keras, imported when it is first used.

    It looks each attribute up in the Keras that is loaded at that moment, so it
    stays right after `keras.config.set_backend`. Names that begin with an underscore
    never start the import, `__version__` excepted: tools that look at modules
    (doctest, inspect, pytest) probe such names.

    Made by `implementation`.
    """

    def __init__(self, asked: str | None) -> None:
        super().__init__(asked or "keras", "Keras, imported when it is first used.")
        self.__dict__["_asked"] = asked

    def __getattr__(self, name: str) -> Any:
        if name.startswith("_") and name != "__version__":
            module = _loaded_module(self.__dict__["_asked"])
            if module is None:
                message = f"{self!r} has no attribute {name!r} before its first use"
                raise AttributeError(message)
            return getattr(module, name)
        module = _module(self.__dict__["_asked"])
        try:
            return getattr(module, name)
        except AttributeError:
            found = _unbound(module, name)
            if found is None:
                _frameworks.refuse_newer(name)
                raise
            return found

    def __setattr__(self, name: str, value: object) -> None:
        if name.startswith("__"):
            super().__setattr__(name, value)
        else:
            setattr(_module(self.__dict__["_asked"]), name, value)

    def __delattr__(self, name: str) -> None:
        delattr(_module(self.__dict__["_asked"]), name)

    def __dir__(self) -> list[str]:
        module = _loaded_module(self.__dict__["_asked"])
        return sorted(self.__dict__ if module is None else dir(module))

    def __repr__(self) -> str:
        asked = self.__dict__["_asked"]
        state = _served_by.get(asked, "not imported yet")
        return f"<lazy module {asked or 'keras'!r} of kerasplug ({state})>"

    def __reduce__(self) -> tuple[object, ...]:
        return implementation, (self.__dict__["_asked"],)


def implementation(name: str | None = None) -> LazyModule:
    """The Keras module, imported when an attribute of it is first used.

    Args:
        name: "tensorflow" (tf.keras), "keras" (stand-alone Keras 3) or "tf_keras"
            (legacy Keras 2). None: what the environment variables
            KERASPLUG_IMPLEMENTATION or KERAS_IMPLEMENTATION say, else tensorflow
            where it is installed and the configured backend is tensorflow, else
            stand-alone keras, else what is installed.

    Returns:
        The same object for the same name. Calling this is safe while a package is
        imported, also where no Keras is installed; using the module is what raises:
        `KerasMissingError` or `KerasBrokenError`.

    Raises:
        ImplementationError: there is no such implementation; or Keras is loaded in
            this process, and a really different one is asked for.

    Example:
        >>> keras = implementation("keras")
        >>> keras is implementation("keras")
        True
    """
    if name is not None:
        name = checked(name)
    if name is not None or _first is not None:
        _refuse_another(name or chosen())
    with _lock:
        if name not in _proxies:
            _proxies[name] = LazyModule(name)
        return _proxies[name]


def use_implementation(name: str) -> None:
    """Choose the Keras of this process and of those that it starts.

    Args:
        name: "tensorflow", "keras" or "tf_keras".

    Raises:
        ImplementationError: there is no such implementation; or it comes too late:
            a really different Keras is loaded.

    Guarantees:
        After an error nothing has changed.
    """
    name = checked(name)
    _refuse_another(name)
    os.environ[_VARIABLES[0]] = name


def _asked_by_environment() -> str | None:
    for variable in _VARIABLES:
        value = os.environ.get(variable, "").strip()
        if value:
            return checked(value, f"{variable}={value}")
    return None


def chosen(on_backend: str | None = None) -> str:
    """The name of the implementation that is used, or would be.

    Args:
        on_backend: the backend that it has to run on; None: the configured one.

    Raises:
        ImplementationError: the environment asks for one that does not exist.
    """
    if asked := _asked_by_environment():
        return asked
    if _first is not None:
        return _first.name
    fits = (on_backend or _frameworks.configured()[0]) == "tensorflow"
    order = IMPLEMENTATIONS if fits else ("keras", "tensorflow", "tf_keras")
    best = next((name for name in order if _frameworks.installed(name)), "keras")
    outside = _frameworks.root_loaded_outside()
    return outside if outside and outside != family_root(best) else best


def loaded() -> str | None:
    """The name of the implementation that is loaded; None while no Keras is.

    A Keras that TensorFlow has imported for itself, and nobody has used, is none.
    """
    if _first is not None:
        return _first.name
    root = _frameworks.root_loaded_outside()
    return "tensorflow" if root == "keras" and _frameworks.tf_keras_is_used() else root


def backend() -> str:
    """The name of the backend: the active one, or the configured one before Keras is.

    Raises:
        ImplementationError: the environment asks for an unknown implementation.

    Example:
        >>> backend() in ("tensorflow", "jax", "torch", "numpy", "openvino")
        True
    """
    if family_root(chosen()) == "tf_keras":
        return "tensorflow"
    return _frameworks.active_backend() or _frameworks.configured()[0]


def availability(
    version: str | None = None,
    *,
    implementation: str | None = None,
    backend: str | None = None,
    probe: str = "metadata",
) -> Availability:
    """Whether a Keras can be used here; if not, why, and what mends it.

    Args:
        version: the version that is asked: a specifier (">=3.15,<4"), or a plain
            version, which means "at least". None: any.
        implementation: "tensorflow", "keras" or "tf_keras"; None: the one that
            `implementation()` would give.
        backend: the backend that it has to run on; None: the configured one.
        probe: "metadata" looks at what is installed; "subprocess" really imports
            Keras, in another process.

    Returns:
        An answer that is true when that Keras is available, with `state`, `reason`,
        `mend` and `version`. Never raises, and imports no Keras here. A question
        that makes no sense (a malformed version, an unknown implementation) gets a
        false answer and one `KerasplugWarning`.

    Example:
        >>> availability(">=99").state in ("missing", "unsuitable")
        True
    """
    name, mistake = _question(version, implementation, backend, probe)
    if mistake:
        warn_caller(f"No Keras can be available: {mistake}")
        return Availability("unsuitable", mistake, mistake=True)
    if probe == "subprocess":
        return _frameworks.probe_keras(name, backend, version)
    return _frameworks.examine(name, backend, version)


def _question(
    version: object, implementation: str | None, backend: object, probe: object
) -> tuple[str, str]:
    """The implementation in question, and what makes no sense about the question."""
    if probe not in ("metadata", "subprocess"):
        return "", f'probe has to be "metadata" or "subprocess", not {probe!r}.'
    if backend is not None and not isinstance(backend, str):
        return "", f"a backend has to be a name, not {backend!r}."
    if version is not None and (why := _frameworks.malformed(version)):
        return "", f'the version is malformed, write "3.15" or ">=3.15,<4": {why}.'
    try:
        name = chosen(backend) if implementation is None else checked(implementation)
    except ImplementationError as error:
        return "", f"{error.what} {error.found} Expected {error.expected}."
    return name, ""


def is_keras_available(
    version: str | None = None,
    *,
    implementation: str | None = None,
    backend: str | None = None,
    probe: str = "metadata",
) -> bool:
    """Whether a Keras can be used here; `availability` tells why not.

    Args:
        version: a specifier (">=3.15,<4"), or a plain version: "at least".
        implementation: "tensorflow", "keras" or "tf_keras"; None: the default.
        backend: the backend that it has to run on; None: the configured one.
        probe: "metadata", or "subprocess" to really import it in another process.

    Returns:
        True or False; never raises and imports no Keras here. A malformed version is
        False, with one `KerasplugWarning`.

    Example:
        >>> is_keras_available(">=99")
        False
    """
    return bool(
        availability(
            version, implementation=implementation, backend=backend, probe=probe
        )
    )


def is_backend_available(name: str, *, probe: str = "metadata") -> bool:
    """Whether what computes is installed, whether or not a Keras is.

    Args:
        name: a backend of Keras 3, built in (tensorflow, jax, torch, numpy,
            openvino) or in a distribution of its own; or `"plaidml"`, which only
            Keras 2.2.4 runs on: where `to_backend` finds it does not count.
        probe: "metadata", or "subprocess" to really import it in another process.

    Returns:
        True or False; never raises and imports nothing here.

    Example:
        >>> is_backend_available("no_such_backend")
        False
    """
    if probe == "subprocess":
        return bool(_frameworks.probe_backend(name))
    return bool(_frameworks.examine_backend(name))


def keras_version() -> tuple[int, ...]:
    """The version of the Keras that is used or would be, from its metadata.

    Returns:
        Its numbers, such as (3, 15, 1); a pre-release as what it becomes.

    Raises:
        KerasMissingError: there is none.
        KerasBrokenError: it has no readable version.
    """
    name = chosen()
    answer = _frameworks.examine(name)
    version = _frameworks.version_of(family_root(name))
    if answer.state == "missing" or not version:
        raise answer.error()
    try:
        return Version(version).release
    except ValueError:
        raise answer.error() from None


def require_keras(version: str | None = None) -> None:
    """Raise unless a Keras is installed that can be used and has this version.

    Args:
        version: a specifier (">=3.15,<4"), or a plain version: "at least".

    Raises:
        KerasMissingError: no Keras, or not its backend, is installed.
        KerasBrokenError: it is installed and can't be imported.
        KerasVersionError: it has another version; both are named.
        ImplementationError: the version or the environment makes no sense.

    Guarantees:
        No Keras is imported.
    """
    name, mistake = _question(version, None, None, "metadata")
    if mistake:
        raise ImplementationError(mistake)
    answer = _frameworks.examine(name, None, version)
    if not answer:
        raise answer.error()


def _loaded_module(asked: str | None) -> ModuleType | None:
    """The module that serves what was asked; None while it has not been used."""
    name = _served_by.get(asked)
    return None if name is None else importlib.import_module(name)


def _module(asked: str | None) -> ModuleType:
    """The same, imported where it has not been."""
    return _loaded_module(asked) or _first_use(asked)


def _unbound(module: ModuleType, name: str) -> Any:
    """What a tf.keras has and does not bind; None where there is no such thing.

    Source: `keras._tf_keras.keras` of keras 3.15.1 lacks its submodule `saving`,
    `tf_keras.api._v2.keras` of tf_keras 2.21 has no version.
    """
    if name == "__version__":
        root = importlib.import_module(module.__name__.partition(".")[0])
        return getattr(root, name, None)
    full = f"{module.__name__}.{name}"
    try:
        return importlib.import_module(full)
    except ModuleNotFoundError as error:
        if error.name == full:
            return None
        raise


def _first_use(asked: str | None) -> ModuleType:
    """Import it, and remember who was first.

    The lock is not held while Keras is imported: Python's own import locks make 16
    threads wait for one import, and know a deadlock when they see one.
    """
    global _first  # noqa: PLW0603 -- one Keras per process is a fact about the process
    name = asked or chosen()
    with _lock:
        _refuse_another(name)
        root = family_root(name)
        before = _first
        if before is None:
            _first = _First(name, root, _who(root))
        mine = _first
    try:
        module = _import(name, root)
    except BaseException:
        with _lock:
            if before is None and _first is mine and root not in sys.modules:
                _first = None
        raise
    _served_by[asked] = module.__name__
    return module


def _import(name: str, root: str) -> ModuleType:
    if root not in sys.modules:
        _refuse_the_impossible(name)
    try:
        return _open(name, root)
    except KerasplugError:  # by our own finder of backends: it says all there is
        raise
    except Exception as error:
        raise _frameworks.explain(name, error) from error


def _refuse_the_impossible(name: str) -> None:
    """Raise where the import can't succeed: half an import would stay behind."""
    keras_home()  # Keras is about to write there: refuses or warns
    found = _frameworks.examine(name)
    on = _frameworks.configured()[0]
    known = on in _frameworks.BUILT_IN_BACKENDS or on in _frameworks.OLDER_BACKENDS
    if not known:  # one that a package advertises; or it comes by another import hook
        _kerasplug_backends.install()
    elif found and on in _frameworks.OLDER_BACKENDS:  # said by a variable alone
        from kerasplug.engines.choosing import use_backend

        use_backend(on)
    if found.state == "missing" or (found.state == "unsuitable" and known):
        raise found.error()


def _open(name: str, root: str) -> ModuleType:
    with _frameworks.without_complaints(_frameworks.configured()[0]):
        module = importlib.import_module(root)
    if name != "tensorflow":
        return module
    tensorflow = importlib.import_module("tensorflow")
    # Makes TensorFlow's own lazy loader decide. It may hold a Keras that
    # set_backend() has replaced, so only its name is taken.
    tensorflow.keras.layers  # noqa: B018 -- the access is the effect
    return importlib.import_module(tensorflow.keras.__name__)


def _who(root: str) -> str:
    """Who uses Keras first: the line that does it now; empty where it was outside.

    Who did it outside is looked for only when an error has to say so: it means
    looking through all loaded modules.
    """
    if _frameworks.root_loaded_outside() == root:
        return ""
    return _frameworks.calling_line(_PLUMBING)


def first_user() -> str:
    """Who used Keras first, or imported it past the door: a line, or modules."""
    root = _first.root if _first else _frameworks.root_loaded_outside() or "keras"
    return (_first and _first.who) or _frameworks.outsiders(root)


def _refuse_another(name: str) -> None:
    """Raise where a really different Keras is in use in this process."""
    root = family_root(name)
    if _first is not None:
        used = _first.root
    else:
        used = _frameworks.root_loaded_outside() or root
    if used == root:
        return
    raise _frameworks.another_is_used(name, used, first_user(), _VARIABLES[0])
