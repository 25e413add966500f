"""Where TensorFlow computes what: each device its slice, forward and backward."""

import numpy as np
import pytest
from parallel_kit import (
    DEVICES,
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

X, Y = rows(16, 4), rows(16, 2, seed=1)
IMAGES = rows(16, 6, 6, 2)
SERIES = rows(16, 3, 2)
#: Operations of the backward pass, which nothing else has.
BACKWARD = ("Conv2DBackpropFilter", "Conv2DBackpropInput")


def convolutional():
    """Two convolutions, so that gradients go through one to the other."""
    keras, _ = started()
    layers = [
        keras.layers.Conv2D(3, 3, activation="tanh"),
        keras.layers.Conv2D(2, 3),
        keras.layers.Flatten(),
        keras.layers.Dense(2),
    ]
    return keras.Sequential([keras.Input((6, 6, 2)), *layers])


@pytest.mark.parametrize("count", [2, 4, 8])
@elsewhere
def test_forward_and_backward_run_on_every_device(count):
    """Under fit, each device has its convolutions and their gradients, equally many."""
    _, parallel = twins(convolutional, count)

    found = ran_on(lambda: fitted([parallel], IMAGES, Y, batch_size=16))

    for words in (BACKWARD[0], BACKWARD[1], "Conv2DBackprop"):
        shares = devices_of(found, words)
        assert sorted(shares) == cpus(count)
        assert len(set(shares.values())) == 1
    products = devices_of(found, "MatMul", "FusedMatMul")
    assert sorted(products) == cpus(count)


@elsewhere
def test_one_device_runs_all_of_the_plain_model():
    """What the notes of TensorFlow say of a model on one device."""
    plain, _ = twins(convolutional, 2)

    found = ran_on(lambda: fitted([plain], IMAGES, Y, batch_size=16))

    assert sorted(devices_of(found, *BACKWARD)) == ["cpu:0"]


@elsewhere
def test_one_tape_around_all_brings_the_backward_pass_to_the_first_device():
    """Why each replica has a tape of its own: TensorFlow's notes of the simple way."""
    _, tf = started()
    model = convolutional()

    @tf.function
    def step(x, y):
        with tf.GradientTape() as tape:
            parts = []
            for number in range(2):
                with tf.device(f"cpu:{number}"):
                    parts.append(model(x[number * 8 : number * 8 + 8]))
            loss = tf.reduce_mean((tf.concat(parts, 0) - y) ** 2)
        return tape.gradient(loss, [one.value for one in model.trainable_weights])

    found = ran_on(lambda: step(tf.constant(IMAGES), tf.constant(Y)))

    assert sorted(devices_of(found, *BACKWARD)) == ["cpu:0"]


@elsewhere
def test_recurrent_layers_run_on_every_device():
    """The products within the loops of an LSTM, forward and backward."""
    keras, _ = started()

    def make():
        layer = keras.layers.LSTM(2)
        return keras.Sequential([keras.Input((3, 2)), layer])

    plain, parallel = twins(make, 2)
    found, alone = (
        devices_of(
            ran_on(lambda one=one: fitted([one], SERIES, Y, batch_size=16)),
            *("MatMul", "FusedMatMul"),
        )
        for one in (parallel, plain)
    )

    assert sorted(found) == cpus(2)
    assert len(set(found.values())) == 1
    assert found["cpu:1"] >= alone["cpu:0"] > 2


@elsewhere
def test_evaluating_and_predicting_run_on_every_device():
    """Each device computes its slice there as well."""
    _, parallel = twins(convolutional, 3)

    for run in (
        lambda: parallel.predict(IMAGES, batch_size=16, verbose=0),
        lambda: parallel.evaluate(IMAGES, Y, batch_size=16, verbose=0),
    ):
        shares = devices_of(ran_on(run), "Conv2D", "FusedConv2D")
        assert sorted(shares) == cpus(3)


@elsewhere
def test_chosen_devices_and_no_others():
    """The devices may be any, in any order; the first rows go to the first of them."""
    from kerasplug import multi_gpu_model

    _, tf = started()
    seen = {}

    def make():
        keras, _ = started()

        class Sees(keras.layers.Layer):
            def call(self, inputs):
                seen[tf.identity(inputs).device.rsplit(":", 1)[1]] = np.array(inputs)
                return inputs

        return keras.Sequential([keras.Input((4,)), Sees()])

    parallel = multi_gpu_model(make(), ["cpu:5", "cpu:2", "cpu:6"])
    parallel(X)

    assert sorted(seen) == ["2", "5", "6"]
    assert_same(np.concatenate([seen["5"], seen["2"], seen["6"]]), X)
    assert [len(seen[one]) for one in "526"] == [5, 5, 6]


def _merging(parallel):
    """Devices of the operations that put the outputs of a batch together."""
    _, tf = started()
    graph = tf.function(parallel).get_concrete_function(
        tf.TensorSpec([8, 4], "float64")
    )
    nodes = graph.graph.as_graph_def().node
    return {one.device.rsplit("/device:")[-1] for one in nodes if one.op == "ConcatV2"}


@pytest.mark.parametrize(
    ("cpu_merge", "device"), [(True, "CPU:0"), (False, "CPU:3")], ids=["host", "first"]
)
@elsewhere
def test_outputs_are_put_together_where_one_says(cpu_merge, device):
    """In the host's memory, or on the first of the devices."""
    from kerasplug import multi_gpu_model

    keras, _ = started()
    template = keras.Sequential([keras.Input((4,)), keras.layers.Dense(2)])
    parallel = multi_gpu_model(template, ["cpu:3", "cpu:1"], cpu_merge=cpu_merge)

    assert _merging(parallel) == {device}
    assert parallel.merge_on == device.lower()
    assert_same(parallel(X), template(X))


@elsewhere
def test_relocation_keeps_values_and_the_template():
    """Weights go to the host's memory, with the optimizer, and training goes on."""
    from kerasplug import multi_gpu_model

    keras, _ = started()
    plain, template = (convolutional() for _ in range(2))
    with keras.device("cpu:3"):
        template = convolutional()
        template.set_weights(plain.get_weights())
        template.compile("adam", "mse")
        template.fit(IMAGES, Y, batch_size=16, verbose=0)
    plain.compile("adam", "mse")
    fitted([plain], IMAGES, Y, batch_size=16)
    assert _places(template) == {"CPU:3"}

    parallel = multi_gpu_model(template, cpus(2), cpu_relocation=True)

    assert parallel.template is template
    assert _places(template) == {"CPU:0"}
    assert_same(plain.get_weights(), template.get_weights())
    assert_same(*fitted([plain, parallel], IMAGES, Y, batch_size=16, epochs=2))
    assert_same(*fitted([plain, template], IMAGES, Y, batch_size=16))
    assert_same(plain.get_weights(), template.get_weights())


@elsewhere
def test_without_relocation_weights_stay():
    """What the weights were made on has them, and the other devices read them there."""
    keras, _ = started()

    def make():
        with keras.device("cpu:3"):
            return convolutional()

    models = twins(make, 2)

    assert _places(models[1]) == {"CPU:3"}
    assert_same(*fitted(models, IMAGES, Y, batch_size=16))


def _places(model):
    return {one.value.device.rsplit("/device:", 1)[1] for one in model.weights}


@elsewhere
def test_there_are_devices_to_be_chosen_from():
    """The process has the virtual processors that these tests are about."""
    from kerasplug import available_devices

    assert list(available_devices("cpu")) == cpus(DEVICES)
