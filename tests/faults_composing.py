"""Which check has to catch which layer of `faulty_composing`."""

from conformance_kit import Fault

_SHAPE = {"input_shape": (2, 4)}

FAULTS = {
    "in_functional": Fault("faulty_composing:KnownRows", _SHAPE),
    "in_sequential": Fault("faulty_composing:KeepsAShape", _SHAPE),
    "in_subclassed": Fault("faulty_composing:KeepsATensor", _SHAPE),
    "in_nested": Fault("faulty_composing:UsedOnce", _SHAPE),
    "in_time_distributed": Fault(
        "faulty_composing:WorksOutside",
        _SHAPE,
        also=frozenset({"stateless_call_equal"}),
    ),
    "stateless_call_equal": Fault("faulty_composing:CountsOutside", _SHAPE),
}

SOUND = {
    "says_nothing": Fault("faulty_composing:Unsaid", _SHAPE),
    "two_inputs": Fault(
        "faulty_composing:TwoInputs",
        {"input_shape": {"left": (2, 3), "right": (2, 3)}},
    ),
}
