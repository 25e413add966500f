"""Stateful models do the same on JAX as on TensorFlow, to the last digits of float32.

What is compared: losses, outputs, states after each call, weights. The models and the
programs are in `states_kit.py`.
"""

import functools
import tempfile
from pathlib import Path

import numpy as np
import pytest
from states_kit import MODELS, in_process

pytestmark = pytest.mark.engine

#: Numbers are about 1, and float32 has 1.2e-7 of that; some 30 steps of training, in
#: each of which a few dozen roundings differ and don't add up systematically.
TOLERANCE = 1e-5
#: What forgetting states changes is no rounding.
FORGOTTEN = 1e-2


@functools.cache
def numbers(engine, what, *names):
    """What a process with this engine has found; asked once."""
    with tempfile.TemporaryDirectory() as folder:
        return in_process(engine, what, Path(folder, "numbers.npz"), *names)


def difference(one, other, prefix):
    """The largest difference among what begins with `prefix`."""
    keys = [key for key in one if key.startswith(prefix)]
    assert keys
    assert keys == [key for key in other if key.startswith(prefix)]
    for key in keys:
        assert one[key].shape == other[key].shape
    return max(float(np.abs(one[key] - other[key]).max()) for key in keys)


#: One of each kind; the others take minutes more.
FIRST = ("lstm", "stacked", "nested")
REST = tuple(name for name in MODELS if name not in FIRST)
ALL = [*FIRST, *(pytest.param(name, marks=pytest.mark.slow) for name in REST)]


def group(name):
    """With which models it shares a process."""
    return FIRST if name in FIRST else REST


@pytest.mark.parametrize("name", ALL)
def test_jax_carries_states_as_tensorflow_does(name):
    """fit, evaluate, predict and the rest give TensorFlow's numbers, compiled."""
    theirs = numbers("tensorflow", "carried", *group(name))
    ours = numbers("jax", "carried", *group(name))

    assert difference(ours, theirs, f"{name}: ") < TOLERANCE


@pytest.mark.parametrize("name", FIRST)
def test_jax_carries_states_without_compiling_too(name):
    """With `run_eagerly` the numbers are TensorFlow's as well."""
    theirs = numbers("tensorflow", "carried", *FIRST)
    ours = numbers("jax", "eager", *FIRST)

    assert difference(ours, theirs, f"{name}: ") < TOLERANCE


@pytest.mark.parametrize("name", ALL)
def test_keras_by_itself_forgets_states_on_jax(name):
    """Plain Keras gives other numbers on JAX, and leaves no states behind."""
    theirs = numbers("tensorflow", "carried", *group(name))
    plain = numbers("jax", "plain", *group(name))

    for what in ("fit", "evaluate", "predict"):
        assert difference(plain, theirs, f"{name}: {what}") > FORGOTTEN
    for key in [key for key in plain if key.startswith(f"{name}: predict, state")]:
        assert not plain[key].any()
        assert theirs[key].any()


@pytest.mark.parametrize("name", ["lstm", "both ways", "stacked", "nested"])
def test_the_numpy_backend_needs_no_help(name):
    """Evaluating and predicting on NumPy carries states as on TensorFlow."""
    theirs = numbers("tensorflow", "asked")
    ours = numbers("numpy", "asked")

    assert difference(ours, theirs, f"{name}: ") < TOLERANCE


@pytest.mark.parametrize("engine", ["tensorflow", "jax", "tf_keras"])
@pytest.mark.parametrize("every", ["epoch", "batch", 2])
def test_resetting_in_fit_is_what_a_loop_does(engine, every):
    """`ResetStates` gives the losses, weights and states of a loop written by hand.

    Validation begins with zeros in it and leaves no trace.
    """
    found = numbers(engine, "resets")
    by_hand = {key: found[key] for key in found if key.startswith(f"by hand: {every},")}

    assert len(by_hand) > 5
    for key, value in by_hand.items():
        by_fit = found[key.replace("by hand", "by fit")]
        np.testing.assert_allclose(by_fit, value, atol=TOLERANCE)


@pytest.mark.parametrize("engine", ["jax", "tf_keras"])
def test_resets_are_the_same_on_all_engines(engine):
    """Trainings that reset states have TensorFlow's numbers on JAX and in Keras 2."""
    theirs = numbers("tensorflow", "resets")

    assert difference(numbers(engine, "resets"), theirs, "") < TOLERANCE


def test_ways_to_reset_are_told_apart_by_their_numbers():
    """Each way of resetting trains to other weights: the comparisons can fail."""
    found = numbers("tensorflow", "resets")
    ends = [found[f"by fit: {every}, 1"] for every in ("epoch", "batch", 2)]

    for one, other in ((0, 1), (1, 2), (0, 2)):
        assert np.abs(ends[one] - ends[other]).max() > 1e-4
