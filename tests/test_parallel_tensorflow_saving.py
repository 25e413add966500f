"""Files of parallel models are those of their templates, however they are made."""

import copy
import json
import pickle
import subprocess
import sys

import numpy as np
import pytest
from parallel_kit import (
    assert_alike,
    assert_same,
    cpus,
    elsewhere,
    environment,
    fitted,
    rows,
    started,
    twins,
)

pytestmark = pytest.mark.engine

X, Y = rows(12, 4), rows(12, 2, seed=1)


def dense():
    """Two layers; one has a name."""
    keras, _ = started()
    layers = [keras.layers.Dense(3, activation="tanh", name="named")]
    return keras.Sequential([keras.Input((4,)), *layers, keras.layers.Dense(2)])


def trained():
    """The plain model and the parallel one after the same training."""
    models = twins(dense, 3)
    fitted(models, X, Y, batch_size=5)
    return models


def _by_template(_, parallel, path):
    parallel.template.save(path)


def _by_method(_, parallel, path):
    parallel.save(path)


def _by_kerasplug(kerasplug, parallel, path):
    kerasplug.save_model(parallel, path)


@pytest.mark.parametrize("save", [_by_template, _by_method, _by_kerasplug])
@elsewhere
def test_training_goes_on_exactly_from_a_file(save, tmp_path):
    """Saved with either model, loaded as a usual one, training goes on as it was."""
    import kerasplug

    keras, _ = started()
    plain, parallel = trained()
    save(kerasplug, parallel, tmp_path / "model.keras")
    loaded = keras.saving.load_model(tmp_path / "model.keras")

    assert type(loaded) is keras.Sequential
    assert_same(*fitted([plain, loaded], X, Y, batch_size=5))
    assert_same(plain.get_weights(), loaded.get_weights())
    assert int(loaded.optimizer.iterations) == 6


@elsewhere
def test_what_was_loaded_is_parallel_again(tmp_path):
    """A loaded template is given to `multi_gpu_model`, and its training goes on."""
    from kerasplug import load_model, multi_gpu_model

    plain, parallel = trained()
    parallel.save(tmp_path / "model.keras")
    again = multi_gpu_model(load_model(tmp_path / "model.keras"), cpus(2))

    histories = fitted([plain, again], X, Y, batch_size=5)

    assert_alike((plain, again), histories)


@elsewhere
def test_hdf5_files_go_on_as_well(tmp_path):
    """HDF5 with kerasplug's functions holds the template and its optimizer."""
    from kerasplug import load_model_hdf5, save_model_hdf5

    plain, parallel = trained()
    save_model_hdf5(parallel, tmp_path / "model.h5")
    loaded = load_model_hdf5(tmp_path / "model.h5")

    assert_same(*fitted([plain, loaded], X, Y, batch_size=5))
    assert_same(plain.get_weights(), loaded.get_weights())


@elsewhere
def test_a_process_with_one_device_loads_the_file(tmp_path):
    """Plain Keras, without kerasplug, computes with it what was computed here."""
    _, parallel = twins(dense)
    parallel.save(tmp_path / "model.keras")
    np.save(tmp_path / "x.npy", X)
    program = (
        "import sys, json, numpy, keras\n"
        "model = keras.saving.load_model(sys.argv[1])\n"
        "found = model.predict(numpy.load(sys.argv[2]), verbose=0)\n"
        "print(json.dumps(found.tolist()))\n"
    )
    files = [tmp_path / "model.keras", tmp_path / "x.npy"]
    done = subprocess.run(
        [sys.executable, "-c", program, *files],
        env=environment(),
        capture_output=True,
        text=True,
        check=True,
    )

    found = json.loads(done.stdout.splitlines()[-1])
    np.testing.assert_allclose(found, parallel(X), rtol=1e-5)  # Keras feeds it float32


@elsewhere
def test_bytes_and_texts_are_the_templates():
    """Models in memory and architectures know nothing of devices."""
    import kerasplug

    _, parallel = trained()
    template = parallel.template

    loaded = kerasplug.loads(kerasplug.dumps(parallel))
    assert_same(loaded.get_weights(), template.get_weights())
    assert type(loaded) is type(template)
    assert parallel.to_json() == template.to_json()
    assert kerasplug.model_to_json(parallel) == kerasplug.model_to_json(template)
    assert kerasplug.model_to_yaml(parallel) == kerasplug.model_to_yaml(template)


@elsewhere
def test_weights_by_keras_methods(tmp_path):
    """Weights go into a file of either model, and from it into both."""
    name = "some.weights.h5"
    _, parallel = twins(dense)
    before = parallel.get_weights()
    parallel.save_weights(tmp_path / name)
    other = dense()
    other.load_weights(tmp_path / name)
    assert_same(other.get_weights(), before, close=0)

    parallel.set_weights([one * 0 for one in before])
    parallel.load_weights(tmp_path / name)

    assert_same(parallel.template.get_weights(), before, close=0)


