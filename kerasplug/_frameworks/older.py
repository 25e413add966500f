"""The stand-alone Keras of before 2.4, which takes any module as its backend.

Some engines have nothing newer. In an environment that was made for one of them this is
the Keras that everything here is about; anywhere else nothing of it is looked at.
"""

import contextlib
import sys
import warnings
from collections.abc import Iterator

from kerasplug._frameworks.pluggable import place_of
from kerasplug._frameworks.presence import recorded_version, state_of
from kerasplug.config import configured_backend
from kerasplug.errors import KerasVersionError

__all__ = [
    "OLDER_BACKENDS",
    "active_backend",
    "bare",
    "configured",
    "is_older",
    "older_here",
    "older_keras",
    "older_state",
    "refuse_newer",
    "without_complaints",
]

#: A backend that only such a Keras has -> the module that KERAS_BACKEND names there.
OLDER_BACKENDS = {"plaidml": "plaidml.keras.backend"}


def bare(backend: str) -> str:
    """The name of a backend, where a value of KERAS_BACKEND may be a module.

    Example:
        >>> bare("plaidml.keras.backend"), bare("jax")
        ('plaidml', 'jax')
    """
    return backend.partition(".")[0]


def configured() -> tuple[str, str]:
    """As `configured_backend`, with the name of a backend in place of its module."""
    name, where = configured_backend()
    return bare(name), where


def active_backend() -> str:
    """What the loaded Keras computes with; empty where none is loaded."""
    for module in ("keras.src.backend.config", "keras.backend"):
        active = getattr(sys.modules.get(module), "backend", None)
        if active is not None:
            return bare(str(active()))
    return ""


def is_older(version: str) -> bool:
    """Whether a version of `keras` is one that takes such backends.

    Example:
        >>> is_older("2.2.4"), is_older("2.15.0"), is_older("3.15.1")
        (True, False, False)
    """
    return version.startswith(("2.2.", "2.3."))


def older_keras() -> str:
    """The version of the installed stand-alone Keras, if it is such an old one.

    Returns:
        Empty where there is a newer one, or none.
    """
    version = recorded_version("keras") or ""
    return version if is_older(version) else ""


def older_state(backend: str) -> tuple[str, str] | None:
    """("found" | "missing", the reason) of a backend of such a Keras.

    Returns:
        None: it is none of those.
    """
    module = OLDER_BACKENDS.get(backend)
    if module is None:
        return None
    state, why = state_of(backend)
    if state == "found" and place_of(module) is None:
        return "missing", f"{backend} is there without its module {module}"
    return state, why


def older_here(backend: str) -> bool:
    """Whether the Keras of this environment is an old one, and computes on a backend.

    Example:
        >>> older_here("jax")
        False
    """
    return bool(older_keras()) and older_state(backend) == ("found", "")


class _NewerError(KerasVersionError, AttributeError):
    """Something of Keras 3, asked of an older one; `hasattr` is false for it."""


def refuse_newer(name: str) -> None:
    """Nothing, unless the Keras here is too old to have what Keras 3 has.

    Args:
        name: the attribute that it lacks.

    Raises:
        KerasVersionError: it is; this one is an AttributeError as well.
    """
    version = older_keras()
    if version:
        message = f"keras {version} has no {name!r}, which what is done here needs."
        mend = "do it in an environment with Keras 3"
        found = f"keras {version}"
        raise _NewerError(message, found=found, expected="Keras 3", mend=mend)


@contextlib.contextmanager
def without_complaints(backend: str) -> Iterator[None]:
    """A block without warnings about source of 2018, which may be errors here.

    Args:
        backend: nothing is done for those that have a newer Keras.
    """
    if backend not in OLDER_BACKENDS:
        yield
        return
    with warnings.catch_warnings():
        for one in (SyntaxWarning, DeprecationWarning):
            warnings.simplefilter("ignore", one)
        yield
