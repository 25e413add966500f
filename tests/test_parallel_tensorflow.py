"""Models on several devices of TensorFlow train as on one, to the last digits."""

import itertools

import numpy as np
import pytest
from parallel_kit import (
    assert_alike,
    assert_same,
    elsewhere,
    fitted,
    rows,
    started,
    twins,
)

pytestmark = pytest.mark.engine

X, Y = rows(36, 4), rows(36, 2, seed=1)
IMAGES, LABELS = rows(36, 6, 6, 2), np.arange(36) % 3


def dense():
    """Two dense layers."""
    keras, _ = started()
    layers = [keras.layers.Dense(5, activation="tanh"), keras.layers.Dense(2)]
    return keras.Sequential([keras.Input((4,)), *layers])


def convolutional():
    """Two convolutions, which no empty slice survives where oneDNN computes them."""
    keras, _ = started()
    layers = [
        keras.layers.Conv2D(4, 3, activation="relu"),
        keras.layers.Conv2D(3, 3, activation="relu"),
        keras.layers.Flatten(),
        keras.layers.Dense(3),
    ]
    return keras.Sequential([keras.Input((6, 6, 2)), *layers])


def classifying():
    """Arguments for compiling a classifier with metrics."""
    keras, _ = started()
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    optimizer = keras.optimizers.SGD(0.01, momentum=0.9)
    return {"optimizer": optimizer, "loss": loss, "metrics": ["accuracy"]}


def measured():
    """Arguments for compiling with metrics, also with weighted ones."""
    loss = {"optimizer": "adam", "loss": "mse"}
    return {**loss, "metrics": ["mae"], "weighted_metrics": ["mape"]}


@pytest.mark.parametrize(
    ("count", "batch", "kept"),
    [(2, 12, 36), (2, 7, 36), (4, 10, 36), (8, 16, 36), (8, 3, 12), (4, 1, 5)],
    ids=["even", "last-one-row", "uneven", "last-smaller", "always-smaller", "one-row"],
)
@elsewhere
def test_fifty_steps_are_those_of_one_device(count, batch, kept):
    """Weights, optimizer, loss and metrics are equal, however the rows divide."""
    models = twins(convolutional, count, classifying)
    steps = -(-kept // batch)
    data = IMAGES[:kept], LABELS[:kept]

    histories = fitted(models, *data, batch_size=batch, epochs=-(-50 // steps))

    assert_alike(models, histories)
    assert models[0].optimizer.iterations.numpy() >= 50
    assert_same(*(model.predict(IMAGES[:kept], verbose=0) for model in models))


@pytest.mark.parametrize("rows_", [1, 3, 30], ids=lambda rows: f"{rows}-rows")
@elsewhere
def test_batches_by_hand_are_those_of_one_device(rows_):
    """The methods for one batch give equal numbers and leave equal weights."""
    models = plain, parallel = twins(dense, 4, measured)
    x, y = X[:rows_], Y[:rows_]
    calls = [
        lambda model: model.train_on_batch(x, y, return_dict=True),
        lambda model: model.train_on_batch(x, y, sample_weight=x[:, 0] ** 2),
        lambda model: model.train_on_batch(x, y),
        lambda model: model.test_on_batch(x, y),
        lambda model: model.predict_on_batch(x),
        lambda model: model(x),
    ]

    for call in calls:
        assert_same(call(plain), call(parallel))

    assert_alike(models)
    assert plain.optimizer.iterations.numpy() == 3


@elsewhere
def test_evaluating_and_predicting_are_those_of_one_device():
    """Numbers and their order are equal, also with a last batch of one row."""
    plain, parallel = twins(dense, 3, measured)
    options = {"batch_size": 7, "verbose": 0}

    assert_same(*(m.evaluate(X, Y, **options) for m in (plain, parallel)))
    weights = {"sample_weight": np.arange(36.0)}
    assert_same(*(m.evaluate(X, Y, **weights, **options) for m in (plain, parallel)))
    assert_same(*(m.predict(X, **options) for m in (plain, parallel)))
    assert parallel.predict(X, **options).shape == (36, 2)


FITTED = {
    "weights-of-rows": {
        "x": X,
        "y": Y,
        "sample_weight": np.arange(36.0),
        "validation_data": (X[:5], Y[:5], np.arange(5.0)),
    },
    "shuffled-and-split": {"x": X, "y": Y, "validation_split": 0.17, "shuffle": True},
}


@pytest.mark.parametrize("name", FITTED)
@elsewhere
def test_what_fit_takes_means_the_same(name):
    """Weights of rows, validation and shuffling give the history of one device."""
    models = twins(dense, 3, measured)

    histories = fitted(models, **FITTED[name], batch_size=10, epochs=2)

    assert_alike(models, histories)


@elsewhere
def test_weights_of_classes_mean_the_same():
    """Weights of classes give the history of one device."""
    models = twins(convolutional, 2, classifying)
    weights = {0: 1.0, 1: 5.0, 2: 0.1}

    histories = fitted(models, IMAGES, LABELS, batch_size=9, class_weight=weights)

    assert_alike(models, histories)


def _static():
    tf = started()[1]
    return tf.data.Dataset.from_tensor_slices((X, Y)).batch(9, drop_remainder=True)


def _open():
    return started()[1].data.Dataset.from_tensor_slices((X, Y)).batch(14)


def _unknown():
    """No dimension is known of these batches but their number."""
    tf = started()[1]
    kinds = (tf.TensorSpec([None, 4], "float64"), tf.TensorSpec([None, 2], "float64"))
    return tf.data.Dataset.from_generator(_batches, output_signature=kinds)


def _batches():
    """Batches of three sizes, for ever."""
    while True:
        for begin, end in [(0, 13), (13, 14), (14, 36)]:
            yield X[begin:end], Y[begin:end]


def _python_data():
    keras, _ = started()

    class Batches(keras.utils.PyDataset):
        def __len__(self):
            return 3

        def __getitem__(self, place):
            return next(itertools.islice(_batches(), place, None))

    return Batches()


@pytest.mark.parametrize("data", [_static, _open, _unknown, _batches, _python_data])
@elsewhere
def test_every_kind_of_data_means_the_same(data):
    """Datasets, generators and Keras' own data give the history of one device."""
    models = twins(dense, 3, measured)

    histories = [fitted([model], data(), steps_per_epoch=3)[0] for model in models]

    assert_alike(models, histories)


@pytest.mark.parametrize("way", [{"steps_per_execution": 3}, {"run_eagerly": True}])
@elsewhere
def test_ways_of_running_mean_the_same(way):
    """Several steps at once, and steps without a graph, give equal numbers."""
    models = twins(dense, 3, lambda: {**measured(), **way})

    histories = fitted(models, X, Y, batch_size=10)

    assert_alike(models, histories)


@elsewhere
def test_a_batch_of_any_size_follows_another():
    """One trained model takes batches of other sizes afterwards."""
    models = twins(dense, 4, measured)

    for size in (8, 1, 3):
        assert_same(*fitted(models, X[:size], Y[:size], batch_size=size))
        assert_same(*(m.predict(X[:size], verbose=0) for m in models))

    assert_alike(models)


@elsewhere
def test_float32_agrees_loosely():
    """In float32 the sums of another order differ in the last digits only."""
    keras, _ = started()
    keras.config.set_dtype_policy("float32")
    models = twins(dense, 4, measured)

    histories = fitted(models, X, Y, batch_size=10, epochs=5)

    assert_alike(models, histories, close=1e-4)
    assert models[1].predict(X, verbose=0).dtype == np.float32
