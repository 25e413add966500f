"""Which check has to catch which layer of `faulty_learning`."""

from conformance_kit import Fault

_SHAPE = {"input_shape": (2, 4)}

FAULTS = {
    "loss_falls": Fault("faulty_learning:Constrained", _SHAPE),
    "fit_updates_state": Fault(
        "faulty_learning:CountsSteps", _SHAPE, unless=frozenset({"torch"})
    ),
}

SOUND = {
    "bounded": Fault("faulty_learning:Bounded", _SHAPE),
    "wide": Fault("faulty_learning:Wide", {"input_shape": (2, 256)}),
}
