"""Batch normalization over all devices has the statistics of the whole batch."""

import importlib

import numpy as np
import pytest
from parallel_kit import (
    assert_alike,
    assert_same,
    cpus,
    elsewhere,
    fitted,
    rows,
    started,
    twins,
)

from kerasplug import multi_gpu_model
from kerasplug.errors import DeviceError

pytestmark = pytest.mark.engine

IMAGES, LABELS = rows(36, 6, 6, 2) * 3 + 1, rows(36, 3, seed=1)
SERIES, VALUES = rows(36, 5, 4, seed=2) * 2 - 1, rows(36, 2, seed=3)


def norm(**options):
    """A batch normalization whose averages move fast enough to be seen."""
    keras, _ = started()
    return keras.layers.BatchNormalization(**{"momentum": 0.9, **options})


def convolutional():
    """Convolutions with a batch normalization after each, and no biases."""
    keras, _ = started()
    layers = [
        keras.Input((6, 6, 2)),
        keras.layers.Conv2D(4, 3, use_bias=False),
        norm(),
        keras.layers.ReLU(),
        keras.layers.Conv2D(3, 2, activation="tanh"),
        norm(axis=1, scale=False),
        keras.layers.Flatten(),
        norm(center=False, epsilon=1e-2),
        keras.layers.Dense(3),
    ]
    return keras.Sequential(layers)


def residual():
    """Blocks with a sum, beside a branch that no normalization is in; two outputs."""
    keras, _ = started()
    inputs = keras.Input((6, 6, 2))
    x = keras.layers.Conv2D(3, 3, padding="same")(inputs)
    for _ in range(2):
        y = norm()(keras.layers.Conv2D(3, 3, padding="same")(x))
        y = norm()(keras.layers.Conv2D(3, 3, padding="same")(keras.ops.tanh(y)))
        x = keras.layers.Add()([x, y * 0.5])
    mean = keras.layers.GlobalAveragePooling2D()(x)
    raw = keras.layers.Dense(3, name="raw")(keras.layers.Flatten()(inputs))
    return keras.Model(inputs, [keras.layers.Dense(3, name="deep")(mean), raw])


def nested():
    """A Sequential in a functional model in another, the inner one called twice."""
    keras, _ = started()
    head = keras.Sequential([keras.layers.Dense(4), norm()], name="head")
    inputs = keras.Input((8,))
    inner = keras.Model(inputs, [head(inputs), norm()(inputs)], name="inner")
    outer = keras.Input((6, 6, 2))
    flat = keras.layers.Flatten()(outer)
    left, right = (keras.layers.Dense(8)(flat) for _ in range(2))
    four, eight = inner(left)
    more, _ = inner(inputs=right + eight)
    return keras.Model(outer, keras.layers.Dense(3)(keras.ops.tanh(four) * more))


def masked():
    """Steps that are masked, in a recurrent layer between two normalizations."""
    keras, _ = started()
    layers = [
        keras.Input((5, 4)),
        keras.layers.Masking(),
        norm(),
        keras.layers.SimpleRNN(3, return_sequences=True, unroll=True),
        norm(axis=1),
        keras.layers.GlobalAveragePooling1D(),
        norm(renorm=True, renorm_clipping={"rmax": 1.5, "rmin": 0.5, "dmax": 0.2}),
        keras.layers.Dense(2),
    ]
    return keras.Sequential(layers)


def mixed():
    """Inputs by name, one of too low a rank; rows made into more; added losses."""
    keras, _ = started()
    inputs = {"n": keras.Input((1,), name="n"), "x": keras.Input((5, 4), name="x")}
    steps = norm(activity_regularizer="l2")(keras.ops.reshape(inputs["x"], (-1, 4)))
    steps = keras.layers.Dense(3, activity_regularizer="l1")(steps)
    flat = keras.ops.reshape(norm(synchronized=True)(steps), (-1, 15))
    joined = keras.layers.Concatenate()([flat, norm()(inputs["n"])])
    return keras.Model(inputs, keras.layers.Dense(2)(joined))


def descending():
    """Arguments for compiling; no Adam, which would enlarge the last digits."""
    keras, _ = started()
    return {"optimizer": keras.optimizers.SGD(0.003, momentum=0.9), "loss": "mse"}


def hidden_steps():
    """Series of which some steps are all zeros, in some rows the first ones."""
    series = SERIES.copy()
    series[::3, :2] = 0
    series[1::4, 3:] = 0
    return series


