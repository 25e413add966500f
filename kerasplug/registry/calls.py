"""The calls behind `kerasplug.registry.calling`, where somebody implements a hook."""

from _thread import get_ident
from collections.abc import Iterable, Iterator, Mapping
from typing import NamedTuple

import pluggy

from kerasplug.registry.hooked import HookError, enlist, fault_from, manager, place
from kerasplug.registry.parts import Fault, Hooked, Provider

__all__ = ["answers"]

#: What a hook gave: nothing to say, a text, or several.
Value = str | tuple[str, ...] | None

#: (thread, hook, plugin's name with pluggy) of the calls that are going on now.
_turns: set[tuple[int, str, str]] = set()


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


def answers(
    name: str,
    implementers: Iterable[tuple[Provider, Hooked, str]],
    arguments: Mapping[str, object],
) -> Iterator[tuple[str, Value, Fault | None]]:
    """Plugin, value and fault of each call, in the order of calls.

    Args:
        name: of the hook.
        implementers: as `kerasplug.registry.calling` finds them.
        arguments: of its specification.
    """
    for call in sorted(_calls(name, implementers), key=lambda call: call.rank):
        answer = _answer(name, call, arguments)
        if answer is not None:
            yield answer


def _calls(
    name: str, implementers: Iterable[tuple[Provider, Hooked, str]]
) -> Iterator[_Call]:
    """Who is to be called; those installed are imported for it."""
    owners: dict[str, tuple[Provider, Hooked]] = {}
    for provider, hooked, key in implementers:
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


def _answer(
    name: str, call: _Call, arguments: Mapping[str, object]
) -> tuple[str, Value, Fault | None] | None:
    """What one plugin says; None where it is being called already."""
    provider, hooked, one, fault = call
    if one is None:
        return provider.name, None, fault
    turn = get_ident(), name, one.plugin_name
    if turn in _turns:
        return None
    _turns.add(turn)
    try:
        value = one.function(*(arguments[key] for key in one.argnames))
        return provider.name, _texts(name, one, value), None
    except KeyboardInterrupt:
        raise
    except BaseException as error:  # noqa: BLE001 -- also SystemExit: a plugin may not end the program
        return provider.name, None, fault_from(provider, hooked, error, name)
    finally:
        _turns.discard(turn)


def _texts(name: str, one: pluggy.HookImpl, value: object) -> Value:
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
