"""PyTorch: its GPUs, its threads, its deterministic operations.

Source: `torch.set_num_threads` and `torch.use_deterministic_algorithms` of PyTorch
2.13, which hold whenever they are called; keras 3.15.1,
`keras/src/backend/torch/core.py`: Keras chooses its device when it is imported.
"""

import os
import sys
from typing import Any

from kerasplug.implementation import backend, implementation, loaded
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

_WORKSPACE = "CUBLAS_WORKSPACE_CONFIG"
#: What NVIDIA's documentation of cuBLAS asks for.
_WORKSPACES = (":4096:8", ":16:8")

#: How many threads there were before a call made it one.
_threads: list[int] = []


def variables(measure: str) -> dict[str, str]:
    """The environment variables that Keras on PyTorch reads, or cuBLAS."""
    if measure == GPU:
        return {"KERAS_TORCH_DEVICE": "cpu"}
    if measure == DETERMINISM and os.environ.get(_WORKSPACE) not in _WORKSPACES:
        return {_WORKSPACE: _WORKSPACES[0]}
    return {}


def plans(wish: Wish) -> list[Plan]:
    """What is to be done; PyTorch is loaded."""
    torch = sys.modules["torch"]
    return [_gpu(torch, wish), _parallel(torch, wish), _determinism(torch, wish)]


def _gpu(torch: Any, wish: Wish) -> Plan:
    if not wish.disable_gpu and GPU not in wish.undo:
        return not_asked(GPU)
    running = bool(loaded()) and backend() == "torch"
    on = implementation().ops.zeros(()).device.type if running else ""
    if not wish.disable_gpu:
        if on == "cpu" and _has_gpu(torch):
            return too_late(GPU, "Keras has chosen the processor", "PyTorch")
        return given_back(GPU)
    if on not in ("", "cpu"):
        return too_late(GPU, f"Keras computes on {on}", "PyTorch")
    if not _has_gpu(torch):
        return unneeded(GPU, "PyTorch sees no GPU here")
    # Keras reads it at its import: it is loaded now and has, or comes after this.
    return applied(GPU, "KERAS_TORCH_DEVICE=cpu", lambda: set_for(GPU, variables(GPU)))


def _has_gpu(torch: Any) -> bool:
    mps = getattr(torch.backends, "mps", None)
    return bool(torch.cuda.is_available() or (mps and mps.is_available()))


def _parallel(torch: Any, wish: Wish) -> Plan:
    if not wish.disable_parallel_cpu:
        if PARALLEL not in wish.undo or not _threads:
            return not_asked(PARALLEL)
        before = _threads[0]
        return given_back(
            PARALLEL,
            lambda: torch.set_num_threads(before),
        )

    def change() -> None:
        if torch.get_num_threads() > 1:
            _threads[:] = [torch.get_num_threads()]
        torch.set_num_threads(1)

    # Others than these, the inter-op threads, compute in TorchScript only.
    return applied(PARALLEL, "torch.set_num_threads(1)", change)


def _determinism(torch: Any, wish: Wish) -> Plan:
    if not wish.op_determinism:
        return not_asked(DETERMINISM)
    late = torch.cuda.is_initialized() and not wish.disable_gpu
    if late and os.environ.get(_WORKSPACE) not in _WORKSPACES:
        return too_late(
            DETERMINISM, f"CUDA has started without {_WORKSPACE}", "PyTorch"
        )

    def change() -> None:
        set_for(DETERMINISM, variables(DETERMINISM))
        torch.use_deterministic_algorithms(True)
        torch.backends.cudnn.benchmark = False

    return applied(DETERMINISM, "torch.use_deterministic_algorithms(True)", change)
