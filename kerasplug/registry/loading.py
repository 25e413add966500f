"""From a claim to its raw target: the only place that imports a plugin's things."""

import difflib
import importlib
from types import ModuleType

from kerasplug._frameworks.pluggable import place_of
from kerasplug.errors import (
    ImplementationError,
    NeedsError,
    PluginError,
)
from kerasplug.implementation import is_stale
from kerasplug.registry import session
from kerasplug.registry.needs import needs_of_claim, unmet
from kerasplug.registry.parts import Claim, describe

__all__ = ["load", "load_part"]

# Which name a class of that kind has among its bases, whatever the implementation.
_BASE = {"layer": "Layer", "callback": "Callback"}

#: Needs that this environment meets; asking again costs a millisecond a layer.
_met: set[tuple[int, str]] = set()


def load(claim: Claim) -> object:
    """The thing that a claim means, imported now.

    Args:
        claim: what `kerasplug.registry.claim` found.

    Returns:
        The raw target: for a layer or a callback its class.

    Raises:
        NeedsError: this environment lacks what the plugin says that it needs.
        PluginError: the target can't be imported, is missing, or is of another kind.
        ImplementationError: no Keras that would do is installed.
    """
    _check_needs(claim)
    module_name, _, path = claim.target.partition(":")
    target = load_part(claim, claim.target)
    _check_kind(claim, target)
    if is_stale(target):
        target = _attribute(claim, importlib.reload(_module(claim, module_name)), path)
        if is_stale(target):
            raise _error(
                claim,
                f"The {claim.kind} {claim.canonical} belongs to a Keras that "
                "keras.config.set_backend has replaced.",
                mend="choose the backend in a new process, before Keras is imported",
            )
    return target


def load_part(claim: Claim, place: str) -> object:
    """What a record names besides its target, such as a function, imported now.

    Args:
        claim: the record's.
        place: `"module:attribute"`, as the record has it; never what a file says.

    Raises:
        PluginError: it can't be imported, or is missing.
        ImplementationError: no Keras that would do is installed.
    """
    module_name, _, path = place.partition(":")
    return _attribute(claim, _module(claim, module_name), path, place)


def _check_needs(claim: Claim) -> None:
    """Raise `NeedsError` unless all needs are met; what was met once stays so."""
    needs = needs_of_claim(claim)
    question = session.epoch(), repr(needs)
    if question in _met:
        return
    missing = unmet(needs)
    if missing:
        raise _error(
            claim,
            f"The {claim.kind} {claim.canonical} can't be used here.",
            found="; ".join(problem for problem, _ in missing),
            mend="; ".join(mend for _, mend in missing),
            error=NeedsError,
        )
    _met.add(question)


def _error(
    claim: Claim,
    what: str,
    *,
    found: str = "",
    expected: str = "",
    mend: str = "",
    error: type[PluginError] = PluginError,
) -> PluginError:
    return error(
        what,
        plugin=claim.provider.name,
        version=claim.provider.version,
        found=found,
        expected=expected,
        mend=mend,
    )


def _module(claim: Claim, name: str) -> ModuleType:
    try:
        return importlib.import_module(name)
    except (KeyboardInterrupt, ImplementationError):
        raise
    except BaseException as error:  # SystemExit too: a plugin may not end the program
        raise _error(
            claim,
            f"The {claim.kind} {claim.canonical} can't be imported from {name}.",
            found=describe(error),
            mend=_mend(claim, name, error),
        ) from error


def _mend(claim: Claim, name: str, error: BaseException) -> str:
    missing = getattr(error, "name", None) if isinstance(error, ImportError) else None
    plugin = claim.provider.name
    if missing and name.partition(".")[0] != missing.partition(".")[0]:
        return f"install what provides the module {missing!r}, or update {plugin}"
    return f"python -m pip install --force-reinstall {plugin}"


def _attribute(claim: Claim, module: ModuleType, path: str, place: str = "") -> object:
    value: object = module
    for part in path.split("."):
        if isinstance(value, ModuleType) and not hasattr(value, part):
            full = f"{value.__name__}.{part}"
            if place_of(full):  # a module below that nobody has imported yet
                value = _module(claim, full)
                continue
        try:
            value = getattr(value, part)
        except AttributeError as error:
            close = difflib.get_close_matches(part, dir(value), n=1)
            hint = f"; did its author mean {close[0]!r}?" if close else ""
            raise _error(
                claim,
                f"The {claim.kind} {claim.canonical} is not where its plugin says.",
                found=f"no attribute {part!r} in {module.__name__}{hint}",
                expected=place or claim.target,
                mend=f"update {claim.provider.name}",
            ) from error
    return value


def _check_kind(claim: Claim, target: object) -> None:
    base = _BASE.get(claim.kind)
    if claim.kind == "backend" and isinstance(target, ModuleType):
        return  # the package that Keras takes over
    if base is None:
        good, expected = callable(target), "something that can be called"
    else:
        names = [cls.__name__ for cls in getattr(target, "__mro__", ())]
        good = isinstance(target, type) and base in names[1:]
        expected = f"a subclass of keras' {base}"
    if not good:
        raise _error(
            claim,
            f"The {claim.kind} {claim.canonical} is not a {claim.kind}.",
            found=f"{claim.target} is {target!r}",
            expected=expected,
            mend=f"update {claim.provider.name}",
        )
