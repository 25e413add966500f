"""Layers of third parties, which bring translators of their own."""

import keras
import numpy as np
import pytest
from keras import layers
from kerasplug_plaidml.translating.models import translate
from plaidml_kit import plaidml_python  # noqa: F401 -- a fixture
from translat_kit import apart, here, randomize, started, there

import kerasplug
from kerasplug import TranslatedLayer
from kerasplug.errors import TranslationError

pytestmark = pytest.mark.engine

_SCALED = '''
from keras import backend as K
from keras.layers import Layer


class Scaled(Layer):
    """Each column times a weight, and a number added."""

    def __init__(self, offset=0.0, **kwargs):
        super(Scaled, self).__init__(**kwargs)
        self.offset = offset

    def build(self, shape):
        self.scale = self.add_weight("scale", (shape[-1],), initializer="ones")
        super(Scaled, self).build(shape)

    def call(self, inputs):
        return inputs * self.scale + self.offset

    def compute_output_shape(self, shape):
        return shape
'''


class Projection(layers.Layer):
    """A Dense whose kernel is kept transposed: built-in layers are enough there."""

    def __init__(self, units, **kwargs):
        super().__init__(**kwargs)
        self.units = units

    def build(self, shape):
        """Make the kernel."""
        self.kernel = self.add_weight(shape=(self.units, shape[-1]), name="kernel")

    def call(self, x):
        """Multiply."""
        return keras.ops.matmul(x, keras.ops.transpose(self.kernel))

    def get_config(self):
        """With its units."""
        return {**super().get_config(), "units": self.units}


class Scaled(layers.Layer):
    """A layer that Keras 2.2.4 has nothing for: it brings code."""

    def __init__(self, offset=0.0, **kwargs):
        super().__init__(**kwargs)
        self.offset = offset

    def build(self, shape):
        """Make the scale."""
        self.scale = self.add_weight(shape=(shape[-1],), name="scale")

    def call(self, x):
        """Multiply and add."""
        return x * self.scale + self.offset

    def get_config(self):
        """With its offset."""
        return {**super().get_config(), "offset": self.offset}


def projection(layer):
    """As a Dense, whose kernel is the other way round."""

    def turned(weights):
        return [weights[0].T]

    config = {"units": layer.units, "use_bias": False}
    return TranslatedLayer("Dense", config, there=turned, back=turned)


def scaled(layer):
    """With code of its own."""
    return TranslatedLayer("Scaled", {"offset": layer.offset}, code=_SCALED)


def scaled_otherwise(layer):
    """With other code under the same name."""
    return scaled(layer)._replace(code=f"{_SCALED}\n")


def unknown(layer):
    """As a class that nobody has."""
    return scaled(layer)._replace(code="")


def overriding(layer):
    """With code for a class that Keras has."""
    return scaled(layer)._replace(class_name="Dense")


@pytest.fixture
def translated(request):
    """A plugin of this process with both layers."""
    functions = getattr(request, "param", ("projection", "scaled"))
    records = [
        kerasplug.LayerRecord(
            name=name,
            target=f"{__name__}:{name}",
            translators=(("keras-2.2", f"{__name__}:{function}"),),
        )
        for name, function in zip(("Projection", "Scaled"), functions, strict=True)
    ]

    class Plugin:
        @kerasplug.hookimpl
        def kerasplug_layers(self):
            return records

    with kerasplug.register(Plugin(), name="third-party"):
        yield


def _model():
    inner = keras.Sequential(
        [keras.Input((3,)), Scaled(0.5, name="scaled")], name="inner"
    )
    model = keras.Sequential(
        [keras.Input((6,)), Projection(3, name="projection"), inner]
    )
    randomize(model)
    return model


@pytest.mark.usefixtures("translated")
def test_layers_of_a_plugin_are_translated_by_it():
    """With their code, and with functions that carry weights both ways."""
    translation = translate(_model())
    assert list(translation.layers) == ["projection", "inner/scaled"]
    assert translation.code == {"Scaled": _SCALED}
    projected = translation.layers["projection"]
    weights = projected.layer.get_weights()
    assert np.array_equal(projected.there(weights)[0], weights[0].T)
    assert np.array_equal(projected.back(projected.there(weights))[0], weights[0])


@pytest.mark.usefixtures("translated")
def test_of_foreign_code_nobody_knows_whether_it_mixes_rows():
    """So batches are not filled up; for Keras' own layers they are."""
    assert translate(_model()).mixes_rows == ("inner/scaled",)


@pytest.mark.filterwarnings("ignore:.*was passed an input with a mask:UserWarning")
@pytest.mark.usefixtures("translated")
def test_a_mask_that_comes_to_a_layer_of_a_plugin_is_refused():
    """Here it would drop it; the layers there that it becomes may pass it on."""
    masked = layers.Masking()
    model = keras.Sequential([keras.Input((4, 3)), masked, Projection(3, name="one")])
    with pytest.raises(
        TranslationError, match="nobody knows what its plugin"
    ) as caught:
        translate(model)
    assert "'one'" in caught.value.what


def test_without_its_plugin_a_layer_is_refused():
    """And it is said what a plugin could have."""
    with pytest.raises(TranslationError, match="no plugin translates it") as caught:
        translate(_model())
    assert "translators" in caught.value.mend


@pytest.mark.parametrize(
    ("translated", "words"),
    [
        (("projection", "unknown"), "'Scaled', which is not known there"),
        (("projection", "overriding"), "'Dense', which is Keras' own, with code"),
        (("scaled_otherwise", "scaled"), "two different sources"),
    ],
    indirect=["translated"],
)
@pytest.mark.usefixtures("translated")
def test_what_a_plugin_may_not_say_is_refused(words):
    """A class that is not there, one of Keras' own, or two of one name."""
    Projection.offset = 0.0
    try:
        with pytest.raises(TranslationError) as caught:
            translate(_model())
    finally:
        del Projection.offset
    assert words in caught.value.found


@pytest.mark.slow
@pytest.mark.usefixtures("translated")
def test_layers_of_a_plugin_compute_the_same(plaidml_python):  # noqa: F811 -- a fixture
    """In a worker, to which kerasplug and the plugin are unknown."""
    model = _model()
    x = np.random.default_rng(3).normal(size=(5, 6)).astype("float32")
    with started(plaidml_python) as worker:
        assert apart(there(worker, model, x)[0], here(model, x)[0]) < 1e-6
