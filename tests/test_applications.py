"""Applications as users hold them: weights, preprocessing, names of classes."""

import os
import subprocess
import sys

import numpy as np
import pytest

import kerasplug
from kerasplug.errors import ApplicationError, KerasplugWarning, UnknownNameError

pytestmark = pytest.mark.engine

FAMILIES = ("vgg16", "resnet50", "xception", "densenet121", "efficientnet_b0")
DTYPES = ("uint8", "int64", "bool", "float16", "float32", "float64")


@pytest.fixture(scope="module")
def digits():
    """The real test half."""
    return kerasplug.datasets["digits"].load().test


@pytest.fixture
def digits_cnn():
    """The handle."""
    return kerasplug.applications["digits_cnn"]


def test_the_trained_model_reads_digits(digits_cnn, digits):
    """Its packaged weights are in it without being asked for."""
    predicted = digits_cnn().predict(digits.x[..., None], verbose=0)

    assert (predicted.argmax(axis=1) == digits.y).mean() > 0.985


def test_without_weights_it_is_new(digits_cnn, digits):
    """`weights=None` builds and loads nothing."""
    predicted = digits_cnn(weights=None).predict(digits.x[..., None], verbose=0)

    assert (predicted.argmax(axis=1) == digits.y).mean() < 0.6


def test_without_the_top_layers_are_found_by_name(digits_cnn, digits):
    """One file serves both; the features are those inside the whole model."""
    whole, base = digits_cnn(), digits_cnn(include_top=False)

    for layer in base.layers:
        mine, his = layer.get_weights(), whole.get_layer(layer.name).get_weights()
        assert all(map(np.array_equal, mine, his))


def test_weights_come_from_a_file_of_the_user(digits_cnn, digits, tmp_path):
    """A path is loaded as `load_model_weights_hdf5` does it, all or nothing."""
    new = digits_cnn(weights=None)
    path = tmp_path / "own.weights.h5"
    kerasplug.save_model_weights_hdf5(new, path)

    again = digits_cnn(weights=path)

    assert all(map(np.array_equal, new.get_weights(), again.get_weights()))


@pytest.mark.parametrize(
    ("wrong", "mend"),
    [
        ({"pooling": "average", "include_top": False}, "'avg'"),
        ({"poling": "avg"}, "did you mean 'pooling'"),
        ({"weights": "imagenet"}, "'digits'"),
        ({"weights": "no/such/file.h5"}, "'digits'"),
        ({"classes": 0, "weights": None}, "from 1"),
        ({"classes": 5}, "include_top=False"),
        ({"input_shape": (4, 4, 1)}, "8 pixels"),
        ({"input_shape": (None, 8, 1)}, "include_top=False"),
        ({"input_shape": "8x8"}, "whole numbers"),
        ({"include_top": 1}, "True or False"),
    ],
    ids=str,
)
def test_wrong_arguments_are_told(digits_cnn, wrong, mend):
    """Each names what was given, and what may be."""
    with pytest.raises(ApplicationError) as caught:
        digits_cnn(**wrong)

    assert mend in str(caught.value)


def test_a_pooling_that_does_nothing_is_a_warning(digits_cnn):
    """With the top Keras ignores it without a word."""
    with pytest.warns(KerasplugWarning, match="does nothing") as caught:
        digits_cnn(pooling="avg")

    assert caught[0].filename == __file__


@pytest.mark.parametrize("name", FAMILIES)
@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("data_format", [None, "channels_last", "channels_first"])
def test_preprocessing_is_that_of_keras(name, dtype, data_format):
    """Bit for bit, of one image and of many; the caller's array stays what it was."""
    keras = kerasplug.implementation()
    family = kerasplug.applications.record(name).family
    theirs = getattr(keras.applications, family).preprocess_input
    rng = np.random.default_rng(0)
    shape = (3, 5, 7) if data_format == "channels_first" else (5, 7, 3)
    for sizes in (shape, (2, *shape)):
        x = rng.integers(0, 256, sizes).astype(dtype)
        before = x.copy()

        mine = kerasplug.application_preprocess_inputs(name, x, data_format=data_format)

        assert np.array_equal(x, before)
        his = theirs(before, data_format=data_format)
        assert mine.dtype == his.dtype
        assert np.array_equal(mine, his)


def test_keras_itself_writes_over_the_callers_array():
    """The reason for a copy; when this fails, Keras has changed."""
    keras = kerasplug.implementation()
    x = np.full((2, 2, 3), 255.0, "float32")
    keras.applications.xception.preprocess_input(x)

    assert x.max() == 1.0


@pytest.mark.parametrize("name", FAMILIES[:4])
def test_tensors_are_prepared_as_well(name):
    """Whole numbers, too, which Keras refuses."""
    keras = kerasplug.implementation()
    x = np.random.default_rng(0).integers(0, 256, (2, 4, 4, 3))
    wanted = kerasplug.application_preprocess_inputs(name, x)

    found = kerasplug.application_preprocess_inputs(
        name, keras.ops.convert_to_tensor(x)
    )

    assert np.allclose(keras.ops.convert_to_numpy(found), wanted, atol=1e-4)


def test_predictions_get_names(digits_cnn, digits):
    """The best comes first, with its score."""
    model = digits_cnn()
    scores = model.predict(digits.x[:5, ..., None], verbose=0)

    rows = kerasplug.application_decode_predictions(model, scores, top=3)

    assert [row[0][1] for row in rows] == [str(one) for one in scores.argmax(axis=1)]
    assert [len(row) for row in rows] == [3] * 5
    assert rows[0][0][2] == scores[0].max()


