"""create_layer(): the compose rule, the arguments, what it refuses, output shapes."""

import json

import pytest
from fakes import install, python

import kerasplug
from kerasplug.create_layer import create_layer, ensure_output_shape
from kerasplug.errors import LayerError, UnknownNameError

pytestmark = [
    pytest.mark.engine,
    # Keras 3.15.1 reads TensorFlow's variables so, under NumPy 2, when it saves.
    pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning"),
]


@pytest.fixture(scope="module")
def keras():
    """Keras 3 on TensorFlow, in this process."""
    module = kerasplug.implementation("keras")
    assert module.__version__.startswith("3.")
    return module


@pytest.fixture(scope="module")
def legacy():
    """The other Keras, in the same process."""
    import tf_keras

    return tf_keras


@pytest.fixture
def gated(keras):
    """A layer as an author writes it: no compute_output_shape."""

    class GatedDense(keras.layers.Layer):
        """A dense layer with a gate."""

        def __init__(self, units: int, kernel_constraint=None, **kwargs):
            super().__init__(**kwargs)
            self.units = units
            self.kernel_constraint = kernel_constraint

        def build(self, input_shape):
            self.kernel = self.add_weight(
                shape=(input_shape[-1], self.units), name="kernel"
            )

        def call(self, inputs):
            return keras.ops.matmul(inputs, self.kernel)

        def get_config(self):
            return {**super().get_config(), "units": self.units}

    return GatedDense


@pytest.fixture
def array():
    """Two samples of four features."""
    import numpy as np

    return np.ones((2, 4), "float32")


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


# --- what a tensor is -------------------------------------------------------------


def test_tensors_of_every_framework(keras):
    """Tensors of TensorFlow, also ragged and sparse, of JAX and NumPy are tensors."""
    import jax.numpy as jnp
    import numpy as np
    import tensorflow as tf

    from kerasplug.wrapping.composing import is_target

    ragged = tf.ragged.constant([[1.0], [2.0, 3.0]])
    sparse = tf.sparse.from_dense([[0.0, 1.0]])
    for tensor in (
        tf.constant([1.0]), tf.Variable([1.0]), ragged, sparse,
        jnp.ones(2), np.ones(2), np.array(1.0), keras.KerasTensor((2,)),
        keras.Variable([1.0]),
    ):  # fmt: skip
        assert is_target(tensor), type(tensor)
        assert is_target({"a": [tensor, (tensor,)]})


def test_what_is_no_tensor(keras):
    """Numbers, also NumPy's, classes, layers and dtypes are not tensors."""
    import numpy as np

    from kerasplug.wrapping.composing import is_target

    class Shaped(keras.layers.Layer):
        shape = (3,)

    for value in (
        32, 3.0, "x", None, np.float32(3), np.int64(3), np.ndarray,
        np.dtype("f4"), [], {}, [np.ones(2), 3], Shaped(), keras.layers.Dense(1),
    ):  # fmt: skip
        assert not is_target(value), value


# --- two implementations ----------------------------------------------------------


def test_layer_of_keras_2_in_model_of_keras_3(keras, legacy):
    """A layer of one Keras in a model of another is refused; the model stays."""
    model = keras.Sequential()
    with pytest.raises(LayerError, match=r"Keras 2 .* can't be put on") as caught:
        create_layer(legacy.layers.Dense, model, units=3)
    assert "tf_keras" in caught.value.found
    assert "keras.src.models.sequential.Sequential" in caught.value.found
    assert "use_implementation('keras')" in caught.value.mend
    assert model.layers == []


@pytest.mark.parametrize("inside", [False, True])
def test_layer_of_keras_3_on_tensor_of_keras_2(keras, legacy, inside):
    """A layer of one Keras on a tensor of another is refused, in a group too."""
    x = legacy.Input((4,))
    with pytest.raises(LayerError, match=r"Keras 3 .* of Keras 2"):
        create_layer(keras.layers.Dense, [x] if inside else x, units=3)


def test_tensors_of_no_keras_fit_both(keras, legacy, array):
    """Arrays and plain TensorFlow tensors fit the layers of every Keras."""
    for module in (keras, legacy):
        assert create_layer(module.layers.Dense, array, units=3).shape == (2, 3)


def test_keras_2_composes_as_well(legacy):
    """The rule is the same on Keras 2."""
    model = legacy.Sequential()
    assert create_layer(legacy.layers.Dense, model, units=3) is model
    out = create_layer(legacy.layers.Dense, legacy.Input((4,)), units=3)
    assert out.shape.as_list() == [None, 3]


