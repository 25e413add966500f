"""What this process itself adds: registered plugins and blocked names.

On the warm path: nothing dear is imported.
"""

from _thread import RLock

from kerasplug.registry.parts import Claim, Provider

TYPE_CHECKING = False
if TYPE_CHECKING:
    from types import TracebackType
    from typing import Self

__all__ = ["blocked", "epoch", "refresh", "register", "unregister"]

lock = RLock()
_epoch = 0
_registered: "dict[str, tuple[Provider, object, list[Claim]]]" = {}
_blocked: "list[tuple[str, ...]]" = []


def epoch() -> int:
    """A number that changes when anything here does."""
    return _epoch


def registered() -> "list[Provider]":
    """The providers that `register` made."""
    return [provider for provider, _, _ in _registered.values()]


def claims_of(provider: Provider) -> "list[Claim]":
    """The claims of a registered provider; none for an installed one."""
    entry = _registered.get(provider.name)
    return list(entry[2]) if entry is not None and entry[0] is provider else []


def blocked_names() -> "list[str]":
    """The names that are blocked now."""
    return [name for names in _blocked for name in names]


def adds_anything() -> bool:
    """Whether anything is registered or blocked now."""
    return bool(_registered or _blocked)


def refresh() -> None:
    """Look at the environment anew, for example after an installation.

    The next question is answered from the disk. What was registered stays.

    Example:
        >>> import kerasplug
        >>> kerasplug.refresh()
    """
    global _epoch  # noqa: PLW0603 -- see `epoch`
    with lock:
        _epoch += 1
    import sys

    # Only where it is loaded: Python's own finders remember folders, too.
    importlib = sys.modules.get("importlib")
    if importlib is not None:
        importlib.invalidate_caches()


class register:  # noqa: N801 -- called like a function, left like a context
    """Add a plugin to this process: for notebooks and tests.

    Used in a `with` statement it is taken away at the end; otherwise `unregister`
    does that.

    Args:
        plugin: a module or any other object with functions marked `@hookimpl`; or
            one record; or several of them.
        name: the name of its provider, as a distribution's name would be; the
            default is made from the plugin's own name.

    Raises:
        PluginError: the plugin breaks the contract; nothing was registered.
        ValueError: a plugin of that name is registered already.

    Example:
        >>> import kerasplug
        >>> record = kerasplug.LayerRecord(name="gate", target="my_layers:Gate")
        >>> with kerasplug.register(record, name="mine"):
        ...     "gate" in kerasplug.layers
        True
    """

    def __init__(self, plugin: object, *, name: str | None = None) -> None:
        from kerasplug.registry.registering import provider_of

        provider, kept, claims = provider_of(plugin, name)
        self.plugin = plugin
        self.name = provider.name
        with lock:
            if provider.name in _registered:
                message = (
                    f"A plugin named {provider.name!r} is registered already. "
                    "Unregister it first, or pass another `name`."
                )
                raise ValueError(message)
            _registered[provider.name] = (provider, kept, claims)
        refresh()

    def __enter__(self) -> "Self":
        return self

    def __exit__(
        self,
        kind: "type[BaseException] | None",
        error: "BaseException | None",
        trace: "TracebackType | None",
    ) -> None:
        if self.name in _registered:
            unregister(self.name)

    def __repr__(self) -> str:
        return f"<registered plugin {self.name!r}>"


def unregister(plugin: object) -> None:
    """Take away what `register` added.

    Args:
        plugin: the plugin itself, its provider's name, or what `register` returned.

    Raises:
        KeyError: it is not registered.

    Example:
        >>> import kerasplug
        >>> record = kerasplug.LayerRecord(name="gate", target="my_layers:Gate")
        >>> _ = kerasplug.register(record, name="mine")
        >>> kerasplug.unregister("mine")
        >>> "gate" in kerasplug.layers
        False
    """
    with lock:
        for name, (_, kept, _) in _registered.items():
            if (
                plugin is kept
                or plugin == name
                or getattr(plugin, "name", None) == name
            ):
                break
        else:
            message = f"{plugin!r} is not registered. Registered: {sorted(_registered)}"
            raise KeyError(message)
        del _registered[name]
    from kerasplug.registry.hooked import forget

    forget(kept)
    refresh()


class blocked:  # noqa: N801 -- a context manager that reads as an adjective
    """Switch plugins off for the length of a `with` statement.

    Args:
        names: distributions, entry points' names, or canonical names
            `distribution/name`, as in `KERASPLUG_DISABLE`; `"all"` for all.

    Raises:
        UnknownNameError: on the next question, when nothing has such a name.

    Example:
        >>> import kerasplug
        >>> with kerasplug.blocked("all"):
        ...     len(kerasplug.layers)
        0
    """

    def __init__(self, *names: str) -> None:
        self.names = names

    def __enter__(self) -> "Self":
        with lock:
            _blocked.append(self.names)
        refresh()
        return self

    def __exit__(
        self,
        kind: "type[BaseException] | None",
        error: "BaseException | None",
        trace: "TracebackType | None",
    ) -> None:
        with lock:
            _blocked.remove(self.names)
        refresh()
