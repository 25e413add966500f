"""What is seen of programs on JAX: own loops, compiled or not, and all kinds of fit."""

import numpy as np
import pytest
from reproducing_kit import traced

pytestmark = pytest.mark.engine

PROGRAM = """
import numpy as np, jax, keras
from keras import layers
keras.utils.set_random_seed(1)
x = np.random.normal(size=(8, 4)).astype("float32")
y = np.random.normal(size=(8, 2)).astype("float32")
mse = keras.losses.MeanSquaredError()
def made(name):
    parts = [keras.Input((4,)), layers.Dense(3, name=name + "_a"),
             layers.BatchNormalization(), layers.Dense(2)]
    return keras.Sequential(parts, name=name)

def values(variables):
    return [one.value for one in variables]

def loop(name, wrapped):
    model, optimizer = made(name), keras.optimizers.SGD(0.1)
    optimizer.build(model.trainable_variables)
    def computed(weights, others, x, y):
        outputs, others = model.stateless_call(weights, others, x, training=True)
        return mse(y, outputs), others
    def step(state, data):
        weights, others, own = state
        compute = jax.value_and_grad(computed, has_aux=True)
        (loss, others), grads = compute(weights, others, *data)
        weights, own = optimizer.stateless_apply(own, grads, weights)
        return (weights, others, own), loss
    state = (values(model.trainable_variables), values(model.non_trainable_variables),
             values(optimizer.variables))
    wrapped(step, state)
    return model

def twice(step, state):
    for _ in range(2):
        state, _ = step(state, (x, y))

compiled = loop("compiled", lambda step, state: twice(jax.jit(step), state))
plain = loop("plain", twice)
def scan(step, state):
    data = x.reshape(2, 4, 4), y.reshape(2, 4, 2)
    jax.jit(lambda state: jax.lax.scan(step, state, data))(state)
scanned = loop("scanned", scan)

class Own(keras.Model):
    def __init__(self):
        super().__init__(name="own")
        self.dense = layers.Dense(2, name="late")
    def call(self, x, training=False):
        return 2 * self.dense(x)
    def train_step(self, state, data):
        weights, others, own, metrics = state
        def computed(weights, others):
            outputs, others = self.stateless_call(weights, others, data[0])
            return self.compute_loss(*data, outputs), others
        compute = jax.value_and_grad(computed, has_aux=True)
        (loss, others), grads = compute(weights, others)
        weights, own = self.optimizer.stateless_apply(own, grads, weights)
        return {"loss": loss}, (weights, others, own, metrics)

own = Own()
own.compile("sgd", "mse", steps_per_execution=2)
own.fit(x, y, batch_size=4, shuffle=False, verbose=0)

recurrent = [keras.Input((2, 2)), layers.LSTM(3), layers.Dense(2, name="end")]
recurrent = keras.Sequential(recurrent)
recurrent.compile("sgd", "mse", run_eagerly=True)
recurrent.train_on_batch(x.reshape(8, 2, 2), y)

keras.mixed_precision.set_global_policy("mixed_float16")
small = made("small")
small.compile("sgd", "mse")
small.train_on_batch(x, y)
keras.mixed_precision.set_global_policy("mixed_bfloat16")
brain = made("brain")
brain.compile("sgd", "mse")
brain.train_on_batch(x, y)
print(jax.vmap(lambda one: compiled(one[None]))(x[:2]).shape)
"""


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """Own loops and fits of every kind."""
    return traced(tmp_path_factory.mktemp("jax") / "run", PROGRAM, "jax")


@pytest.mark.parametrize(
    ("name", "steps"), [("compiled", (1, 2)), ("plain", (3, 4)), ("scanned", (5, 6))]
)
def test_an_own_loop_is_seen_step_by_step(run, name, steps):
    """A loop without states, compiled, plain or scanned, is told as a fit would be."""
    assert run.answer["state"] == "ok", run.answer
    kernel = f"{name}/{name}_a/kernel"
    for step in steps:
        kinds = [one["kind"] for one in run.events if one["step"] == step]
        kinds = [one for one in kinds if one != "initial weight"]
        told = ["input batch", *["activation"] * 3, "loss", *["gradient"] * 6]
        weights = kinds[len(told) :]
        assert kinds[: len(told)] == told
        # In code without states, an optimizer gets no others than those it trains.
        assert weights[:6] == ["weight"] * 6
    before = run.value("initial weight", kernel, steps[0] - 1)
    for step in steps:
        after = run.value("weight", kernel, step)
        gradient = run.value("gradient", kernel, step)
        np.testing.assert_allclose(after, before - 0.1 * gradient, rtol=1e-5)
        before = after


def test_compiled_and_plain_loops_tell_the_same_inputs(run):
    """The same batch has the same digest in compiled and in plain code."""
    digests = {run.only("input batch", step)[0]["digest"] for step in (1, 2, 3, 4)}
    assert len(digests) == 1


def test_a_train_step_of_a_models_own_is_seen(run):
    """Two steps in one execution are two steps, with what the model itself computes."""
    whole = run.value("input batch", "x", 1)
    for step, rows in ((7, whole[:4]), (8, whole[4:])):
        np.testing.assert_array_equal(run.value("input batch", "x", step), rows)
        assert run.names("activation", step) == ["own/late", "own"]
        assert run.names("gradient", step) == ["own/late/kernel", "own/late/bias"]
        assert run.names("weight", step) == ["own/late/kernel", "own/late/bias"]
    inner = run.value("activation", "own/late", 7)
    np.testing.assert_array_equal(run.value("activation", "own", 7), 2 * inner)


def test_a_recurrent_layer_is_seen_from_outside(run):
    """Of a loop over time there is what comes out of it, and a note that says so."""
    assert run.names("activation", 9) == ["sequential/lstm", "sequential/end"]
    assert [one for one in run.answer["notes"] if "recurrent" in one]
    assert "sequential/lstm/lstm_cell/kernel" in run.names("gradient", 9)


def test_small_floats_are_told_as_they_are(run):
    """Activations in half precision keep their type, of two bytes each."""
    (half,) = run.only("activation", 10, "small/small_a")
    (brain,) = run.only("activation", 11, "brain/brain_a")
    assert (half["dtype"], half["size"]) == ("float16", 48)
    assert (brain["dtype"], brain["size"]) == ("bfloat16", 48)
    assert len(run.only("gradient", 10)) == 6


def test_a_call_under_vmap_is_told_row_by_row(run):
    """Where JAX maps a model over rows, each row is an event."""
    rows = run.only("activation", 11, "compiled/compiled_a")
    assert [one["shape"] for one in rows] == [[1, 3], [1, 3]]
