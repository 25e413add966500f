"""`placements()`: where TensorFlow executed what ran."""

import contextlib
import importlib
import re
from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Any, Final

from kerasplug.devices.naming import canonical, framework
from kerasplug.errors import DeviceError
from kerasplug.implementation import backend

__all__ = ["Placements", "placements"]

#: Operations that compute nothing: they carry, hold, read, choose or count.
_CARRIES: Final = frozenset(
    (
        "Arg",
        "DeviceArg",
        "Retval",
        "DeviceRetval",
        "Send",
        "Recv",
        "HostSend",
        "HostRecv",
        "Const",
        "EagerConst",
        "HostConst",
        "Identity",
        "IdentityN",
        "NoOp",
        "Placeholder",
        "StopGradient",
        "PreventGradient",
        "CheckNumerics",
        "EnsureShape",
        "Shape",
        "ShapeN",
        "Size",
        "Rank",
        "Enter",
        "RefEnter",
        "Exit",
        "RefExit",
        "Merge",
        "RefMerge",
        "Switch",
        "RefSwitch",
        "NextIteration",
        "RefNextIteration",
        "LoopCond",
        "If",
        "StatelessIf",
        "While",
        "StatelessWhile",
        "PartitionedCall",
        "StatefulPartitionedCall",
        "VarHandleOp",
        "VarIsInitializedOp",
        "ReadVariableOp",
        "AssignVariableOp",
        "DestroyResourceOp",
        "EmptyTensorList",
        "TensorListReserve",
        "TensorListFromTensor",
        "TensorListStack",
        "TensorListSetItem",
        "TensorListGetItem",
        "TensorListElementShape",
        "TensorListLength",
        "TensorListPushBack",
        "TensorListPopBack",
    )
)
_FEEDS: Final = re.compile(r"Dataset|Iterator|^Optional|^Anonymous")
#: What TensorFlow puts before a name when oneDNN computes it, or when it is fused.
_PREFIX: Final = re.compile(r"^_(?:Mkl(?:Native)?)?")

_REASONS: Final = {
    "jax": "JAX runs a step as one program on the devices where its inputs lie",
    "torch": "PyTorch runs each operation where its tensors lie, and notes it nowhere",
}


class Placements(Mapping[str, Mapping[str, int]]):
    """Device to operation to how many there were of it; what `placements` gives.

    It is empty until the block ends. `str()` is a table, with a column for each device.

    Args:
        found: device -> operation -> how many.

    Example:
        >>> print(Placements({"cpu:1": {"MatMul": 3}, "cpu:0": {"AddV2": 12}}))
        operation  cpu:0  cpu:1
        AddV2         12
        MatMul                3
    """

    def __init__(self, found: Mapping[str, Mapping[str, int]] | None = None) -> None:
        self._found = {} if found is None else found

    def __getitem__(self, device: str) -> Mapping[str, int]:
        return self._found[device]

    def __iter__(self) -> Iterator[str]:
        return iter(sorted(self._found, key=_in_order))

    def __len__(self) -> int:
        return len(self._found)

    def __repr__(self) -> str:
        return f"Placements({ {device: dict(self[device]) for device in self} })"

    def __str__(self) -> str:
        devices = list(self)
        names = sorted({name for found in self.values() for name in found})
        rows = [["operation", *devices]]
        rows += [
            [name, *(str(self[device].get(name, "")) for device in devices)]
            for name in names
        ]
        first, *others = (max(map(len, column)) for column in zip(*rows, strict=True))
        lines = [
            "  ".join([name.ljust(first), *map(str.rjust, counts, others)]).rstrip()
            for name, *counts in rows
        ]
        return "\n".join(lines)


def _in_order(device: str) -> tuple[str, int]:
    kind, _, number = device.partition(":")
    return kind, int(number or 0)


