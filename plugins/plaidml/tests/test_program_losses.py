"""The worker's losses are Keras 3's: their values, and by a step their gradients."""

from typing import Any

import numpy as np
import program_kit
import pytest
from program_kit import CLOSE, Pair

from kerasplug.engines.workers.process import Worker

pytestmark = pytest.mark.engine

worker = program_kit.worker  # a fixture

_ROWS, _CLASSES = 7, 4

#: Keras 3's class, its arguments, the activation before it.
_CASES: list[tuple[str, dict[str, Any], str]] = [
    ("MeanSquaredError", {}, "linear"),
    ("MeanAbsoluteError", {}, "linear"),
    ("MeanAbsolutePercentageError", {}, "linear"),
    ("MeanSquaredLogarithmicError", {}, "softplus"),
    ("BinaryCrossentropy", {}, "sigmoid"),
    ("BinaryCrossentropy", {"label_smoothing": 0.2}, "sigmoid"),
    ("BinaryCrossentropy", {"from_logits": True}, "linear"),
    ("BinaryCrossentropy", {}, "softsign"),
    ("CategoricalCrossentropy", {}, "softmax"),
    ("CategoricalCrossentropy", {"label_smoothing": 0.2}, "softmax"),
    ("CategoricalCrossentropy", {"from_logits": True}, "linear"),
    ("CategoricalCrossentropy", {}, "softplus"),
    ("SparseCategoricalCrossentropy", {}, "softmax"),
    ("SparseCategoricalCrossentropy", {"from_logits": True}, "linear"),
    ("SparseCategoricalCrossentropy", {}, "softplus"),
    ("SparseCategoricalCrossentropy", {"ignore_class": 1}, "softmax"),
    ("Hinge", {}, "tanh"),
    ("SquaredHinge", {}, "tanh"),
    ("CategoricalHinge", {}, "softmax"),
    ("LogCosh", {}, "linear"),
    ("KLDivergence", {}, "softmax"),
    ("Poisson", {}, "softplus"),
    ("CosineSimilarity", {}, "linear"),
    ("Huber", {"delta": 0.4}, "linear"),
    ("MeanSquaredError", {"reduction": "sum"}, "linear"),
    ("MeanSquaredError", {"reduction": "mean_with_sample_weight"}, "linear"),
]

_SNAKE = {
    "MeanSquaredError": "mean_squared_error",
    "MeanAbsoluteError": "mean_absolute_error",
    "MeanAbsolutePercentageError": "mean_absolute_percentage_error",
    "MeanSquaredLogarithmicError": "mean_squared_logarithmic_error",
    "BinaryCrossentropy": "binary_crossentropy",
    "CategoricalCrossentropy": "categorical_crossentropy",
    "SparseCategoricalCrossentropy": "sparse_categorical_crossentropy",
    "Hinge": "hinge",
    "SquaredHinge": "squared_hinge",
    "CategoricalHinge": "categorical_hinge",
    "LogCosh": "log_cosh",
    "KLDivergence": "kl_divergence",
    "Poisson": "poisson",
    "CosineSimilarity": "cosine_similarity",
    "Huber": "huber",
}


def _targets(name: str) -> Any:
    rng = np.random.default_rng(11)
    labels = rng.integers(0, _CLASSES, _ROWS)
    if name == "SparseCategoricalCrossentropy":
        return labels
    if name in {"CategoricalCrossentropy", "CategoricalHinge", "KLDivergence"}:
        return np.eye(_CLASSES, dtype="float32")[labels]
    if name in {"BinaryCrossentropy", "Hinge", "SquaredHinge"}:
        return rng.integers(0, 2, (_ROWS, _CLASSES)).astype("float32")
    if name in {"Poisson", "MeanSquaredLogarithmicError"}:
        return rng.integers(0, 5, (_ROWS, _CLASSES)).astype("float32")
    return rng.uniform(-1, 1, (_ROWS, _CLASSES)).astype("float32")


def _rows(rows: int = _ROWS) -> Any:
    return np.random.default_rng(12).uniform(-1, 1, (rows, 6)).astype("float32")


def _pair(there: Worker, name: str, said: dict[str, Any], activation: str) -> Pair:
    import keras

    layers = [("Dense", {"units": _CLASSES, "activation": activation})]
    pair = Pair(there, layers, (6,))
    words = {**said, "name": _SNAKE[name]}
    loss = getattr(keras.losses, name)(**said)
    pair.compile(keras.optimizers.SGD(0.1), loss, words)
    return pair


