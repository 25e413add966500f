"""Calling a hook of `kerasplug.hooks.lifecycle`: plugin code runs here, on purpose.

Listing asks hook modules in another process; a hook that is told what happens in this
one has to run in it. The index knows who implements what: nothing else is imported, and
where nobody does, not even pluggy.
"""

from collections.abc import Iterator
from typing import NamedTuple

from kerasplug.registry import session
from kerasplug.registry.needs import needs_of_provider, unmet
from kerasplug.registry.overview import table
from kerasplug.registry.parts import Fault, Hooked, Provider
from kerasplug.registry.switches import Switches, settings

__all__ = ["HookAnswer", "Implementer", "call_hook"]

#: Provider, hook module, name with pluggy; of one that `register` added, no module.
Implementer = tuple[Provider, Hooked, str]


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
    implementers = list(_implementers(name))
    if not implementers:
        return []
    from kerasplug.registry.calls import answers

    return [HookAnswer(*one) for one in answers(name, implementers, arguments)]


def _implementers(name: str) -> Iterator[Implementer]:
    """Those that implement a hook and are on; of registered ones all."""
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
