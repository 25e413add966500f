"""Registration: a file names the class, and says nothing that would have to be run."""

import base64
import contextlib
import io
import pickletools
import struct
import sys
from collections.abc import Iterator
from importlib import metadata
from typing import Any

from kerasplug.names import normalise
from kerasplug.registry import claims
from kerasplug.testing.conformance.case import Case
from kerasplug.testing.conformance.check import Blocked, Failed, NotApplicable, check
from kerasplug.testing.conformance.configs import config_of, leaves, remade, serialised
from kerasplug.testing.conformance.watching import watched
from kerasplug.wrapping.classes import is_keras_own

__all__ = ["no_code_is_stored", "registered_under_own_package"]

#: What Keras itself, and its sister packages, register or would look up.
_KERAS = ("keras", "tf_keras", "tensorflow", "keras_core")


@check(
    why="A file names the class by the name it is registered under: without one nobody "
    "can load the file who does not pass custom_objects, and under a shared one the "
    "class of another package is loaded in its place.",
    mend="@keras.saving.register_keras_serializable(package='your_package'), or an "
    "entry point in the group kerasplug.layers",
)
def registered_under_own_package(case: Case) -> None:
    """The class is registered under a package that is its own."""
    if is_keras_own(case.cls):
        reason = "it is a class of Keras itself"
        raise NotApplicable(reason)
    name = str(case.keras.saving.get_registered_name(case.cls))
    package, sign, _ = name.rpartition(">")
    if not sign:
        _demand_declared(case.cls)
        return
    if said := _not_own(package, case.cls):
        what = f"The class is registered as {name!r}: {said}."
        raise Failed(what, expected="the name of the package that the class is in")
    other = case.keras.saving.get_registered_object(name)
    if _place(other) != _place(case.cls):
        what = f"Another class is registered as {name!r} by now."
        raise Failed(what, found=_place(other), expected=_place(case.cls))


def _demand_declared(cls: type) -> None:
    """Demand that a plugin declares the class, by which kerasplug finds it."""
    if any(_is_target(one.target, cls) for one in claims("layer")):
        return
    what = "The class is not registered."
    raise Failed(
        what,
        found=f"neither register_keras_serializable nor a plugin names {_place(cls)}",
    )


def _is_target(target: str, cls: type) -> bool:
    module, _, path = target.partition(":")
    if target == f"{cls.__module__}:{cls.__qualname__}":
        return True
    found: Any = sys.modules.get(module)
    for part in path.split("."):
        found = getattr(found, part, None)
    return found is cls


def _place(value: Any) -> str:
    # By place, not identity: a function may define the class anew at each call.
    module, name = (getattr(value, one, "?") for one in ("__module__", "__qualname__"))
    return f"{module}.{name}"


def _not_own(package: str, cls: type) -> str:
    """Why a package is not the class' own; empty: it may be."""
    root = cls.__module__.partition(".")[0]
    if package == "Custom":
        return "the package that Keras takes where none is given, for everybody"
    if package.partition(".")[0] in _KERAS:
        return "the package is Keras' own"
    name = package.partition(".")[0]
    if name.isidentifier() or name.replace("-", "_").isidentifier():
        return _of_distribution(name, root)
    return ""


def _of_distribution(name: str, root: str) -> str:
    """What is wrong where an installed distribution has this name."""
    if normalise(name) == normalise(root):
        return ""
    try:
        found = metadata.distribution(name)
    except (metadata.PackageNotFoundError, ValueError):
        return ""
    if _has_module(found, root):
        return ""
    return (
        f"that is the installed distribution {found.metadata['Name']}, which does not "
        f"have the module {root}"
    )


def _has_module(found: metadata.Distribution, root: str) -> bool:
    """Whether a distribution has a top-level module, as far as it can be known."""
    if '"editable"' in (found.read_text("direct_url.json") or ""):
        return True  # its files are not listed
    if root in (found.read_text("top_level.txt") or "").split():
        return True
    tops = {str(one).partition("/")[0].partition(".")[0] for one in found.files or ()}
    return root in tops


@check(
    why="Keras refuses to load such a file unless safe_mode is turned off, and "
    "bytecode does not survive another version of Python; a file that is run as a "
    "program can do anything.",
    mend="give a function that is registered, and keep its name; or a layer that does "
    "what the function does",
)
def no_code_is_stored(case: Case) -> None:
    """What is written into a file are data: no lambda, no bytecode, no pickle."""
    layer = case.still
    try:
        config = config_of(layer)
        written = serialised(case, layer)
        remade(case, layer, config)  # imports what is still to be imported
    except Exception as error:
        by, reason = "config_is_json", "its configuration can't be written or read"
        raise Blocked(by, reason) from error
    for where, kind in _code(case, written):
        what = f"The configuration holds {kind} at {where}."
        raise Failed(what, expected="names, numbers, lists and dicts")
    with watched() as events:
        remade(case, layer, config)
    run = [one.what for one in events if one.kind == "code"]
    if run:
        what = "from_config() runs as a program what the configuration says."
        raise Failed(what, found=f"{', '.join(dict.fromkeys(run))} in from_config()")


def _code(case: Case, written: Any) -> Iterator[tuple[str, str]]:
    """Where there is code, and of which kind."""
    for place, value in leaves(case, written).items():
        if place.endswith("['class_name']") and value == "__lambda__":
            yield place.removesuffix("['class_name']"), "the bytecode of a lambda"
        elif place.endswith("function_type']") and value == "lambda":
            yield place, "the bytecode of a lambda"
        elif isinstance(value, str) and (kind := _hidden(value)):
            yield place, kind


#: Shorter strings are no code: the smallest function has more.
_SHORTEST = 40


def _hidden(text: str) -> str:
    """The kind of code that a string is; empty: none that is known."""
    if len(text) < _SHORTEST:
        return ""
    for data in _decoded(text):
        if _is_bytecode(data):
            return "the bytecode of a function"
        if _is_pickle(data):
            return "a pickle"
    return ""


def _decoded(text: str) -> Iterator[bytes]:
    """What bytes a string may stand for."""
    bare = "".join(text.split())
    with contextlib.suppress(ValueError):
        yield text.encode("latin-1")
    with contextlib.suppress(ValueError):
        yield bytes.fromhex(bare)
    for pair in (b"+/", b"-_"):
        with contextlib.suppress(ValueError):
            yield base64.b64decode(bare, altchars=pair, validate=True)


def _is_bytecode(data: bytes) -> bool:
    """Whether it begins as a code object does that `marshal` wrote."""
    if data[:1] not in (b"\xe3", b"c") or len(data) < _SHORTEST:
        return False
    # The numbers of arguments, the size of the stack, and flags.
    *counts, flags = struct.unpack_from("<5I", data, 1)
    return bool(max(counts) < 1 << 10 and flags < 1 << 28)


def _is_pickle(data: bytes) -> bool:
    """Whether it is one from its first to its last byte; it is not loaded."""
    if data[:1] != b"\x80":
        return False
    try:
        pickletools.dis(data, io.StringIO())
    except Exception:  # noqa: BLE001 -- whatever it stumbles over, it is no pickle
        return False
    return True
