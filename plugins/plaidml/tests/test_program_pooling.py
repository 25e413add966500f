"""Where several values are the largest, the worker's gradient is that of Keras 3."""

import subprocess

import numpy as np
import plaidml_kit
import program_kit
import pytest
from kerasplug_plaidml import compat
from kerasplug_plaidml.engine import PlaidML
from program_kit import Pair

pytestmark = pytest.mark.engine

plaidml_python = plaidml_kit.plaidml_python  # a fixture
worker = program_kit.worker  # a fixture

#: The gradient of the sum of maxima, over windows in which all are equal.
_UPSTREAM = """
import sys
sys.path.insert(0, sys.argv[1])
import compat
compat.mend_python()
import numpy as np
from keras import backend as K
x = K.placeholder((1, 4))
image = K.placeholder((1, 2, 2, 1))
pooled = K.pool2d(image, (2, 2), (2, 2), pool_mode="max")
for value, given in ((K.max(x, axis=1), x), (pooled, image)):
    gradient = K.gradients(K.sum(value), [given])
    print(float(K.function([given], gradient)([np.zeros(given.shape.dims)])[0].sum()))
"""

#: What comes before, what pools, and the shape of a row.
_CASES = {
    "windows": ({"pool_size": 2}, "MaxPooling2D", (6, 6, 2)),
    "over the edge": (
        {"pool_size": (3, 2), "strides": 2, "padding": "same"},
        "MaxPooling2D",
        (5, 4, 2),
    ),
    "overlapping": ({"pool_size": 3, "strides": 1}, "MaxPooling2D", (5, 5, 2)),
    "in one dimension": ({"pool_size": 3, "strides": 2}, "MaxPooling1D", (9, 3)),
}


def _stepped(worker, layers, shape):
    """Both models after one step of SGD on rows of few different values."""
    import keras

    pair = Pair(worker, layers, shape)
    pair.compile(keras.optimizers.SGD(0.1))
    rng = np.random.default_rng(2)
    x = rng.integers(-1, 2, (6, *shape)).astype("float32")
    t = rng.normal(size=(6, 3)).astype("float32")
    here, there = pair.step(x, t, batch=8)
    assert here == pytest.approx(there, rel=1e-5)
    return pair


@pytest.mark.parametrize("case", _CASES)
def test_of_equal_values_in_a_window_the_first_has_the_gradient(worker, case):
    """After ReLU and normalization many values are equal; a step changes all alike."""
    said, pooling, shape = _CASES[case]
    layers = [
        ("Activation", {"activation": "relu"}),
        ("BatchNormalization", {}),
        (pooling, said),
        ("Flatten", {}),
        ("Dense", {"units": 3}),
    ]

    _stepped(worker, layers, shape).check_weights()


def test_the_largest_of_an_axis_gets_one_gradient_in_all(worker):
    """GlobalMaxPooling over equal values: normalization's gain learns as in Keras 3."""
    layers = [
        ("Activation", {"activation": "relu"}),
        ("BatchNormalization", {}),
        ("GlobalMaxPooling2D", {}),
        ("Dense", {"units": 3}),
    ]

    # Equal values of one channel have one gain: which of them learns makes no odds.
    _stepped(worker, layers, (4, 5, 2)).check_weights()


def test_plaidml_counts_the_gradient_once_for_each_equal_value(plaidml_python):
    """Upstream: four equal values get four gradients in all, where there is but one."""
    variables = {k: v for k, v in PlaidML().variables(()).items() if v is not None}
    folder = compat.__file__.rpartition("/")[0]

    done = subprocess.run(
        [plaidml_python, "-W", "ignore", "-c", _UPSTREAM, folder],
        env={"KERAS_HOME": str(plaidml_python.parent), **variables},
        capture_output=True,
        text=True,
        check=True,
    )

    assert [float(one) for one in done.stdout.split()] == [4.0, 4.0]
