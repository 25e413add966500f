"""Which check has to catch which layer of `faulty_randomness`."""

from conformance_kit import Fault

_SHAPE = {"input_shape": (2, 4)}

FAULTS = {
    "seeded_randomness_repeats": Fault("faulty_randomness:DrawsTheSame", _SHAPE),
    "random_state_is_saved": Fault("faulty_randomness:DrawsElsewhere", _SHAPE),
}

SOUND = {
    "draws_rarely": Fault("faulty_randomness:Rarely", _SHAPE),
    "draws_at_all_times": Fault(
        "keras.layers:GaussianNoise", {"init_kwargs": {"stddev": 1.0}, **_SHAPE}
    ),
}
