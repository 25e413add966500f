"""What PlaidML predicts for a model of each sort is what tf.keras predicts."""

import numpy as np
import proof_kit
import pytest
from proof_kit import MODELS, inputs_of, randomised

import kerasplug as kp

pytestmark = [pytest.mark.engine, pytest.mark.usefixtures("plaidml")]

plaidml = proof_kit.plaidml  # a fixture

#: Measured: 2e-6 at most. The sums are of up to 500 float32 products near one.
_APART = 1e-5


def listed(outputs):
    """The outputs as a list, also where there is but one."""
    return outputs if isinstance(outputs, list) else [outputs]


@pytest.mark.parametrize("name", MODELS)
def test_predictions_are_those_of_keras(name):
    """Random weights, a partial batch: within 1e-5, and the weights come back alike."""
    keras = kp.implementation()
    model = randomised(MODELS[name](keras))
    inputs = inputs_of(model)
    given = inputs if len(inputs) > 1 else inputs[0]
    before = [np.array(one) for one in model.get_weights()]

    with kp.to_backend(model, "plaidml", batch_size=16) as remote:
        there = remote.predict(given, verbose=0)
        weights = remote.get_weights()

    here = model.predict(given, verbose=0)
    for mine, other in zip(listed(here), listed(there), strict=True):
        np.testing.assert_allclose(other, mine, atol=_APART, rtol=_APART)
    for mine, other in zip(before, weights, strict=True):
        np.testing.assert_array_equal(other, mine)


def test_a_packaged_application_predicts_its_digits():
    """`digits_cnn`, trained elsewhere, reads the test digits on PlaidML as here."""
    pytest.importorskip("kerasplug_applications")
    pytest.importorskip("kerasplug_datasets")
    model = kp.applications["digits_cnn"]()
    (_, _), (x, y) = kp.datasets["digits"].load()
    pixels = x[..., None].astype("float32")

    with kp.to_backend(model, "plaidml", batch_size=64) as remote:
        there = remote.predict(pixels, verbose=0)

    here = model.predict(pixels, verbose=0)
    np.testing.assert_allclose(there, here, atol=_APART)
    assert np.mean(there.argmax(1) == y) > 0.98


def test_a_vector_of_zeros_has_no_direction():
    """`Dot(normalize=True)` gives 0 for it, as in Keras 3; PlaidML divides by 0."""
    keras = kp.implementation()
    left, right = keras.Input((4,)), keras.Input((4,))
    output = keras.layers.Dot(-1, normalize=True)([left, right])
    model = keras.Model([left, right], output)
    rows = np.array([[0.0, 0, 0, 0], [3, 4, 0, 0]], "float32")

    with kp.to_backend(model, "plaidml", batch_size=2) as remote:
        there = remote.predict([rows, rows], verbose=0)

    np.testing.assert_allclose(there, [[0.0], [1.0]], atol=_APART)
