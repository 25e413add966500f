"""NumPy as Keras' backend: threads of the library that multiplies its matrices.

Source: OpenBLAS, MKL and OpenMP read these variables once, when NumPy is imported.
"""

import os
import sys

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

_THREADS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")


def variables(measure: str) -> dict[str, str]:
    """The environment variables that NumPy's libraries read."""
    if measure != PARALLEL or "numpy" in sys.modules:
        return {}
    return dict.fromkeys(_THREADS, "1")


def plans(wish: Wish) -> list[Plan]:
    """What is to be done; NumPy is loaded."""
    return [_gpu(wish), _parallel(wish), _determinism(wish)]


def _gpu(wish: Wish) -> Plan:
    if not wish.disable_gpu:
        return not_asked(GPU)
    return unneeded(GPU, "NumPy computes on the processor")


def _parallel(wish: Wish) -> Plan:
    single = all(os.environ.get(one) == "1" for one in _THREADS)
    if wish.disable_parallel_cpu:
        if single:
            return applied(PARALLEL, ", ".join(f"{one}=1" for one in _THREADS))
        return too_late(PARALLEL, "NumPy has started its threads", "NumPy")
    if PARALLEL in wish.undo and single:
        return too_late(PARALLEL, "NumPy has started with one thread", "NumPy")
    if PARALLEL in wish.undo:
        return given_back(PARALLEL)
    return not_asked(PARALLEL)


def _determinism(wish: Wish) -> Plan:
    if not wish.op_determinism:
        return not_asked(DETERMINISM)
    return unneeded(DETERMINISM, "NumPy's operations are deterministic")
