"""Further faults of the checks about numbers, beyond the one that each has to catch."""

import pytest
from conformance_kit import Fault, case_of

pytestmark = pytest.mark.engine

#: By layer: the check that catches it, and what it says.
_CAUGHT = {
    "faulty_randomness:IgnoresSeed": (
        "seeded_randomness_repeats",
        "Two layers with seed=7 and equal weights draw different numbers.",
    ),
    "faulty_randomness:Unseeded": (
        "seeded_randomness_repeats",
        "Equal seeds give different weights",
    ),
    "faulty_randomness:CountsInPython": (
        "random_state_is_saved",
        "A layer that has all variables of another draws other numbers.",
    ),
    "faulty_dtypes:GivesSingle": (
        "policy_mixed_float16",
        "The output in training is not in the dtype of the policy.",
    ),
    "faulty_dtypes:OwnDefault": (
        "global_policy_is_honoured",
        "The global policy mixed_bfloat16 does not reach the layer.",
    ),
    "faulty_gradients:Explodes": (
        "gradients_reach_weights",
        "The gradient of the weight",
    ),
    "faulty_learning:NotInGraphs": ("loss_falls", "the layer raised"),
}


@pytest.mark.parametrize("layer", _CAUGHT)
def test_the_failure_says_what_is_wrong(layer, keras):
    """The message is about this fault, not about another one of the same check."""
    check, said = _CAUGHT[layer]
    fault = Fault(layer, {"input_shape": (2, 4)})
    [outcome] = case_of(fault, checks=[check]).report().outcomes

    assert outcome.status == "failed"
    assert outcome.what.startswith(said)


@pytest.mark.parametrize(
    ("layer", "check", "by"),
    [
        ("faulty_gradients:Cut", "gradients_are_right", "gradients_reach_weights"),
        ("faulty_learning:NotInGraphs", "fit_updates_state", "loss_falls"),
        ("faulty_dtypes:SingleWeight", "gradients_are_right", "policy_float64"),
        ("faulty_purity:Remembers", "threads_agree", "no_state_between_calls"),
    ],
)
def test_one_fault_is_told_once(layer, check, by, keras):
    """Where another check tells of the fault, this one says which it is."""
    fault = Fault(layer, {"input_shape": (2, 4)})
    [outcome] = case_of(fault, checks=[check]).report().outcomes

    assert outcome.status == "not applicable"
    assert outcome.what.endswith(f"see {by}")


def test_the_policy_and_the_precision_are_as_before(keras):
    """The checks leave Keras' global dtype policy, and how wide it computes, alone."""
    before = keras.config.dtype_policy().name
    case_of(Fault("faulty_dtypes:SingleWeight", {"input_shape": (2, 4)})).report()

    assert keras.config.dtype_policy().name == before
    assert keras.layers.Dense(2)(keras.ops.ones((1, 2))).dtype == "float32"
