"""The records of `keras.applications`: each number and file is what Keras says.

The eight smallest models are built in every run. `KERASPLUG_EVERY_MODEL=1` builds the
others, and all variants of the MobileNets.
"""

import inspect
import subprocess
import sys
import warnings

import numpy as np
import pytest
from kerasplug_applications import builders
from kerasplug_applications.families import FAMILIES
from kerasplug_applications.hooks import kerasplug_applications

import kerasplug

EVERY = {record.name: record for record in kerasplug_applications()}
#: Those of Keras.
RECORDS = {name: record for name, record in EVERY.items() if name != "digits_cnn"}
SMALLEST = sorted(RECORDS, key=lambda name: RECORDS[name].parameters)[:8]
MODELS = [
    name
    if name in SMALLEST
    else pytest.param(name, marks=pytest.mark.every_model, id=name)
    for name in RECORDS
]
VARIANTS = [
    pytest.param(name, file.variant, marks=pytest.mark.every_model)
    for name in builders.VARIANTS
    for file in RECORDS[name].published_weights
]


class _Asked(Exception):  # noqa: N818 -- no error: it ends what would download
    """Keras has asked for a file."""


@pytest.fixture
def ask(monkeypatch):
    """A function that builds, and returns the file Keras asks for and the model."""
    from keras.src.utils import file_utils

    seen = []

    def get_file(fname, origin, *, cache_subdir, file_hash=None):
        model = sys._getframe(1).f_locals["model"]
        seen.append(((fname, origin, file_hash or ""), cache_subdir, model))
        raise _Asked

    def asked(name, **arguments):
        seen.clear()
        with warnings.catch_warnings(), pytest.raises(_Asked):
            # MobileNets warn where the size of the pictures is open.
            warnings.simplefilter("ignore")
            _builder(name)(weights="imagenet", **arguments)
        ((file, folder, model),) = seen
        assert folder == "models"
        return file, model

    monkeypatch.setattr(file_utils, "get_file", get_file)
    return asked


def _builder(name):
    module, _, attribute = RECORDS[name].target.partition(":")
    assert module == "kerasplug_applications.builders"
    target = getattr(builders, attribute)
    return target.build if isinstance(target, kerasplug.ApplicationSource) else target


def _files(name):
    """Name, address and hash of each of a record's files, by variant."""
    record = RECORDS[name]
    files = {f.variant: (f.name, f.url, f.sha256) for f in record.weights}
    published = {f.variant: (f.name, f.url, f.md5) for f in record.published_weights}
    return files | published


def _variant(name, arguments):
    of = builders.VARIANTS.get(name, lambda arguments: "imagenet")
    return of(arguments) + ("" if arguments.get("include_top", True) else "-notop")


def _arguments(variant):
    """What a model is built with whose weights are this variant."""
    arguments = {"include_top": not variant.endswith("-notop")}
    for part in variant.removesuffix("-notop").split("-")[1:]:
        if part == "minimalistic":
            arguments["minimalistic"] = True
        elif part.startswith("alpha"):
            arguments["alpha"] = float(part.removeprefix("alpha"))
        else:
            side = int(part.removeprefix("size"))
            arguments["input_shape"] = (side, side, 3)
    return arguments


