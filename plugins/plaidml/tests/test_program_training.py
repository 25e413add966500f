"""The worker's optimizers make the steps of Keras 3's, number by number."""

import numpy as np
import program_kit
import pytest
from kerasplug_plaidml.engine import PlaidML
from program_kit import CLOSE, Pair

from kerasplug.engines.workers.process import Worker

pytestmark = pytest.mark.engine

worker = program_kit.worker  # a fixture

_STEPS = 5

_CASES = [
    ("SGD", {}),
    ("SGD", {"momentum": 0.9}),
    ("SGD", {"momentum": 0.9, "nesterov": True}),
    ("RMSprop", {}),
    ("RMSprop", {"momentum": 0.5, "centered": True, "rho": 0.8}),
    ("Adagrad", {"initial_accumulator_value": 0.2}),
    ("Adadelta", {"rho": 0.9}),
    ("Adam", {}),
    ("Adam", {"amsgrad": True, "beta_1": 0.5, "beta_2": 0.6, "epsilon": 1e-4}),
    ("AdamW", {"weight_decay": 0.1}),
    ("Adamax", {}),
    ("Nadam", {}),
    ("SGD", {"clipnorm": 0.05}),
    ("SGD", {"clipvalue": 0.01}),
    ("SGD", {"global_clipnorm": 0.05}),
    ("SGD", {"global_clipnorm": 1000.0}),
    ("RMSprop", {"weight_decay": 0.2}),
]


def _data(rows: int = 8) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(5)
    return (
        rng.uniform(-1, 1, (rows, 6)).astype("float32"),
        rng.uniform(-1, 1, (rows, 3)).astype("float32"),
    )


def _pair(there: Worker) -> Pair:
    layers = [("Dense", {"units": 5, "activation": "tanh"}), ("Dense", {"units": 3})]
    return Pair(there, layers, (6,))


@pytest.mark.parametrize(("name", "said"), _CASES)
def test_optimizer_gives_the_weights_of_keras_3(
    worker: Worker,
    name: str,
    said: dict[str, object],
) -> None:
    """After five steps, each at another learning rate, the weights are Keras 3's."""
    import keras

    pair, (x, t) = _pair(worker), _data()
    pair.compile(getattr(keras.optimizers, name)(learning_rate=0.1, **said))
    before = pair.weights()[1]
    for at in range(_STEPS):
        pair.rate = 0.1 / (at + 1)
        pair.host.optimizer.learning_rate = pair.rate
        here, there = pair.step(x, t)
        np.testing.assert_allclose(there, here, **CLOSE)
    pair.check_weights()
    assert any(np.any(before[key] != value) for key, value in pair.weights()[1].items())


def test_steps_begin_anew_when_the_model_is_compiled(worker: Worker) -> None:
    """Compiling again forgets Adam's means and its count of steps."""
    import keras

    pair, (x, t) = _pair(worker), _data()
    for _ in range(2):
        pair.compile(keras.optimizers.Adam(0.05))
        for _ in range(2):
            pair.step(x, t)
        pair.check_weights()


def test_a_batch_of_another_size_goes_on_with_the_same_optimizer(
    worker: Worker,
) -> None:
    """Momentum is one, however large a batch is."""
    import keras

    pair, (x, t) = _pair(worker), _data()
    pair.compile(keras.optimizers.SGD(0.1, momentum=0.9))
    for rows in (8, 4, 8):
        pair.step(x[:rows], t[:rows])
    pair.check_weights()


def test_outputs_of_a_step_are_those_before_it(worker: Worker) -> None:
    """What a step gives is its forward pass, for the real rows only."""
    import keras

    pair, (x, t) = _pair(worker), _data()
    pair.compile(keras.optimizers.SGD(0.5))
    before = np.asarray(pair.host(x[:5]))
    arrays = {"x0": x[:5], "t0": t[:5]}
    _, given = worker.ask("train", arrays, batch=8, rate=0.5, outputs=True)
    np.testing.assert_allclose(given["y0"], before, **CLOSE)


def test_the_worker_names_itself(worker: Worker) -> None:
    """The greeting tells engine, versions and device; the check computes."""
    assert worker.hello["engine"] == PlaidML.name
    assert worker.hello["keras"] == "2.2.4"
    assert worker.hello["plaidml"] == "0.7.0"
    assert worker.hello["device"] == "llvm_cpu.0"
    assert worker.ask("check") == ({}, {})
