"""An application with its preparation and its best classes, as one model."""

import os
import subprocess
import sys

import numpy as np
import pytest

import kerasplug
from kerasplug.errors import ApplicationError, UnknownNameError
from kerasplug.testing import check_layer

pytestmark = pytest.mark.engine

MODES = ("raw", "tf", "caffe", "torch")


@pytest.fixture(scope="module")
def keras():
    """The Keras in use."""
    return kerasplug.implementation()


@pytest.fixture(scope="module")
def prepare():
    """The class of the layer in front."""
    return kerasplug.layers["application_preprocessing"]


@pytest.fixture(scope="module")
def best():
    """The class of the layer behind."""
    return kerasplug.layers["top_predictions"]


@pytest.fixture(scope="module")
def digits():
    """The real test half, with a channel, as it comes: bytes."""
    x, y = kerasplug.datasets["digits"].load().test
    return x[..., None], y


@pytest.fixture(scope="module")
def whole(keras, prepare, best):
    """Pixels in, the three best digits out."""
    base = kerasplug.applications["digits_cnn"]()
    inputs = keras.Input((8, 8, 1), dtype="uint8")
    return keras.Model(inputs, best(3)(base(prepare(base)(inputs))))


@pytest.fixture(scope="module")
def pictures():
    """Some pictures of bytes."""
    return np.random.default_rng(0).integers(0, 256, (2, 5, 4, 3), dtype="uint8")


@pytest.mark.parametrize("mode", MODES)
def test_the_layer_owes_nothing(mode):
    """It passes all checks that layers of plugins have to."""
    check_layer(
        "application_preprocessing",
        init_kwargs={"mode": mode},
        input_shape=(2, 4, 4, 3),
    )


def test_the_best_classes_owe_nothing():
    """It passes all checks that layers of plugins have to."""
    check_layer("top_predictions", init_kwargs={"top": 2}, input_shape=(2, 4))


@pytest.mark.parametrize("dtype", ["uint8", "int32", "float32", "float64"])
@pytest.mark.parametrize(
    "name", ["vgg16", "densenet121", "xception", "mobilenet_v3_small"]
)
def test_it_does_what_the_function_does(keras, prepare, pictures, name, dtype):
    """Bit for bit, in Keras' own type; within a model to what compiling changes."""
    given = pictures.astype(dtype)
    tensor = keras.ops.convert_to_tensor(given)
    wanted = kerasplug.application_preprocess_inputs(name, tensor)
    wanted = keras.ops.convert_to_numpy(wanted).astype("float32")

    mine = keras.ops.convert_to_numpy(prepare(name)(given))
    assert mine.dtype == "float32"
    np.testing.assert_array_equal(mine, wanted)
    inputs = keras.Input((None, None, 3), dtype=dtype)
    model = keras.Model(inputs, prepare(name)(inputs))
    # XLA multiplies by 1 / 127.5 where eager code divides: a bit or two of 24.
    np.testing.assert_allclose(model.predict(given, verbose=0), wanted, atol=1e-6)


def test_channels_may_come_first(prepare, pictures):
    """The layer keeps the order that it was made with."""
    first = np.moveaxis(pictures, -1, 1)
    mine = prepare("vgg16", data_format="channels_first")(first)
    again = prepare("vgg16", data_format="channels_last")(pictures)

    np.testing.assert_array_equal(np.moveaxis(np.asarray(mine), 1, -1), again)


def test_half_precision_does_not_round_the_pixels(prepare, pictures):
    """In mixed precision the preparation is made in full, and rounded once."""
    mine = prepare("vgg16", dtype="mixed_bfloat16")(pictures)
    full = prepare("vgg16")(pictures)

    assert "bfloat16" in str(mine.dtype)
    rounded = kerasplug.implementation().ops.cast(full, "bfloat16")
    assert np.array_equal(np.asarray(mine), np.asarray(rounded))


def test_one_model_takes_bytes_and_says_digits(whole, digits):
    """What it says gets its names where other predictions get theirs."""
    found = whole.predict(digits[0], verbose=0)
    named = kerasplug.application_decode_predictions(whole, found, top=1)

    assert found["indices"].shape == found["scores"].shape == (355, 3)
    right = [
        int(row[0][1]) == digit for row, digit in zip(named, digits[1], strict=True)
    ]
    assert np.mean(right) > 0.985


def test_it_names_what_the_bare_model_says(whole, digits):
    """The three best of the scores of all, with the same scores."""
    bare = kerasplug.applications["digits_cnn"]()
    preds = bare.predict(digits[0][:20], verbose=0)
    wanted = kerasplug.application_decode_predictions(bare, preds, top=3)

    found = whole.predict(digits[0][:20], verbose=0)
    named = kerasplug.application_decode_predictions(whole, found)
    assert [[one[:2] for one in row] for row in named] == [
        [one[:2] for one in row] for row in wanted
    ]
    np.testing.assert_allclose(
        found["scores"], -np.sort(-preds, axis=1)[:, :3], rtol=1e-6
    )