@pytest.mark.parametrize(
    "wrong", [{"top": 0}, {"top": True}, {"preds": np.zeros((2, 9))}], ids=str
)
def test_what_can_not_be_decoded_is_told(wrong):
    """Another shape, and another number."""
    arguments = {"preds": np.zeros((2, 10)), **wrong}
    with pytest.raises(ApplicationError):
        kerasplug.application_decode_predictions("digits_cnn", **arguments)


@pytest.mark.parametrize("suffix", [".keras", ".h5"])
def test_a_saved_model_knows_what_it_is(digits_cnn, digits, tmp_path, suffix):
    """In a fresh process, under another name, and inside another model."""
    keras = kerasplug.implementation()
    base = digits_cnn(name="other")
    outputs = keras.layers.Activation("linear")(base(base.inputs))
    model = keras.Model(base.inputs, outputs)
    path = tmp_path / f"m{suffix}"
    kerasplug.save_model(model, path) if suffix == ".keras" else (
        kerasplug.save_model_hdf5(model, path)
    )
    code = (
        "import kerasplug as kp, sys\n"
        "model = kp.load_model(sys.argv[1])\n"
        "x = kp.datasets['digits'].load().test.x[:1, ..., None]\n"
        "x = kp.application_preprocess_inputs(model, x)\n"
        "preds = model.predict(x, verbose=0)\n"
        "print(kp.application_decode_predictions(model, preds, top=1)[0][0][1])\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, str(path)],
        capture_output=True,
        text=True,
        check=False,
        env=os.environ,
    )

    assert done.returncode == 0, done.stderr[-2000:]
    assert done.stdout.strip() == str(digits.y[0])


def test_a_model_of_nobody_is_told():
    """The error says how to name it."""
    keras = kerasplug.implementation()
    model = keras.Sequential([keras.Input((3,)), keras.layers.Dense(2)])

    with pytest.raises(ApplicationError, match="give the name"):
        kerasplug.application_preprocess_inputs(model, np.zeros((1, 3)))
    with pytest.raises(UnknownNameError):
        kerasplug.application_preprocess_inputs("vgg17", np.zeros((1, 3)))


def test_the_description_imports_no_keras():
    """Handles, records and names of weights of Keras' models cost none."""
    code = (
        "import sys, kerasplug as kp\n"
        "vgg = kp.applications['vgg16']\n"
        "vgg.record, vgg.weights, vgg.arguments, repr(vgg)\n"
        "print(*{'keras', 'tensorflow', 'jax', 'numpy'} & set(sys.modules))\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )

    assert done.stdout.split() == []


# --- targets that load weights themselves ---

seen = []


def takes_weights(weights=None, pooling=None):
    """A target of a plugin that reads its file by itself."""
    seen.append(weights)
    keras = kerasplug.implementation()
    return keras.Sequential([keras.Input((3,)), keras.layers.Dense(2)])


@pytest.fixture
def selfish():
    """An application whose target takes `weights`."""
    packaged = kerasplug.applications["digits_cnn"].record.packaged_weights
    record = kerasplug.ApplicationRecord(
        name="selfish", target=f"{__name__}:takes_weights", packaged_weights=packaged
    )

    class Plugin:
        @kerasplug.hookimpl
        def kerasplug_applications(self):
            return [record]

    plugin = Plugin()
    kerasplug.register(plugin, name="selfish")
    seen.clear()
    yield kerasplug.applications["selfish"]
    kerasplug.unregister(plugin)


def test_a_target_that_takes_weights_gets_a_path(selfish):
    """Of the verified file; None where none are wanted."""
    selfish()
    selfish(weights=None)

    path, nothing = seen
    assert os.path.basename(path) == "digits_cnn.weights.h5"
    assert os.path.isfile(path)
    assert nothing is None


def test_a_warning_is_about_the_users_line(digits_cnn):
    """Also through the function under R's name."""
    from kerasplug_applications import application_digits_cnn

    for call in (digits_cnn, application_digits_cnn):
        with pytest.warns(KerasplugWarning, match="does nothing") as caught:
            call(pooling="avg")
        assert caught[0].filename == __file__


@pytest.mark.parametrize("name", ["densenet121", "efficientnet_b0"])
def test_keras_own_functions_load_a_path(name, tmp_path):
    """As they load the file that they would download, with the top and without."""
    from kerasplug_applications import builders

    build = getattr(builders, name)
    for top in (True, False):
        arguments = {"include_top": top, "input_shape": (32, 32, 3)}
        model = build(**arguments)
        path = tmp_path / f"{top}.weights.h5"
        model.save_weights(path)
        again = build(weights=str(path), **arguments)
        assert all(map(np.array_equal, again.get_weights(), model.get_weights()))


@pytest.mark.parametrize("place", ["no_such_module:f", "math:no_such_function"])
def test_a_preparation_that_is_not_there_is_the_plugins_error(place):
    """And so is a decoder; the error names the plugin."""
    record = kerasplug.ApplicationRecord(
        name="lost",
        target=f"{__name__}:takes_weights",
        preprocessing=place,
        decoder=place,
    )

    class Plugin:
        @kerasplug.hookimpl
        def kerasplug_applications(self):
            return [record]

    plugin = Plugin()
    kerasplug.register(plugin, name="loser")
    try:
        with pytest.raises(kerasplug.PluginError, match="loser/lost"):
            kerasplug.application_preprocess_inputs("lost", np.zeros((1, 3)))
        with pytest.raises(kerasplug.PluginError, match="loser/lost"):
            kerasplug.application_decode_predictions("lost", np.zeros((1, 3)))
    finally:
        kerasplug.unregister(plugin)
