"""Architectures as JSON and YAML: the same model again, and nothing but data."""

import copy
import json
import warnings

import numpy as np
import pytest
import yaml
from architecture_kit import ODD, places
from fakes import python
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from saving_plugin import (
    classes_in,
    forget_demo,
    installed_demo,
    layer_config,
    other_scale,
    sequential,
)

import kerasplug
from kerasplug.errors import (
    KerasplugError,
    MissingPluginError,
    ModelFileError,
    RecordError,
)
from kerasplug.saving.architecture import (
    model_from_json,
    model_from_yaml,
    model_to_json,
    model_to_yaml,
)
from kerasplug.saving.yaml_text import from_yaml, to_yaml

pytestmark = [
    pytest.mark.engine,
    pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning"),
]

#: Both ways back to a model, from the tree that they say.
READERS = {
    "json": lambda tree, *args, **options: model_from_json(
        json.dumps(tree), *args, **options
    ),
    "yaml": lambda tree, *args, **options: model_from_yaml(
        to_yaml(tree), *args, **options
    ),
}


@pytest.fixture
def keras():
    """The Keras of this process."""
    return kerasplug.implementation()


@pytest.fixture
def site(tmp_path, monkeypatch, keras):
    """A folder on `sys.path` with the demo plugin; it and its names are forgotten."""
    with installed_demo(tmp_path / "site", keras) as folder:
        monkeypatch.syspath_prepend(folder)
        yield folder


@pytest.fixture(params=sorted(READERS))
def read(request):
    """A reader of one form."""
    return READERS[request.param]


# --- models ---


def _plain(keras):
    return [keras.Input((4,)), keras.layers.Dense(3), keras.layers.Dropout(0.1, seed=1)]


def _functional(keras):
    a, b = keras.Input((4, 3), name="a"), keras.Input((4, 3), name="b")
    lstm = keras.layers.LSTM(2, recurrent_dropout=0.25)
    joined = keras.layers.Concatenate(axis=-1)([lstm(a), lstm(b)])
    end = keras.layers.Dense(2, kernel_regularizer=keras.regularizers.L2(1e-7))
    return keras.Model([a, b], {"end": end(joined), "middle": joined})


def _wrapped(keras):
    of = keras.layers
    layers = [
        keras.Input((5, 4)),
        of.TimeDistributed(
            of.Dense(3, kernel_constraint=keras.constraints.MaxNorm(0.1))
        ),
        of.Bidirectional(of.GRU(2, return_sequences=True), merge_mode="sum"),
        of.RNN([of.LSTMCell(2), of.GRUCell(3)]),
        of.LayerNormalization(epsilon=1e-07),
    ]
    return keras.Sequential(layers)


def _nested(keras):
    inner = keras.Sequential(_plain(keras), name="inner")
    x = keras.Input((4,))
    return keras.Model(x, keras.layers.Add()([inner(x), inner(2.0 * x)]))


def _image(keras):
    of = keras.layers
    layers = [
        keras.Input((8, 8, 3)),
        of.Rescaling(1.0 / 255),
        of.Conv2D(
            2, 3, padding="same", kernel_initializer=keras.initializers.Constant(1e-20)
        ),
        of.BatchNormalization(momentum=0.999),
        of.GlobalAveragePooling2D(),
        of.Reshape((2, 1)),
    ]
    return keras.Sequential(layers, name="größe — 模型 😀")


def _odd(keras):
    layers = [
        keras.layers.Dense(1, name=name)
        for name in ODD
        if name.strip("\0") and "\\" not in name
    ]
    return keras.Sequential([keras.Input((2,)), *layers])


MODELS = {
    "functional": _functional,
    "image": _image,
    "nested": _nested,
    "odd": _odd,
    "sequential": lambda keras: keras.Sequential(_plain(keras)),
    "wrapped": _wrapped,
}


@pytest.mark.parametrize("name", MODELS)
def test_json_is_what_keras_writes(name, keras):
    """The default is one line, Keras' own; pretty is the same for a person."""
    model = MODELS[name](keras)

    assert model_to_json(model) == model.to_json()
    pretty = model_to_json(model, pretty=True)
    assert len(pretty.splitlines()) > 20
    assert json.loads(pretty) == json.loads(model.to_json())


@pytest.mark.parametrize("pretty", [False, True])
@pytest.mark.parametrize("name", MODELS)
def test_a_model_comes_back_from_json(name, pretty, keras):
    """The configuration is the same, and the model is not compiled."""
    model = MODELS[name](keras)

    again = model_from_json(model_to_json(model, pretty=pretty))

    assert again.to_json() == model.to_json()
    assert not again.compiled