def test_hook_module_needs_no_numpy():
    """Listing the records and reading signatures imports neither NumPy nor Keras."""
    code = (
        "import inspect, sys; import kerasplug_applications.hooks as h; "
        "h.kerasplug_applications(); "
        "from kerasplug_applications import builders as b; inspect.signature(b.vgg16); "
        "print(*sorted({'numpy', 'keras', 'tensorflow'} & set(sys.modules)))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )

    assert done.stdout.split() == []


def test_each_record_says_what_users_need():
    """Each has a target, a licence, a citation with arXiv's number, and its files."""
    for record in RECORDS.values():
        assert callable(_builder(record.name))
        assert record.licence
        assert "arXiv:" in record.citation
        assert record.source.startswith("https://keras.io/api/applications/")
        assert record.default_size >= record.min_size
        assert {file.endswith("-notop") for file in _files(record.name)} == {
            True,
            False,
        }


def test_variants_of_mobilenets():
    """There is a file with and without top for each size and width that exist."""
    plain = {"imagenet", "imagenet-notop"}

    assert len(_files("mobilenet")) == 4 * 4 * 2
    assert len(_files("mobilenet_v2")) == (4 * 5 + 2) * 2
    assert not plain & (set(_files("mobilenet")) | set(_files("mobilenet_v2")))
    for name in ("mobilenet_v3_large", "mobilenet_v3_small"):
        assert len(_files(name)) == 3 * 2
        assert plain < set(_files(name))
    for name in builders.VARIANTS:
        for variant in _files(name):
            assert _variant(name, _arguments(variant)) == variant


@pytest.mark.parametrize(
    ("name", "arguments", "variant"),
    [
        ("mobilenet", {}, "imagenet-alpha1.0-size224"),
        ("mobilenet", {"alpha": 1, "input_shape": None}, "imagenet-alpha1.0-size224"),
        ("mobilenet", {"input_shape": (96, 96, 3)}, "imagenet-alpha1.0-size224"),
        ("mobilenet", {"input_shape": (128, 160, 3)}, "imagenet-alpha1.0-size224"),
        ("mobilenet", {"input_shape": (3, 192, 192)}, "imagenet-alpha1.0-size192"),
        ("mobilenet_v2", {"input_shape": (96, 96, 3)}, "imagenet-alpha1.0-size96"),
        ("mobilenet_v2", {"alpha": 1.4}, "imagenet-alpha1.4-size224"),
        (
            "mobilenet_v2",
            {"alpha": 1.4, "input_shape": (96, 96, 3)},
            "imagenet-alpha1.4-size224",
        ),
        ("mobilenet_v3_large", {"alpha": 1}, "imagenet"),
        ("mobilenet_v3_small", {"alpha": 0.75}, "imagenet-alpha0.75"),
        ("mobilenet_v3_small", {"minimalistic": True}, "imagenet-minimalistic"),
    ],
)
def test_variant_belongs_to_the_arguments(name, arguments, variant):
    """Width, size and kind decide; a size that has no weights counts as 224."""
    assert _variant(name, arguments) == variant
    assert variant in _files(name)


def test_unknown_argument_is_refused_without_keras():
    """A builder raises for an argument that its model does not take."""
    with pytest.raises(TypeError, match="alpha"):
        builders.vgg16(alpha=0.5)


@pytest.mark.engine
def test_there_is_a_record_for_each_model():
    """The builders are the functions of `keras.applications`, no more and no fewer."""
    import keras

    theirs = dict(inspect.getmembers(keras.applications, inspect.isfunction))
    ours = [_builder(name).__name__ for name in RECORDS]

    assert sorted(ours) == sorted(theirs)
    for record in RECORDS.values():
        module = inspect.getmodule(theirs[_builder(record.name).__name__])
        assert module.__name__.rpartition(".")[2] == record.family


@pytest.mark.engine
@pytest.mark.parametrize("name", RECORDS)
def test_signature_is_that_of_keras(name):
    """A builder's arguments and defaults are Keras' own, but for `weights`."""
    import keras

    def defaults(function):
        parameters = inspect.signature(function).parameters.values()
        return {p.name: p.default for p in parameters if p.name != "weights"}

    builder = _builder(name)
    assert defaults(builder) == defaults(getattr(keras.applications, builder.__name__))
    assert inspect.signature(builder).parameters["weights"].default is None


@pytest.mark.engine
@pytest.mark.parametrize("name", RECORDS)
def test_smallest_side_is_that_of_keras(name):
    """Keras refuses pictures that are one pixel smaller, and names the same size."""
    least = RECORDS[name].min_size
    side = least - 1

    with pytest.raises(ValueError, match=f"at least {least}x{least}"):
        _builder(name)(include_top=False, input_shape=(side, side, 3))


@pytest.mark.engine
@pytest.mark.parametrize("family", FAMILIES)
def test_preprocessing_is_that_of_keras(family):
    """`preprocess_input` of the family does to pixels what the record says."""
    import keras

    pixels = np.linspace(0, 255, 2 * 3 * 3).reshape(1, 2, 3, 3).astype("float32")
    scaled = pixels / 255
    wanted = {
        "raw": pixels,
        "tf": pixels / 127.5 - 1,
        "caffe": pixels[..., ::-1] - np.array([103.939, 116.779, 123.68]),
        "torch": (scaled - [0.485, 0.456, 0.406]) / [0.229, 0.224, 0.225],
    }[FAMILIES[family].preprocessing]
    prepared = getattr(keras.applications, family).preprocess_input(pixels.copy())

    np.testing.assert_allclose(prepared, wanted, rtol=1e-5, atol=1e-4)


@pytest.mark.engine
@pytest.mark.parametrize("name", MODELS)
def test_model_and_files_are_those_of_keras(name, ask):
    """Keras asks for the record's files, and builds a model of its size."""
    for top in (True, False):
        file, model = ask(name, include_top=top)
        assert file == _files(name)[_variant(name, {"include_top": top})]
        if not top:
            continue
        assert model.count_params() == RECORDS[name].parameters
        # MobileNetV3 leaves the size open, with the top as well.
        assert model.input_shape[1] in (RECORDS[name].default_size, None)
        assert model.output_shape == (None, RECORDS[name].classes)


@pytest.mark.engine
@pytest.mark.parametrize(
    ("name", "variant"),
    [
        ("mobilenet", "imagenet-alpha0.25-size128-notop"),
        ("mobilenet_v2", "imagenet-alpha0.35-size96"),
        ("mobilenet_v3_small", "imagenet-minimalistic-notop"),
        *VARIANTS,
    ],
)
def test_variant_is_the_file_that_keras_takes(name, variant, ask):
    """For the arguments of each variant Keras asks for the file of that variant."""
    file, _ = ask(name, **_arguments(variant))

    assert file == _files(name)[variant]


@pytest.mark.engine
@pytest.mark.parametrize(
    ("name", "arguments"),
    [
        ("mobilenet", {"input_shape": (100, 100, 3), "alpha": 0.25}),
        ("mobilenet", {"input_shape": (128, 160, 3), "alpha": 0.25}),
        ("mobilenet_v2", {"input_shape": (None, None, 3), "alpha": 0.35}),
        ("mobilenet_v3_small", {"input_shape": (64, 64, 3), "alpha": 0.75}),
    ],
)
def test_odd_size_gets_the_file_that_keras_takes(name, arguments, ask):
    """A size that is open, or has no weights of its own, gets what Keras gives it."""
    arguments = {"include_top": False, **arguments}
    file, _ = ask(name, **arguments)

    assert file == _files(name)[_variant(name, arguments)]


@pytest.mark.engine
@pytest.mark.parametrize("top", [True, False])
def test_size_of_a_tensor_counts_as_in_keras(top, ask):
    """MobileNetV2 takes the size of its weights from a tensor only with the top."""
    tensor = kerasplug.implementation().Input((96, 96, 3))
    arguments = {"include_top": top, "input_tensor": tensor, "alpha": 0.35}
    file, _ = ask("mobilenet_v2", **arguments)

    assert file == _files("mobilenet_v2")[_variant("mobilenet_v2", arguments)]


@pytest.mark.engine
def test_builder_downloads_nothing(ask):
    """Unless `weights` is given Keras is asked for none: the fixture would raise."""
    model = builders.mobilenet_v3_small(
        include_top=False, input_shape=(32, 32, 3), alpha=0.75, name="mine"
    )

    assert model.name == "mine"
