"""Which check has to catch which layer of `faulty_building`."""

from conformance_kit import Fault

_SHAPE = {"input_shape": (2, 4)}

FAULTS = {
    # Keras builds by shape what it reads from files; functional models call it.
    "build_equals_call": Fault(
        "faulty_building:NoBuild",
        _SHAPE,
        also=frozenset(
            {
                "deepcopy_equal",
                "pickle_equal",
                "fresh_keras_file",
                "fresh_weights_file",
                "fresh_json",
            }
        ),
    ),
    # Whatever calls it in inference only makes fewer weights.
    "weights_are_made_once": Fault(
        "faulty_building:BuildsLater",
        _SHAPE,
        also=frozenset(
            {
                "config_round_trip",
                "in_functional",
                "in_sequential",
                "in_subclassed",
                "in_nested",
                "in_time_distributed",
                "loss_falls",
            }
        ),
    ),
    "build_is_idempotent": Fault("faulty_building:StartsAnew", _SHAPE),
}

SOUND = {
    "built_once": Fault("faulty_building:BuiltOnce", _SHAPE),
    "composed": Fault("faulty_building:Composed", _SHAPE),
}
