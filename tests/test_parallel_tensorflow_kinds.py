"""Every kind of model on several devices of TensorFlow trains as on one."""

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
IDS = np.random.default_rng(2).integers(0, 6, (20, 5))
SERIES = rows(20, 5, 3, seed=3)
COUNT = 3
BATCH = {"batch_size": 10, "epochs": 2}


def head(*layers, shape=(4,)):
    """These layers between an input and two outputs."""
    keras, _ = started()
    return keras.Sequential([keras.Input(shape), *layers, keras.layers.Dense(2)])


def assert_trains_alike(make, x=X, y=Y, compiled=None, **options):
    """Both models learn the same from this, loss and weights."""
    models = twins(make, COUNT, compiled)
    histories = fitted(models, x, y, **{**BATCH, **options})
    assert_alike(models, histories)
    return models


def _two_inputs(named):
    keras, _ = started()
    first, second = keras.Input((4,), name="first"), keras.Input((3,), name="second")
    middle = keras.layers.Concatenate()([first, second])
    one = keras.layers.Dense(2, name="one")(middle)
    two = keras.layers.Dense(3, name="two")(keras.ops.tanh(middle))
    if named:
        inputs = {"first": first, "second": second}
        return keras.Model(inputs, {"one": one, "two": two})
    return keras.Model([first, second], [one, two])


TWO_X = {"first": X, "second": SERIES[:, 0]}
TWO_Y = {"one": Y, "two": SERIES[:, 1]}


def _weighed():
    losses = {"one": "mse", "two": "mae"}
    told = {"loss": losses, "metrics": {"one": ["mae"], "two": ["mse"]}}
    return {"optimizer": "adam", **told, "loss_weights": {"one": 0.2, "two": 3.0}}


@elsewhere
def test_several_inputs_and_outputs_by_name():
    """Dictionaries of inputs and outputs, with losses and metrics of their own."""
    assert_trains_alike(lambda: _two_inputs(True), TWO_X, TWO_Y, _weighed)


@elsewhere
def test_several_inputs_and_outputs_in_order():
    """Lists of inputs and outputs, with a list of losses."""
    x, y = [*TWO_X.values()], [*TWO_Y.values()]

    def listed():
        return {"optimizer": "adam", "loss": ["mse", "mae"], "loss_weights": [0.2, 3.0]}

    assert_trains_alike(lambda: _two_inputs(False), x, y, listed)


@elsewhere
def test_nested_inputs_and_outputs():
    """A dictionary with a list in it goes in, and another one comes out."""

    def make():
        keras, _ = started()
        first, second = keras.Input((4,)), keras.Input((3,))
        middle = keras.layers.Concatenate()([first, second])
        made = [keras.layers.Dense(size, name=f"to_{size}")(middle) for size in (2, 3)]
        return keras.Model({"all": [first, second]}, {"out": made})

    y = {"out": [*TWO_Y.values()]}
    losses = {"out": ["mse", "mae"]}

    assert_trains_alike(
        make,
        {"all": [*TWO_X.values()]},
        y,
        lambda: {"optimizer": "adam", "loss": losses},
    )


@elsewhere
def test_an_input_that_may_be_missing():
    """None goes to each replica in place of an optional input."""

    def make():
        keras, _ = started()

        class Either(keras.layers.Layer):
            def call(self, first, second):
                return first if second is None else first + second

        first = keras.Input((4,), name="first")
        second = keras.Input((4,), name="second", optional=True)
        out = keras.layers.Dense(2)(Either()(first, second))
        return keras.Model({"first": first, "second": second}, out)

    assert_trains_alike(make, {"first": X, "second": None})
    assert_trains_alike(make, {"first": X, "second": X})


