"""Which check has to catch which layer of `faulty_copies`."""

from conformance_kit import Fault

_SHAPE = {"input_shape": (2, 4)}

FAULTS = {
    "clone_model_equal": Fault("faulty_copies:HandsOverItsPart", _SHAPE),
    "deepcopy_equal": Fault("faulty_copies:CopiesItself", _SHAPE),
    "pickle_equal": Fault("faulty_copies:PicklesNoWeights", _SHAPE),
}

SOUND = {
    "copied_part": Fault("faulty_copies:CopiesItsPart", _SHAPE),
    "copied_by_itself": Fault("faulty_copies:CopiesWell", _SHAPE),
}
