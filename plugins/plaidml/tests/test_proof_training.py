"""Training on PlaidML reaches what tf.keras reaches from the same start and batches."""

import numpy as np
import proof_kit
import pytest

import kerasplug as kp

pytestmark = [pytest.mark.engine, pytest.mark.usefixtures("plaidml")]

plaidml = proof_kit.plaidml  # a fixture

#: The two engines sum float32 in different orders; training magnifies that.
_APART = 0.05

_OPTIMIZERS = {
    "sgd": {"learning_rate": 0.05, "momentum": 0.9, "nesterov": True},
    "rmsprop": {"learning_rate": 0.002},
    "adagrad": {"learning_rate": 0.05},
    "adadelta": {"learning_rate": 1.0},
    "adam": {"learning_rate": 0.003},
    "adamax": {"learning_rate": 0.005},
    "nadam": {"learning_rate": 0.003},
}

_LOSSES = [
    "mean_squared_error",
    "mean_absolute_error",
    "binary_crossentropy",
    "categorical_crossentropy",
    "categorical_hinge",
    "huber",
    "kl_divergence",
    "log_cosh",
    "poisson",
]


_METRICS = [
    "accuracy",
    "mae",
    "mse",
    "auc",
    "precision",
    "top_k_categorical_accuracy",
]


@pytest.fixture(scope="module")
def digits():
    """The digits of kerasplug-datasets, from 0 to 1, as images."""
    pytest.importorskip("kerasplug_datasets")
    (x, y), (x_test, y_test) = kp.datasets["digits"].load()
    scaled = [one[..., None].astype("float32") / 16 for one in (x, x_test)]
    return (scaled[0], y), (scaled[1], y_test)


def dense(keras):
    """Two layers over the pixels."""
    layers = keras.layers
    return keras.Sequential(
        [
            keras.Input((8, 8, 1)),
            layers.Flatten(),
            layers.Dense(32, activation="relu"),
            layers.Dense(10, activation="softmax"),
        ]
    )


def convolutional(keras):
    """A small network with batch normalization."""
    layers = keras.layers
    return keras.Sequential(
        [
            keras.Input((8, 8, 1)),
            layers.Conv2D(8, 3, activation="relu"),
            layers.BatchNormalization(),
            layers.MaxPooling2D(),
            layers.Flatten(),
            layers.Dense(10, activation="softmax"),
        ]
    )


def twins(build):
    """Two models with the same weights."""
    keras = kp.implementation()
    keras.utils.set_random_seed(5)
    first, second = build(keras), build(keras)
    second.set_weights(first.get_weights())
    return first, second


def trained(model, x, y, **options):
    """The history of the model on PlaidML, which leaves it the weights."""
    with kp.to_backend(model, "plaidml", batch_size=64) as remote:
        return remote.fit(x, y, batch_size=64, shuffle=False, verbose=0, **options)


def assert_alike(here, there):
    """The same keys, and each value within 5 % in each epoch."""
    assert set(there) == set(here)
    for key, values in here.items():
        np.testing.assert_allclose(there[key], values, rtol=_APART, err_msg=key)


@pytest.mark.parametrize("build", [dense, convolutional])
def test_training_on_digits_reaches_the_loss_of_keras(build, digits):
    """Three epochs with a partial batch and validation: each number within 5 %."""
    (x, y), held_out = digits
    mine, other = twins(build)
    options = {"epochs": 3, "validation_data": held_out}
    for model in (mine, other):
        model.compile(
            kp.implementation().optimizers.Adam(0.003),
            "sparse_categorical_crossentropy",
            metrics=["accuracy"],
        )

    there = trained(other, x, y, **options)
    here = mine.fit(x, y, batch_size=64, shuffle=False, verbose=0, **options)

    assert here.history["loss"][-1] < 0.7 * here.history["loss"][0]
    assert_alike(here.history, there.history)
    for left, right in zip(mine.get_weights(), other.get_weights(), strict=True):
        np.testing.assert_allclose(right, left, atol=0.02)


@pytest.mark.parametrize("name", _OPTIMIZERS)
def test_each_optimizer_goes_the_way_of_keras(name, digits):
    """Two epochs with each of the seven: the losses within 5 %, and they fall."""
    (x, y), _ = digits
    mine, other = twins(dense)
    keras = kp.implementation()
    for model in (mine, other):
        config = {"class_name": name, "config": _OPTIMIZERS[name]}
        optimizer = keras.optimizers.get(config)
        model.compile(optimizer, "sparse_categorical_crossentropy")

    there = trained(other, x[:500], y[:500], epochs=2)
    here = mine.fit(x[:500], y[:500], batch_size=64, shuffle=False, verbose=0, epochs=2)

    assert here.history["loss"][1] < here.history["loss"][0]
    assert_alike(here.history, there.history)


@pytest.mark.parametrize("loss", _LOSSES)
def test_each_common_loss_and_metric_is_that_of_keras(loss, digits):
    """One epoch and an evaluation for each loss, with six metrics: within 5 %."""
    (x, y), _ = digits
    mine, other = twins(dense)
    keras = kp.implementation()
    targets = keras.utils.to_categorical(y, 10)
    for model in (mine, other):
        model.compile(keras.optimizers.SGD(0.02), loss, metrics=_METRICS)

    with kp.to_backend(other, "plaidml", batch_size=64) as remote:
        there = remote.fit(
            x[:300], targets[:300], batch_size=64, shuffle=False, verbose=0
        )
        judged = remote.evaluate(x[300:400], targets[300:400], verbose=0)
    here = mine.fit(x[:300], targets[:300], batch_size=64, shuffle=False, verbose=0)

    assert_alike(here.history, there.history)
    wanted = mine.evaluate(x[300:400], targets[300:400], verbose=0)
    np.testing.assert_allclose(judged, wanted, rtol=_APART)
