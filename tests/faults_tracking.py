"""Which check has to catch which layer of `faulty_tracking`."""

from conformance_kit import Fault

_SHAPE = {"input_shape": (2, 4)}

FAULTS = {
    "everything_is_tracked": Fault("faulty_tracking:HidesLayer", _SHAPE),
    "trainable_false_freezes_all": Fault("faulty_tracking:FreezesNoPart", _SHAPE),
}

SOUND = {
    "tracked_containers": Fault("faulty_tracking:Containers", _SHAPE),
    "tracked_back_reference": Fault("faulty_tracking:BackReference", _SHAPE),
    "tracked_frozen_part": Fault("faulty_tracking:FrozenPart", _SHAPE),
}
