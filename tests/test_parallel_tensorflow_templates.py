"""What templates may be, and what may be done with them, on devices of TensorFlow."""

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

pytestmark = pytest.mark.engine

X, Y = rows(20, 4), rows(20, 2, seed=1)
IMAGES = rows(12, 6, 6, 3, seed=2)
BATCH = {"batch_size": 10, "epochs": 2}


def dense(*, built=True):
    """Two dense layers."""
    keras, _ = started()
    layers = [keras.layers.Dense(5, activation="tanh"), keras.layers.Dense(2)]
    return keras.Sequential([*([keras.Input((4,))] if built else []), *layers])


def subclassed(**methods):
    """A model with a `call` of its own, and these methods; it has no weights yet."""
    keras, _ = started()

    class Own(keras.Model):
        def __init__(self):
            super().__init__()
            self.first = keras.layers.Dense(5, activation="tanh")
            self.second = keras.layers.Dense(2)

        def call(self, inputs, training=None):
            outputs = self.second(self.first(inputs))
            return outputs * (2.0 if training else 1.0)

    return type("Own", (Own,), methods)()


@elsewhere
def test_a_model_with_a_call_of_its_own():
    """A subclass of Model learns and predicts the same, and sees `training`."""

    def make():
        made = subclassed()
        made(X[:1])
        return made

    models = twins(make, 3)

    assert_alike(models, fitted(models, X, Y, **BATCH))
    assert_same(*(one.predict(X, verbose=0) for one in models))
    assert_same(*(one(X, training=True) for one in models))


@pytest.mark.parametrize("make", [subclassed, lambda: dense(built=False)])
@elsewhere
def test_a_template_without_weights_gets_them_at_the_first_call(make):
    """They are the template's, made as it alone makes them, on the first device."""
    keras, _ = started()
    from kerasplug import multi_gpu_model

    found = []
    for count in (1, 3):
        keras.utils.set_random_seed(3)
        template = model = make()
        if count > 1:
            model = multi_gpu_model(template, cpus(count))
        model.compile("adam", "mse")
        fitted([model], X, Y, **BATCH)
        found.append(template.get_weights())
        places = [one.value.device for one in template.weights]
        assert all(place.endswith("CPU:0") for place in places)

    assert_same(*found)
    assert len(found[0]) == 4


@elsewhere
def test_the_template_goes_on_being_a_model():
    """What trains it between two fits trains the parallel model, and the reverse."""
    models = plain, parallel = twins(dense, 3)

    fitted(models, X, Y, **BATCH)
    fitted([plain, parallel.template], X, Y, **BATCH)
    histories = fitted(models, X, Y, **BATCH)

    assert_alike(models, histories)
    assert parallel.optimizer is parallel.template.optimizer
    assert_same(parallel(X), parallel.template(X))


@elsewhere
def test_two_parallel_models_over_one_template():
    """They have one set of weights; each trains what the other one computes with."""
    from kerasplug import multi_gpu_model

    plain, first = twins(dense, 2)
    second = multi_gpu_model(first.template, cpus(5))

    fitted([plain, first], X, Y, **BATCH)
    fitted([plain, second], X, Y, **BATCH)

    assert second.optimizer is first.optimizer
    assert_alike((plain, second))
    assert_same(first(X), second(X))


@elsewhere
def test_weights_are_counted_once():
    """The parallel model has the template's variables themselves, and no others."""
    _, parallel = twins(dense, 3)

    for name in ("weights", "trainable_weights", "trainable_variables"):
        mine, theirs = getattr(parallel, name), getattr(parallel.template, name)
        assert [id(one) for one in mine] == [id(one) for one in theirs]
    assert parallel.count_params() == 37
    assert parallel.get_layer(index=1) is parallel.template.layers[1]


@elsewhere
def test_a_compiled_template_is_gone_on_with():
    """What its optimizer has learned stays, and so does all it was compiled with."""
    from kerasplug import multi_gpu_model

    plain, template = dense(), dense()
    template.set_weights(plain.get_weights())
    for model in (plain, template):
        model.compile("adam", "mse", metrics=["mae"])
    fitted([plain, template], X, Y, **BATCH)
    parallel = multi_gpu_model(template, cpus(3))

    histories = fitted([plain, parallel], X, Y, **BATCH)

    assert_alike((plain, parallel), histories)
    assert int(parallel.optimizer.iterations) == 8
    assert sorted(histories[1]) == ["loss", "mae"]


def _pretrained(path):
    keras, _ = started()
    layers = [keras.layers.Conv2D(3, 3), keras.layers.BatchNormalization()]
    base = keras.Sequential([keras.Input((6, 6, 3)), *layers])
    base.compile("adam", "mse")
    base.fit(IMAGES, rows(12, 4, 4, 3), verbose=0)
    base.save(path)


@elsewhere
def test_pretrained_weights_are_kept(tmp_path):
    """A loaded, frozen base computes with its weights, and a new head learns on it."""
    keras, _ = started()
    _pretrained(tmp_path / "base.keras")

    def make():
        base = keras.saving.load_model(tmp_path / "base.keras")
        base.trainable = False
        layers = [keras.layers.Flatten(), keras.layers.Dense(2)]
        return keras.Sequential([keras.Input((6, 6, 3)), base, *layers])

    models = twins(make, 3)
    before = models[1].template.layers[0].get_weights()

    assert_alike(models, fitted(models, IMAGES, Y[:12], batch_size=4))
    assert_same(before, make().layers[0].get_weights(), close=0)
    assert_same(before, models[1].template.layers[0].get_weights(), close=0)


