"""Which check has to catch which layer of `faulty_configuration`."""

from conformance_kit import Fault

_SHAPE = {"input_shape": (2, 4)}

FAULTS = {
    "config_holds_arguments": Fault("faulty_configuration:ForgetsArgument", _SHAPE),
    "config_is_json": Fault("faulty_configuration:NumbersAsKeys", _SHAPE),
    "config_round_trip": Fault("faulty_configuration:GrowingTag", _SHAPE),
    "from_config_is_pure": Fault("faulty_configuration:ReadsEnvironment", _SHAPE),
}

SOUND = {
    "config_complete": Fault("faulty_configuration:Complete", _SHAPE),
    "config_by_keras": Fault(
        "faulty_configuration:ByKeras", {**_SHAPE, "init_kwargs": {"factor": 2.0}}
    ),
    "config_keys_mended": Fault("faulty_configuration:MendsKeys", _SHAPE),
    "config_of_objects": Fault("faulty_configuration:Objects", _SHAPE),
    "config_ignored_argument": Fault("faulty_configuration:Ignores", _SHAPE),
    "config_handed_to_the_base": Fault(
        "faulty_configuration:MoreThanComplete",
        {**_SHAPE, "init_kwargs": {"factor": 2.0, "shift": 1}},
    ),
}