@contextlib.contextmanager
def placements(*, all: bool = False) -> Iterator[Placements]:  # noqa: A002 -- the word for it
    """Where TensorFlow executes what runs in the block, forward and backward.

    Also within `fit`, `evaluate` and `predict`. What is counted is a program's
    operations, not their runs: a program that runs for a thousand batches counts once,
    and so does the inside of a loop. It is what was left after TensorFlow's optimizer
    had fused, folded and removed. A program that ran before the block counts, too.

    In eager mode (`run_eagerly=True`, or outside of any function) operations are seen,
    too; each counts once for each device, type and shape of its inputs, however often
    it runs. The inside of what XLA compiles (`jit_compile=True`) is not seen.

    To have earlier programs noted TensorFlow prepares all programs anew. Its own random
    operations without a state of their own, such as `tf.random.uniform`, begin their
    numbers again then; Keras' layers do not, and what is computed stays the same.

    Args:
        all: whether operations count that compute nothing: those that carry tensors
            between devices (`_Send`, `_Recv`) and in and out of programs (`_Arg`,
            `_Retval`), hold or read values (`Const`, `Identity`, `ReadVariableOp`),
            choose and loop (`Switch`, `Merge`, `While`), keep lists of loops, or feed
            data (`TensorDataset`, `IteratorGetNext`).

    Yields:
        `Placements`, full when the block has ended, also by an error. Devices as
        `"cpu:1"`; operations by TensorFlow's names, `"MatMul"` also where oneDNN
        computes it, `"FusedMatMul"` where it was fused with what comes after it.

    Raises:
        DeviceError: the backend is not TensorFlow; or it is within such a block.

    Source: tensorflow 2.21.0, `python/eager/context.py`; see `_noted`.

    Example:
        >>> import kerasplug as kp, numpy as np
        >>> dense = kp.implementation().layers.Dense(2)
        >>> with kp.placements() as found:
        ...     _ = dense(np.ones((1, 3)))
        >>> [*found], "MatMul" in found["cpu:0"]
        (['cpu:0'], True)
    """
    _require_tensorflow()
    found: dict[str, Counter[str]] = {}
    nodes: list[Any] = []
    try:
        with _noted(nodes):
            yield Placements(found)
    finally:
        found |= _counted(nodes, all=all)


def _counted(nodes: list[Any], *, all: bool) -> dict[str, Counter[str]]:  # noqa: A002 -- as above
    found: dict[str, Counter[str]] = {}
    for node in nodes:
        plain = _PREFIX.sub("", node.op)
        if all or not (plain in _CARRIES or _FEEDS.search(plain)):
            device = canonical(node.device)
            found.setdefault(device, Counter())[node.op if all else plain] += 1
    return found


def _require_tensorflow() -> None:
    name = backend()
    if name != "tensorflow":
        what = "placements() sees what TensorFlow executes."
        why = _REASONS.get(name, f"the backend is {name}, which computes on one device")
        raise DeviceError(what, found=why, expected="the backend tensorflow")


_open = False


@contextlib.contextmanager
def _noted(nodes: list[Any]) -> Iterator[None]:
    """Add to a list, at the end, the nodes of what ran, with their devices.

    A program is noted when it is prepared, which is once. So what was prepared is
    forgotten first, or nothing were seen of what had run before.

    Source: tensorflow 2.21.0, `python/eager/context.py`: `enable_run_metadata`,
    `export_run_metadata`, `disable_run_metadata`, `Context.clear_kernel_cache`;
    `core/protobuf/config.proto`: `RunMetadata`.
    """
    global _open  # noqa: PLW0603 -- TensorFlow notes for the whole process, once
    if _open:
        what = "placements() can't be used within placements()."
        raise DeviceError(what, found="TensorFlow notes what ran for one of them only")
    framework()
    context = importlib.import_module("tensorflow.python.eager.context")
    context.context().clear_kernel_cache()
    context.enable_run_metadata()
    context.export_run_metadata()  # what was noted before: disabling does not end that
    _open = True
    try:
        yield
    finally:
        noted = context.export_run_metadata()
        context.disable_run_metadata()
        _open = False
        for function in noted.function_graphs:
            for part in function.partition_graphs:
                nodes += [node for node in part.node if node.device]
