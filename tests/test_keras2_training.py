"""Training that began in Keras 2 goes on in Keras 3, from the files of Keras 2."""

import json
import warnings

import numpy as np
import pytest
from keras2_loading import loaded, same, written
from keras2_training import CASES, batches

from kerasplug.errors import ModelFileError
from kerasplug.saving.keras2_state import optimizer_values

pytestmark = [
    pytest.mark.engine,
    pytest.mark.filterwarnings("ignore:.*was written by Keras 2"),
    pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning"),
]

#: Those that each run tries; the others take a minute.
FEW = ("adam", "metrics", "older-adam", "older-nadam", "rmsprop", "sgd-momentum")
#: Cases of training whose optimizer's state can't be carried over.
ANEW = {
    "adafactor": {".h5", ".keras"},
    **{name: {".keras"} for name in CASES if name.startswith("older-")},
}
#: Where the two versions compute a little differently: the report says so.
ROUGH = {"older-rmsprop": 1e-3}


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """Models that were trained: the few."""
    return written(tmp_path_factory.mktemp("few"), "keras2_training.py", *FEW)


@pytest.fixture(scope="module")
def all_trained(tmp_path_factory):
    """All of them."""
    return written(tmp_path_factory.mktemp("trained"), "keras2_training.py")


@pytest.mark.parametrize("suffix", [".h5", ".keras"])
@pytest.mark.parametrize("name", [one for one in FEW if one != "older-nadam"])
def test_training_goes_on(name, suffix, trained, tmp_path):
    """Trained there, then here: the weights are those of training on there."""
    _go_on(name, suffix, trained, tmp_path)


@pytest.mark.slow
@pytest.mark.parametrize("suffix", [".h5", ".keras"])
@pytest.mark.parametrize("name", [one for one in CASES if one not in FEW])
def test_training_goes_on_with_each_optimizer(name, suffix, all_trained, tmp_path):
    """The same for all optimizers, losses and metrics that both have."""
    _go_on(name, suffix, all_trained, tmp_path)


def _go_on(name, suffix, trained, tmp_path):
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Skipping variable loading")
        model, report = loaded(trained / (name + suffix), tmp_path)
    anew = suffix in ANEW.get(name, ())
    assert ("the optimizer starts anew" in str(report)) is anew
    for x, y in batches(4, 8):
        model.train_on_batch(x, y)

    kept = np.load(trained / f"{name}.npz")
    wanted = [kept[f"w{place}"] for place in range(len(kept))]
    assert same(model.get_weights(), wanted, ROUGH.get(name, 1e-6)) is not anew


@pytest.mark.parametrize("suffix", [".h5", ".keras"])
@pytest.mark.parametrize("name", ["metrics", "adam"])
def test_losses_and_metrics_say_what_they_said(name, suffix, trained, tmp_path):
    """Under the same names they have the same values."""
    model, _ = loaded(trained / (name + suffix), tmp_path)
    for x, y in batches(4, 8):
        model.train_on_batch(x, y)
    x, y = next(batches(8, 9))

    found = model.evaluate(x, y, verbose=0, return_dict=True)

    _, wanted = json.loads((trained / f"{name}.told").read_text())
    assert found == pytest.approx(wanted, abs=1e-5)


def test_what_can_t_be_trained_alike_still_loads_without_its_training(
    trained, tmp_path
):
    """The older Nadam is refused by name; with `compile=False` the model loads."""
    path = trained / "older-nadam.h5"

    with pytest.raises(ModelFileError, match="needs 1 thing") as caught:
        loaded(path, tmp_path)
    assert "the older Nadam" in caught.value.found
    assert "compile=False" in caught.value.mend
    model, _ = loaded(path, tmp_path, compile=False)
    assert not model.compiled


def test_plain_keras_can_t_go_on_with_training(trained, keras):
    """Keras 3 itself loads no trained model of Keras 2 with its training."""
    with pytest.raises((TypeError, ValueError)):
        keras.models.load_model(trained / "adam.h5")


@pytest.mark.parametrize(
    ("names", "why"),
    [
        (["Adam/m/a:0", "iteration:0"], "its first value"),
        (["iteration:0", "Adam/x/a:0"], "'x', which Adam has not"),
        (["iteration:0", "Adam/m/a:0"], "more of one of m, v"),
    ],
)
def test_a_state_that_is_not_understood_is_not_guessed(names, why):
    """Values without a known place are left behind, and the reason is given."""
    adam = {"class_name": "Custom>Adam", "config": {"name": "Adam"}}

    assert why in optimizer_values(adam, names, [0] * len(names))