@pytest.mark.parametrize(("name", "said", "activation"), _CASES)
def test_loss_and_its_gradients_are_those_of_keras_3(
    worker: Worker,
    name: str,
    said: dict[str, Any],
    activation: str,
) -> None:
    """The loss is Keras 3's, with weights of rows and without, and so is a step."""
    pair = _pair(worker, name, said, activation)
    x, t = _rows(), _targets(name)
    for weights in (None, np.array([1, 0, 2, 0.5, 1, 0, 3], "float32")):
        here, there = pair.step(x, t, weights)
        np.testing.assert_allclose(there, here, **CLOSE)
        pair.check_weights()


@pytest.mark.parametrize(
    ("name", "activation"),
    [
        ("BinaryCrossentropy", "sigmoid"),
        ("CategoricalCrossentropy", "softmax"),
        ("SparseCategoricalCrossentropy", "softmax"),
    ],
)
def test_a_saturated_probability_still_has_a_gradient(
    worker: Worker,
    name: str,
    activation: str,
) -> None:
    """The logits are used where an activation made the probability, as in Keras 3."""
    pair = _pair(worker, name, {}, activation)
    here, there = pair.step(_rows() * 200, _targets(name))
    np.testing.assert_allclose(there, here, **CLOSE)
    pair.check_weights()


@pytest.mark.parametrize(
    "name", ["LogCosh", "MeanAbsoluteError", "Huber", "BinaryCrossentropy"]
)
def test_the_gradient_where_nothing_is_off_is_that_of_keras_3(
    worker: Worker,
    name: str,
) -> None:
    """At a corner of a formula, output 0 and target 0, the gradient is Keras 3's."""
    said = {"from_logits": True} if name == "BinaryCrossentropy" else {}
    pair = _pair(worker, name, said, "linear")
    zeros = {key: value * 0 for key, value in pair.named(pair.host).items()}
    worker.ask("set", zeros)
    pair.host.set_weights(list(zeros.values()))
    here, there = pair.step(_rows(), np.zeros((_ROWS, _CLASSES), "float32"))
    np.testing.assert_allclose(there, here, **CLOSE)
    pair.check_weights()


def test_a_target_may_lack_the_last_axis_of_one(worker: Worker) -> None:
    """Targets of shape (rows,) fit an output of shape (rows, 1), as in Keras 3."""
    import keras

    pair = Pair(worker, [("Dense", {"units": 1})], (6,))
    pair.compile(keras.optimizers.SGD(0.1))
    here, there = pair.step(_rows(), _targets("MeanSquaredError")[:, 0])
    np.testing.assert_allclose(there, here, **CLOSE)
    pair.check_weights()


def test_the_loss_of_sequences_is_the_mean_over_their_steps(worker: Worker) -> None:
    """An output of more axes gives one loss a row, as in Keras 3."""
    import keras

    layers = [("Dense", {"units": _CLASSES, "activation": "softmax"})]
    pair = Pair(worker, layers, (3, 6))
    pair.compile(keras.optimizers.SGD(0.1), "sparse_categorical_crossentropy")
    rng = np.random.default_rng(1)
    x = rng.uniform(-1, 1, (5, 3, 6)).astype("float32")
    here, there = pair.step(x, rng.integers(0, _CLASSES, (5, 3)), batch=8)
    np.testing.assert_allclose(there, here, **CLOSE)
    pair.check_weights()


@pytest.mark.parametrize("given", [-1, _CLASSES])
def test_a_class_that_the_output_lacks_is_refused(worker: Worker, given: int) -> None:
    """A label outside of the output's classes is told, and no step is made."""
    from kerasplug.errors import WorkerError

    pair = _pair(worker, "SparseCategoricalCrossentropy", {}, "softmax")
    before = worker.ask("get")[1]
    labels = np.full((_ROWS,), given)
    with pytest.raises(
        WorkerError, match=f"class {given}; the output has the classes 0 to 3"
    ):
        worker.ask("train", {"x0": _rows(), "t0": labels}, batch=8, rate=0.1)
    after = worker.ask("get")[1]
    assert all(np.array_equal(before[key], after[key]) for key in before)
    pair.check_weights()
