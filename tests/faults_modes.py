"""Which check has to catch which layer of `faulty_modes`."""

from conformance_kit import Fault

_SHAPE = {"input_shape": (2, 4)}

FAULTS = {
    "training_is_honoured": Fault("faulty_modes:NeverDrops", _SHAPE),
    "inference_repeats": Fault("faulty_modes:CountsAlways", _SHAPE),
}

SOUND = {
    "drops": Fault("faulty_modes:Drops", _SHAPE),
    "frozen": Fault("faulty_modes:Frozen", _SHAPE),
    "augments": Fault("faulty_modes:Augments", _SHAPE),
}