DATA = {
    convolutional: (IMAGES, LABELS),
    residual: (IMAGES, [LABELS, LABELS]),
    nested: (IMAGES, LABELS),
    masked: (hidden_steps(), VALUES),
    mixed: ({"n": SERIES[:, 0, 0], "x": SERIES}, VALUES),
}
CASES = [
    *((convolutional, 8, 5), (residual, 2, 11), (nested, 4, 11)),
    *((masked, 4, 11), (mixed, 4, 9)),
]


@pytest.mark.parametrize(("make", "count", "batch"), CASES)
@elsewhere
def test_fifty_steps_are_those_of_one_device(make, count, batch):
    """Weights, averages and optimizer are equal, however the rows divide."""
    models = twins(make, count, descending, sync_batch_norm=True)
    moved = models[1].template.non_trainable_variables
    averages = [one for one in moved if "seed" not in one.path]
    before = [np.array(one) for one in averages]
    epochs = -(-50 // -(-36 // batch))

    histories = fitted(models, *DATA[make], batch_size=batch, epochs=epochs)

    assert_alike(models, histories)
    assert models[0].optimizer.iterations.numpy() >= 50
    for was, now in zip(before, averages, strict=True):
        assert np.abs(was - np.array(now)).max() > 1e-3


@elsewhere
def test_states_of_rows_beside_it_go_on():
    """A stateful layer, called before and after it, remembers as on one device."""
    keras, _ = started()

    def make():
        inputs = keras.Input(batch_shape=(6, 5, 4))
        options = {"stateful": True, "return_sequences": True, "unroll": True}
        shared = keras.layers.LSTM(4, name="lstm", **options)
        again = shared(norm()(shared(inputs)))
        return keras.Model(inputs, keras.layers.Dense(2)(norm()(again)))

    models = twins(make, 4, descending, sync_batch_norm=True)

    for _ in range(2):
        assert_same(*(m.train_on_batch(SERIES[:6], SERIES[:6, :, :2]) for m in models))

    assert_alike(models)
    states = [[np.array(one) for one in m.get_layer("lstm").states] for m in models]
    assert_same(*states)
    assert np.abs(states[0][0]).min() > 0


@pytest.mark.parametrize("kept", [9, 3])
@elsewhere
def test_without_a_graph_it_is_the_same(kept):
    """Calls and gradients by hand are those of one device, also for the inputs."""
    _, tf = started()
    models = twins(convolutional, 4, descending, sync_batch_norm=True)
    found = []

    for model in models:
        x = tf.constant(IMAGES[:kept])
        with tf.GradientTape() as tape:
            tape.watch(x)
            loss = tf.reduce_sum(model(x, training=True) ** 3)
        wanted = [x, *(one.value for one in model.trainable_variables)]
        found.append([loss, *tape.gradient(loss, wanted)])

    assert_same(*found)
    assert_alike(models)


@elsewhere
def test_half_precision_is_added_up_in_more():
    """Statistics of halves are had in float32, and outputs are halves again."""
    keras, _ = started()
    keras.config.set_dtype_policy("mixed_float16")
    layers = [keras.Input((6, 6, 2)), norm(), norm()]
    models = twins(lambda: keras.Sequential(layers), 3, sync_batch_norm=True)
    large = IMAGES * 50 + 3000

    outputs = [model(large, training=True) for model in models]

    assert outputs[1].dtype == "float16"
    assert_same(*(np.array(one, "float32") for one in outputs), close=2e-3)
    assert_same(*(model.get_weights() for model in models), close=1e-5)
    assert np.ptp(outputs[1]) > 3


@elsewhere
def test_averages_move_once_and_without_it_once_for_each_device():
    """The documented numbers: by 0.1, and by 1 - 0.9**4 where each of four moves it."""
    keras, _ = started()
    moved = {}

    for sync in (True, False):
        layers = [keras.Input((2,)), norm(name="norm")]
        model = multi_gpu_model(keras.Sequential(layers), cpus(4), sync_batch_norm=sync)
        model(np.full((8, 2), 5.0), training=True)
        moved[sync] = np.array(model.get_layer("norm").moving_mean)

    np.testing.assert_allclose(moved[True], 5 * 0.1, rtol=1e-12)
    np.testing.assert_allclose(moved[False], 5 * (1 - 0.9**4), rtol=1e-12)


@elsewhere
def test_without_it_training_deviates():
    """Statistics of slices train other weights than those of the batch."""
    models = plain, parallel = twins(convolutional, 4, descending)

    fitted(models, IMAGES, LABELS, batch_size=11)

    with pytest.raises(AssertionError):
        assert_same(plain.get_weights(), parallel.get_weights(), close=1e-3)


@elsewhere
def test_each_device_computes_its_slice_forward_and_backward():
    """Convolutions and their gradients run on all devices, and so do normalizations."""
    context = importlib.import_module("tensorflow.python.eager.context")
    _, parallel = twins(residual, 4, descending, sync_batch_norm=True)

    context.enable_run_metadata()
    parallel.fit(IMAGES, [LABELS, LABELS], batch_size=36, verbose=0)
    told = context.export_run_metadata()
    context.disable_run_metadata()

    ran = {}
    for graph in told.function_graphs:
        for part in graph.partition_graphs:
            for node in part.node:
                ran.setdefault(node.op, []).append(node.device[-1])
    for kind in ("Conv2D", "Conv2DBackpropFilter", "Rsqrt", "RsqrtGrad"):
        assert set("0123") <= set(ran[kind]), (kind, sorted(ran))
    counts = [ran["Conv2DBackpropFilter"].count(one) for one in "0123"]
    assert counts == [5, 5, 5, 5]


def in_time():
    """Called for each step of a series, by a wrapper."""
    keras, _ = started()
    layers = [keras.Input((5, 4)), keras.layers.TimeDistributed(norm(name="bn"))]
    return keras.Sequential(layers)


def in_code():
    """Called by a model's own code."""
    keras, _ = started()

    class Own(keras.Model):
        def __init__(self):
            super().__init__()
            self.norm = norm(name="bn")

        def call(self, inputs):
            return self.norm(inputs)

    return Own()


def own_call():
    """A class made of Keras', which computes in its own way, in an inner model."""
    keras, _ = started()

    class Louder(keras.layers.BatchNormalization):
        def call(self, inputs, training=None, mask=None):
            return 2 * super().call(inputs, training=training, mask=mask)

    inner = keras.Sequential([keras.Input((4,)), Louder(name="bn")], name="inner")
    return keras.Sequential([keras.Input((4,)), inner])


HIDDEN = {
    in_time: ("time_distributed/bn", "TimeDistributed"),
    in_code: ("bn", "Own"),
    own_call: ("inner/bn", "Louder"),
}


@pytest.mark.parametrize("make", HIDDEN)
@elsewhere
def test_what_is_called_by_code_is_refused_at_once(make):
    """The error names the layer by its path, why, and what to do."""
    path, kind = HIDDEN[make]
    template = make()

    with pytest.raises(DeviceError) as told:
        multi_gpu_model(template, cpus(2), sync_batch_norm=True)

    assert repr(path) in told.value.what
    assert kind in told.value.found
    assert "trainable = False" in told.value.mend
    multi_gpu_model(template, cpus(2))
    template.trainable = False
    multi_gpu_model(template, cpus(2), sync_batch_norm=True)


@elsewhere
def test_what_only_building_makes_is_refused_at_the_first_call():
    """A layer that comes into being later is found before it trains anything."""
    keras, _ = started()

    class Late(keras.layers.Layer):
        def build(self, shape):
            self.norm = norm(name="bn")
            self.norm.build(shape)

        def call(self, inputs):
            return self.norm(inputs)

    template = keras.Sequential([Late(name="late")])
    model = multi_gpu_model(template, cpus(2), sync_batch_norm=True)

    with pytest.raises(DeviceError, match="late/bn"):
        model(np.ones((4, 2)), training=True)

    assert not np.any(template.layers[0].norm.moving_mean)


@elsewhere
def test_a_template_that_is_not_built_yet_is_built_and_split():
    """A Sequential without an input trains as on one device."""
    keras, _ = started()
    models = []
    for wrapped in (
        lambda one: one,
        lambda one: multi_gpu_model(one, cpus(3), sync_batch_norm=True),
    ):
        keras.utils.set_random_seed(3)
        layers = [keras.layers.Dense(4), norm(), keras.layers.Dense(2)]
        models.append(wrapped(keras.Sequential(layers)))
        models[-1].compile(**descending())

    histories = fitted(models, SERIES[:, 0], VALUES, batch_size=10)

    assert_alike(models, histories)


@elsewhere
def test_frozen_and_without_it_any_model_will_do():
    """Where nothing takes statistics, the option changes nothing."""
    keras, _ = started()

    def make():
        frozen = norm(trainable=False)
        return keras.Sequential([keras.Input((5, 4)), frozen, keras.layers.Dense(2)])

    models = twins(make, 3, descending, sync_batch_norm=True)
    histories = fitted(models, SERIES, SERIES[..., :2], batch_size=10)

    assert_alike(models, histories)
    assert not np.any(models[1].template.layers[0].moving_mean)
    assert_same(
        *(model.evaluate(SERIES, SERIES[..., :2], verbose=0) for model in models)
    )