@elsewhere
def test_embeddings_with_masks():
    """Sparse gradients of integers' rows, and masks up to the loss."""

    def make():
        keras, _ = started()
        embedding = keras.layers.Embedding(6, 3, mask_zero=True)
        inputs = keras.Input((5,), dtype="int32")
        return keras.Model(inputs, keras.layers.Dense(2)(embedding(inputs)))

    models = assert_trains_alike(make, IDS, rows(20, 5, 2))

    plain, parallel = (model(IDS) for model in models)
    assert np.array_equal(parallel._keras_mask, plain._keras_mask)
    assert not np.asarray(parallel._keras_mask).all()


@elsewhere
def test_a_mask_comes_with_the_input():
    """A mask on what goes in is cut as its rows are."""
    keras, tf = started()

    class Masked(keras.Model):
        def __init__(self):
            super().__init__()
            self.supports_masking = True
            self.layer = keras.layers.SimpleRNN(2)

        def build(self, shape):
            self.layer.build(shape)

        def call(self, inputs, mask=None):
            return self.layer(inputs, mask=mask)

    def make():
        made = Masked()
        made.build((None, 5, 3))
        return made

    models = twins(make, COUNT)
    series = tf.constant(SERIES)
    masked = keras.layers.Masking(0.0)(series * (IDS > 1)[..., None])
    found = [np.asarray(one(masked)) for one in models]
    given = [np.asarray(one(series, mask=tf.constant(IDS > 1))) for one in models]

    assert_same(*found)
    assert_same(*given)
    assert_same(found[0], given[0])
    assert np.abs(found[0] - np.asarray(models[0](series))).max() > 1e-3


def _losing():
    keras, _ = started()

    class Loses(keras.layers.Layer):
        def call(self, inputs):
            self.add_loss(0.3 * keras.ops.mean(inputs**2))
            return inputs

    regular = keras.layers.Dense(
        3,
        activity_regularizer="l2",
        kernel_regularizer=keras.regularizers.L2(0.1),
        bias_regularizer="l1",
    )
    return head(regular, Loses())


@elsewhere
@pytest.mark.parametrize("synced", [False, True])
@pytest.mark.parametrize("last", ["softmax", "sigmoid"])
def test_outputs_that_say_zero_or_one(last, synced):
    """Losses come from what went into a softmax, so one that is surely wrong learns."""
    keras, _ = started()

    def make():
        first = keras.layers.BatchNormalization(trainable=synced)
        layers = [first, keras.layers.Dense(2, activation=last)]
        return keras.Sequential([keras.Input((4,)), *layers])

    loss = {"softmax": "categorical_crossentropy", "sigmoid": "binary_crossentropy"}
    told = {"optimizer": "sgd", "loss": loss[last]}
    models = twins(make, COUNT, lambda: told, sync_batch_norm=synced)
    for model in models:
        sure = [np.full_like(one, 30) for one in model.get_weights()[-2:]]
        sure[0][:, 0] *= -1
        model.set_weights([*model.get_weights()[:-2], *sure])

    histories = fitted(models, X, np.eye(2)[np.arange(len(X)) % 2], **BATCH)

    assert_alike(models, histories)
    assert max(histories[0]["loss"]) > 17


@elsewhere
def test_losses_of_layers():
    """What layers add counts once: of activities, of weights, and by `add_loss`."""
    models = assert_trains_alike(_losing)

    assert len(models[1].losses) == len(models[0].losses) == 4


@elsewhere
def test_losses_of_layers_when_rows_are_fewer_than_devices():
    """The row that a replica borrows adds nothing."""
    assert_trains_alike(_losing, X[:5], Y[:5], batch_size=2)


@elsewhere
def test_losses_of_the_template_by_itself_stay():
    """A model that calls both counts the losses of both calls, each as it is."""
    keras, _ = started()
    from kerasplug import multi_gpu_model

    found = []
    for parallel in (False, True):
        keras.utils.set_random_seed(2)
        inner = head(keras.layers.Dense(3, activity_regularizer="l2"))
        inputs = keras.Input((4,))
        other = multi_gpu_model(inner, cpus(COUNT)) if parallel else inner
        both = keras.layers.add([inner(inputs), other(inputs * 2)])
        model = keras.Model(inputs, both)
        model.compile("adam", "mse")
        found.append(fitted([model], X, Y, **BATCH)[0]["loss"])

    assert_same(*found)


