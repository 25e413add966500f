"""What several devices compute on JAX is what one device computes.

The cases run in one process on JAX with eight virtual devices and in float64, which
prints what came of each; each test looks at one of them.
"""

import functools
import os

import numpy as np
import pytest
from states_kit import case_in, run_cases, told

pytestmark = pytest.mark.engine

CASES = {}
of = functools.partial(told, __file__)
case = case_in(CASES)

#: Sums of 1e4 numbers of about 1 in another order differ by about 1e-14.
CLOSE = 1e-12
#: The same for float32, after ten steps.
CLOSE_32 = 1e-4
#: Those that Keras computes in float64 on JAX, too.
GATES = {"activation": "relu", "recurrent_activation": "hard_sigmoid"}
STEP = {"verbose": 0, "shuffle": False}


def spread(template, devices):
    """The template on the first devices; None: the template itself."""
    from kerasplug.devices import multi_gpu_model

    if devices is None:
        return template
    return multi_gpu_model(template, [f"cpu:{place}" for place in range(devices)])


def numbers(rows, *shape, seed=0):
    return np.random.default_rng(seed).normal(size=(rows, *shape))


def apart(one, other):
    """The largest difference of two lists of arrays; endless if one is no number."""
    pairs = zip(one, other, strict=True)
    gaps = [np.max(np.abs(np.asarray(a) - np.asarray(b))) for a, b in pairs]
    return float(np.nan_to_num(np.max(gaps), nan=np.inf))


def told_of(history):
    return [history.history[name] for name in sorted(history.history)]


def compared(keras, make, run, devices=(8,)):
    """How far several devices are from one: by number of devices.

    `run` takes a model and gives a list of arrays.
    """
    results = {}
    for number in (None, *devices):
        keras.utils.set_random_seed(3)
        template = make()
        model = spread(template, number)
        results[number] = [*run(model), *template.get_weights()]
    return {str(n): apart(results[None], results[n]) for n in devices}


def statistics_layer(keras):
    """Batch normalization in float64: on JAX that of Keras computes in float32."""

    class Statistics(keras.layers.Layer):
        def build(self, shape):
            self.mean = self.add_weight(shape=shape[-1:], trainable=False)

        def call(self, inputs, training=None):
            mean, variance = keras.ops.moments(inputs, tuple(range(inputs.ndim - 1)))
            if training:
                self.mean.assign(0.9 * self.mean + 0.1 * mean)
                return (inputs - mean) / keras.ops.sqrt(variance + 1e-3)
            return inputs - self.mean

    return Statistics()


def convolutional(keras):
    layers = keras.layers
    return keras.Sequential(
        [
            keras.Input((6, 6, 2)),
            layers.Conv2D(4, 3, activation="relu"),
            statistics_layer(keras),
            layers.Dropout(0.3),
            layers.Flatten(),
            layers.Dense(3, activation="softmax", kernel_regularizer="l2"),
        ]
    )


def squares(targets, outputs):
    """The loss for numbers: in float64 Keras' own would take means in float32."""
    return ((targets - outputs) ** 2).sum(-1)


def energy(outputs):
    """A loss for what a layer gives."""
    return 0.01 * (outputs**2).sum()


def compiled(keras, model, loss=squares, **options):
    model.compile(keras.optimizers.SGD(0.05, momentum=0.9), loss, **options)
    return model


def dense(keras, *layers):
    return keras.Sequential([keras.Input((4,)), *layers, keras.layers.Dense(1)])


