"""A batch that is filled up gives the numbers of its real rows, as Keras 3 does."""

from typing import Any

import numpy as np
import program_kit
import pytest
from program_kit import CLOSE, Pair

from kerasplug.engines.workers.process import Worker

pytestmark = pytest.mark.engine

worker = program_kit.worker  # a fixture

_CONVOLUTION = [
    ("Conv2D", {"filters": 3, "kernel_size": 3}),
    ("BatchNormalization", {"momentum": 0.7}),
    ("Activation", {"activation": "relu"}),
    ("Flatten", {}),
    ("Dense", {"units": 2}),
]
_VECTOR = [
    ("Dense", {"units": 5}),
    ("BatchNormalization", {"momentum": 0.7, "epsilon": 0.01}),
    ("Dense", {"units": 2}),
]
_SEQUENCE = [
    ("Masking", {"mask_value": 0.0}),
    ("BatchNormalization", {"momentum": 0.7, "center": False}),
    ("GlobalAveragePooling1D", {}),
    ("Dense", {"units": 2}),
]


def _rows(shape: tuple[int, ...], rows: int = 5) -> Any:
    return np.random.default_rng(2).uniform(-1, 1, (rows, *shape)).astype("float32")


def _step(pair: Pair, x: Any, **more: Any) -> None:
    """A step on both: the losses and then all weights are the same."""
    t = np.random.default_rng(4).uniform(-1, 1, (len(x), 2)).astype("float32")
    here, there = pair.step(x, t, **more)
    np.testing.assert_allclose(there, here, **CLOSE)
    pair.check_weights()


def _compiled(there: Worker, layers: Any, shape: tuple[int, ...]) -> Pair:
    import keras

    pair = Pair(there, layers, shape)
    pair.compile(keras.optimizers.SGD(0.1))
    return pair


@pytest.mark.parametrize("rows", [8, 5, 1])
@pytest.mark.parametrize(
    ("layers", "shape"),
    [(_VECTOR, (4,)), (_CONVOLUTION, (6, 5, 2)), (_SEQUENCE, (4, 3))],
)
def test_a_partial_batch_gives_the_statistics_of_its_rows(
    worker: Worker,
    layers: Any,
    shape: tuple[int, ...],
    rows: int,
) -> None:
    """Losses, weights and moving statistics are Keras 3's on the real rows alone."""
    pair, x = _compiled(worker, layers, shape), _rows(shape, rows)
    if len(shape) == 2:
        x[0, 2:] = 0.0
    for _ in range(2):
        _step(pair, x, batch=8)


def test_batches_of_all_sizes_take_one_function(worker: Worker) -> None:
    """Partial batches compile nothing new, in training, testing and prediction."""
    pair = _compiled(worker, _VECTOR, (4,))
    x, t = _rows((4,), 8), _rows((2,), 8)

    def made() -> int:
        return int(worker.ask("functions")[0]["made"])

    def use(rows: int) -> None:
        arrays = {"x0": x[:rows], "t0": t[:rows]}
        worker.ask("train", arrays, batch=8, rate=0.1)
        worker.ask("test", arrays, batch=8)
        worker.ask("predict", {"x0": x[:rows]}, batch=8)

    use(8)
    before = made()
    for rows in (3, 8, 1):
        use(rows)
    assert made() == before
    assert pair.told["parameters"] == pair.host.count_params()


def test_weights_of_zero_count_as_rows(worker: Worker) -> None:
    """A row of weight 0 enters batch statistics and the mean's number of rows."""
    pair = _compiled(worker, _VECTOR, (4,))
    _step(pair, _rows((4,)), w=np.array([0, 1, 2, 0, 0.5], "float32"), batch=8)


def test_testing_uses_the_moving_statistics(worker: Worker) -> None:
    """`test` gives Keras 3's evaluation of the rows, and changes nothing."""
    pair = _compiled(worker, _CONVOLUTION, (6, 5, 2))
    x, t = _rows((6, 5, 2)), _rows((2,))
    here = pair.host.test_on_batch(x, t)
    answer, given = worker.ask("test", {"x0": x, "t0": t}, batch=8, outputs=True)
    np.testing.assert_allclose(answer["loss"], here, **CLOSE)
    np.testing.assert_allclose(given["y0"], np.asarray(pair.host(x)), **CLOSE)
    pair.check_weights()


