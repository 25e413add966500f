"""Models that Keras 2 wrote are translated, computed alike, or refused by name."""

import json
import warnings
from pathlib import Path

import numpy as np
import pytest
from keras2_kit import REFUSED, ROWS
from keras2_loading import answers, expected, loaded, same, written
from keras2_models import MODELS
from saving_plugin import forget_demo, installed_demo

import kerasplug
from kerasplug.errors import ModelFileError
from kerasplug.saving import keras2
from kerasplug.saving.architecture import model_from_json
from kerasplug.saving.keras2_files import translated_file
from kerasplug.saving.keras2_signs import HARD_SIGMOID
from kerasplug.saving.reading import read_contents

pytestmark = [
    pytest.mark.engine,
    pytest.mark.filterwarnings("ignore:.*was written by Keras 2"),
    # Keras 3's HashedCrossing on JAX asks for what JAX has not by default.
    pytest.mark.filterwarnings("ignore:(?s).*dtype int64 requested:UserWarning"),
    pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning"),
]

#: What plain Keras 3.15.1 makes of the HDF5 file, where it is not the same model.
UPSTREAM = {
    **dict.fromkeys(
        (
            "Attention",
            "Bidirectional",
            "Bidirectional-both",
            "Conv1DTranspose",
            "Conv2DTranspose",
            "Conv2DTranspose-output_padding",
            "Conv3DTranspose",
            "ConvLSTM1D",
            "ConvLSTM2D",
            "ConvLSTM3D",
            "Dense-float16",
            "DepthwiseConv1D",
            "DepthwiseConv2D",
            "Discretization",
            "GRU",
            "GRU-default",
            "LSTM",
            "LSTM-backwards",
            "LSTM-hard_sigmoid",
            "LayerNormalization",
            "MultiHeadAttention",
            "MultiHeadAttention-keys",
            "RNN",
            "RNN-lstm",
            "RNN-simple",
            "RNN-stacked",
            "RandomBrightness",
            "RandomContrast",
            "RandomFlip",
            "RandomRotation",
            "RandomTranslation",
            "RandomZoom",
            "SeparableConv1D",
            "SeparableConv2D",
            "SimpleRNN",
            "SpatialDropout1D",
            "SpatialDropout2D",
            "SpatialDropout3D",
            "attention",
            "both_ways",
            "deep",
            "nested_sequences",
            "plugged",
            "sequential_of_ids",
            "shared",
            "siamese",
            "transfer",
            "translator",
        ),
        "fails",
    ),
    **dict.fromkeys(
        (
            "Activation-hard_sigmoid",
            "Dense-hard_sigmoid",
            "Softmax-axes",
        ),
        "differs",
    ),
}
#: Words and ragged tensors are computed by TensorFlow, whatever the backend.
TENSORFLOW_ONLY = ("Input-ragged", "StringLookup", "TextVectorization")


@pytest.fixture(autouse=True)
def _able(request, keras):
    """Skip what the backend of this run can't compute."""
    row = getattr(request.node, "callspec", None)
    name = row.params.get("name") if row else None
    if name in TENSORFLOW_ONLY and keras.backend.backend() != "tensorflow":
        pytest.skip("Keras 3 computes it with TensorFlow only")


@pytest.fixture(scope="module")
def layers(tmp_path_factory):
    """One file for each layer."""
    return written(tmp_path_factory.mktemp("layers"), "keras2_kit.py")


@pytest.fixture(scope="module")
def models(tmp_path_factory):
    """Whole models."""
    return written(tmp_path_factory.mktemp("models"), "keras2_models.py")


@pytest.fixture
def site(tmp_path, monkeypatch, keras):
    """The demo plugin is installed."""
    with installed_demo(tmp_path / "site", keras) as folder:
        monkeypatch.syspath_prepend(folder)
        yield folder
        forget_demo(keras)


