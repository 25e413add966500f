"""Which check has to catch which layer of `faulty_backends`."""

from conformance_kit import Fault

_OPTIONS = {"input_shape": (2, 4), "cross_backend": True}

FAULTS = {"cross_backend": Fault("faulty_backends:OtherEpsilon", _OPTIONS)}

SOUND = {"same_everywhere": Fault("faulty_backends:SameEverywhere", _OPTIONS)}
