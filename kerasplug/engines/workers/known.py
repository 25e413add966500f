"""From the name of a backend to the engine that its plugin has."""

from kerasplug import registry
from kerasplug.engines.workers.engine import WorkerEngine
from kerasplug.errors import PluginError

__all__ = ["engine_of"]


def engine_of(claim: registry.Claim) -> WorkerEngine:
    """The engine that a plugin's record leads to; its module is imported now.

    Args:
        claim: of a backend whose record says `engine="worker"`.

    Raises:
        NeedsError: this environment lacks what the plugin says that it needs.
        PluginError: the target can't be imported, or is no engine.
    """
    target = registry.load(claim)
    if isinstance(target, type) and issubclass(target, WorkerEngine):
        engine = target()
        if engine.name == claim.name:
            return engine
    found = f"{claim.target} is {target!r}"
    if isinstance(target, type) and issubclass(target, WorkerEngine):
        found = f"{claim.target} has the name {target.name!r}"
    message = f"The backend {claim.canonical} is no engine with a process of its own."
    raise PluginError(
        message,
        plugin=claim.provider.name,
        version=claim.provider.version,
        found=found,
        expected=f"a subclass of WorkerEngine with the name {claim.name!r}",
        mend=f"update {claim.provider.name}",
    )
