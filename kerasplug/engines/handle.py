"""One backend of a plugin, as users hold it."""

from collections.abc import Sequence

from kerasplug import registry
from kerasplug.engines.devices import Devices
from kerasplug.hooks import BackendRecord

__all__ = ["Backend"]


class Backend:
    """One backend that an installed package advertises; nothing is imported for it.

    Example:
        >>> import kerasplug
        >>> all("/" in kerasplug.backends[name].name for name in kerasplug.backends)
        True
    """

    def __init__(self, claim: registry.Claim) -> None:
        self._claim = claim

    @property
    def record(self) -> BackendRecord:
        """The full description: capabilities, what installs it, its variables."""
        record = self._claim.record()
        assert isinstance(record, BackendRecord)
        return record

    @property
    def name(self) -> str:
        """The canonical name, `distribution/name`."""
        return self._claim.canonical

    def use(
        self, *, devices: Devices | str | int | Sequence[str | int] | None = None
    ) -> None:
        """Let Keras compute with it, as `kerasplug.use_backend` does.

        Args:
            devices: as that of `use_backend`.

        Raises:
            KerasplugError: as `use_backend`.
        """
        from kerasplug.engines.choosing import use_backend

        use_backend(self.name, devices=devices)

    def __repr__(self) -> str:
        return f"<backend {self.name}>"
