"""Which check has to catch which layer of `faulty_gradients`."""

from conformance_kit import Fault

_SHAPE = {"input_shape": (2, 4)}

FAULTS = {
    "gradients_reach_weights": Fault("faulty_gradients:Cut", _SHAPE),
    "gradients_are_right": Fault("faulty_gradients:Halved", _SHAPE),
    "gradients_finite_at_zero": Fault("faulty_gradients:RootOfZero", _SHAPE),
}

SOUND = {
    "kinks": Fault("faulty_gradients:Kinks", _SHAPE),
    "straight_through": Fault("faulty_gradients:StraightThrough", _SHAPE),
    "learns_by_its_own_loss": Fault("faulty_gradients:LearnsByLoss", _SHAPE),
}