@elsewhere
def test_dropout_learns_with_other_numbers():
    """Each slice draws numbers of its own, so training is as good, and not the same."""
    keras, _ = started()

    def make():
        return keras.Sequential(
            [
                keras.Input((4,)),
                keras.layers.Dropout(0.5, seed=1),
                keras.layers.Dense(2),
            ]
        )

    models = twins(make, 2, lambda: {"optimizer": "sgd", "loss": "mse"})
    histories = fitted(models, X, X[:, :2], batch_size=10, epochs=20)
    drawn = np.asarray(models[1](np.ones((10, 4)), training=True))

    for history in histories:
        assert history["loss"][-1] < 0.7 * history["loss"][0]
    assert not np.allclose(models[0].get_weights()[0], models[1].get_weights()[0])
    assert len(np.unique(drawn.round(9), axis=0)) > 5
    assert not np.allclose(drawn[:5], drawn[5:])
    assert_same(*(one.predict(X, verbose=0) for one in [models[1], models[1].template]))


@elsewhere
def test_batch_normalization_differs_as_it_is_told():
    """Each slice has its own statistics and moves the averages: two move them twice."""
    keras, _ = started()

    def make():
        layer = keras.layers.BatchNormalization(momentum=0.9)
        return keras.Sequential([keras.Input((4,)), layer])

    plain, parallel = twins(make, 2)
    for model in (plain, parallel):
        model(X, training=True)
    halves = X[:10].mean(0), X[10:].mean(0)
    (whole, mine) = (
        np.asarray(one.non_trainable_weights[0]) for one in (plain, parallel)
    )

    np.testing.assert_allclose(whole, 0.1 * X.mean(0), rtol=1e-9)
    np.testing.assert_allclose(mine, 0.09 * halves[0] + 0.1 * halves[1], rtol=1e-9)
    assert_same(parallel(X), parallel.template(X))


@elsewhere
def test_metrics_that_layers_have():
    """A metric inside of a layer sees every row once, and is shown as on one device."""
    keras, _ = started()

    class Watches(keras.layers.Layer):
        def __init__(self):
            super().__init__()
            self.seen = keras.metrics.Sum(name="seen")

        def call(self, inputs):
            self.seen.update_state(inputs)
            return inputs

    def make():
        return keras.Sequential([keras.Input((4,)), Watches(), keras.layers.Dense(2)])

    models = twins(make, 4)
    histories = fitted(models, X, Y, batch_size=10, epochs=2)

    assert_same(*histories)
    np.testing.assert_allclose(histories[1]["seen"], [X.sum()] * 2, rtol=1e-9)


def _penalized(model, tf):
    """The gradients of a loss with the steepness of the model in it."""
    x, y = tf.constant(X), tf.constant(Y)
    with tf.GradientTape() as outer:
        with tf.GradientTape() as inner:
            inner.watch(x)
            out = model(x, training=True)
        steep = inner.gradient(out, x)
        loss = tf.reduce_mean((out - y) ** 2) + tf.reduce_mean(steep**2)
    return outer.gradient(loss, [one.value for one in model.trainable_weights])


@pytest.mark.parametrize("graph", [False, True], ids=["eager", "graph"])
@elsewhere
def test_gradients_of_gradients(graph):
    """A gradient penalty with two tapes has the gradients of one device."""
    _, tf = started()

    def gradients(model):
        def run():
            return _penalized(model, tf)

        return (tf.function(run) if graph else run)()

    plain, parallel = twins(dense, 3)

    assert_same(gradients(plain)[:3], gradients(parallel)[:3])
    assert np.abs(np.asarray(gradients(plain)[0])).max() > 1e-3


@pytest.mark.parametrize("graph", [False, True], ids=["eager", "graph"])
@elsewhere
def test_a_loop_of_ones_own(graph):
    """Steps by hand with one tape give the weights of one device."""
    _, tf = started()
    models = twins(dense, 3)

    def trained(model):
        @tf.function(reduce_retracing=True) if graph else lambda step: step
        def step(x, y):
            with tf.GradientTape() as tape:
                loss = tf.reduce_mean((model(x, training=True) - y) ** 2)
            weights = model.trainable_weights
            gradients = tape.gradient(loss, [one.value for one in weights])
            model.optimizer.apply(gradients, weights)
            return loss

        return [float(step(X[a : a + 7], Y[a : a + 7])) for a in range(0, 20, 7)]

    assert_same(*map(trained, models))
    assert_alike(models)


OWN_STEPS = (
    "train_step",
    "test_step",
    "predict_step",
    "compute_loss",
    "compute_metrics",
)


@pytest.mark.parametrize("name", OWN_STEPS)
@elsewhere
def test_a_template_with_a_step_of_its_own_is_refused(name):
    """The parallel model would not run it, and so would train something else."""
    from kerasplug import multi_gpu_model
    from kerasplug.errors import DeviceError

    template = subclassed(**{name: lambda self, *given, **options: None})

    with pytest.raises(DeviceError, match=f"its own {name}"):
        multi_gpu_model(template, cpus(2))
