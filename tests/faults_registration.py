"""Which check has to catch which layer of `faulty_registration`."""

from conformance_kit import Fault

_SHAPE = {"input_shape": (2, 4)}

FAULTS = {
    "registered_under_own_package": Fault(
        "faulty_registration:EverybodysPackage", _SHAPE
    ),
    "no_code_is_stored": Fault("faulty_registration:StoresBytecode", _SHAPE),
}

SOUND = {
    "registered_function": Fault("faulty_registration:NamesItsFunction", _SHAPE),
    "registered_long_text": Fault(
        "faulty_registration:LongText",
        {**_SHAPE, "init_kwargs": {"checksum": "49fa" * 16}},
    ),
}
