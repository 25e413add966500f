"""What holds for callbacks on TensorFlow holds on JAX: the same tests once more."""

import pytest
from training_kit import again_on_jax

MODULES = ("callbacks", "own", "resuming", "safety", "targets")


@pytest.mark.engine
@pytest.mark.slow
def test_the_same_on_jax():
    """Each test passes that needs Keras 3 only, and starts no backend of its own."""
    again_on_jax(*MODULES, without=("keras_2", "on_jax", "killed"))
