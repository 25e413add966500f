"""Calling a hook of `kerasplug.hooks.lifecycle`: plugin code runs here, on purpose.

Listing asks hook modules in another process; a hook that is told what happens in this
one has to run in it. The index knows who implements what, so nothing else is imported.
"""

from _thread import get_ident
from collections.abc import Iterator, Mapping
from typing import NamedTuple

import pluggy

from kerasplug.registry import session
from kerasplug.registry.hooked import HookError, enlist, fault_from, manager, place
from kerasplug.registry.needs import needs_of_provider, unmet
from kerasplug.registry.overview import table
from kerasplug.registry.parts import Fault, Hooked, Provider
from kerasplug.registry.switches import Switches, settings

__all__ = ["HookAnswer", "call_hook"]

#: (thread, hook, plugin's name with pluggy) of the calls that are going on now.
_turns: set[tuple[int, str, str]] = set()


class HookAnswer(NamedTuple):
    """How one plugin answered.

    Args:
        plugin: the distribution's name, or the one it was registered under.
        value: what it returned: a text, or a tuple of texts; None: nothing to say.
        fault: what went wrong, if anything; then `value` is None.
    """

    plugin: str
    value: str | tuple[str, ...] | None
    fault: Fault | None


class _Call(NamedTuple):
    """A plugin to be called; without implementation where it could not be had."""

    provider: Provider
    hooked: Hooked
    implementation: pluggy.HookImpl | None
    fault: Fault | None = None

    @property
    def rank(self) -> tuple[int, str, str]:
        """Its place in the order of calls."""
        one = self.implementation
        turn = 0 if one is None else int(one.trylast) - int(one.tryfirst)
        return turn, self.provider.name, self.hooked.entry


def call_hook(name: str, /, **arguments: object) -> list[HookAnswer]:
    """Call a hook of all plugins that implement it and are on.

    Those installed are called whose needs are met, and those that `register` has
    added; of the installed ones only the hook modules that implement this very hook
    are imported. A plugin that raises, or wants to end the program, does not keep the
    others from being called. One that is being called already, further up in this
    thread, is passed over.

    Args:
        name: a hook of `kerasplug.hooks.lifecycle`.
        **arguments: all arguments that its specification has; an implementation
            gets those that it asks for.

    Returns:
        One answer an implementation: first those marked `tryfirst`, last those marked
        `trylast`; within each by the names of distribution and entry point.

    Raises:
        UnknownNameError: a switch in the environment names what nothing has.
        KeyboardInterrupt: somebody pressed Ctrl-C.

    Example:
        >>> import kerasplug
        >>> class Mine:
        ...     @kerasplug.hookimpl
        ...     def kerasplug_after_seed(self, seed):
        ...         return f"my generator: {seed}"
        >>> with kerasplug.register(Mine(), name="mine"), kerasplug.blocked("all"):
        ...     call_hook("kerasplug_after_seed", seed=7)
        []
        >>> with kerasplug.register(Mine(), name="mine"):
        ...     answers = call_hook("kerasplug_after_seed", seed=7)
        >>> [one.value for one in answers if one.plugin == "mine"]
        ['my generator: 7']
    """
    calls = sorted(_calls(name), key=lambda call: call.rank)
    return [
        answer
        for call in calls
        if (answer := _answer(name, call, arguments)) is not None
    ]


def _calls(name: str) -> Iterator[_Call]:
    """Who is to be called; those installed are imported for it."""
    owners: dict[str, tuple[Provider, Hooked]] = {}
    for provider, hooked, key in _implementers(name):
        if key not in owners and hooked.module:
            try:
                enlist(provider, hooked)
            except KeyboardInterrupt:
                raise
            except BaseException as error:  # noqa: BLE001 -- also SystemExit: a plugin may not end the program
                fault = fault_from(provider, hooked, error)
                yield _Call(provider, hooked, None, fault)
                continue
        owners[key] = provider, hooked
    # Two distributions may name one module: pluggy knows it once.
    for one in getattr(manager().hook, name).get_hookimpls():
        if one.plugin_name in owners:
            yield _Call(*owners[one.plugin_name], one)


def _implementers(name: str) -> Iterator[tuple[Provider, Hooked, str]]:
    """(provider, hook module, name with pluggy) of those that are on."""
    present = table()
    switches = Switches(*settings(), session.blocked_names())
    registered = session.registered()
    for provider in present.providers.values():
        if provider.name in present.off or not switches.provider_is_on(provider):
            continue
        if provider in registered:
            yield provider, Hooked("", ""), provider.name
        for hooked in provider.hooked:
            # Without lines it is broken or in quarantine, whatever it said before.
            if hooked.lines is None or name not in hooked.hooks:
                continue
            if not unmet(needs_of_provider(provider)):
                yield provider, hooked, f"{provider.name}/{hooked.entry}"


def _answer(
    name: str, call: _Call, arguments: Mapping[str, object]
) -> HookAnswer | None:
    """What one plugin says; None where it is being called already."""
    provider, hooked, one, fault = call
    if one is None:
        return HookAnswer(provider.name, None, fault)
    turn = get_ident(), name, one.plugin_name
    if turn in _turns:
        return None
    _turns.add(turn)
    try:
        value = one.function(*(arguments[key] for key in one.argnames))
        return HookAnswer(provider.name, _texts(name, one, value), None)
    except KeyboardInterrupt:
        raise
    except BaseException as error:  # noqa: BLE001 -- also SystemExit: a plugin may not end the program
        return HookAnswer(
            provider.name, None, fault_from(provider, hooked, error, name)
        )
    finally:
        _turns.discard(turn)


def _texts(
    name: str, one: pluggy.HookImpl, value: object
) -> str | tuple[str, ...] | None:
    """What a plugin returned, read to its end.

    Raises:
        HookError: it is neither a text nor texts nor None.
    """
    if value is None or isinstance(value, str):
        return value
    texts = tuple(value) if hasattr(value, "__iter__") else None
    if texts is None or not all(isinstance(text, str) for text in texts):
        what = f"{place(one.function)}: {name}() returned {value!r}"
        raise HookError(what, "return None, a text, or a list of texts")
    return texts or None