def test_a_frozen_batch_normalization_keeps_its_statistics(
    worker: Worker,
) -> None:
    """Not trainable, it normalizes by its moving statistics and changes nothing."""
    layers = [
        ("Dense", {"units": 5}),
        ("BatchNormalization", {"trainable": False}),
        ("Dense", {"units": 2}),
    ]
    pair = _compiled(worker, layers, (4,))
    before = pair.weights()[1]
    _step(pair, _rows((4,)), batch=8)
    after = pair.weights()[1]
    frozen = [key for key in before if "batch" in key]
    assert len(frozen) == 4
    assert all(np.array_equal(before[key], after[key]) for key in frozen)


def test_frozen_layers_stay_and_pay_no_regularization(worker: Worker) -> None:
    """Only what is trained changes, and only that enters the loss, as in Keras 3."""
    import keras

    layers = [
        (
            "Dense",
            {
                "units": 5,
                "trainable": False,
                "kernel_regularizer": keras.regularizers.L2(0.5),
            },
        ),
        (
            "Dense",
            {
                "units": 2,
                "kernel_regularizer": keras.regularizers.L1L2(0.1, 0.2),
                "bias_regularizer": keras.regularizers.L1(0.3),
            },
        ),
    ]
    pair = _compiled(worker, layers, (4,))
    for _ in range(3):
        _step(pair, _rows((4,)), batch=8)


def test_activity_regularization_is_that_of_the_real_rows(worker: Worker) -> None:
    """Padded rows pay nothing, and the sum is divided by the real ones."""
    import keras

    layers = [
        ("Dense", {"units": 5, "activity_regularizer": keras.regularizers.L2(0.1)}),
        ("ActivityRegularization", {"l1": 0.05}),
        ("Dense", {"units": 2}),
    ]
    pair = _compiled(worker, layers, (4,))
    _step(pair, _rows((4,)), batch=8)


def test_constraints_hold_after_each_step(worker: Worker) -> None:
    """Weights are brought back where their constraint wants them."""
    import keras

    layers = [
        ("Dense", {"units": 5, "kernel_constraint": keras.constraints.MaxNorm(0.5)}),
        (
            "Dense",
            {
                "units": 2,
                "kernel_constraint": keras.constraints.NonNeg(),
                "bias_constraint": keras.constraints.MinMaxNorm(0.1, 0.2, axis=0),
            },
        ),
        (
            "Dense",
            {"units": 2, "kernel_constraint": keras.constraints.UnitNorm(axis=0)},
        ),
    ]
    pair = _compiled(worker, layers, (4,))
    for _ in range(2):
        _step(pair, _rows((4,)), batch=8)


@pytest.mark.parametrize("kind", ["LSTM", "GRU", "SimpleRNN"])
def test_recurrent_layers_skip_masked_steps(worker: Worker, kind: str) -> None:
    """Masks, which PlaidML's loop over time lacks, mean what they mean in Keras 3."""
    said: dict[str, Any] = {"units": 2, "return_sequences": True}
    said |= {"LSTM": {"recurrent_activation": "sigmoid"}, "SimpleRNN": {}}.get(
        kind, {"recurrent_activation": "sigmoid", "reset_after": True}
    )
    layers = [
        ("Masking", {"mask_value": 0.0}),
        (kind, said),
        (kind, {**said, "return_sequences": False}),
    ]
    pair, x = _compiled(worker, layers, (3, 2)), _rows((3, 2))
    x[0, 2:] = x[1, :1] = x[2] = 0.0
    _step(pair, x, batch=8)


def test_the_loss_of_masked_steps_is_left_out(worker: Worker) -> None:
    """A mask that reaches the output selects what the loss is the mean of."""
    layers = [("Masking", {"mask_value": 0.0}), ("Dense", {"units": 2})]
    pair, x = _compiled(worker, layers, (4, 3)), _rows((4, 3))
    x[0, 2:] = 0.0
    t = _rows((4, 2))
    here, there = pair.step(x, t, batch=8)
    np.testing.assert_allclose(there, here, **CLOSE)
    pair.check_weights()