@pytest.mark.parametrize("name", MODELS)
def test_a_model_comes_back_from_yaml(name, keras):
    """YAML says what JSON says, in the same order, to each reader of YAML."""
    model = MODELS[name](keras)
    wanted = json.loads(model.to_json())

    text = model_to_yaml(model)

    assert json.dumps(from_yaml(text)) == json.dumps(wanted)
    assert json.dumps(yaml.safe_load(text)) == json.dumps(wanted)
    again = model_from_yaml(text)
    assert again.to_json() == model.to_json()
    assert not again.compiled


def test_yaml_is_for_people(keras):
    """Block style, one thing a line, keys in their order, umlauts as they are."""
    lines = model_to_yaml(_image(keras)).splitlines()

    assert lines[:3] == ["module: keras", "class_name: Sequential", "config:"]
    assert any("größe" in line for line in lines)
    assert not [line for line in lines if line.rstrip().endswith(("{", "[", ","))]


def test_a_person_can_edit_it(keras):
    """Numbers may be written as people write them."""
    text = model_to_yaml(keras.Sequential(_plain(keras)))
    edited = text.replace("units: 3", "units: 7  # more").replace(
        "rate: 0.1", "rate: 2e-1"
    )

    model = model_from_yaml(f"# my model\n---\n{edited}...\n")

    assert [model.layers[0].units, model.layers[1].rate] == [7, 0.2]


def test_weights_are_new_and_training_is_left_out(keras):
    """Plain Keras compiles what comes from JSON; we were asked for no training."""
    model = keras.Sequential(_plain(keras))
    model.compile("adam", "mse")
    model.set_weights([np.full_like(one, 7) for one in model.get_weights()])

    assert keras.models.model_from_json(model.to_json()).compiled
    for again in (
        model_from_json(model_to_json(model)),
        model_from_yaml(model_to_yaml(model)),
    ):
        assert not again.compiled
        assert not np.array_equal(again.get_weights()[0], model.get_weights()[0])


def test_keras_itself_has_no_yaml(keras):
    """The methods are gone from Keras 3, and in Keras 2 they raise."""
    import tf_keras

    assert not hasattr(keras.Model, "to_yaml")
    with pytest.raises(RuntimeError, match="security"):
        tf_keras.Sequential().to_yaml()


def test_keras_2_reads_and_writes_its_own():
    """With Keras 2 as the implementation its JSON and YAML come back, uncompiled."""
    code = """
        import kerasplug, kerasplug.saving
        keras = kerasplug.implementation()
        assert keras.__version__.startswith("2.")
        x = keras.Input((4, 3))
        inner = keras.Sequential([keras.layers.LSTM(2), keras.layers.Dense(2)])
        for model in (keras.Model(x, inner(x)), inner):
            model.compile("adam", "mse")
            again = kerasplug.saving.model_from_json(model.to_json())
            assert again.to_json() == model.to_json()
            text = kerasplug.saving.model_to_yaml(model)
            again = kerasplug.saving.model_from_yaml(text)
            assert again.to_json() == model.to_json()
            assert again.optimizer is None
        print("same")
    """

    done = python(code, env={"KERASPLUG_IMPLEMENTATION": "tf_keras"})
    assert done.stdout.split() == ["same"]


# --- plugins ---


def _scaled(keras):
    from demo_plug.layers import Scale
    from demo_plug.things import swishy

    layers = [
        keras.Input((4, 2)),
        Scale(2.0),
        keras.layers.TimeDistributed(Scale(3.0)),
        keras.layers.Dense(2, activation=swishy),
    ]
    tree = json.loads(model_to_json(keras.Sequential(layers)))
    forget_demo(keras)
    return tree


def test_plugins_are_found_by_themselves(site, keras, read):
    """Layers, wrapped layers and functions of a plugin that nobody has imported."""
    tree = _scaled(keras)

    model = read(tree)

    from demo_plug.layers import Scale

    assert classes_in(model)[:2] == [Scale, Scale]
    assert model.layers[2].activation.__module__ == "demo_plug.things"


def test_what_the_caller_passes_wins_in_every_position(site, keras, read):
    """Over the plugin and over what is registered, at the top and in a wrapper."""
    tree = _scaled(keras)
    mine = other_scale(keras, register=False)
    other_scale(keras, register=True)

    for passed in ({"demo_plug>Scale": mine}, [mine]):
        assert classes_in(read(tree, passed))[:2] == [mine, mine]


def test_only_who_is_allowed_provides(site, keras, read):
    """With `allow` that names somebody else, nothing is imported."""
    tree = _scaled(keras)

    with pytest.raises(MissingPluginError, match="no allowed plugin"):
        read(tree, allow=["somebody-else"])
    assert read(tree, allow=["demo-plug"]).built


def test_what_nothing_provides_is_named(read):
    """The error names the thing and the text, and Keras is not asked."""
    lost = layer_config("Lost", "absent_pkg.layers", "absent_pkg>Lost")

    with pytest.raises(
        MissingPluginError, match=r"text needs 1 thing .*absent_pkg>Lost"
    ):
        read(sequential(lost))


