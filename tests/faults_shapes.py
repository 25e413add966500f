"""Which check has to catch which layer of `faulty_shapes`."""

from conformance_kit import Fault

_SHAPE = {"input_shape": (2, 4)}
_STEPS = {"input_shape": (2, 3, 4)}

FAULTS = {
    "symbolic_equals_eager": Fault(
        "faulty_shapes:SaysFloat",
        _SHAPE,
        also=frozenset(
            {
                "compute_output_spec_is_right",
                "policy_float64",
                "policy_mixed_bfloat16",
                "policy_mixed_float16",
            }
        ),
    ),
    "compute_output_shape_is_right": Fault("faulty_shapes:WrongShape", _SHAPE),
    "compute_output_spec_is_right": Fault(
        "faulty_shapes:WrongSpec", _SHAPE, also=frozenset({"symbolic_equals_eager"})
    ),
    "batch_sizes": Fault("faulty_shapes:KeepsRows", _SHAPE),
    "samples_do_not_mix": Fault("faulty_shapes:MixesRows", _SHAPE),
    "unknown_batch": Fault("faulty_shapes:SaysTwoRows", _SHAPE),
    "unknown_sizes": Fault("faulty_shapes:KeepsSteps", _STEPS),
}

SOUND = {
    "merges_rows": Fault("faulty_shapes:MergesRows", _STEPS),
    "known_steps": Fault("faulty_shapes:KnownSteps", _STEPS),
    "several_outputs": Fault("faulty_shapes:Several", _SHAPE),
}
