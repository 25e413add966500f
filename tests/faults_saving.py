"""Which check has to catch which layer of `faulty_saving`."""

from conformance_kit import Fault

_SHAPE = {"input_shape": (2, 4)}
_FILES = frozenset(
    {"fresh_keras_file", "fresh_h5_file", "fresh_weights_file", "fresh_json"}
)


def doubled(x):
    """A function that only `faulty_saving` makes known to Keras."""
    return x * 2.0


FAULTS = {
    "fresh_keras_file": Fault("faulty_saving:KeepsLabelsHere", _SHAPE),
    "fresh_h5_file": Fault("faulty_saving:OneName", _SHAPE),
    "fresh_weights_file": Fault(
        "faulty_saving:WeightsOfASet",
        _SHAPE,
        also=_FILES - {"fresh_weights_file"},
    ),
    "fresh_json": Fault(
        "faulty_saving:HashesTextsAnew", _SHAPE, also=_FILES - {"fresh_json"}
    ),
    # The layer is declared by its plugin, the function is not.
    "fresh_plugin_file": Fault(
        "faulty_saving:GatedDense",
        {"init_kwargs": {"units": 3, "activation": doubled}, **_SHAPE},
        also=_FILES,
    ),
}

SOUND = {
    "hashes_texts": Fault("faulty_saving:HashesTexts", _SHAPE),
    "keeps_labels": Fault("faulty_saving:KeepsLabels", _SHAPE),
    "saves_its_own_way": Fault("faulty_saving:SavesItsOwnWay", _SHAPE),
    "made_by_a_function": Fault("faulty_saving:MadeByAFunction", _SHAPE),
    "within": Fault("faulty_saving:Group.Within", _SHAPE),
    "of_a_plugin": Fault(
        "downstream_pkg.layers:GatedDense", {"init_kwargs": {"units": 3}, **_SHAPE}
    ),
}
