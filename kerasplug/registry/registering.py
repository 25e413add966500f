"""Turning an object of this process into a provider with claims."""

from collections.abc import Iterable
from typing import TypeGuard

from kerasplug.errors import PluginError
from kerasplug.hooks import Record
from kerasplug.names import normalise
from kerasplug.registry.hooked import HookError, ask_object
from kerasplug.registry.parts import Claim, Provider, describe
from kerasplug.registry.records import line_of

__all__ = ["provider_of"]


def provider_of(
    plugin: object, name: str | None
) -> tuple[Provider, object, list[Claim]]:
    """The provider that stands for `plugin`, what to unregister it by, its claims.

    Raises:
        PluginError: the plugin breaks the contract, or raised itself.
    """
    provider = Provider(normalise(name or _own_name(plugin)), location="this process")
    if isinstance(plugin, Record):
        records: list[Record] = [plugin]
    elif _is_records(plugin):
        records = list(plugin)
    else:
        records = _asked(plugin, provider)
    claims = [
        Claim(provider, *line_of(record)[:5], summary=record.summary, record=record)
        for record in records
    ]
    return provider, plugin, claims


def _is_records(plugin: object) -> TypeGuard[list[Record] | tuple[Record, ...]]:
    return isinstance(plugin, list | tuple) and all(
        isinstance(item, Record) for item in plugin
    )


def _own_name(plugin: object) -> str:
    if isinstance(plugin, Record):
        return plugin.name
    if isinstance(plugin, Iterable):
        return "records"
    return getattr(plugin, "__name__", "") or type(plugin).__name__


def _asked(plugin: object, provider: Provider) -> list[Record]:
    try:
        hooks, records, reports = ask_object(plugin, provider.name)
    except (KeyboardInterrupt, SystemExit):
        raise
    except BaseException as error:
        what = f"The plugin {provider.name!r} can't be registered: {describe(error)}"
        mend = error.mend if isinstance(error, HookError) else "correct its hooks"
        raise PluginError(what, plugin=provider.name, mend=mend) from error
    provider.reports.extend(reports)
    if not hooks and not reports:
        what = f"The plugin {provider.name!r} has no hooks."
        mend = "mark its functions with @kerasplug.hookimpl"
        raise PluginError(what, plugin=provider.name, mend=mend)
    return records
