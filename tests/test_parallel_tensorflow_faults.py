"""What parallel models refuse on TensorFlow, and what upstream can't do."""

import importlib

import numpy as np
import pytest
from parallel_kit import (
    assert_same,
    cpus,
    devices_of,
    elsewhere,
    fitted,
    ran_on,
    rows,
    started,
    twins,
)

pytestmark = pytest.mark.engine

X, Y = rows(12, 4), rows(12, 2, seed=1)


def dense():
    """One layer."""
    keras, _ = started()
    return keras.Sequential([keras.Input((4,)), keras.layers.Dense(2)])


@elsewhere
def test_xla_is_refused_before_anything_has_changed():
    """`jit_compile=True` would bring all to one device; the model stays compiled."""
    from kerasplug.errors import DeviceError

    _, parallel = twins(dense, 2)
    fitted([parallel], X, Y)
    before, optimizer = parallel.template.get_weights(), parallel.optimizer
    told = ("sgd", "mae", None, None, None, False, 1, True)

    with pytest.raises(DeviceError, match="for one device") as caught:
        parallel.compile("sgd", "mae", jit_compile=True)
    with pytest.raises(DeviceError, match="for one device"):
        parallel.compile(*told)

    assert str(caught.value) == (
        "XLA compiles a step as a whole, for one device.\n"
        "  found:    jit_compile=True\n"
        '  expected: "auto" or False, which mean the same here\n'
        "  mend:     leave `jit_compile` out; or train the template with it"
    )
    assert parallel.optimizer is parallel.template.optimizer is optimizer
    assert parallel.loss == "mse"
    assert_same(before, parallel.template.get_weights())
    fitted([parallel], X, Y)


@pytest.mark.parametrize("value", ["auto", False])
@elsewhere
def test_other_ways_of_compiling_are_fine(value):
    """Keras never chooses XLA for a parallel model by itself."""
    _, parallel = twins(
        dense, 2, lambda: {"optimizer": "sgd", "loss": "mse", "jit_compile": value}
    )

    # Without a GPU Keras chooses no XLA; so that is asked which decides where one is.
    decides = importlib.import_module("keras.src.trainers.trainer").model_supports_jit
    assert decides(parallel.template)
    assert not decides(parallel)
    assert parallel.jit_compile is False
    fitted([parallel], X, Y)


@elsewhere
def test_a_template_compiled_with_xla_is_gone_on_with_without():
    """The parallel model leaves XLA out, and the template keeps it."""
    from kerasplug import multi_gpu_model

    template = dense()
    template.compile("sgd", "mse", jit_compile=True)
    parallel = multi_gpu_model(template, cpus(2))

    assert (parallel.jit_compile, template.jit_compile) == (False, True)
    fitted([parallel, template], X, Y)


@elsewhere
def test_xla_takes_a_whole_step_to_one_device():
    """Why it is refused: scopes within what XLA compiles mean nothing."""
    _, tf = started()
    found = {}
    for jit in (False, True):

        @tf.function(jit_compile=jit)
        def product(x):
            parts = []
            for number in (2, 3):
                with tf.device(f"cpu:{number}"):
                    parts.append(tf.linalg.matmul(x, x, transpose_b=True))
            return tf.concat(parts, 0)

        noted = ran_on(lambda run=product: run(tf.constant(X)))
        found[jit] = sorted(devices_of(noted, "MatMul"))

    assert found[False] == ["cpu:2", "cpu:3"]
    assert len(found[True]) < 2


def _convolutions():
    _, tf = started()
    weights = [tf.constant(rows(3, 3, 3, 16)), tf.constant(rows(3, 3, 16, 8))]

    @tf.function(reduce_retracing=True)
    def compute(images):
        for one in weights:
            size = one.shape[-1]
            made = tf.nn.conv2d(images, tf.cast(one, "float32"), 1, "SAME")
            images = tf.nn.relu(tf.nn.bias_add(made, tf.zeros([size])))
        return images

    return compute


