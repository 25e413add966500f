"""The layers compute what their docstrings say, and survive saving."""

import importlib.util
import zipfile

import pytest

import kerasplug

# The mark holds for every test here, and comes before its fixtures. It names our own
# plugin: should kerasplug find something wrong with it, these tests fail and say what.
pytestmark = [pytest.mark.engine, pytest.mark.requires_keras(plugin="downstream-pkg")]

# The package depends on kerasplug alone: without Keras there may be no NumPy either,
# and then every test below skips before it needs it.
if importlib.util.find_spec("numpy"):
    import numpy as np


@pytest.fixture
def keras():
    """The Keras in use."""
    return kerasplug.implementation()


@pytest.fixture
def x():
    """Five rows of three features, float32."""
    return np.random.default_rng(0).normal(2.0, 3.0, (5, 3)).astype("float32")


def halves(layer):
    """`W`, `V`, `b` and `c` of a `GatedDense`."""
    kernel, bias = layer.get_weights()
    return *np.split(kernel, 2, axis=-1), *np.split(bias, 2)


def test_gated_dense_is_a_gated_linear_unit(keras, x):
    """The output is `(x W + b) * sigmoid(x V + c)`, computed again with NumPy."""
    layer = kerasplug.layers["gated_dense"](4)
    y = keras.ops.convert_to_numpy(layer(x))

    w, v, b, c = halves(layer)
    expected = (x @ w + b) / (1 + np.exp(-(x @ v + c)))
    np.testing.assert_allclose(y, expected, rtol=1e-4, atol=1e-5)


