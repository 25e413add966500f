"""Training with callbacks, and keeping weights, on Keras 2.2.4 with PlaidML."""

import textwrap

import here_kit
import pytest

import kerasplug

here = here_kit.here  # a fixture
pytestmark = pytest.mark.engine

#: A compiled model of two layers, and rows with what is right for them.
START = """
import os, sys
import kerasplug as kp, numpy as np
kp.use_backend("plaidml")
keras = kp.implementation()
def model():
    both = [keras.layers.Dense(3, input_shape=(2,), name="a")]
    both += [keras.layers.BatchNormalization(name="n"), keras.layers.Dense(1, name="b")]
    made = keras.models.Sequential(both)
    made.compile("adam", "mse")
    return made
def said(call):
    try:
        return call()
    except kp.errors.KerasVersionError as error:
        return f"{error.what} | {error.mend}"
rows = np.random.RandomState(0).rand(16, 2).astype("float32")
right = rows[:, :1]
"""


@pytest.fixture
def run(here, tmp_path):
    """Runs code after `START`, in a folder of its own; gives the lines it prints."""

    def run(code):
        return here.run(START + textwrap.dedent(code), cwd=tmp_path)

    return run


def test_weights_are_kept_for_every_keras(run, tmp_path):
    """A file of weights that was written there is read by Keras 3, by its layers."""
    out = run(
        """
        one = model()
        one.fit(rows, right, verbose=0)
        print(kp.save_model_weights_hdf5(one, "w.h5"))
        np.savez("w.npz", *one.get_weights())
        print(said(lambda: kp.save_model_weights_hdf5(one, "w.weights.h5")))
        print(said(lambda: kp.load_model_weights_hdf5(one, "w.h5")))
        print(sorted(os.listdir()))
        """
    )
    assert out[0] == "True"
    assert out[1].startswith("Only Keras 3 writes what files are")
    assert "keras 2.2.4 has no 'saving'" in out[2]
    assert out[3] == "['w.h5', 'w.npz']"

    import keras
    import numpy as np

    layers = keras.layers
    model = keras.Sequential([keras.Input((2,)), layers.Dense(3, name="a")])
    model.add(layers.BatchNormalization(name="n"))
    model.add(layers.Dense(1, name="b"))
    kerasplug.load_model_weights_hdf5(model, tmp_path / "w.h5", by_name=True)
    with np.load(tmp_path / "w.npz") as kept:
        for found, expected in zip(model.get_weights(), kept.values(), strict=True):
            np.testing.assert_array_equal(found, expected)


def test_a_file_of_weights_appears_whole_or_not_at_all(run):
    """Where writing fails, the file that was there stays."""
    out = run(
        """
        one = model()
        open("w.h5", "w").write("before")
        try:
            kp.save_model_weights_hdf5(one, "w.h5", overwrite=False)
        except FileExistsError:
            print(open("w.h5").read())
        one.layers[2].name = None  # no name for a group
        try:
            kp.save_model_weights_hdf5(one, "w.h5")
        except Exception as error:
            print(open("w.h5").read(), os.listdir())
        """
    )
    assert out == ["before", "before ['w.h5']"]


def test_a_model_is_put_back_after_an_error(run):
    """`safe_fit` gives weights and the optimizer back what they had before an error."""
    out = run(
        """
        class Stop(keras.callbacks.Callback):
            def on_epoch_end(self, epoch, logs=None):
                raise ValueError("stop")
        for epochs in (0, 1):
            one = model()
            one.fit(rows, right, epochs=epochs, verbose=0)
            before = one.get_weights()
            try:
                kp.safe_fit(one, rows, right, verbose=0, callbacks=[Stop()])
            except ValueError as error:
                print(error.__notes__)
            print(all((a == b).all() for a, b in zip(before, one.get_weights())))
            print([int(one.optimizer.iterations.eval())])
        other = model()
        other.set_weights(before)
        history = kp.safe_fit(one, rows, right, epochs=2, verbose=0)
        print(len(history.history["loss"]), history.epoch)
        """
    )
    note = "['safe_fit() has put the model back as it was, 0 epochs ago.']"
    assert out == [note, "True", "[0]", note, "True", "[1]", "2 [0, 1]"]


def test_callbacks_take_what_the_older_keras_knows(run):
    """Those of Keras' callbacks that there are work as they are by default."""
    out = run(
        """
        def fit(*callbacks, epochs=3):
            history = model().fit(rows, right, epochs=epochs, verbose=0,
                                  callbacks=list(callbacks))
            return len(history.epoch)
        print(fit(kp.callback_early_stopping("loss", min_delta=9, patience=1)))
        print(fit(kp.callback_model_checkpoint("{epoch}.h5", "loss")))
        print(fit(kp.callback_model_checkpoint("w.weights.h5", "loss",
                                               save_weights_only=True)))
        print(sorted(os.listdir()))
        print(fit(kp.callback_reduce_lr_on_plateau("loss"),
                  kp.callback_csv_logger("log.csv"), kp.callback_terminate_on_nan(),
                  kp.callback_learning_rate_scheduler(lambda epoch: 0.1)))
        print(fit(kp.callback_progbar_logger(), epochs=1))
        """
    )
    assert out == ["2", "3", "3", "['1.h5', '2.h5', '3.h5', 'w.weights.h5']", "3", "1"]


def test_a_silent_bar_of_that_keras_fails_by_itself(run):
    """Keras 2.2.4's own bar has no target where `fit` is silent."""
    out = run(
        """
        try:
            model().fit(rows, right, verbose=0,
                        callbacks=[keras.callbacks.ProgbarLogger()])
        except AttributeError as error:
            print(error)
        """
    )
    assert out == ["'ProgbarLogger' object has no attribute 'target'"]


@pytest.mark.parametrize(
    ("call", "lacks"),
    [
        ("kp.callback_early_stopping(start_from_epoch=3)", "start_from_epoch=3"),
        ("kp.callback_model_checkpoint('m.h5', save_freq=5)", "save_freq=5"),
        ("kp.callback_terminate_on_nan(raise_error=True)", "raise_error=True"),
        ("kp.callback_backup_and_restore('b')", "BackupAndRestore"),
        ("kp.callback_swap_ema_weights()", "SwapEMAWeights"),
        ("kp.compare_backends('m.h5', ['plaidml', 'jax'])", "saving"),
        ("check_layer(keras.layers.ReLU, input_shape=(2, 2))", "utils.set_ran"),
    ],
)
def test_what_needs_keras_3_says_so(run, call, lacks):
    """Options and calls that Keras 2.2.4 can't serve name what it lacks."""
    out = run(
        f"""
        from kerasplug.testing.conformance.api import check_layer
        print(said(lambda: {call}))
        """
    )
    assert out[0].startswith(f"keras 2.2.4 has no '{lacks}")
    assert out[0].endswith("| do it in an environment with Keras 3")
