"""Asking one hook module: where the registry runs plugin code, and imports it.

Everything that a plugin does wrong here becomes a `Fault` of that plugin; nothing
of it is registered then, and all the others go on. A real Ctrl-C is not a fault.
What a plugin changes about the process is undone.
"""

import difflib
import functools
import importlib
import inspect
from _thread import allocate_lock, get_ident
from collections.abc import Callable, Iterable, Iterator
from typing import NamedTuple

import pluggy

from kerasplug.errors import KerasplugError
from kerasplug.hooks import (
    HOOK_API_VERSION,
    PROJECT,
    RECORD_TYPES,
    SPEC_MODULES,
    Record,
)
from kerasplug.registry.effects import Effects
from kerasplug.registry.index import stamp_of
from kerasplug.registry.parts import KINDS, Fault, Hooked, Provider, describe, trace_of
from kerasplug.registry.records import Declared, line_of

__all__ = [
    "Asked",
    "AskedAlreadyError",
    "HookError",
    "ask",
    "ask_object",
    "enlist",
    "fault_from",
    "forget",
    "manager",
    "place",
]

_KIND_OF_HOOK = {f"{PROJECT}_{plural}": kind for kind, plural in KINDS.items()}
_lock = allocate_lock()
_manager: pluggy.PluginManager | None = None
#: (thread, hook module) of the questions that are being answered now.
_turns: set[tuple[int, str]] = set()


class AskedAlreadyError(Exception):
    """A hook module asked for the catalog while it was being asked itself."""


class HookError(Exception):
    """What is wrong with a plugin's hooks, and how to mend it."""

    def __init__(self, what: str, mend: str) -> None:
        super().__init__(what)
        self.mend = mend


def manager() -> pluggy.PluginManager:
    """The manager of pluggy with kerasplug's hook specs and its own plugin."""
    global _manager  # noqa: PLW0603 -- one manager a process, made when it is needed
    with _lock:
        if _manager is None:
            made = pluggy.PluginManager(PROJECT)
            for module in SPEC_MODULES:
                made.add_hookspecs(module)
            made.register(Declared(), name=PROJECT)
            _manager = made
        return _manager


class Asked(NamedTuple):
    """How a question went.

    Args:
        fault: what went wrong, if anything.
        effects: what the module changed, and how long it took.
    """

    fault: Fault | None
    effects: Effects


def ask(provider: Provider, hooked: Hooked, *, own_output: bool = False) -> Asked:
    """Import a hook module, ask it, and note in `hooked` what it says.

    Args:
        provider: the distribution that advertises the module.
        hooked: gets hooks, lines, source and stamp; unchanged after a fault.
        own_output: as `Effects` has it.

    Raises:
        AskedAlreadyError: this thread is in the middle of asking it, so that the
            question comes from the plugin itself.
        KeyboardInterrupt: somebody pressed Ctrl-C.
    """
    turn = get_ident(), hooked.module
    if turn in _turns:
        raise AskedAlreadyError(hooked.module)
    _turns.add(turn)
    effects = Effects(own_output=own_output)
    try:
        with effects:
            module = importlib.import_module(hooked.module)
            said = ask_object(module, f"{provider.name}/{hooked.entry}")
            lines = [line_of(record) for record in said[1]]
    except KeyboardInterrupt:
        raise
    except BaseException as error:  # noqa: BLE001 -- also SystemExit: a plugin may not end the program
        return Asked(fault_from(provider, hooked, error), effects)
    finally:
        _turns.discard(turn)
    source = getattr(module, "__file__", "") or ""
    volatile = getattr(module, "KERASPLUG_VOLATILE", False) or not source
    hooked.source = source
    hooked.stamp = "" if volatile else stamp_of(source)
    hooked.hooks = said[0]
    hooked.reports = [*said[2], *effects.reports]
    hooked.lines = lines
    return Asked(None, effects)


def ask_object(
    plugin: object, name: str
) -> tuple[tuple[str, ...], list[Record], list[str]]:
    """What the hooks of `plugin` return; it is registered with pluggy afterwards.

    Returns:
        Names of the hooks it implements; the records; what is odd but harmless.

    Raises:
        HookError: it breaks the contract. Whatever its hooks raise passes through.
            In both cases it is not registered.
    """
    owner = manager()
    hooks, unknown = _hooks(owner, plugin)
    reports = [*_api_reports(plugin), *unknown]
    records = [
        record
        for hook, function in hooks.items()
        if hook in _KIND_OF_HOOK
        for record in _answers(hook, function)
    ]
    reports += [
        f"{type(record).__name__} {record.name!r}: the field {field!r} is not known "
        "to this version of kerasplug and is ignored"
        for record in records
        for field in record.unknown_fields
    ]
    _remember(owner, plugin, name)
    return tuple(sorted(hooks)), records, reports


def enlist(provider: Provider, hooked: Hooked) -> None:
    """Import a hook module and register it with pluggy, without asking it for records.

    For hooks that are called in this process. What the import changes about the
    process is undone, as when the module is asked.

    Raises:
        HookError: it breaks the contract. Whatever importing it raises passes through.
            In both cases it is not registered.
    """
    owner = manager()
    with Effects():
        module = importlib.import_module(hooked.module)
    _hooks(owner, module)
    _remember(owner, module, f"{provider.name}/{hooked.entry}")


