"""The suite says nothing false about any public layer of Keras 3 on TensorFlow."""

import pytest
from keras_layer_run import chunks, demand_as_expected


@pytest.mark.engine
@pytest.mark.slow
@pytest.mark.timeout(3600)
@pytest.mark.parametrize("rows", chunks(), ids=lambda rows: f"{rows[0]}-and-so-on")
def test_no_false_alarms(rows):
    """Keras' layers pass all checks but for known faults, and no fewer checks run."""
    demand_as_expected("tensorflow", rows)