@elsewhere
def test_constraints():
    """Weights are kept where a constraint has them."""
    keras, _ = started()

    def make():
        return head(keras.layers.Dense(3, kernel_constraint=keras.constraints.NonNeg()))

    models = assert_trains_alike(make)

    assert (models[1].get_weights()[0] >= 0).all()


@elsewhere
def test_frozen_layers():
    """Weights that the template has frozen stay, unknown to the optimizer."""
    from kerasplug import freeze_weights

    keras, _ = started()
    models = twins(lambda: head(keras.layers.Dense(3, name="held")), COUNT)
    held = models[0].get_weights()[0]
    freeze_weights(models[0], to="held")
    freeze_weights(models[1].template, to="held")
    for model in models:
        model.compile("adam", "mse")

    assert_alike(models, fitted(models, X, Y, **BATCH))
    assert np.array_equal(models[1].get_weights()[0], held)
    assert len(models[1].trainable_weights) == 2


def _optimizers():
    keras, _ = started()
    kinds = keras.optimizers
    return {
        "averaged": lambda: kinds.Adam(0.01, use_ema=True, ema_overwrite_frequency=2),
        "accumulated": lambda: kinds.Adam(0.01, gradient_accumulation_steps=2),
        "clipped": lambda: kinds.SGD(0.1, clipnorm=0.1),
        "clipped-globally": lambda: kinds.SGD(0.1, global_clipnorm=0.1),
        "decayed": lambda: kinds.AdamW(kinds.schedules.CosineDecay(0.1, 5)),
    }


@pytest.mark.parametrize(
    "name", ["averaged", "accumulated", "clipped", "clipped-globally", "decayed"]
)
@elsewhere
def test_what_optimizers_do(name):
    """Averages, accumulation, clipping and schedules see one device's gradients."""
    make = _optimizers()[name]

    assert_trains_alike(head, compiled=lambda: {"optimizer": make(), "loss": "mse"})


@elsewhere
def test_mixed_float16():
    """Losses are scaled as on one device, and weights agree as float16 lets them."""
    keras, _ = started()
    keras.config.set_floatx("float32")
    keras.config.set_dtype_policy("mixed_float16")
    models = plain, parallel = twins(lambda: head(keras.layers.Dense(3)), COUNT)

    histories = fitted(models, X, Y, **BATCH)

    assert_alike(models, histories, close=5e-3)
    assert "LossScale" in type(parallel.optimizer).__name__
    assert type(parallel.optimizer) is type(plain.optimizer)
    assert parallel.compute_dtype == "float16"
    assert {one.dtype for one in parallel.weights} == {"float32"}


@elsewhere
def test_layers_of_another_precision_than_keras_has():
    """Layers of float64 keep it while Keras' own floats are float32."""
    keras, _ = started()
    keras.config.set_floatx("float32")
    keras.config.set_dtype_policy("float32")

    def make():
        inputs = keras.Input((4,), dtype="float64")
        middle = keras.layers.Dense(3, dtype="float64")(inputs)
        outputs = keras.layers.Dense(2, dtype="float64")(middle)
        return keras.Model(inputs, outputs, dtype="float64")

    models = assert_trains_alike(make)

    assert models[1](X).dtype == "float64"


@elsewhere
def test_recurrent_layers_with_masks():
    """Sequences of several lengths are followed as on one device, both ways."""
    keras, _ = started()
    layers = keras.layers

    def make():
        return head(
            layers.Masking(), layers.Bidirectional(layers.SimpleRNN(2)), shape=(5, 3)
        )

    models = twins(make, 2)
    lengths = np.arange(20) % 5 + 1
    series = SERIES * (np.arange(5) < lengths[:, None])[..., None]

    assert_alike(models, fitted(models, series, Y, batch_size=5))


