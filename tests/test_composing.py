"""What a layer can be put on: tensors, the other Keras; and its output shape."""

import json

import pytest
from fakes import python

from kerasplug.create_layer import create_layer, ensure_output_shape
from kerasplug.errors import LayerError

pytestmark = [
    pytest.mark.engine,
    # Keras 3.15.1 reads TensorFlow's variables so, under NumPy 2, when it saves.
    pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning"),
]


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