@elsewhere
def test_upstream_an_empty_slice_ends_a_step():
    """Why no replica gets an empty slice: oneDNN's convolutions refuse it."""
    _, tf = started()
    compute = _convolutions()
    spec = tf.TensorSpec([None, 6, 6, 3], "float32")
    compute = compute.get_concrete_function(spec)

    assert compute(tf.zeros([1, 6, 6, 3])).shape == (1, 6, 6, 8)
    with pytest.raises(tf.errors.InvalidArgumentError, match="evenly divisible"):
        compute(tf.zeros([0, 6, 6, 3]))


@elsewhere
def test_upstream_mirrored_strategy_takes_no_uneven_batches():
    """Keras 3 by itself: a batch that the devices don't divide is an error."""
    keras, tf = started()
    keras.config.set_floatx("float32")
    keras.config.set_dtype_policy("float32")
    strategy = tf.distribute.MirroredStrategy([f"cpu:{number}" for number in range(4)])
    with strategy.scope():
        model = dense()
        model.compile("sgd", "mse")

    with pytest.raises(Exception, match="same size and shape"):
        model.fit(X[:10], Y[:10], batch_size=10, verbose=0)


@elsewhere
def test_an_output_without_rows_is_an_error():
    """It can't be put together, and the error says so before a number comes out."""
    from kerasplug import multi_gpu_model
    from kerasplug.errors import DeviceError

    keras, _ = started()
    inputs = keras.Input((4,))
    parallel = multi_gpu_model(keras.Model(inputs, keras.ops.sum(inputs)), cpus(2))

    with pytest.raises(DeviceError, match="has no rows"):
        parallel(X)


@elsewhere
def test_a_batch_without_rows_is_an_error():
    """A scalar can't be cut."""
    from kerasplug import multi_gpu_model
    from kerasplug.errors import DeviceError

    keras, _ = started()
    inputs = keras.Input(batch_shape=())
    parallel = multi_gpu_model(keras.Model(inputs, inputs * 2.0), cpus(2))

    with pytest.raises(DeviceError, match="can't be cut into slices"):
        parallel(np.float64(3.0))


@elsewhere
def test_a_sparse_output_is_an_error():
    """Only dense tensors go from one device to another."""
    from kerasplug import multi_gpu_model
    from kerasplug.errors import DeviceError

    keras, tf = started()

    class Sparse(keras.Model):
        def call(self, inputs):
            return tf.sparse.from_dense(inputs)

    made = Sparse()
    made.built = True

    with pytest.raises(DeviceError, match="can't be brought from one device"):
        multi_gpu_model(made, cpus(2))(X)


@elsewhere
def test_an_error_in_a_layer_leaves_the_model_fit_for_use():
    """What fails is the layer's own error; states and losses are as before."""
    keras, _ = started()
    fails = [False]

    class Moody(keras.layers.Layer):
        def call(self, inputs):
            self.add_loss(keras.ops.sum(inputs) * 0.0 + 1.0)
            if fails[0]:
                message = "not today"
                raise RuntimeError(message)
            return inputs

    def make():
        layer = keras.layers.SimpleRNN(2, stateful=True)
        return keras.Sequential([keras.Input(batch_shape=(4, 3, 2)), layer, Moody()])

    models = plain, parallel = twins(make, 2)
    series = rows(4, 3, 2)
    assert_same(plain(series), parallel(series))
    variables = [id(one) for one in parallel.template.layers[0].states]
    fails[0] = True
    with pytest.raises(RuntimeError, match="not today"):
        parallel(series)
    fails[0] = False

    assert [id(one) for one in parallel.template.layers[0].states] == variables
    assert_same(plain(series), parallel(series))
    assert_same(*(one.losses for one in models))


@elsewhere
def test_a_batch_of_no_rows_gives_no_rows():
    """An empty batch that is given as such comes out empty, as of the template."""
    _, parallel = twins(dense, 3)

    assert parallel(X[:0]).shape == parallel.template(X[:0]).shape == (0, 2)
