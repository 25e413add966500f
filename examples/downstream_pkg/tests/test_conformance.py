"""What every layer owes to those who use it: kerasplug's checks, each as a test."""

import pytest

from kerasplug.testing import LayerCase, parametrize_with_checks

pytestmark = [pytest.mark.engine, pytest.mark.requires_keras(plugin="downstream-pkg")]


# Strict: should one of these pass, the test fails, and the line goes.
KNOWN = dict.fromkeys(
    ("fresh_keras_file", "fresh_h5_file", "fresh_weights_file", "fresh_json"),
    "it is not registered: kerasplug.load_model finds it, Keras alone needs its class",
) | {"policy_float64": "it computes in float32 under every policy, on purpose"}


# By their names: nothing is imported where there is no Keras, and the tests skip.
@parametrize_with_checks(
    [
        LayerCase(
            "downstream-pkg/gated_dense",
            init_kwargs={"units": 3, "activation": "tanh"},
            input_shape=(2, 5, 4),
        ),
        LayerCase(
            "downstream-pkg/running_norm", input_shape=(4, 3), expected_failures=KNOWN
        ),
    ]
)
def test_layers(check):
    """The layer passes the check, or the check says why it does not apply."""
    check()
