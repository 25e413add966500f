"""The parity probe: whether a model computes the same there as it does here."""

import random
from collections.abc import Callable
from typing import Any, Final, NamedTuple

from kerasplug.engines.comparing_inputs import Signature, Spec, prepared
from kerasplug.engines.workers.carrying import gathered
from kerasplug.engines.workers.engine import WorkerEngine
from kerasplug.engines.workers.ports import Ports
from kerasplug.errors import ParityError

__all__ = ["Deviation", "check_parity"]

#: Rows of the probe, at most; fewer than a batch, so that padding is probed as well.
_ROWS: Final = 5
#: Whole numbers that are made up are below this, or below the smallest embedding.
_BELOW: Final = 10
#: How much weights are changed: vectors, and sums over the inputs of a matrix.
_NOISE: Final = 0.3
_SEED: Final = 20260
#: How long an axis is made that can be of any length.
_ANY: Final = 8


class Deviation(NamedTuple):
    """How far an output there is from the one here.

    Attributes:
        output: its name.
        relative: the greatest difference, by max(1, |what it is here|).
        here: the value here, where they differ most.
        there: the one there.

    Example:
        >>> Deviation("scores", 0.25, 1.0, 0.75).relative
        0.25
    """

    output: str
    relative: float
    here: float
    there: float


def check_parity(
    model: Any,
    engine: WorkerEngine,
    ports: Ports,
    asked: Callable[[dict[str, Any], list[Any]], list[Any]],
    tolerance: float,
) -> None:
    """Nothing, where both compute the same.

    A copy of the model gets weights that hide nothing: no zeros, no ones. The model
    itself is not touched.

    Args:
        model: here.
        engine: which translates the copy as it has translated the model.
        ports: of the model.
        asked: gives the outputs there for weights and inputs.
        tolerance: the greatest deviation that is taken for rounding, by max(1, |y|).

    Raises:
        ParityError: it is greater.
    """
    from kerasplug.implementation import implementation

    keras: Any = implementation()
    state = random.getstate()  # layers without a seed draw one from it
    try:
        copy = keras.models.clone_model(model)
    finally:
        random.setstate(state)
    copy.set_weights(noisy(model.get_weights()))
    x = probe_inputs(model, ports)
    here = keras.tree.flatten(copy(ports_nested(model, x), training=False))
    there = asked(gathered(engine.translate(copy)), x)
    pairs = zip(ports.outputs, here, there, strict=True)
    found = [
        deviation(port.name, keras.ops.convert_to_numpy(one), other)
        for port, one, other in pairs
    ]
    worst = max(found, key=lambda one: one.relative)
    if not worst.relative <= tolerance:
        raise _unequal(engine.name, worst, tolerance)


def noisy(weights: list[Any]) -> list[Any]:
    """The weights, each number a little greater: variances stay positive."""
    import numpy as np

    generator = np.random.default_rng(_SEED)
    found = []
    for one in weights:
        if one.dtype.kind != "f":
            found.append(one)
            continue
        into = max(1, int(np.prod(one.shape[:-1]))) if one.ndim > 1 else 1
        noise = generator.uniform(0.1, 1.0, one.shape) * (_NOISE / into)
        found.append((one + noise).astype(one.dtype))
    return found


def probe_inputs(model: Any, ports: Ports) -> list[Any]:
    """Made-up rows for each input of a model."""
    specs = []
    for one in ports.inputs:
        inner = (_ANY if size is None else size for size in one.shape[1:])
        specs.append(Spec(one.name, (one.shape[0], *inner), one.dtype))
    signature = Signature("list", tuple(specs), _below(model))
    return list(prepared(None, signature, _ROWS, _SEED).arrays)


def ports_nested(model: Any, x: list[Any]) -> Any:
    """The inputs as the model is called with them."""
    from kerasplug.implementation import implementation
    from kerasplug.models.kinds import is_sequential

    if is_sequential(model):
        return x[0]
    tree: Any = implementation().tree
    return tree.pack_sequence_as(model.input, x)


def _below(model: Any) -> int:
    """The least number of words that an embedding of the model has."""
    from kerasplug.models.kinds import walk

    sizes = [getattr(layer, "input_dim", None) for _, layer in walk(model)]
    return min([_BELOW, *(size for size in sizes if isinstance(size, int) and size)])


def deviation(name: str, here: Any, there: Any) -> Deviation:
    """How far an output there is from the one here."""
    import numpy as np

    if here.shape != there.shape:
        return Deviation(name, float("inf"), float("nan"), float("nan"))
    if not here.size:
        return Deviation(name, 0.0, 0.0, 0.0)
    with np.errstate(invalid="ignore", over="ignore"):
        one, other = here.astype("float64"), there.astype("float64")
        apart = np.abs(one - other) / np.maximum(1.0, np.abs(one))
    same = (one == other) | (np.isnan(one) & np.isnan(other))
    apart = np.where(same, 0.0, np.where(np.isfinite(apart), apart, np.inf))
    place = np.unravel_index(np.argmax(apart), apart.shape)
    return Deviation(name, float(apart[place]), float(one[place]), float(other[place]))


def _unequal(engine: str, worst: Deviation, tolerance: float) -> ParityError:
    message = (
        f"The model computes other numbers on {engine} than here: its output "
        f"{worst.output!r} is {worst.relative:.3g} away."
    )
    return ParityError(
        message,
        found=f"{worst.there:.7g} there, {worst.here:.7g} here",
        expected=f"a deviation of at most {tolerance:g}, by max(1, |y|)",
        mend="leave out layers until it agrees, and tell the plugin's author",
    )
