"""Which check has to catch which layer of `faulty_building`."""

from conformance_kit import Fault

_SHAPE = {"input_shape": (2, 4)}

FAULTS = {
    "build_equals_call": Fault("faulty_building:NoBuild", _SHAPE),
    "weights_are_made_once": Fault(
        "faulty_building:BuildsLater",
        _SHAPE,
    ),
    "build_is_idempotent": Fault("faulty_building:StartsAnew", _SHAPE),
}

SOUND = {
    "built_once": Fault("faulty_building:BuiltOnce", _SHAPE),
    "composed": Fault("faulty_building:Composed", _SHAPE),
}
