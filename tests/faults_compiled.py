"""Which check has to catch which layer of `faulty_compiled`."""

from conformance_kit import Fault

_SHAPE = {"input_shape": (2, 4)}
#: There is no XLA of its own there.
_NO_XLA = frozenset({"jax", "torch"})

FAULTS = {
    "traced_equals_eager": Fault("faulty_compiled:LooksAtValues", _SHAPE),
    "compiled_equals_eager": Fault("faulty_compiled:Gamma", _SHAPE, unless=_NO_XLA),
    "predict_equals_call": Fault(
        "faulty_compiled:KnowsItsRows",
        _SHAPE,
        also=frozenset({"traced_equals_eager"}),
        unless=frozenset({"jax"}),
    ),
}

SOUND = {
    "not_compiled": Fault("faulty_compiled:NotCompiled", _SHAPE),
    "branches": Fault("faulty_compiled:Branches", _SHAPE),
}
