"""Which check has to catch which layer of `faulty_masks`."""

from conformance_kit import Fault

_STEPS = {"input_shape": (3, 5, 4)}

FAULTS = {
    "mask_as_declared": Fault("faulty_masks:DropsTheMask", _STEPS),
    "mask_shape_fits": Fault("faulty_masks:EachSecond", _STEPS),
    "masked_steps_do_not_leak": Fault("faulty_masks:Centres", _STEPS),
}

SOUND = {
    "masked_mean": Fault("faulty_masks:MaskedMean", _STEPS),
    "each_second_masked": Fault("faulty_masks:EachSecondMasked", _STEPS),
    "convolves": Fault("faulty_masks:Convolves", _STEPS),
}
