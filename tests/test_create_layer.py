"""create_layer(): the compose rule, the class, the arguments, what it refuses."""

import pytest
from fakes import install

import kerasplug
from kerasplug.create_layer import create_layer
from kerasplug.errors import LayerError, UnknownNameError

pytestmark = [
    pytest.mark.engine,
    # Keras 3.15.1 reads TensorFlow's variables so, under NumPy 2, when it saves.
    pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning"),
]


# --- the rule ---------------------------------------------------------------------


def test_no_object_gives_the_layer(keras, gated):
    """Without an object the layer itself comes back."""
    layer = create_layer(gated, units=3)
    assert type(layer) is gated
    assert layer.units == 3


def test_sequential_grows_in_place(keras, gated):
    """A Sequential model gets the layer and is what comes back."""
    model = keras.Sequential([keras.Input((4,))])
    assert create_layer(gated, model, units=3) is model
    assert [type(layer) for layer in model.layers] == [gated]
    assert model.output_shape == (None, 3)


def test_symbolic_tensor_is_called(keras, gated):
    """A KerasTensor is what the layer is called on."""
    out = create_layer(gated, keras.Input((4,)), {"units": 3})
    assert out.shape == (None, 3)


def test_array_is_called(keras, gated, array):
    """An array is what the layer is called on."""
    assert tuple(create_layer(gated, array, units=3).shape) == (2, 3)


@pytest.mark.parametrize("group", [list, tuple])
def test_group_of_tensors_is_called(keras, group):
    """A list or tuple of tensors is what the layer is called on."""
    pair = group([keras.Input((4,)), keras.Input((3,))])
    assert create_layer(keras.layers.Concatenate, pair).shape == (None, 7)


def test_dict_of_tensors_is_called(keras):
    """A dict of tensors is what the layer is called on."""

    class Picked(keras.layers.Layer):
        def call(self, inputs):
            return inputs["a"] + inputs["b"]

    pair = {"a": keras.Input((4,)), "b": keras.Input((4,))}
    assert create_layer(Picked, pair).shape == (None, 4)


def test_names_follow_the_order_of_evaluation(keras):
    """The object is made before the layer, so automatic names follow the data."""
    keras.utils.clear_session()
    dense = keras.layers.Dense
    create_layer(
        dense, create_layer(dense, keras.Input((4,)), units=2, name=None), units=2
    )
    assert create_layer(dense, units=1).name == "dense_2"


def test_functional_model_is_refused(keras, gated):
    """A model that can't grow is refused with the two ways that work."""
    x = keras.Input((4,))
    model = keras.Model(x, keras.layers.Dense(2)(x))
    with pytest.raises(LayerError, match="only a Sequential model") as caught:
        create_layer(gated, model, units=3)
    assert "model.output" in caught.value.mend
    assert "units=model" in caught.value.mend


@pytest.mark.parametrize("wrong", [3, "x", [], [1, 2], object()])
def test_other_objects_are_refused(gated, wrong):
    """What is neither model nor tensor is refused before the layer is made."""
    with pytest.raises(LayerError, match="can't be put on") as caught:
        create_layer(gated, wrong, units=3)
    assert type(wrong).__name__ in caught.value.found


def test_a_layer_is_no_object(keras, gated):
    """A layer that nobody called is not something to put a layer on."""
    with pytest.raises(LayerError, match="can't be put on"):
        create_layer(gated, keras.layers.Dense(2), units=3)


# --- the class --------------------------------------------------------------------


def test_class_by_module_and_name(keras, tmp_path, monkeypatch):
    """`"module:Class"` is imported."""
    source = (
        "import kerasplug\nkeras = kerasplug.implementation('keras')\n"
        "class Twice(keras.layers.Layer):\n    def call(self, x): return x * 2\n"
    )
    (tmp_path / "named_by_string.py").write_text(source)
    monkeypatch.syspath_prepend(str(tmp_path))
    assert type(create_layer("named_by_string:Twice")).__name__ == "Twice"


def test_class_of_a_missing_module(keras):
    """A module that is missing is said to be missing."""
    with pytest.raises(LayerError, match="no module 'not_there'") as caught:
        create_layer("not_there.layers:Gate")
    assert isinstance(caught.value.__cause__, ModuleNotFoundError)