def test_pixels_are_not_prepared_twice(whole, digits):
    """The function leaves the pixels of a model alone that prepares them itself."""
    assert kerasplug.application_preprocess_inputs(whole, digits[0]) is digits[0]
    assert kerasplug.application_preprocess_inputs(whole)(digits[0]) is digits[0]


_WITHOUT = """
import os, sys
os.environ["KERASPLUG_DISABLE"] = "kerasplug-applications"
import numpy as np
import kerasplug as kp
model = kp.load_model(sys.argv[1])
x = np.load(sys.argv[2])
found = model.predict(x, verbose=0)
np.savez(sys.argv[3], **found)
try:
    kp.application_decode_predictions(model, found)
except kp.UnknownNameError as error:
    print(type(error).__name__)
"""


def test_its_file_needs_no_plugin(whole, digits, tmp_path):
    """A fresh process without the plugin predicts the same; only names need it."""
    model, x, out = tmp_path / "m.keras", tmp_path / "x.npy", tmp_path / "out.npz"
    kerasplug.save_model(whole, model)
    np.save(x, digits[0][:10])
    done = subprocess.run(
        [sys.executable, "-c", _WITHOUT, str(model), str(x), str(out)],
        capture_output=True,
        text=True,
        check=False,
        env=os.environ,
    )

    assert done.returncode == 0, done.stderr[-2000:]
    assert done.stdout.strip() == "UnknownNameError"
    here, there = whole.predict(digits[0][:10], verbose=0), np.load(out)
    assert np.array_equal(here["indices"], there["indices"])
    np.testing.assert_allclose(here["scores"], there["scores"], rtol=1e-6)


def prepared_by_tests(x):
    """A preparation of a plugin's own."""
    return kerasplug.implementation().ops.cast(x, "float32") * 2


def test_a_preparation_of_ones_own_is_found_by_name(keras, prepare, pictures, tmp_path):
    """The file names the application, and nothing in it says what to import."""
    record = kerasplug.ApplicationRecord(
        name="doubled",
        target=f"{__name__}:prepared_by_tests",
        preprocessing=f"{__name__}:prepared_by_tests",
    )

    class Plugin:
        @kerasplug.hookimpl
        def kerasplug_applications(self):
            return [record]

    plugin = Plugin()
    kerasplug.register(plugin, name="doubling")
    try:
        layer = prepare("doubled")
        assert layer.get_config()["mode"] is None
        assert np.array_equal(layer(pictures), pictures.astype("float32") * 2)
        inputs = keras.Input((5, 4, 3))
        path = tmp_path / "m.keras"
        kerasplug.save_model(keras.Model(inputs, layer(inputs)), path)
        again = kerasplug.load_model(path)
        assert np.array_equal(again.predict(pictures, verbose=0), layer(pictures))
    finally:
        kerasplug.unregister(plugin)
    with pytest.raises(kerasplug.KerasplugError, match="load the model") as caught:
        kerasplug.load_model(path)
    assert "doubled" in str(caught.value.__cause__)


@pytest.mark.parametrize(
    ("arguments", "match"),
    [
        ({}, "an application, or a mode"),
        ({"mode": "caffee"}, "mode='caffee'"),
        ({"mode": "os:system"}, "mode='os:system'"),
        ({"application": 3}, "no application|not known"),
        ({"mode": "tf", "data_format": "last"}, "data_format"),
    ],
)
def test_what_is_not_told_is_asked_for(prepare, arguments, match):
    """Neither application nor mode, and what is no mode; nothing is imported."""
    with pytest.raises(ApplicationError, match=match):
        prepare(**arguments)


def test_an_unknown_application_is_told(prepare):
    """With close names, as everywhere."""
    with pytest.raises(UnknownNameError, match="vgg1"):
        prepare("vgg17")


def test_means_of_three_channels_want_three(prepare):
    """Keras would spread one channel over three without a word."""
    grey = np.zeros((1, 4, 4, 1), "float32")

    with pytest.raises(ApplicationError, match="red, green and blue"):
        prepare(mode="caffe")(grey)
    assert prepare(mode="tf")(grey).shape == (1, 4, 4, 1)


@pytest.mark.parametrize("top", [0, 1.5, True, "5"])
def test_how_many_is_a_whole_number(best, top):
    """From one on."""
    with pytest.raises(ApplicationError, match="top="):
        best(top)


def test_there_have_to_be_so_many_classes(best):
    """Keras' own error comes from the middle of the engine."""
    with pytest.raises(ApplicationError, match="2 classes"):
        best(3)(np.zeros((1, 2), "float32"))


@pytest.mark.parametrize(
    "preds",
    [
        {},
        {"indices": np.zeros((1, 2), int)},
        {"indices": np.zeros((1, 2), int), "scores": np.zeros((1, 3))},
        {"indices": np.full((1, 2), 10), "scores": np.zeros((1, 2))},
        {"indices": np.full((1, 2), -1), "scores": np.zeros((1, 2))},
    ],
)
def test_what_the_layer_did_not_say_gets_no_names(preds):
    """Parts that are missing or don't fit, and classes that there are not."""
    with pytest.raises(ApplicationError, match="no predictions of 'digits_cnn'"):
        kerasplug.application_decode_predictions("digits_cnn", preds)