def test_code_and_tools_are_refused_while_safe_mode_is_on(keras, read):
    """Bytecode in the text, and functions of Keras that are no part of a model."""
    x = keras.Input((2,))
    model = keras.Model(x, keras.layers.Lambda(lambda one: one * 2)(x))
    tree = json.loads(model.to_json())
    tool = {
        "module": "keras.utils",
        "class_name": "function",
        "config": "set_random_seed",
        "registered_name": "function",
    }
    dense = layer_config("Dense", "keras.layers", None, units=1, activation=tool)

    for bad in (tree, sequential(dense)):
        with pytest.raises(ModelFileError, match=r"bytecode|no part of a model"):
            read(copy.deepcopy(bad))
        with pytest.raises(ModelFileError, match=r"bytecode|no part of a model"):
            read(copy.deepcopy(bad), safe_mode=None)
    made = read(tree, safe_mode=False)(np.ones((1, 2), "float32"))
    assert np.asarray(made).tolist() == [[2.0, 2.0]]


# --- what is no model ---


@pytest.mark.parametrize("call", [model_to_json, model_to_yaml])
@pytest.mark.parametrize("thing", [None, "model", 3, object()])
def test_only_a_model_is_written(call, thing):
    """Anything else is refused by name."""
    with pytest.raises(RecordError, match="`model`"):
        call(thing)


@pytest.mark.parametrize("call", [model_from_json, model_from_yaml])
@pytest.mark.parametrize("thing", [None, b"{}", 3, {"class_name": "Sequential"}])
def test_only_a_text_is_read(call, thing):
    """A dict, bytes or a path are refused, with what to do."""
    with pytest.raises(RecordError, match="`text`"):
        call(thing)


NO_MODELS = {
    "empty": "",
    "blank": " \n\t",
    "list": "[]",
    "number": "3",
    "text": '"a"',
    "null": "null",
    "other": '{"a": 1}',
    "no_class": '{"class_name": 3, "config": {}}',
    "layer": json.dumps(layer_config("Dense", "keras.layers", units=1)),
    "loss": json.dumps(layer_config("MeanSquaredError", "keras.losses")),
    "config_of_wrong_type": json.dumps(
        layer_config("Sequential", "keras") | {"config": 3}
    ),
    "unknown_argument": json.dumps(
        sequential(layer_config("Dense", "keras.layers", None, unitz=3))
    ),
    "graph_with_a_hole": json.dumps(
        layer_config(
            *("Functional", "keras.src.models.functional", "Functional"),
            name="f",
            layers=[],
            input_layers=[["a", 0, 0]],
            output_layers=[["a", 0, 0]],
        )
    ),
}


@pytest.mark.parametrize("call", [model_from_json, model_from_yaml])
@pytest.mark.parametrize("text", NO_MODELS.values(), ids=NO_MODELS)
def test_what_is_no_model_is_one_clear_error(text, call):
    """JSON is YAML, too; neither gives anything but a ModelFileError."""
    with pytest.raises(ModelFileError, match=r"the (JSON|YAML) text"):
        call(text)


# --- anything ---

_TREES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(-9, 9) | st.sampled_from(ODD),
    lambda inner: (
        st.lists(inner, max_size=5)
        | st.dictionaries(st.sampled_from(ODD), inner, max_size=5)
    ),
    max_leaves=40,
)


@settings(
    max_examples=25,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(data=st.data())
def test_a_real_model_with_a_fault_is_a_model_or_an_error_of_ours(data, keras):
    """One part of a real configuration is replaced by anything."""
    name = data.draw(st.sampled_from(sorted(set(MODELS) - {"odd"})))
    keras.utils.clear_session()
    tree = json.loads(MODELS[name](keras).to_json())
    around, key = data.draw(st.sampled_from(list(places(tree))))
    around[key] = data.draw(_TREES)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            model = model_from_yaml(to_yaml(tree))
        except KerasplugError:
            return
    assert isinstance(model, keras.Model)


def test_limits_are_raised_for_one_call(keras):
    """Infinity is no JSON, and refused, unless the caller says that it may be there."""
    layers = [keras.Input((2,)), keras.layers.ReLU(max_value=float("inf"))]
    text = model_to_json(keras.Sequential(layers))

    with pytest.raises(ModelFileError, match="no JSON") as caught:
        model_from_json(text)
    assert "Limits(not_finite=True)" in caught.value.mend
    limits = kerasplug.Limits(not_finite=True)
    assert model_from_json(text, limits=limits).layers[-1].max_value == float("inf")
    with pytest.raises(ModelFileError, match="at most 3 levels"):
        model_from_json(text, limits=kerasplug.Limits(not_finite=True, config_depth=3))
