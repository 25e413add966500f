"""The callback classes that the plugin system lists."""

import copy
import os
import pickle
import subprocess
import sys

import pytest

import kerasplug
import kerasplug.training as kt
from kerasplug.errors import RecordError
from kerasplug.training import hooks, targets

pytestmark = pytest.mark.engine


def test_what_the_functions_make_is_of_the_listed_class(keras):
    """One class serves functions, the plugin system, copies and pickles."""
    made = kt.callback_early_stopping("loss", patience=3)

    assert type(made) is targets.EarlyStopping
    assert isinstance(made, keras.callbacks.EarlyStopping)
    assert type(made).__name__ == "EarlyStopping"
    for again in (copy.deepcopy(made), pickle.loads(pickle.dumps(made))):
        assert type(again) is type(made)
        assert again.patience == 3


def test_the_classes_check_as_the_functions_do(keras):
    """By name, as a plugin user gets them, and for subclasses."""
    assert targets.EarlyStopping("loss", patience=2).patience == 2
    with pytest.raises(RecordError, match="mode"):
        targets.EarlyStopping("loss", mode="minimum")

    class Mine(targets.EarlyStopping):
        pass

    assert Mine(patience=4).patience == 4
    with pytest.raises(AttributeError, match="NoSuch"):
        _ = targets.NoSuch


def test_records_name_classes_that_are_callbacks(keras):
    """Each record's target is in the host's own catalog, under its name."""
    records = hooks.kerasplug_callbacks()
    for record in records:
        found = kerasplug.callbacks[f"kerasplug/{record.name}"]
        assert issubclass(found, keras.callbacks.Callback)
    assert len(records) == len(targets.KERAS) + len(targets.OWN)


def test_keras_2_is_served_where_it_can(legacy, monkeypatch):
    """Under tf_keras in a process of its own, the same functions make its callbacks."""
    code = (
        "import kerasplug, kerasplug.training as kt, tf_keras, numpy as np\n"
        "one = kt.callback_early_stopping('loss', patience=2)\n"
        "assert isinstance(one, tf_keras.callbacks.EarlyStopping), type(one)\n"
        "model = tf_keras.Sequential([tf_keras.layers.Dense(1)])\n"
        "model.compile('sgd', 'mse')\n"
        "x = np.ones((4, 2)); seen = []\n"
        "look = kt.callback_lambda(on_predict_end=lambda logs: seen.append(1))\n"
        "kt.safe_fit(model, x, x[:, :1], verbose=0,"
        " callbacks=[one, kt.StepCosts(), kt.callback_progbar_logger('steps')])\n"
        "model.predict(x, verbose=0, callbacks=[look])\n"
        "assert seen == [1]\n"
    )
    environment = {**os.environ, "KERASPLUG_IMPLEMENTATION": "tf_keras"}
    done = subprocess.run(
        [sys.executable, "-c", code],
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-2000:]
