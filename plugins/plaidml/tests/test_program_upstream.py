"""What the program works round is there: Keras 2.2.4 on PlaidML as they come."""

import json
import os
import subprocess
from pathlib import Path
from typing import Any

import kerasplug_plaidml
import pytest
from kerasplug_plaidml.engine import PlaidML
from plaidml_kit import plaidml_python  # noqa: F401 -- a fixture

pytestmark = pytest.mark.engine

_SCRIPT = """
import json
import sys

sys.path.insert(0, sys.argv[1])
import compat

compat.mend_python()
import numpy as np
from keras import backend as K
from keras import layers, models, optimizers

found = {}
rng = np.random.RandomState(0)


def raised(call):
    try:
        call()
    except Exception as error:
        return type(error).__name__
    return None


# Of sum(x * b) + sum(b), where b is broadcast once and once is not.
x, b = K.placeholder(shape=(8, 3)), K.variable(np.zeros(3))
gradient = K.gradients(K.sum(x * b) + K.sum(b), [b])[0]
found["broadcast"] = K.function([x], [gradient])([np.zeros((8, 3))])[0].tolist()

zero = K.variable(np.zeros(1))
gradient = K.gradients(K.sum(K.abs(zero)), [zero])[0]
found["absolute"] = K.function([], [gradient])([])[0].tolist()

# The gradients of one batch normalization's input sum to zero.
image = K.placeholder(shape=(4, 3, 3, 2))
scale, shift = K.variable(np.ones(2)), K.variable(np.zeros(2))
normal, _, _ = K.normalize_batch_in_training(image, scale, shift, [0, 1, 2])
rest = K.variable(rng.uniform(-1, 1, (4, 3, 3, 2)))
gradient = K.gradients(K.sum(normal * rest), [image])[0]
given = K.function([image], [gradient])([rng.uniform(-1, 1, (4, 3, 3, 2))])[0]
found["normalization"] = float(np.abs(given.sum(axis=(0, 1, 2))).max())

# Adam's first step is the learning rate against the sign of the gradient.
start = [rng.uniform(-0.6, 0.6, shape) for shape in ((6, 5), (5,), (5, 3), (3,))]
rows, target = rng.uniform(-1, 1, (8, 6)), rng.uniform(-1, 1, (8, 3))
first = layers.Dense(5, activation="tanh", input_shape=(6,))
model = models.Sequential([first, layers.Dense(3)])
model.set_weights(start)
model.compile(optimizers.Adam(0.03, epsilon=1e-7), "mse")
model.train_on_batch(rows, target)
hidden = np.tanh(rows @ start[0] + start[1])
off = hidden @ start[2] + start[3] - target
below = (off @ start[2].T) * (1 - hidden * hidden)
gradients = (rows.T @ below, below.sum(0), hidden.T @ off, off.sum(0))
wanted = [one - 0.03 * np.sign(two) for one, two in zip(start, gradients)]
pairs = zip(model.get_weights(), wanted)
found["adam"] = [float(np.abs(one - two).max()) for one, two in pairs]

sequence = layers.Input((3, 2))
masked = layers.Masking()(sequence)
found["mask"] = raised(lambda: layers.SimpleRNN(2)(masked))
found["constraint"] = raised(
    lambda: layers.Dense(2, kernel_constraint="non_neg")(layers.Input((2,)))
)
# An image goes through a padded convolution, and is flattened beside it.
image = layers.Input((3, 3, 1))
padded = layers.Conv2D(1, 2, padding="same")(image)
model = models.Model(image, [padded, layers.Flatten()(image)])
rows = rng.uniform(1, 2, (2, 3, 3, 1))
flat = model.predict(rows)[1]
found["reshape"] = float(np.abs(flat - rows.reshape(2, 9)).max())

found["separable"] = hasattr(K, "separable_conv1d")
print(json.dumps(found))
"""


@pytest.fixture(scope="module")
def found(plaidml_python: Path) -> dict[str, Any]:  # noqa: F811 -- the fixture
    """What the script above found in the environment."""
    folder = Path(kerasplug_plaidml.__file__).parent
    command = [str(plaidml_python), "-W", "ignore", "-c", _SCRIPT, str(folder)]
    settings = {key: value or "" for key, value in PlaidML().variables(()).items()}
    done = subprocess.run(
        command,
        env={**os.environ, **settings},
        capture_output=True,
        text=True,
        check=False,
    )
    assert not done.returncode, done.stderr
    answer: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return answer


def test_the_gradient_of_a_value_broadcast_in_one_place_is_wrong(
    found: dict[str, Any],
) -> None:
    """It would be 1: PlaidML adds what is broadcast before it sums, and gives 8."""
    assert found["broadcast"] == [8.0, 8.0, 8.0]


def test_the_gradient_of_a_normalized_image_is_wrong(found: dict[str, Any]) -> None:
    """It would sum to 0, but for rounding."""
    assert found["normalization"] > 0.1


def test_the_gradient_of_an_absolute_value_at_0_is_not_0(found: dict[str, Any]) -> None:
    """Keras 3 gives 0, which keeps biases that start there."""
    assert found["absolute"] == [1.0]


def test_updates_overwrite_what_others_still_read(found: dict[str, Any]) -> None:
    """Adam's first step takes the first layer the wrong way: it sees new weights."""
    kernel, bias, above, bias_above = found["adam"]
    assert max(above, bias_above) < 1e-3  # epsilon's share
    assert max(kernel, bias) > 0.05


def test_what_is_not_there(found: dict[str, Any]) -> None:
    """Masks in loops over time, constraints and a convolution."""
    assert found["mask"] == "NotImplementedError"
    assert found["constraint"] == "PlaidMLKerasException"
    assert not found["separable"]


def test_a_reshape_beside_padding_reads_what_was_padded(found: dict[str, Any]) -> None:
    """Flattened, an image would be what it was: PlaidML pads it in place."""
    assert found["reshape"] > 0.1
