"""Which check has to catch which layer of `faulty_dtypes`."""

from conformance_kit import Fault

_SHAPE = {"input_shape": (2, 4)}

FAULTS = {
    "policy_mixed_float16": Fault("faulty_dtypes:TooLarge", _SHAPE),
    "policy_mixed_bfloat16": Fault("faulty_dtypes:NotInTheTable", _SHAPE),
    "policy_float64": Fault("faulty_dtypes:SingleWeight", _SHAPE),
    "global_policy_is_honoured": Fault("faulty_dtypes:OwnDefault", _SHAPE),
}

SOUND = {
    "gives_integers": Fault("faulty_dtypes:CountsInInts", _SHAPE),
    "computes_wide": Fault("faulty_dtypes:ComputesWide", _SHAPE),
}