# --- output shapes ----------------------------------------------------------------


def test_keras_alone_knows_no_output_shape(keras, gated):
    """Keras 3 alone can't put a layer without compute_output_shape into a wrapper."""
    with pytest.raises(NotImplementedError, match="compute_output_shape"):
        keras.layers.TimeDistributed(gated(3))(keras.Input((5, 4)))


def test_output_shape_is_derived(keras, gated):
    """A layer made by create_layer goes into TimeDistributed."""
    inner = create_layer(gated, units=3)
    out = keras.layers.TimeDistributed(inner)(keras.Input((5, 4)))
    assert out.shape == (None, 5, 3)


@pytest.mark.parametrize("suffix", ["keras", "h5"])
def test_derived_shape_leaves_files_alone(keras, gated, array, tmp_path, suffix):
    """A model with a derived shape is saved as any other, and loads again."""
    inner = create_layer(gated, units=3, name="inner")
    model = keras.Sequential(
        [keras.Input((5, 4)), keras.layers.TimeDistributed(inner, name="td")], name="m"
    )
    assert "kerasplug" not in model.to_json()
    assert "compute_output_shape" not in model.to_json()
    model.save(tmp_path / f"m.{suffix}")
    known = {"GatedDense": gated}
    again = keras.saving.load_model(tmp_path / f"m.{suffix}", known, compile=False)
    x = array.reshape(2, 1, 4).repeat(5, axis=1)
    assert (model.predict(x, verbose=0) == again.predict(x, verbose=0)).all()


def test_derived_shape_of_built_and_unbuilt_layers(keras, gated):
    """The shape is derived for a built layer, and an unbuilt one is built for it."""
    layer = ensure_output_shape(gated)(3)
    assert layer.compute_output_shape((None, 4)) == (None, 3)
    assert layer.built
    assert layer.compute_output_shape(input_shape=(7, 4)) == (7, 3)
    assert layer._inbound_nodes == []


def test_derived_shape_goes_through_unbuilt_models(keras, gated):
    """A Sequential model that isn't built yet tells its shape as well."""
    model = keras.Sequential(
        [create_layer(gated, units=3), create_layer(gated, units=2)]
    )
    assert model.compute_output_shape((None, 4)) == (None, 2)


def test_output_spec_and_dtype_do_not_change(keras):
    """The dtype of an output stays what `call` makes it, not the layer's own."""

    class ArgMax(keras.layers.Layer):
        def call(self, x):
            return keras.ops.argmax(x, axis=-1)

    plain = ArgMax()(keras.Input((5, 4))).dtype
    layer = ensure_output_shape(ArgMax)()
    assert layer(keras.Input((5, 4))).dtype == plain == "int32"
    assert layer.compute_output_shape((None, 5, 4)) == (None, 5)


def test_derived_shape_for_integer_inputs(keras):
    """A layer that takes whole numbers only, as an embedding does, has a shape too."""

    class Table(keras.layers.Layer):
        def build(self, input_shape):
            self.table = self.add_weight(shape=(10, 3), name="table")

        def call(self, ids):
            return keras.ops.take(self.table, ids, axis=0)

    layer = create_layer(Table)
    assert layer.compute_output_shape((None, 5)) == (None, 5, 3)
    out = keras.layers.TimeDistributed(layer)(keras.Input((7, 5), dtype="int32"))
    assert out.shape == (None, 7, 5, 3)


def test_derived_shape_with_training_and_mask(keras):
    """A layer whose `call` insists on `training` and `mask` has a shape too."""

    class Strict(keras.layers.Layer):
        def call(self, inputs, training, mask):
            assert training is False
            assert mask is None
            return inputs[:, :1]

    assert create_layer(Strict).compute_output_shape((None, 5)) == (None, 1)


def test_derived_shape_of_several_inputs(keras):
    """Lists, dicts and several arguments have shapes; so have several outputs."""
    ops = keras.ops

    class Joined(keras.layers.Layer):
        def call(self, xs):
            return {"all": ops.concatenate(xs, -1), "parts": [xs[0], (xs[1],)]}

    class Picked(keras.layers.Layer):
        def call(self, inputs):
            return ops.concatenate([inputs["a"], inputs["b"]], -1)

    class Two(keras.layers.Layer):
        def build(self, query_shape, value_shape):
            self.w = self.add_weight(shape=(query_shape[-1], value_shape[-1]))

        def call(self, query, value, mask=None):
            return ops.matmul(query, self.w), value

    joined = create_layer(Joined).compute_output_shape([(None, 4), (None, 3)])
    assert joined == {"all": (None, 7), "parts": [(None, 4), ((None, 3),)]}
    picked = create_layer(Picked)
    assert picked.compute_output_shape({"a": (2, 4), "b": (2, 3)}) == (2, 7)
    both = ((None, 3), (None, 3))
    assert create_layer(Two).compute_output_shape((None, 4), (None, 3)) == both
    named = {"query_shape": (None, 4), "value_shape": (None, 3)}
    assert create_layer(Two).compute_output_shape(**named) == both