@elsewhere
def test_states_that_go_from_batch_to_batch():
    """Each row's state goes on, and begins anew where it is reset between epochs."""
    from kerasplug import reset_states

    keras, _ = started()

    def make():
        layer = keras.layers.LSTM(2, stateful=True)
        return keras.Sequential([keras.Input(batch_shape=(10, 5, 3)), layer])

    models = twins(make, COUNT)
    for _ in range(2):
        assert_alike(models, fitted(models, SERIES, Y, batch_size=10))
        states = [_states(one) for one in models]
        np.testing.assert_allclose(states[1], states[0], rtol=1e-12)
        assert np.all(states[1])
        for model in models:
            reset_states(model)
        assert not np.any(_states(models[1]))


def _states(model):
    (layer,) = getattr(model, "template", model).layers
    return np.concatenate([np.asarray(state) for state in layer.states], axis=1)


@elsewhere
def test_sparse_inputs():
    """A sparse batch is cut without being made dense."""
    keras, tf = started()

    def make():
        inputs = keras.Input((4,), sparse=True)
        return keras.Model(inputs, keras.layers.Dense(2)(inputs))

    x = tf.sparse.from_dense(np.where(X > 0, X, 0))
    data = tf.data.Dataset.from_tensor_slices((x, Y)).batch(8)
    models = twins(make, COUNT, lambda: {"optimizer": "sgd", "loss": "mse"})

    assert_alike(models, fitted(models, data))


@elsewhere
def test_keras_squares_what_comes_twice_by_itself():
    """Why Adam on sparse inputs is not one device's: Keras squares parts, not sums."""
    keras, tf = started()
    found = []
    for indices, values in (([1], [[3.0]]), ([1, 1], [[1.0], [2.0]])):
        variable = keras.Variable(np.zeros((2, 1)))
        optimizer = keras.optimizers.RMSprop(1.0, rho=0.0)
        gradient = tf.IndexedSlices(tf.constant(values, "float64"), indices, (2, 1))
        optimizer.apply([gradient], [variable])
        found.append(float(variable[1, 0]))

    np.testing.assert_allclose(found, [-1, -3 / 5**0.5], rtol=1e-6)


@elsewhere
def test_ragged_inputs():
    """Rows of several lengths are cut as rows."""
    keras, tf = started()

    class Sums(keras.layers.Layer):
        def call(self, inputs):
            return tf.reduce_sum(inputs, axis=1)

        def compute_output_shape(self, shape):
            return (shape[0], shape[2])

    class Ragged(keras.Model):
        def __init__(self):
            super().__init__()
            self.sums, self.out = Sums(), keras.layers.Dense(2)

        def build(self, shape):
            self.out.build((None, 3))
            self.built = True

        def call(self, inputs):
            return self.out(self.sums(inputs))

    values = tf.RaggedTensor.from_row_lengths(rows(60, 3), [1, 5] * 10)
    data = tf.data.Dataset.from_tensor_slices((values, Y))
    data = data.ragged_batch(8) if hasattr(data, "ragged_batch") else data.batch(8)

    def make():
        made = Ragged()
        made.build((None, None, 3))
        return made

    models = twins(make, COUNT)
    assert_alike(models, fitted(models, data))


@elsewhere
def test_integers_come_out_as_integers():
    """What has no gradient is put together as well."""
    keras, _ = started()

    def make():
        inputs = keras.Input((4,))
        best = keras.ops.argmax(inputs, axis=-1)
        return keras.Model(inputs, {"best": best, "out": keras.layers.Dense(2)(inputs)})

    plain, parallel = twins(make, COUNT, lambda: {"loss": {"out": "mse", "best": None}})
    found = parallel.predict(X, verbose=0)

    assert found["best"].dtype == plain.predict(X, verbose=0)["best"].dtype
    assert np.array_equal(found["best"], X.argmax(-1))