@pytest.mark.parametrize("by_name", [False, True])
@elsewhere
def test_weights_by_kerasplug(by_name, tmp_path):
    """Files of weights alone name the template's layers."""
    from kerasplug import load_model_weights_hdf5, save_model_weights_hdf5

    _, parallel = twins(dense)
    before = parallel.get_weights()
    save_model_weights_hdf5(parallel, tmp_path / "weights.h5")
    parallel.set_weights([one * 0 for one in before])

    load_model_weights_hdf5(parallel, tmp_path / "weights.h5", by_name=by_name)

    assert_same(parallel.template.get_weights(), before, close=0)


@elsewhere
def test_an_export_is_the_templates(tmp_path):
    """What serves predictions has no trace of devices."""
    _, tf = started()
    _, parallel = twins(dense)
    parallel.export(tmp_path / "served", verbose=False)

    served = tf.saved_model.load(tmp_path / "served")
    assert_same(served.serve(X), parallel.template(X))


@elsewhere
def test_an_export_after_relocation(tmp_path):
    """Variables that were moved are what is exported."""
    from kerasplug import multi_gpu_model

    keras, tf = started()
    with keras.device("cpu:3"):
        template = dense()
    parallel = multi_gpu_model(template, cpus(2), cpu_relocation=True)
    parallel.export(tmp_path / "served", verbose=False)

    served = tf.saved_model.load(tmp_path / "served")
    assert_same(served.serve(X), template(X))


@pytest.mark.parametrize("suffix", ["keras", "h5"])
@elsewhere
def test_keras_function_for_saving_is_refused(suffix, tmp_path):
    """It would write the wrapper, which no computer could load."""
    from kerasplug.errors import DeviceError

    keras, _ = started()
    _, parallel = twins(dense)

    with pytest.raises(DeviceError, match="its template is") as caught:
        keras.saving.save_model(parallel, tmp_path / f"model.{suffix}")

    assert caught.value.mend == "model.save(path), or save `model.template`"


@pytest.mark.parametrize("copying", [pickle.dumps, copy.deepcopy])
@elsewhere
def test_copies_are_refused(copying):
    """A copy would have weights of its own: the template is what to copy."""
    from kerasplug.errors import DeviceError

    _, parallel = twins(dense)

    with pytest.raises(DeviceError, match="its template is"):
        copying(parallel)


@elsewhere
def test_clones_are_refused():
    """Keras' `clone_model` needs a configuration, too."""
    from kerasplug.errors import DeviceError

    keras, _ = started()
    _, parallel = twins(dense)

    with pytest.raises(DeviceError, match="its template is"):
        keras.models.clone_model(parallel)


@pytest.mark.parametrize("whole", [True, False], ids=["whole", "weights"])
@elsewhere
def test_checkpoints_while_training(whole, tmp_path):
    """Keras' callback writes the template, which goes on to the same weights."""
    keras, _ = started()
    path = tmp_path / ("best.keras" if whole else "best.weights.h5")
    _, parallel = twins(dense, 2)
    callback = keras.callbacks.ModelCheckpoint(path, save_weights_only=not whole)
    fitted([parallel], X, Y, batch_size=5, callbacks=[callback], epochs=2)

    other = keras.saving.load_model(path) if whole else dense()
    if not whole:
        other.load_weights(path)

    assert type(other) is keras.Sequential
    assert_same(other.get_weights(), parallel.get_weights(), close=0)


@elsewhere
def test_a_backup_restores_a_training_that_was_cut(tmp_path):
    """BackupAndRestore goes on to the numbers of an uninterrupted training."""
    keras, _ = started()
    plain, parallel = twins(dense, 3)
    first = parallel.get_weights()
    again = twins(dense, 2)[1]
    again.set_weights(first)

    def stop(epoch, logs):
        if epoch == 1:
            raise KeyboardInterrupt

    def backup():
        return keras.callbacks.BackupAndRestore(tmp_path / "backup")

    stopping = keras.callbacks.LambdaCallback(on_epoch_end=stop)
    fitted([plain], X, Y, batch_size=5, epochs=4)
    with pytest.raises(KeyboardInterrupt):
        fitted([parallel], X, Y, batch_size=5, epochs=4, callbacks=[backup(), stopping])
    (history,) = fitted([again], X, Y, batch_size=5, epochs=4, callbacks=[backup()])

    assert 0 < len(history["loss"]) < 4
    assert_alike((plain, again))
