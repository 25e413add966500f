"""One layer reads two sequences at the same time, each on a device of its own.

    python examples/two_readers.py

This is device parallelism: parts of one model on different devices. It is of use where
a model has branches. Here two sequences, such as two messages, are read by the *same*
LSTM with 64 units, 140 steps of 256 numbers each; what it makes of them is put together
on the processor, and a dense layer says whether the two belong to each other.

With two GPUs, each reads one sequence. Elsewhere virtual processors take their place,
which shows what runs where, and is no faster. TensorFlow only.

The model is written in three ways, with the same weights:

- *plain*: without a place for anything.
- *placed*: a functional model, with `kerasplug.place` around the LSTM for each device.
  Each reading runs on its device, forward and backward.
- *scoped*: a subclass of `keras.Model`, with `kerasplug.device_scope` in its `call`.
  Forward operations run in the scope. Backward ones do not: training has one tape
  around the whole model, and what it replays runs where TensorFlow puts what says
  nothing, which is the first device.

All three are trained alike, and come to the same weights. The tables say where each
operation of a training ran. On virtual processors, `cpu:1` and `cpu:2` read:

    placed                           scoped
    operation    cpu:0 cpu:1 cpu:2   cpu:0 cpu:1 cpu:2
    MatMul           2     5     5       8     2     2
    Tanh                   2     2             2     2
    TanhGrad               2     2       4

Each reading has two products forward, and three backward.
"""

import sys
from collections.abc import Sequence
from typing import Any, Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

import kerasplug

__all__ = [
    "Devices",
    "Pairs",
    "apart",
    "devices",
    "main",
    "pairs",
    "placed",
    "plain",
    "scoped",
    "trained",
]

STEPS: Final = 140
FEATURES: Final = 256
UNITS: Final = 64
#: Pairs of sequences, and how many of them are in a batch.
ROWS: Final = 32
BATCH: Final = 16
EPOCHS: Final = 2


class Devices(NamedTuple):
    """Where the two sequences are read, and where that is put together."""

    first: str
    second: str
    merge: str


class Pairs(NamedTuple):
    """Sequences `(rows, 140, 256)`, and whether they belong together, `(rows, 1)`."""

    a: NDArray[np.float32]
    b: NDArray[np.float32]
    together: NDArray[np.float32]


def devices() -> Devices:
    """Two GPUs and the processor; without two GPUs three virtual processors.

    To be called before anything has computed with TensorFlow.

    Example:
        >>> devices()  # doctest: +SKIP
        Devices(first='cpu:1', second='cpu:2', merge='cpu:0')
    """
    merge, *readers = kerasplug.virtual_devices(3)
    gpus = kerasplug.available_devices("gpu")
    first, second = gpus[:2] if len(gpus) > 1 else readers
    return Devices(first, second, merge)


def pairs(seed: int = 0) -> Pairs:
    """Made-up data: two sequences belong together when their sums have the same sign.

    Args:
        seed: of the numbers.

    Example:
        >>> pairs().a.shape
        (32, 140, 256)
    """
    rng = np.random.default_rng(seed)
    both = rng.normal(size=(2, ROWS, STEPS, FEATURES)).astype("float32")
    signs = np.sign(both.sum(axis=(2, 3)))
    together = (signs[0] == signs[1]).astype("float32")
    return Pairs(both[0], both[1], together[:, None])


def plain() -> Any:
    """The functional model, without a place for anything.

    Example:
        >>> plain().count_params()  # doctest: +SKIP
        82305
    """
    keras = kerasplug.implementation()
    shared = keras.layers.LSTM(UNITS)
    a, b = (keras.Input((STEPS, FEATURES)) for _ in range(2))
    merged = keras.layers.Concatenate()([shared(a), shared(b)])
    return keras.Model([a, b], keras.layers.Dense(1, activation="sigmoid")(merged))


def placed(where: Devices) -> Any:
    """The same, each reading on its device, forward and backward.

    Args:
        where: the devices.

    Example:
        >>> placed(devices()).count_params()  # doctest: +SKIP
        82305
    """
    keras = kerasplug.implementation()
    shared = keras.layers.LSTM(UNITS)
    a, b = (keras.Input((STEPS, FEATURES)) for _ in range(2))
    encoded_a = kerasplug.place(shared, where.first)(a)
    encoded_b = kerasplug.place(shared, where.second)(b)
    concatenate = kerasplug.place(keras.layers.Concatenate(), where.merge)
    merged = concatenate([encoded_a, encoded_b])
    return keras.Model([a, b], keras.layers.Dense(1, activation="sigmoid")(merged))


def scoped(where: Devices) -> Any:
    """The same as a subclass, each reading in the scope of its device.

    Args:
        where: the devices.

    Example:
        >>> scoped(devices()).count_params()  # doctest: +SKIP
        82305
    """
    keras = kerasplug.implementation()

    class Readers(keras.Model):  # type: ignore[misc]  # its Keras is chosen when it runs
        """Reads two sequences with one layer, on two devices."""

        def __init__(self) -> None:
            super().__init__()
            self.shared = keras.layers.LSTM(UNITS)
            self.concatenate = keras.layers.Concatenate()
            self.dense = keras.layers.Dense(1, activation="sigmoid")

        def call(self, inputs: Sequence[Any]) -> Any:
            """Whether the two belong together."""
            a, b = inputs
            with kerasplug.device_scope(where.first):
                encoded_a = self.shared(a)
            with kerasplug.device_scope(where.second):
                encoded_b = self.shared(b)
            with kerasplug.device_scope(where.merge):
                merged = self.concatenate([encoded_a, encoded_b])
            return self.dense(merged)

    made = Readers()
    made([np.zeros((1, STEPS, FEATURES), "float32")] * 2)  # so that it has weights
    return made


def trained(model: Any, data: Pairs, weights: Sequence[Any]) -> kerasplug.Placements:
    """Train a model a little.

    Args:
        model: one of the three.
        data: what it learns.
        weights: what it begins with.

    Returns:
        Where the operations of its training ran.

    Example:
        >>> found = trained(placed(devices()), pairs(), weights)  # doctest: +SKIP
    """
    keras = kerasplug.implementation()
    model.set_weights(weights)
    loss = keras.losses.BinaryCrossentropy()
    model.compile(keras.optimizers.Adam(1e-3), loss)
    inputs, options = [data.a, data.b], {"shuffle": False, "verbose": 0}
    with kerasplug.placements() as found:
        model.fit(inputs, data.together, batch_size=BATCH, epochs=EPOCHS, **options)
    return found


def apart(one: Any, other: Any) -> float:
    """The largest difference between the weights of two models.

    Args:
        one: a model.
        other: another one with such weights.
    """
    both = zip(one.get_weights(), other.get_weights(), strict=True)
    return float(max(np.abs(mine - theirs).max() for mine, theirs in both))


def main() -> None:
    """Train in each way; print where it ran, and whether it came to the same.

    Example:
        >>> main()  # doctest: +SKIP
    """
    where = devices()
    kerasplug.implementation().utils.set_random_seed(0)
    data, usual = pairs(), plain()
    weights = usual.get_weights()
    trained(usual, data, weights)
    for name, model in {"placed": placed(where), "scoped": scoped(where)}.items():
        found = trained(model, data, weights)
        far = apart(usual, model)
        sys.stdout.write(f"{name}: {far:.1e} from the plain model\n{found}\n\n")


if __name__ == "__main__":
    main()