def test_gated_dense_uses_its_activation(keras, x):
    """The activation acts on the linear part, not on the gate."""
    layer = kerasplug.layers["gated_dense"](4, activation="relu")
    y = keras.ops.convert_to_numpy(layer(x))

    w, v, b, c = halves(layer)
    expected = np.maximum(x @ w + b, 0) / (1 + np.exp(-(x @ v + c)))
    np.testing.assert_allclose(y, expected, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("units", [0, -1, 2.0, "4", True])
def test_gated_dense_refuses_wrong_units(keras, units):
    """`units` that is not an int >= 1 is a ValueError that shows it."""
    with pytest.raises(ValueError, match="Received: units="):
        kerasplug.layers["gated_dense"](units)


def test_running_norm_normalises_a_batch(keras, x):
    """While training, each feature of a batch comes out with mean 0 and variance 1."""
    layer = kerasplug.layers["running_norm"](epsilon=1e-6)
    y = keras.ops.convert_to_numpy(layer(x, training=True))

    np.testing.assert_allclose(y.mean(axis=0), 0, atol=1e-5)
    np.testing.assert_allclose(y.var(axis=0), 1, rtol=1e-4)


def test_running_norm_moves_its_state(keras, x):
    """A training step moves mean and variance by `1 - momentum` of the way."""
    layer = kerasplug.layers["running_norm"](momentum=0.75)
    layer(x, training=True)

    mean, variance = layer.get_weights()
    np.testing.assert_allclose(mean, 0.25 * x.mean(axis=0), rtol=1e-5)
    np.testing.assert_allclose(variance, 0.75 + 0.25 * x.var(axis=0), rtol=1e-5)


def test_running_norm_uses_its_state_otherwise(keras, x):
    """Outside of training the running numbers are used, and do not move."""
    layer = kerasplug.layers["running_norm"](epsilon=1e-6)
    layer.build(x.shape)
    layer.set_weights([np.full(3, 2.0), np.full(3, 9.0)])
    y = keras.ops.convert_to_numpy(layer(x))

    np.testing.assert_allclose(y, (x - 2) / 3, rtol=1e-4, atol=1e-5)
    np.testing.assert_allclose(layer.get_weights()[0], 2.0)


def test_running_norm_has_no_trainable_weights(keras, x):
    """The state is saved with the model, and no optimizer changes it."""
    layer = kerasplug.layers["running_norm"]()
    layer.build(x.shape)

    assert layer.trainable_weights == []
    assert len(layer.non_trainable_weights) == 2


@pytest.mark.parametrize(
    "wrong", [{"momentum": 1.0}, {"momentum": -0.1}, {"epsilon": 0}]
)
def test_running_norm_refuses_wrong_arguments(keras, wrong):
    """`momentum` outside [0, 1) or `epsilon` <= 0 is a ValueError."""
    with pytest.raises(ValueError, match="momentum"):
        kerasplug.layers["running_norm"](**wrong)


@pytest.mark.parametrize(
    ("name", "arguments"),
    [
        ("gated_dense", {"units": 4, "activation": "relu"}),
        ("running_norm", {"momentum": 0.5, "epsilon": 1e-2}),
    ],
)
def test_config_makes_an_equal_layer(keras, name, arguments):
    """`from_config(get_config())` gives a layer with the same config."""
    cls = kerasplug.layers[name]
    config = cls(**arguments, name="mine").get_config()

    assert arguments.items() <= config.items()
    assert cls.from_config(config).get_config() == config


@pytest.mark.parametrize("suffix", ["keras", "h5"])
def test_saved_model_loads_without_custom_objects(keras, x, tmp_path, suffix):
    """A model of both layers and our activation predicts the same once it is loaded."""
    inputs = keras.Input((3,))
    outputs = kerasplug.pipe(
        inputs,
        kerasplug.layers["running_norm"](),
        kerasplug.layers["gated_dense"](4, kerasplug.objects["squared_relu"]),
    )
    model = keras.Model(inputs, outputs)
    model.compile("sgd", "mean_squared_error")
    model.fit(x, np.ones((5, 4), "float32"), epochs=2, verbose=0)
    path = tmp_path / f"model.{suffix}"
    kerasplug.save_model(model, path)

    again = kerasplug.load_model(path)

    assert np.array_equal(again.predict(x, verbose=0), model.predict(x, verbose=0))


def test_file_with_the_older_name_loads(keras, tmp_path):
    """A file in which the activation has the name of version 0.1 still loads."""
    inputs = keras.Input((3,))
    outputs = kerasplug.layers["gated_dense"](4, kerasplug.objects["squared_relu"])(
        inputs
    )
    new, old = tmp_path / "new.keras", tmp_path / "old.keras"
    kerasplug.save_model(keras.Model(inputs, outputs), new)
    with zipfile.ZipFile(new) as source, zipfile.ZipFile(old, "w") as target:
        for name in source.namelist():
            data = source.read(name)
            if name == "config.json":
                assert b"downstream_pkg>squared_relu" in data
                data = data.replace(b"pkg>squared_relu", b"pkg>relu2")
            target.writestr(name, data)

    model = kerasplug.load_model(old)

    assert model.layers[-1].activation is kerasplug.objects["squared_relu"]


# --- what only some environments can run: elsewhere these skip ---


@pytest.mark.requires_keras(backend="tensorflow")
def test_gated_dense_in_a_graph(x):
    """A compiled TensorFlow function around the layer computes what the layer does."""
    import tensorflow as tf

    layer = kerasplug.layers["gated_dense"](4)
    expected = layer(x)

    np.testing.assert_allclose(tf.function(layer)(x), expected, rtol=1e-5, atol=1e-6)


@pytest.mark.requires_keras(backend="jax")
def test_gated_dense_under_jit(x):
    """A compiled JAX function around the layer computes what the layer does."""
    import jax

    layer = kerasplug.layers["gated_dense"](4)
    expected = layer(x)

    np.testing.assert_allclose(jax.jit(layer)(x), expected, rtol=1e-5, atol=1e-6)


@pytest.mark.requires_keras(gpus=1)
def test_gated_dense_on_a_gpu(keras, x):
    """The layer computes on the GPU what it computes on the processor."""
    layer = kerasplug.layers["gated_dense"](4)
    computed = []
    for device in ("cpu:0", "gpu:0"):
        with keras.device(device):
            computed.append(keras.ops.convert_to_numpy(layer(x)))

    np.testing.assert_allclose(*computed, rtol=1e-3, atol=1e-3)