@case
def batches(keras, folder):
    x, y = numbers(150, 6, 6, 2), np.arange(150) % 3

    def run(model):
        loss = "sparse_categorical_crossentropy"
        compiled(keras, model, loss, metrics=["accuracy"])
        seen, steps = [], 0
        for rows, batch, epochs in ((150, 32, 6), (60, 30, 7), (15, 3, 3)):
            given = {"batch_size": batch, "epochs": epochs, **STEP}
            steps += epochs * -(-rows // batch)
            seen += told_of(model.fit(x[:rows], y[:rows], **given))
        assert steps > 50
        asked = model.predict(x[:30], verbose=0)
        return [*seen, asked, model.evaluate(x[:30], y[:30], verbose=0)]

    return compared(keras, lambda: convolutional(keras), run, (2, 4, 8))


@pytest.mark.parametrize("devices", ["2", "4", "8"])
def test_it_trains_as_one_device_does(devices):
    """After over 50 steps with even, uneven, tiny and partial batches all agrees."""
    assert of("batches")[devices] < CLOSE


@case
def normalized(keras, folder):
    x, y = numbers(30, 4) * 3.0 + 1.0, numbers(30, 1, seed=1)

    def make():
        return dense(keras, keras.layers.BatchNormalization(momentum=0.5))

    def run(model):
        compiled(keras, model)
        return told_of(model.fit(x, y, batch_size=10, epochs=3, **STEP))

    model = make()
    moving = model.layers[0].moving_mean
    spread(compiled(keras, model), 8).train_on_batch(x[:10], y[:10])
    return {
        "apart": compared(keras, make, run)["8"],
        "mean": apart([moving.numpy()], [0.5 * x[:10].mean(0)]),
        "sliced": apart([moving.numpy()], [0.5 * x[:2].mean(0)]),
        "keras": str(keras.backend.result_type("float64", "float32")),
    }


def test_batch_normalization_sees_the_whole_batch():
    """Keras' own normalization takes and keeps the statistics of all rows."""
    found = of("normalized")

    assert found["apart"] < CLOSE_32
    assert found["mean"] < 1e-6
    assert found["sliced"] > 1e-2
    assert found["keras"] == "float32", "in float64 Keras' own could be compared"


@case
def structures(keras, folder):
    layers = keras.layers
    x = {"left": numbers(22, 3), "right": [numbers(22, 2, 2), numbers(22, 1, seed=2)]}
    y = {"sum": numbers(22, 1, seed=3), "kind": np.arange(22) % 4}
    weight = {"sum": np.linspace(0.0, 2.0, 22), "kind": np.linspace(1.0, 0.5, 22)}

    def make():
        left = keras.Input((3,), name="left")
        right = [keras.Input((2, 2), name="a"), keras.Input((1,), name="b")]
        both = layers.Concatenate()([left, layers.Flatten()(right[0]), right[1]])
        both = layers.Dense(5, activation="relu", activity_regularizer=energy)(both)
        ends = {
            "sum": layers.Dense(1, name="sum")(both),
            "kind": layers.Dense(4, name="kind")(both),
        }
        return keras.Model({"left": left, "right": right}, ends)

    def run(model):
        crossed = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
        losses = {"sum": squares, "kind": crossed}
        options = {"loss_weights": {"sum": 0.3, "kind": 2.0}}
        options["weighted_metrics"] = {"sum": [squares], "kind": ["accuracy"]}
        compiled(keras, model, losses, **options)
        given = {"sample_weight": weight, "batch_size": 8, "epochs": 4}
        fitted = model.fit(x, y, **given, **STEP)
        asked = model.predict(x, batch_size=8, verbose=0)
        return [*told_of(fitted), asked["sum"], asked["kind"]]

    return compared(keras, make, run, (4,))


def test_nested_inputs_and_named_outputs():
    """Dictionaries and lists, with their losses and weights by name, agree."""
    assert of("structures")["4"] < CLOSE


@case
def masked(keras, folder):
    layers = keras.layers
    x = np.random.default_rng(0).integers(0, 4, (30, 5))
    y = numbers(30, 5, 1)

    def make():
        return keras.Sequential(
            [
                keras.Input((5,), dtype="int32"),
                layers.Embedding(4, 3, mask_zero=True),
                layers.LSTM(3, return_sequences=True, recurrent_dropout=0.2, **GATES),
                layers.Dense(1),
            ]
        )

    def run(model):
        compiled(keras, model)
        fitted = model.fit(x, y, batch_size=10, epochs=4, **STEP)
        return [*told_of(fitted), model.evaluate(x, y, verbose=0)]

    unmasked = make()
    unmasked.layers[0].mask_zero = False
    masked_loss, plain_loss = (
        compiled(keras, one).evaluate(x, y, verbose=0) for one in (make(), unmasked)
    )
    found = compared(keras, make, run, (4,))
    return {**found, "mask counts": abs(masked_loss - plain_loss)}


def test_masks_reach_the_loss():
    """Steps that an embedding masks count nowhere, as on one device."""
    found = of("masked")

    assert found["4"] < CLOSE
    assert found["mask counts"] > 1e-6


@case
def fed(keras, folder):
    x, y = numbers(26, 4), numbers(26, 1, seed=1)
    weight = np.linspace(0.0, 3.0, 26)

    class Batches(keras.utils.PyDataset):
        def __len__(self):
            return 3

        def __getitem__(self, index):
            rows = slice(10 * index, 10 * index + 10)
            return x[rows], y[rows], weight[rows]

    def generator():
        batches = Batches()
        for index in range(6):
            yield batches[index % 3]

    def tf_data():
        import tensorflow as tf

        return tf.data.Dataset.from_tensor_slices((x, y, weight)).batch(10)

    ways = {
        "arrays": lambda: {"x": x, "y": y, "sample_weight": weight, "batch_size": 10},
        "dataset": lambda: {"x": Batches()},
        "generator": lambda: {"x": generator(), "steps_per_epoch": 3},
        "tf.data": lambda: {"x": tf_data()},
    }
    seen = {}
    for name, given in ways.items():

        def run(model, given=given):
            compiled(keras, model, metrics=[squares])
            return told_of(model.fit(**given(), epochs=2, **STEP))

        seen[name] = compared(keras, lambda: dense(keras), run)["8"]
    return seen


@pytest.mark.parametrize("way", ["arrays", "dataset", "generator", "tf.data"])
def test_data_come_as_to_any_model(way):
    """Arrays, `PyDataset`s, generators and `tf.data` train the same."""
    assert of("fed")[way] < CLOSE


@case
def optioned(keras, folder):
    x, y = numbers(10, 4), np.arange(10) % 2

    def make():
        layers = keras.layers
        return dense(keras, layers.Dense(3, activation="relu"), layers.Dropout(0.5))

    def fit(given=None, make=make, **options):
        def run(model):
            compiled(keras, model, **options)
            ask = {"batch_size": 4, "verbose": 0}
            told = told_of(model.fit(x, y, shuffle=False, **ask, **(given or {})))
            return [*told, model.predict(x, **ask)]

        return compared(keras, make, run, (4,))["4"]

    slow = {"make": lambda: dense(keras)}  # each operation is compiled by itself
    return {
        "class weights": fit({"class_weight": {0: 0.2, 1: 3.0}}),
        "validation split": fit({"validation_split": 0.3}),
        "several steps at once": fit(steps_per_execution=2),
        "without compiling": fit(jit_compile=False, **slow),
        "eagerly": fit(run_eagerly=True, **slow),
    }


@pytest.mark.parametrize(
    "option",
    [
        "class weights",
        "validation split",
        "several steps at once",
        "without compiling",
        "eagerly",
    ],
)
def test_options_mean_the_same(option):
    """Whatever Keras lets one choose gives what it gives on one device."""
    assert of("optioned")[option] < CLOSE


@case
def by_batch(keras, folder):
    x, y = numbers(32, 4), numbers(32, 1, seed=1)

    def run(model):
        compiled(keras, model, metrics=[squares])
        seen = []
        for rows in (32, 30, 3, 1):
            part, target = x[:rows], y[:rows]
            seen += [np.asarray(model.train_on_batch(part, target))]
            weight = np.linspace(0.1, 1.0, rows)
            seen += [np.asarray(model.train_on_batch(part, target, weight))]
            seen += [np.asarray(model.test_on_batch(part, target))]
            seen += [model.predict_on_batch(part), np.asarray(model(part))]
        return seen

    return compared(keras, lambda: dense(keras), run)


def test_single_batches():
    """The methods for one batch, and calling the model, agree for any rows."""
    assert of("by_batch")["8"] < CLOSE


@case
def stateful(keras, folder):
    from kerasplug.models.state_carrying import carry_states

    x, y = numbers(12, 3, 2), numbers(12, 1, seed=1)

    def make():
        lstm = keras.layers.LSTM(3, stateful=True, **GATES)
        return keras.Sequential(
            [keras.Input(batch_shape=(6, 3, 2)), lstm, keras.layers.Dense(1)]
        )

    def run(model):
        carry_states(model)
        compiled(keras, model)
        told = told_of(model.fit(x, y, batch_size=6, epochs=3, **STEP))
        return [*told, model.predict(x, batch_size=6, verbose=0)]

    return compared(keras, make, run, (4,))


def test_states_of_rnns_are_carried():
    """A stateful RNN whose states are carried goes on from batch to batch."""
    assert of("stateful")["4"] < CLOSE


@case
def unbuilt(keras, folder):
    x, y = numbers(14, 4), numbers(14, 1, seed=1)

    class Own(keras.Model):
        def __init__(self):
            super().__init__()
            self.hidden = keras.layers.Dense(3, activation="relu")
            self.end = keras.layers.Dense(1)

        def call(self, inputs):
            hidden = self.hidden(inputs)
            self.add_loss(energy(hidden))
            return self.end(hidden)

    def run(model):
        compiled(keras, model)
        return told_of(model.fit(x, y, batch_size=4, epochs=3, **STEP))

    def asked(model):
        return [model.predict(x, batch_size=4, verbose=0)]

    def sequential():
        return keras.Sequential([keras.layers.Dense(3), keras.layers.Dense(1)])

    return {
        "own": compared(keras, Own, run)["8"],
        "sequential": compared(keras, sequential, run)["8"],
        "predict": compared(keras, sequential, asked)["8"],
    }


@pytest.mark.parametrize("kind", ["own", "sequential", "predict"])
def test_templates_that_are_not_built_yet(kind):
    """A template may make its weights when the first batch comes."""
    assert of("unbuilt")[kind] < CLOSE


if __name__ == "__main__":
    os.environ["XLA_FLAGS"] = "--xla_force_host_platform_device_count=8"
    os.environ["JAX_ENABLE_X64"] = "1"
    import kerasplug

    kerasplug.implementation("keras").config.set_floatx("float64")
    run_cases(CASES)
