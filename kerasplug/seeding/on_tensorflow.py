"""TensorFlow: its GPUs, its threads, its deterministic operations.

Source: `tf.config` of TensorFlow 2.21, whose setters raise RuntimeError once the
runtime has started with something else; importing it, or seeding, does not start it.
"""

import os
import sys
from collections.abc import Callable
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

_THREADS = ("TF_NUM_INTRAOP_THREADS", "TF_NUM_INTEROP_THREADS")
#: For processes that this one starts: TensorFlow here has looked for GPUs already.
_HIDDEN = {"CUDA_VISIBLE_DEVICES": "-1", "HIP_VISIBLE_DEVICES": "-1"}
_WISHED = "tf.config.experimental.enable_op_determinism()"


def variables(measure: str) -> dict[str, str]:
    """The environment variables that TensorFlow reads when it starts.

    Of GPUs it has settings that can be taken back until then; variables can't.
    """
    if measure == PARALLEL:
        return dict.fromkeys(_THREADS, "1")
    return {"TF_DETERMINISTIC_OPS": "1"} if measure == DETERMINISM else {}


def plans(wish: Wish) -> list[Plan]:
    """What is to be done; TensorFlow is loaded, and is not started by asking."""
    tensorflow = sys.modules["tensorflow"]
    return [
        _gpu(tensorflow.config, wish),
        _parallel(tensorflow.config.threading, wish),
        _determinism(tensorflow.config, wish),
    ]


def _can_set(setter: Callable[[Any], None], new: Any, old: Any) -> bool:
    """Whether a setting can still be changed; it is left as it was."""
    try:
        setter(new)
    except RuntimeError:
        return False
    setter(old)
    return True


def _gpu(config: Any, wish: Wish) -> Plan:
    if not wish.disable_gpu and GPU not in wish.undo:
        return not_asked(GPU)
    there = config.list_physical_devices("GPU")
    if not there:
        return _no_gpu(wish)
    visible = config.get_visible_devices("GPU")
    wanted = [] if wish.disable_gpu else there

    def show(devices: Any) -> None:
        config.set_visible_devices(devices, "GPU")

    def hide() -> None:
        show([])
        set_for(GPU, _HIDDEN)

    if visible != wanted and not _can_set(show, wanted, visible):
        return too_late(GPU, "TensorFlow has started with its GPUs", "TensorFlow")
    if not wish.disable_gpu:
        return given_back(GPU, lambda: show(there))
    reason = 'tf.config.set_visible_devices([], "GPU")'
    return applied(GPU, reason, hide)


def _no_gpu(wish: Wish) -> Plan:
    if not wish.disable_gpu:
        return given_back(GPU)
    return unneeded(GPU, "TensorFlow sees no GPU here")


def _parallel(threading: Any, wish: Wish) -> Plan:
    if not wish.disable_parallel_cpu and PARALLEL not in wish.undo:
        return not_asked(PARALLEL)
    wanted = 1 if wish.disable_parallel_cpu else 0
    pairs = [
        (
            getattr(threading, f"get_{kind}_op_parallelism_threads"),
            getattr(threading, f"set_{kind}_op_parallelism_threads"),
        )
        for kind in ("intra", "inter")
    ]
    late = [
        setter
        for getter, setter in pairs
        if getter() != wanted and not _can_set(setter, wanted, getter())
    ]
    if late and not (wanted and _told_by_environment()):
        return too_late(
            PARALLEL, "TensorFlow has started with its threads", "TensorFlow"
        )

    def change() -> None:
        for _, setter in pairs:
            setter(wanted)

    if not wanted:
        return given_back(PARALLEL, change)
    if late:
        return applied(PARALLEL, f"{_THREADS[0]}=1 and {_THREADS[1]}=1 at its start")
    return applied(PARALLEL, "tf.config.threading: 1 intra-op, 1 inter-op", change)


def _told_by_environment() -> bool:
    """Whether the variables ask for one thread each, which TensorFlow doesn't tell."""
    return all(os.environ.get(one) == "1" for one in _THREADS)


def _determinism(config: Any, wish: Wish) -> Plan:
    if not wish.op_determinism:
        return not_asked(DETERMINISM)
    return applied(DETERMINISM, _WISHED, config.experimental.enable_op_determinism)
