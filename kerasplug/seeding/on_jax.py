"""JAX: its GPUs, its threads, its deterministic operations.

JAX has no random state of its own: Keras' seed generators hold the keys. All settings
are read when its backends start, with the first array or list of devices.

Source: measured with jax 0.10: of `--xla_cpu_multi_thread_eigen=false` and
`intra_op_parallelism_threads=1` in XLA_FLAGS nothing is heard on a processor; what its
client reads is the variable NPROC, the number of processors that it believes in.
"""

import os
import sys
from typing import Any

from kerasplug.seeding.environment import set_for
from kerasplug.seeding.measures import (
    DETERMINISM,
    GPU,
    PARALLEL,
    Plan,
    Wish,
    applied,
    given_back,
    not_asked,
    too_late,
    unneeded,
)

__all__ = ["plans", "variables"]

_PROCESSORS = "NPROC"
_FLAG = "--xla_gpu_deterministic_ops=true"


def variables(measure: str) -> dict[str, str]:
    """The environment variables that JAX reads when it starts."""
    if measure == GPU:
        return {"JAX_PLATFORMS": "cpu"}
    if measure == PARALLEL:
        return {_PROCESSORS: "1"}
    return {"XLA_FLAGS": _flags()}


def _flags() -> str:
    there = os.environ.get("XLA_FLAGS", "")
    return there if _FLAG in there.split() else f"{there} {_FLAG}".strip()


def plans(wish: Wish) -> list[Plan]:
    """What is to be done; JAX is loaded, and is not started by asking."""
    jax = sys.modules["jax"]
    started = _has_started(jax)
    gpu = _gpu(jax, wish, started=started)
    return [
        gpu,
        _parallel(wish, started=started),
        _determinism(jax, wish, started=started),
    ]


def _has_started(jax: Any) -> bool:
    """Whether its backends run: then this option can't be another any more."""
    name = "jax_num_cpu_devices"
    before = getattr(jax.config, name, -1)
    try:
        jax.config.update(name, before + 1 if before > 0 else 1)
    except (RuntimeError, AttributeError):
        return True
    jax.config.update(name, before)
    return False


def _gpu(jax: Any, wish: Wish, *, started: bool) -> Plan:
    if not wish.disable_gpu and GPU not in wish.undo:
        return not_asked(GPU)
    only_cpu = started and jax.default_backend() == "cpu"
    if not wish.disable_gpu:
        if started and only_cpu and _has_plugins():
            return too_late(GPU, "JAX has started without its GPUs", "JAX")
        return given_back(GPU, lambda: _follow(jax))
    if only_cpu:
        return unneeded(GPU, "JAX computes on the processor")
    if started:
        return too_late(GPU, "JAX has started with its GPUs", "JAX")

    def hide() -> None:
        set_for(GPU, variables(GPU))
        _follow(jax)

    return applied(GPU, 'jax.config.update("jax_platforms", "cpu")', hide)


def _has_plugins() -> bool:
    """Whether JAX could have anything but the processor: GPUs come with a plugin."""
    from importlib.metadata import entry_points
    from importlib.util import find_spec

    return bool(find_spec("jax_plugins") or entry_points(group="jax_plugins"))


def _follow(jax: Any) -> None:
    """Let JAX have the platforms of the environment, which it has read before."""
    jax.config.update("jax_platforms", os.environ.get("JAX_PLATFORMS"))


def _parallel(wish: Wish, *, started: bool) -> Plan:
    if not wish.disable_parallel_cpu and PARALLEL not in wish.undo:
        return not_asked(PARALLEL)
    single = os.environ.get(_PROCESSORS) == "1"
    if not wish.disable_parallel_cpu:
        if started:
            return too_late(PARALLEL, "JAX has started with one thread", "JAX")
        return given_back(PARALLEL)
    if started and not single:
        return too_late(PARALLEL, "JAX has started with its threads", "JAX")
    return applied(
        PARALLEL,
        f"{_PROCESSORS}=1: one thread",
        lambda: set_for(PARALLEL, variables(PARALLEL)),
    )


def _determinism(jax: Any, wish: Wish, *, started: bool) -> Plan:
    if not wish.op_determinism:
        return not_asked(DETERMINISM)
    if wish.disable_gpu or (started and jax.default_backend() == "cpu"):
        reason = "XLA has no other operations on a processor"
        return unneeded(DETERMINISM, reason)
    if started and _FLAG not in os.environ.get("XLA_FLAGS", "").split():
        return too_late(DETERMINISM, "JAX has read XLA_FLAGS", "JAX")
    return applied(
        DETERMINISM,
        f"XLA_FLAGS={_FLAG}",
        lambda: set_for(DETERMINISM, variables(DETERMINISM)),
    )