def _hooks(
    owner: pluggy.PluginManager, plugin: object
) -> tuple[dict[str, Callable[..., object]], list[str]]:
    """The hooks that `plugin` implements, each checked; what is odd about the rest."""
    hooks, reports = {}, []
    for hook, function in _implementations(owner, plugin):
        spec = _specs(owner).get(hook)
        if spec is None:
            reports.append(_unknown_hook(hook, _specs(owner)))
        else:
            _check_signature(hook, spec, function)
            hooks[hook] = function
    return hooks, reports


def _remember(owner: pluggy.PluginManager, plugin: object, name: str) -> None:
    """Register with pluggy, in place of an older object of that name."""
    with _lock:
        known = owner.get_plugin(name)
        if known is plugin or owner.is_registered(plugin):
            return
        if known is not None:
            owner.unregister(known)
        owner.register(plugin, name=name)


def forget(plugin: object) -> None:
    """Take `plugin` out of pluggy's manager, if it is there."""
    owner = manager()
    with _lock:
        if owner.is_registered(plugin):
            owner.unregister(plugin)


def _api_reports(plugin: object) -> Iterator[str]:
    version = getattr(plugin, "KERASPLUG_HOOK_API", HOOK_API_VERSION)
    if isinstance(version, int) and version > HOOK_API_VERSION:
        yield (
            f"written for hook API {version}; this kerasplug knows {HOOK_API_VERSION}: "
            "what is new in it is ignored"
        )


@functools.cache  # a thousand plugins ask the same question
def _specs(owner: pluggy.PluginManager) -> dict[str, Callable[..., object]]:
    return {
        name: function
        for module in SPEC_MODULES
        for name, function in vars(module).items()
        if owner.parse_hookspec_opts(module, name) is not None
    }


def _implementations(
    owner: pluggy.PluginManager, plugin: object
) -> Iterator[tuple[str, Callable[..., object]]]:
    """(hook, function) of everything in `plugin` that is marked.

    Raises:
        HookError: something in it wraps the answers of other plugins.
    """
    for name in dir(plugin):
        options = owner.parse_hookimpl_opts(plugin, name)
        if options is None:
            continue
        hook, function = options.get("specname") or name, getattr(plugin, name)
        if options.get("wrapper") or options.get("hookwrapper"):
            what = f"{place(function)}: {hook} is a wrapper of other plugins' hooks"
            raise HookError(what, "mark it with @hookimpl, without arguments")
        yield hook, function


def _unknown_hook(hook: str, specs: Iterable[str]) -> str:
    close = difflib.get_close_matches(hook, specs, n=1)
    hint = f"; did you mean {close[0]}?" if close else ""
    return f"the hook {hook} is not known to this version of kerasplug{hint}"


def _check_signature(
    hook: str, spec: Callable[..., object], function: Callable[..., object]
) -> None:
    allowed = inspect.signature(spec).parameters
    found = inspect.signature(function)
    fits = all(
        name in allowed
        and one.kind is one.POSITIONAL_OR_KEYWORD
        and one.default is one.empty  # pluggy would never pass it
        for name, one in found.parameters.items()
    )
    if not fits:
        what = (
            f"{place(function)}: {hook}{found} does not fit its specification "
            f"{hook}{inspect.signature(spec)}"
        )
        raise HookError(what, f"write it as: def {hook}({', '.join(allowed)})")


def place(function: Callable[..., object]) -> str:
    """The file and line of a hook's function, for messages."""
    code = getattr(inspect.unwrap(function), "__code__", None)
    if code is None:
        return repr(function)
    return f"{code.co_filename}:{code.co_firstlineno}"


def _answers(hook: str, function: Callable[..., object]) -> list[Record]:
    """What one hook returns, each a record of the hook's own kind."""
    expected = RECORD_TYPES[_KIND_OF_HOOK[hook]]
    answer = function()
    try:
        items: list[Record] = list(answer)  # type: ignore[call-overload]  # that it may not be iterable is the point
    except TypeError as error:
        if hasattr(answer, "__iter__"):
            raise
        what = f"{place(function)}: {hook}() returned {type(answer).__name__}"
        mend = f"return a list of {expected.__name__}"
        raise HookError(what, mend) from error
    for index, item in enumerate(items):
        if not isinstance(item, expected):
            what = (
                f"{place(function)}: item {index} of {hook}() is of type "
                f"{type(item).__name__}, expected {expected.__name__}"
            )
            raise HookError(what, f"return only {expected.__name__} objects there")
    return items


def fault_from(
    provider: Provider, hooked: Hooked, error: BaseException, hook: str = ""
) -> Fault:
    """The fault of a hook module, or of one of its hooks, that raised `error`."""
    failed = f"hook {hook}" if hook else f"hook module {hooked.module}"
    what = f"the {failed} of {provider.name} failed"
    own = error.mend if isinstance(error, HookError | KerasplugError) else ""
    return Fault(
        provider,
        what,
        entry=hooked.entry,
        mend=own or _mend(provider, hooked, error),
        error=error,
        cause=describe(error),
        trace=trace_of(error),
    )


def _mend(provider: Provider, hooked: Hooked, error: BaseException) -> str:
    missing = getattr(error, "name", None)
    if isinstance(error, ModuleNotFoundError) and missing:
        if hooked.module.split(".")[0] == missing.split(".")[0]:
            return f"python -m pip install --force-reinstall {provider.name}"
        return (
            f"install what provides the module {missing!r}, or update {provider.name}"
        )
    return (
        f"update {provider.name}, or switch it off: KERASPLUG_DISABLE={provider.name}"
    )
