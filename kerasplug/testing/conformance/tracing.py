"""Whether a layer can be traced, and what it does from one and the same state."""

import re
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any, NamedTuple

from kerasplug.testing.conformance.check import Blocked, NotApplicable

if TYPE_CHECKING:
    from kerasplug.testing.conformance.case import Case

__all__ = [
    "History",
    "demand_jit",
    "demand_traceable",
    "history",
    "known_traceable",
    "told",
]


class History(NamedTuple):
    """What several calls gave, and the values of all variables after them."""

    outputs: list[Any]
    values: list[Any]


def history(
    case: "Case",
    layer: Any,
    start: list[Any],
    call: Callable[[Any], Any],
    data: Iterable[Any],
) -> History:
    """Call with all the data, one after the other, from a state.

    Args:
        case: the layer in question.
        layer: whose variables these are.
        start: the values of the variables to begin with.
        call: takes tensors and gives the outputs.
        data: arrays for each call.
    """
    engine = case.engine
    case.forget(layer)  # Keras 2 does not list the states of recurrent layers.
    engine.assign(layer, start)
    outputs = [engine.arrays(call(engine.tensors(one))) for one in data]
    return History(outputs, engine.values(layer))


def demand_jit(case: "Case") -> None:
    """For a check that compiles.

    Raises:
        NotApplicable: the layer, or one in it, says that it can't be compiled.
    """
    layers = case.still._flatten_layers()  # noqa: SLF001 -- as Keras asks each layer of a model
    names = {type(one).__name__ for one in layers if not _may_compile(one)}
    if names:
        reason = f"supports_jit is False: {', '.join(sorted(names))}"
        raise NotApplicable(reason)


def _may_compile(layer: Any) -> bool:
    return bool(getattr(layer, "supports_jit", True))


def demand_traceable(case: "Case") -> None:
    """For a check that goes on from a traced call.

    Raises:
        NotApplicable: the backend does not trace, or the layer says that it can't be.
        Blocked: tracing fails.
    """
    if case.engine.untraced:
        raise NotApplicable(case.engine.untraced)
    if case.engine.tracing_compiles:
        demand_jit(case)
    if error := case.once(_error):
        by, reason = "traced_equals_eager", f"it can't be traced ({error})"
        raise Blocked(by, reason)


def known_traceable(case: "Case") -> None:
    """Keep that a check has traced it: the others need not try."""
    case.know(_error, "")


def _error(case: "Case") -> str:
    def call(tensors: Any) -> Any:
        return case.call(case.still, tensors, training=False)

    try:
        case.engine.run(call, case.still, case.tensors(), how="traced")
    except Exception as error:  # noqa: BLE001 -- whatever it is, the layer can't be traced
        return type(error).__name__
    return ""


def told(error: BaseException) -> str:
    """What an exception says, in a few words: Keras and TensorFlow add pages to it."""
    bold = _BOLD.search(str(error))
    text = bold[1] if bold else str(error)
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    kept = [line for line in lines if not line.startswith(_FRAMES)]
    return f"{type(error).__name__}: {' '.join(kept)[:300]}"


#: What Keras quotes of the original error, in bold face.
_BOLD = re.compile(r"\x1b\[1m(.+?)\x1b\[0m", re.DOTALL)
#: What TensorFlow puts before the message.
_FRAMES = ("in user code:", "File ", "return ", "outputs = ")
