"""What a plugin's record has to put its layers into the words of another Keras."""

import contextlib
import json

import pytest

import kerasplug
from kerasplug import TranslatedLayer
from kerasplug.engines.workers.translators import translator_of
from kerasplug.errors import PluginError, RecordError

pytestmark = pytest.mark.engine

_KERAS = "keras-2.2"
keras = kerasplug.implementation()


class Gate(keras.layers.Layer):
    """A layer of a plugin."""


@keras.saving.register_keras_serializable("translators")
class Registered(keras.layers.Layer):
    """One that its plugin has registered with Keras, and that lies elsewhere."""


def gate(layer):
    """As a Dense."""
    return TranslatedLayer("Dense", {"units": 4, "activation": layer.name})


def failing(layer):
    """Raise."""
    message = f"no {layer.name}"
    raise RuntimeError(message)


WRONG = {
    "nothing": None,
    "a tuple": ("Dense", {}),
    "no_name": TranslatedLayer("not a name", {}),
    "no_text": TranslatedLayer("Dense", {}, code=3),
    "no_function": TranslatedLayer("Dense", {}, there="reversed"),
    "no_mapping": TranslatedLayer("Dense", [("units", object())]),
    "no_data": TranslatedLayer("Dense", {"units": object()}),
    "not_finite": TranslatedLayer("Dense", {"units": float("nan")}),
}
wrong = {name: (lambda layer, made=made: made) for name, made in WRONG.items()}


@contextlib.contextmanager
def _installed(*records, name="translating"):
    """A plugin of this process that has these layers."""

    class Plugin:
        @kerasplug.hookimpl
        def kerasplug_layers(self):
            return list(records)

    with kerasplug.register(Plugin(), name=name):
        yield


def _record(function, target="Gate", **kwargs):
    return kerasplug.LayerRecord(
        name=kwargs.pop("name", "gate"),
        target=f"{__name__}:{target}",
        translators=((_KERAS, f"{__name__}:{function}"),),
        **kwargs,
    )


def test_a_layer_is_known_by_the_class_that_its_record_names():
    """The function is found, called with the layer, and what it made is given back."""
    with _installed(_record("gate")):
        translated = translator_of(Gate(name="tanh"), _KERAS)(Gate(name="tanh"))
    assert translated.class_name == "Dense"
    assert translated.config == {"units": 4, "activation": "tanh"}


def test_a_layer_is_known_by_its_registered_name():
    """Where the target's module has not been imported, Keras' own registry says it."""
    record = kerasplug.LayerRecord(
        name="registered",
        target="nobody_has_imported_it:Registered",
        registered_name="translators>Registered",
        translators=((_KERAS, f"{__name__}:gate"),),
    )
    with _installed(record):
        assert translator_of(Registered(), _KERAS) is not None
        assert translator_of(Gate(), _KERAS) is None


def test_a_class_of_the_same_name_is_another_one():
    """A name alone, which any file can hold, finds nothing."""
    other = type("Gate", (keras.layers.Layer,), {"__module__": __name__})
    with _installed(_record("gate")):
        assert translator_of(other(), _KERAS) is None
        assert translator_of(type("Own", (Gate,), {})(), _KERAS) is None


def test_a_translator_is_for_one_keras():
    """Another Keras than the record has is None, and so is a layer of nobody's."""
    with _installed(_record("gate")):
        assert translator_of(Gate(), "keras-1") is None
        assert translator_of(keras.layers.Dense(2), _KERAS) is None
    assert translator_of(Gate(), _KERAS) is None


def test_what_a_translator_raises_is_the_plugins_error():
    """It names the plugin, and has the cause."""
    with _installed(_record("failing")), pytest.raises(PluginError) as caught:
        translator_of(Gate(name="one"), _KERAS)(Gate(name="one"))
    assert caught.value.plugin == "translating"
    assert "RuntimeError: no one" in caught.value.found
    assert isinstance(caught.value.__cause__, RuntimeError)


@pytest.mark.parametrize("name", WRONG)
def test_what_is_no_translated_layer_is_the_plugins_error(name, monkeypatch):
    """It says what is wrong with it."""
    monkeypatch.setitem(globals(), "giving", wrong[name])
    with _installed(_record("giving")), pytest.raises(PluginError) as caught:
        translator_of(Gate(), _KERAS)(Gate())
    assert "translating/gate" in caught.value.what
    assert "returned no layer" in caught.value.what
    assert "giving: " in caught.value.found


def test_a_translator_that_is_not_there_is_the_plugins_error():
    """As is one that is no function."""
    with _installed(_record("missing")), pytest.raises(PluginError, match="not where"):
        translator_of(Gate(), _KERAS)
    with _installed(_record("_KERAS")), pytest.raises(PluginError, match="no function"):
        translator_of(Gate(), _KERAS)


def test_two_translators_of_one_layer_are_an_error():
    """Neither is preferred, and both are named."""
    second = _record("gate", name="other")
    with (
        _installed(_record("gate")),
        _installed(second, name="rival"),
        pytest.raises(PluginError, match="Several") as caught,
    ):
        translator_of(Gate(), _KERAS)
    assert caught.value.found == "rival/other, translating/gate"


def test_translators_survive_the_index():
    """The plain form of a record is JSON, and gives an equal record."""
    record = _record("gate")
    again = type(record).from_plain(json.loads(json.dumps(record.to_plain())))
    assert again == record
    assert again.translators == ((_KERAS, f"{__name__}:gate"),)


@pytest.mark.parametrize(
    "translators", ["keras-2.2", [("keras-2.2",)], [("", "a:b")], [("keras", "a b")], 3]
)
def test_translators_of_another_form_are_refused(translators):
    """The error says what they are."""
    with pytest.raises(RecordError, match="translators"):
        kerasplug.LayerRecord(name="g", target="a:G", translators=translators)


def test_a_list_of_pairs_becomes_a_tuple():
    """Authors may write either."""
    record = kerasplug.LayerRecord(name="g", target="a:G", translators=[["k", "a:b"]])
    assert record.translators == (("k", "a:b"),)
    assert hash(record) == hash(record)


@pytest.mark.parametrize("method", ["translate", "translate_training"])
def test_an_engine_that_translates_nothing_says_so(method):
    """What the author of an engine has left out is named."""
    with pytest.raises(kerasplug.TranslationError, match=rf"{method}\(\)"):
        getattr(kerasplug.WorkerEngine(), method)(None)