def test_missing_import_inside_the_module_passes_through(tmp_path, monkeypatch):
    """When the module itself misses another one, that error is the one to see."""
    (tmp_path / "needs_other.py").write_text("import other_that_is_missing\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    with pytest.raises(ModuleNotFoundError, match="other_that_is_missing"):
        create_layer("needs_other:Gate")


def test_misspelt_class(keras):
    """A class that its module lacks comes with names close by."""
    with pytest.raises(LayerError, match="there is no 'Danse'") as caught:
        create_layer("keras.layers:Danse", units=3)
    assert "'Dense'" in caught.value.mend


@pytest.mark.parametrize(
    "wrong", [int, 3, None, "", "a b", "a:", ":B", "a:b c", "Custom>Gate", "json:loads"]
)
def test_what_is_no_layer_class(keras, wrong):
    """Anything that names no layer class is refused."""
    with pytest.raises(LayerError, match="no layer class"):
        create_layer(wrong)


def test_layer_instance_is_no_layer_class(keras):
    """Who gives a layer in the place of its class hears of pipe()."""
    with pytest.raises(LayerError) as caught:
        create_layer(keras.layers.Dense(2))
    assert "pipe()" in caught.value.mend


def test_unknown_catalog_name(keras):
    """A name that nothing installed has is the catalog's own error."""
    with pytest.raises(UnknownNameError):
        create_layer("layer_that_nobody_has", units=3)


def test_catalog_names_bare_and_canonical(keras, tmp_path, monkeypatch):
    """A name in the catalog works, bare and with its distribution."""
    source = """
        import kerasplug
        keras = kerasplug.implementation("keras")
        class Half(keras.layers.Layer):
            def call(self, x):
                return x / 2
    """
    points = {"kerasplug.layers": {"half": "half_plug:Half"}}
    install(tmp_path, "half-plug", points, modules={"half_plug.py": source})
    monkeypatch.syspath_prepend(str(tmp_path))
    kerasplug.refresh()
    try:
        for name in ("half", "half-plug/half"):
            assert type(create_layer(name)).__name__ == "Half"
    finally:
        monkeypatch.undo()
        kerasplug.refresh()


# --- the arguments ----------------------------------------------------------------


@pytest.mark.parametrize(
    "name", ["batch_input_shape", "batch_size", "dtype", "input_shape", "name",
             "trainable", "weights"]
)  # fmt: skip
def test_none_is_not_given(keras, name):
    """None is dropped for the seven arguments that mean "not given" by it."""
    assert create_layer(keras.layers.Dense, units=2, **{name: None}).units == 2


def test_other_nones_are_passed_on(keras):
    """None is a value for every other argument."""
    layer = create_layer(keras.layers.Dense, units=2, bias_initializer=None)
    assert layer.bias_initializer is None


def test_args_and_keywords_are_merged(keras):
    """`args` and keywords together are the layer's arguments."""
    layer = create_layer(keras.layers.Dense, None, {"units": 2}, name="both")
    assert (layer.units, layer.name) == (2, "both")


def test_an_argument_twice_is_refused(keras):
    """An argument in `args` and as a keyword is refused."""
    with pytest.raises(LayerError, match="'units' twice"):
        create_layer(keras.layers.Dense, None, {"units": 2}, units=3)


def test_args_must_be_a_dict(keras):
    """`args` that is no dict is refused."""
    with pytest.raises(LayerError, match="`args`"):
        create_layer(keras.layers.Dense, None, [2])


@pytest.mark.parametrize("own", [True, False])
def test_misspelt_argument(keras, gated, own):
    """A misspelt argument is a TypeError with the signature and names close by."""
    cls = gated if own else keras.layers.Dense
    with pytest.raises(TypeError) as caught:
        create_layer(cls, unit=3)
    assert "'units'" in caught.value.mend
    assert caught.value.found == "unit=3"
    assert f"{cls.__name__}(units" in caught.value.expected


def test_misspelt_argument_behind_keywords(keras):
    """What only Keras can refuse, behind `**kwargs`, comes with names close by too."""
    with pytest.raises(LayerError, match="Unrecognized keyword") as caught:
        create_layer(keras.layers.Dense, units=3, traineable=False)
    assert "'trainable'" in caught.value.mend


@pytest.mark.parametrize(
    ("argument", "value", "instead"),
    [
        ("batch_input_shape", (2, 4), "keras.Input(batch_shape=...)"),
        ("batch_size", 2, "keras.Input"),
        ("weights", [], "set_weights"),
    ],
)
def test_arguments_that_keras_3_gave_up(keras, argument, value, instead):
    """An argument of Keras 2 is refused on Keras 3 with the name of its replacement."""
    with pytest.raises(LayerError) as caught:
        create_layer(keras.layers.Dense, units=2, **{argument: value})
    assert instead in caught.value.mend
    assert argument in caught.value.found


def test_arguments_that_some_classes_have_kept(keras):
    """A class that has such an argument of its own gets it."""
    layer = create_layer(keras.layers.InputLayer, shape=(4,), batch_size=2)
    assert layer.batch_shape == (2, 4)


def test_arguments_of_keras_2_pass_on_keras_2(legacy):
    """On Keras 2 they pass through."""
    layer = create_layer(legacy.layers.Dense, units=2, batch_input_shape=(2, 4))
    assert layer._batch_input_shape == (2, 4)


def test_an_error_of_the_layer_itself_passes_through(keras):
    """A value that the layer refuses is the layer's own error."""
    with pytest.raises(ValueError, match="invalid value for `units`") as caught:
        create_layer(keras.layers.Dense, units=-1)
    assert not isinstance(caught.value, LayerError)


def halved(w):
    """Half of `w`."""
    return w * 0.5


def test_plain_function_as_constraint(keras, array):
    """Keras 3.15 takes a plain function as a constraint, so it is left as it is."""
    layer = create_layer(keras.layers.Dense, units=3, kernel_constraint=halved)
    assert layer.kernel_constraint is halved
    model = keras.Sequential([keras.Input((4,)), layer])
    model.compile("sgd", "mean_squared_error")
    before = abs(layer.kernel.numpy()).sum()
    model.optimizer.learning_rate = 0.0
    model.fit(array, array[:, :3], verbose=0)
    assert abs(layer.kernel.numpy()).sum() == pytest.approx(before / 2, rel=1e-5)


def test_constraints_that_keras_knows_pass(keras):
    """Names, classes and instances of constraints are left as they are."""
    for given in ("non_neg", keras.constraints.NonNeg, keras.constraints.NonNeg()):
        layer = create_layer(keras.layers.Dense, units=3, kernel_constraint=given)
        assert type(layer.kernel_constraint) is keras.constraints.NonNeg


def test_keras_2_takes_functions_as_constraints(legacy):
    """On Keras 2, which takes functions, they are left as they are."""
    layer = create_layer(legacy.layers.Dense, units=3, kernel_constraint=halved)
    assert layer.kernel_constraint is halved
