"""Which `training` the layers inside a layer are given."""

import contextlib
import functools
import inspect
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from kerasplug.testing.conformance.case import Case

__all__ = ["flags_given"]


def flags_given(case: "Case", layer: Any, *, training: bool) -> list[tuple[Any, Any]]:
    """The layers inside that were called, each with the flag it was given.

    Those that were given none are left out: Keras gives them what was said last.

    Args:
        case: the layer and its inputs.
        layer: the layer; it is called once.
        training: what the layer itself is given.
    """
    seen: list[tuple[Any, Any]] = []
    inside = layer._flatten_layers(include_self=False)  # noqa: SLF001 -- Keras has no public way to ask a layer for those in it
    with contextlib.ExitStack() as stack:
        for one in inside:
            stack.enter_context(_watched(one, seen))
        case.call(layer, case.tensors(), training=training)
    return seen


@contextlib.contextmanager
def _watched(layer: Any, seen: list[tuple[Any, Any]]) -> Iterator[None]:
    """Note each flag that a layer's `call` is given."""
    original = layer.call
    signature = inspect.signature(original)
    if "training" not in signature.parameters:
        yield
        return

    @functools.wraps(original)
    def call(*args: Any, **kwargs: Any) -> Any:
        flag = signature.bind(*args, **kwargs).arguments.get("training")
        if flag is not None:
            seen.append((layer, flag))
        return original(*args, **kwargs)

    # Past Keras' own __setattr__, which would track it.
    object.__setattr__(layer, "call", call)
    try:
        yield
    finally:
        object.__delattr__(layer, "call")
