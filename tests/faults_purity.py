"""Which check has to catch which layer of `faulty_purity`."""

from conformance_kit import Fault

_SHAPE = {"input_shape": (2, 4)}

FAULTS = {
    "inputs_are_left_alone": Fault(
        "faulty_purity:Converts", {"input_shape": [(2, 4), (2, 3)]}
    ),
    "no_state_between_calls": Fault("faulty_purity:Remembers", _SHAPE),
    "instances_are_separate": Fault(
        "faulty_purity:SharesWeights",
        _SHAPE,
        # A copy is another instance.
        also=frozenset({"clone_model_equal", "deepcopy_equal", "pickle_equal"}),
    ),
    "threads_agree": Fault("faulty_purity:PassesByAttribute", _SHAPE),
}

SOUND = {
    "notes": Fault("faulty_purity:Notes", _SHAPE),
    "copies_its_list": Fault(
        "faulty_purity:CopiesFirst", {"input_shape": [(2, 4), (2, 4), (2, 4)]}
    ),
}