def test_derived_shape_with_layers_inside(keras):
    """A layer that is built of layers, without a build(), has a shape too."""

    class Block(keras.layers.Layer):
        def __init__(self, **kwargs):
            super().__init__(**kwargs)
            self.dense = keras.layers.Dense(3)

        def call(self, x):
            return self.dense(x)

    layer = create_layer(Block)
    assert layer.compute_output_shape((None, 4)) == (None, 3)
    assert tuple(layer(keras.ops.ones((2, 4))).shape) == (2, 3)


def test_derived_shape_of_a_model_class(keras):
    """A model class of one's own has a shape too."""

    class Own(keras.Model):
        def __init__(self, **kwargs):
            super().__init__(**kwargs)
            self.dense = keras.layers.Dense(3)

        def call(self, x):
            return self.dense(x)

    assert create_layer(Own).compute_output_shape((None, 4)) == (None, 3)


def test_shape_of_nothing(keras, gated):
    """Without the shape of an input there is no output shape."""
    with pytest.raises(TypeError, match="the shape of its input"):
        create_layer(gated, units=3).compute_output_shape()


def test_shape_that_cannot_be_derived(keras):
    """Where `call` can't be traced, a NotImplementedError says what to write."""

    class Broken(keras.layers.Layer):
        def call(self, x):
            message = "not today"
            raise RuntimeError(message)

    layer = create_layer(Broken)
    with pytest.raises(NotImplementedError, match="can't be derived") as caught:
        layer.compute_output_shape((None, 4))
    assert isinstance(caught.value, LayerError)
    assert "not today" in caught.value.found
    assert "compute_output_shape(self, input_shape)" in caught.value.mend


def test_ensuring_twice_changes_nothing_more(keras, gated):
    """Ensuring is done once, and a subclass inherits it."""
    first = ensure_output_shape(gated).compute_output_shape
    assert ensure_output_shape(gated).compute_output_shape is first
    subclass = type("Sub", (gated,), {})
    ensure_output_shape(subclass)
    assert "compute_output_shape" not in vars(subclass)


def test_ensuring_leaves_others_alone(keras, legacy):
    """Keras' own classes, other Keras', own methods and what is no layer stay."""

    class Own(keras.layers.Layer):
        def compute_output_shape(self, input_shape):
            return input_shape

    class Old(legacy.layers.Layer):
        pass

    for cls in (Own, Old, keras.layers.Layer, keras.layers.Dense, keras.Model, int):
        before = dict(vars(cls))
        assert ensure_output_shape(cls) is cls
        assert dict(vars(cls)) == before


def test_keras_2_derives_shapes_by_itself(legacy):
    """Keras 2 needs no help with shapes."""

    class Old(legacy.layers.Layer):
        def call(self, x):
            return x[:, :1]

    out = legacy.layers.TimeDistributed(create_layer(Old))(legacy.Input((5, 4)))
    assert out.shape.as_list() == [None, 5, 1]


def test_summary_and_json_of_a_derived_model(keras, gated, capsys):
    """Summary and configuration of a model are the same with and without us."""

    def facts(layer):
        model = keras.Sequential([keras.Input((4,), name="x"), layer], name="m")
        model.summary()
        config = json.loads(model.to_json())
        return capsys.readouterr().out, config

    plain = facts(gated(3, name="g"))
    assert facts(create_layer(gated, units=3, name="g")) == plain


def test_no_keras_is_imported_by_naming_a_class():
    """Importing the module and naming a class imports no Keras and no framework."""
    done = python(
        """
        import sys
        from kerasplug.create_layer import create_layer_wrapper
        wrapper = create_layer_wrapper("some_plug.layers:Gate")
        repr(wrapper), wrapper.__name__, wrapper.__module__
        heavy = {"keras", "tensorflow", "tf_keras", "jax", "torch", "numpy"}
        print(sorted(heavy & set(sys.modules)))
        """
    )
    assert done.stdout.strip() == "[]"
