"""The kind `backend`: its record and its hook."""

import dataclasses
from collections.abc import Iterable
from typing import ClassVar

from kerasplug.hooks.markers import hookspec
from kerasplug.hooks.record import Record, is_requirement

__all__ = ["CAPABILITIES", "ENGINES", "BackendRecord", "kerasplug_backends"]

#: Where a backend runs: inside Keras 3, as a `keras_<name>` package of Keras 3.16
#: and later, or as an older Keras in a worker process.
ENGINES = ("keras", "package", "worker")

#: What a backend may be able to do; the words follow Keras' own `SUPPORTS_*`.
CAPABILITIES = (
    "complex",
    "distribution",
    "infer",
    "jit",
    "mixed_precision",
    "ragged",
    "sparse",
    "train",
)


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class BackendRecord(Record):
    """Something that computes: a Keras 3 backend or an engine in a worker process.

    Args:
        engine: one of `ENGINES`.
        capabilities: some of `CAPABILITIES`.
        install: PEP 508 requirements that bring the engine,
            for example `("keras-mlx", "mlx[cpu]")`.
        install_gpu: the same for a machine with a GPU; empty: as `install`.
        environment: names of the environment variables that steer it, for example
            `("THEANO_FLAGS",)`. The other arguments are `Record`'s.

    Raises:
        RecordError: a value is not of the form its argument asks for.

    Example:
        >>> BackendRecord(
        ...     name="toy", target="toy.engine:Engine", capabilities=("infer",)
        ... ).engine
        'package'
    """

    kind: ClassVar[str] = "backend"

    engine: str = "package"
    capabilities: tuple[str, ...] = ()
    install: tuple[str, ...] = ()
    install_gpu: tuple[str, ...] = ()
    environment: tuple[str, ...] = ()

    def check(self) -> None:
        """Raise `RecordError` unless the backend's own fields follow their rules."""
        self.demand("engine", self.engine in ENGINES, f"one of {ENGINES}")
        fields = ("capabilities", "install", "install_gpu", "environment")
        self.demand_strings(*fields)
        known = set(self.capabilities) <= set(CAPABILITIES)
        self.demand("capabilities", known, f"some of {CAPABILITIES}")
        for field in ("install", "install_gpu"):
            good = all(map(is_requirement, getattr(self, field)))
            self.demand(field, good, "PEP 508 requirements such as 'keras-mlx'")


@hookspec
def kerasplug_backends() -> Iterable[BackendRecord]:
    """Records of the backends that this plugin provides.

    Returns:
        Any iterable of `BackendRecord`; it is read once.
    """
    return ()