def plain(keras, path) -> str:
    """What becomes of the file in Keras without kerasplug."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            model = keras.models.load_model(path, compile=False)
            found = answers(keras, model, path)
    except Exception:  # noqa: BLE001 -- whatever it is, the file is not loaded
        return "fails"
    return "same" if same(found, expected(path)) else "differs"


# --- layers ---


def test_keras_2_wrote_all_that_is_asked_of_it(layers):
    """No row is skipped: Keras 2 could make and save each of them."""
    assert [path.name for path in layers.glob("*.fault")] == []


@pytest.mark.parametrize("suffix", [".h5", ".keras"])
@pytest.mark.parametrize("name", ROWS)
def test_a_layer_computes_what_it_did(name, suffix, layers, keras, tmp_path):
    """Its model says the same within 1e-5, from both kinds of files."""
    path = layers / (name + suffix)

    model, report = loaded(path, tmp_path, compile=False)

    assert report
    assert same(answers(keras, model, path), expected(path)), name


@pytest.mark.parametrize("suffix", [".h5", ".keras"])
def test_load_model_translates_by_itself_and_says_so(suffix, layers, keras):
    """One warning lists what was changed; the answers are those of Keras 2."""
    path = layers / f"LSTM-hard_sigmoid{suffix}"

    with pytest.warns(kerasplug.KerasplugWarning, match="written by Keras 2") as told:
        model = kerasplug.load_model(path, compile=False)

    assert len(told) == 1
    lines = [
        f"  {key} of LSTM -> dropped: Keras 3 has not got it (config.layers[1])"
        for key in ("time_major", "implementation")
    ]
    where = "config.layers[1].config"
    assert str(told[0].message).splitlines() == [
        f"{path.name} was written by Keras 2 and is translated:",
        "  batch_input_shape of InputLayer -> batch_shape (config.layers[0])",
        *lines,
        f"  hard_sigmoid, which had another slope -> {HARD_SIGMOID} ({where})",
    ]
    assert same(answers(keras, model, path), expected(path))


@pytest.mark.parametrize("name", ROWS)
def test_a_layer_comes_back_from_json(name, layers):
    """JSON of Keras 2 gives a model with as many weights, and a report."""
    text = (layers / f"{name}.json").read_text()

    with pytest.warns(kerasplug.KerasplugWarning, match="the JSON text was written"):
        model = model_from_json(text)

    shapes = json.loads((layers / f"{name}.shapes").read_text())
    assert sorted(list(one.shape) for one in model.weights) == sorted(shapes)


@pytest.mark.slow
@pytest.mark.parametrize("name", ROWS)
def test_what_plain_keras_makes_of_a_layer(name, layers, keras):
    """The table of what Keras 3 fails to load, or computes otherwise, is true."""
    assert plain(keras, layers / f"{name}.h5") == UPSTREAM.get(name, "same")


@pytest.mark.parametrize("suffix", [".keras", ".json"])
def test_plain_keras_reads_no_other_form_of_keras_2(suffix, layers, keras):
    """Of JSON and `.keras` files, Keras 3 itself reads none."""
    path = layers / f"Dense{suffix}"

    with pytest.raises(TypeError):
        if suffix == ".json":
            keras.models.model_from_json(path.read_text())
        else:
            keras.models.load_model(path, compile=False)


@pytest.mark.parametrize("name", REFUSED)
def test_what_has_no_counterpart_is_refused_by_name(name, layers, tmp_path):
    """The error names the thing, its place and what still reads the file."""
    what, _, option = name.partition("-")
    words = {"virtual": "virtual_batch_size", "radial": "RadialConstraint"}
    words |= {"always": "training=True", "constant": "a constant"}
    wanted = words.get(option, option) or what
    wanted = "operation" if what.endswith("OpLambda") else wanted
    for suffix in (".h5", ".keras"):
        with pytest.raises(ModelFileError, match="Keras 3 can't do") as caught:
            loaded(layers / (name + suffix), tmp_path, compile=False)
        assert wanted in caught.value.found
        assert "config.layers[" in caught.value.found
        assert "tf_keras" in caught.value.mend
    with pytest.raises(ModelFileError, match="Keras 3 can't do"):
        model_from_json((layers / f"{name}.json").read_text())


@pytest.mark.parametrize(
    ("name", "fate"),
    [
        ("Dense-hard_sigmoid", "differs"),
        ("Dropout-always", "differs"),
        ("LSTM", "fails"),
        ("MultiHeadAttention", "fails"),
        ("Softmax-axes", "differs"),
    ],
)
def test_plain_keras_fails_or_computes_something_else(name, fate, layers, keras):
    """Some files it refuses; others it loads in silence, as another model."""
    assert plain(keras, layers / f"{name}.h5") == fate


def test_a_random_crop_of_keras_3_does_not_crop_when_it_does_not_train(keras):
    """In Keras 2 it crops then, too: this is why it is refused."""
    crop = keras.layers.RandomCrop(4, 4)

    assert crop(np.ones((1, 8, 8, 3)), training=False).shape == (1, 8, 8, 3)
    assert crop.compute_output_shape((1, 8, 8, 3)) == (1, 4, 4, 3)


# --- models ---


@pytest.mark.parametrize("suffix", [".h5", ".keras"])
@pytest.mark.parametrize("name", MODELS)
def test_a_model_computes_what_it_did(name, suffix, models, keras, tmp_path, site):
    """Graphs, sequences, shared and nested parts say the same within 1e-5."""
    path = models / (name + suffix)

    model, _ = loaded(path, tmp_path / "site", compile=False)

    assert same(answers(keras, model, path), expected(path))


@pytest.mark.parametrize("name", MODELS)
def test_a_model_comes_back_from_json(name, models, keras, site):
    """JSON gives the same model as HDF5: with its weights it says the same."""
    path = models / f"{name}.h5"
    (site / "copy").mkdir()
    model, _ = loaded(path, site / "copy", compile=False)

    made = model_from_json(path.with_suffix(".json").read_text())
    made.set_weights(model.get_weights())

    assert same(answers(keras, made, path), expected(path))


@pytest.mark.parametrize("name", MODELS)
def test_what_plain_keras_makes_of_a_model(name, models, keras):
    """Nested models, states of recurrent layers and plugins fail without kerasplug."""
    assert plain(keras, models / f"{name}.h5") == UPSTREAM.get(name, "same")


def test_a_plugin_s_layer_is_found_by_itself(models, tmp_path, site):
    """The class in the translated file is that of the installed plugin."""
    (tmp_path / "copy").mkdir()

    model, _ = loaded(models / "plugged.h5", tmp_path / "copy", compile=False)

    assert type(model.layers[0]).__module__ == "demo_plug.layers"
    assert type(model.layers[1].layer).__module__ == "demo_plug.layers"


def test_a_model_can_be_saved_again_and_is_then_one_of_keras_3(models, keras, tmp_path):
    """What was translated once needs no translation any more."""
    model, _ = loaded(models / "siamese.h5", tmp_path, compile=False)
    kerasplug.save_model(model, tmp_path / "new.keras")

    again = kerasplug.load_model(tmp_path / "new.keras")

    assert not keras2.is_keras2(read_contents(tmp_path / "new.keras"))
    assert same(
        answers(keras, again, models / "siamese.h5"), expected(models / "siamese.h5")
    )


def test_the_file_is_left_alone(models, tmp_path):
    """Translating writes into the given folder and nowhere else."""
    path = models / "transfer.h5"
    before = path.read_bytes()

    told, _ = translated_file(read_contents(path), tmp_path)

    assert path.read_bytes() == before
    assert Path(told.path).parent == tmp_path
    assert not keras2.is_keras2(told)
    assert not keras2.is_keras2(read_contents(told.path))


def test_a_folder_is_read_as_its_zip_is(models, keras, tmp_path):
    """The folder form of a `.keras` file is translated, too."""
    import zipfile

    with zipfile.ZipFile(models / "shared.keras") as archive:
        archive.extractall(tmp_path / "unpacked")
    (tmp_path / "copy").mkdir()

    model, _ = loaded(tmp_path / "unpacked", tmp_path / "copy", compile=False)

    path = models / "shared.keras"
    assert same(answers(keras, model, path), expected(path))


@pytest.mark.parametrize("suffix", [".h5", ".keras", ".json"])
def test_the_code_of_a_lambda_is_refused_unless_it_is_trusted(
    suffix, models, keras, tmp_path
):
    """Keras 2 stores the bytecode of each function of a Lambda layer."""
    path = models / f"code{suffix}"

    def load(**options):
        if suffix == ".json":
            return model_from_json(path.read_text(), **options)
        return loaded(path, tmp_path, compile=False, **options)[0]

    with pytest.raises(ModelFileError, match="bytecode of a Python lambda"):
        load()
    assert same(answers(keras, load(safe_mode=False), path), expected(path))
