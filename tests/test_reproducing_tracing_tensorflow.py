"""What is seen of programs on TensorFlow: own loops, pipelines, XLA."""

import re

import numpy as np
import pytest
from reproducing_kit import RICH, last_weights, traced, untraced

pytestmark = pytest.mark.engine

START = """
import numpy as np, tensorflow as tf, keras
from keras import layers
keras.utils.set_random_seed(1)
x = np.random.normal(size=(8, 4)).astype("float32")
y = np.random.normal(size=(8, 2)).astype("float32")
mse = keras.losses.MeanSquaredError()
def made(name):
    parts = [keras.Input((4,)), layers.Dense(3, name=name + "_a"), layers.Dense(2)]
    return keras.Sequential(parts, name=name)
"""

LOOPS = (
    START
    + """
def step(model, optimizer, x, y):
    with tf.GradientTape() as tape:
        loss = mse(y, model(x, training=True))
    weights = model.trainable_variables
    optimizer.apply_gradients(zip(tape.gradient(loss, weights), weights))

eager, optimizer = made("eager"), keras.optimizers.SGD(0.1)
for _ in range(2):
    step(eager, optimizer, x, y)

graph, optimizer = made("graph"), keras.optimizers.Adam(0.1)
compiled = tf.function(lambda x, y: step(graph, optimizer, x, y), jit_compile=True)
for _ in range(2):
    compiled(x, y)

loop, optimizer = made("loop"), keras.optimizers.SGD(0.1)
optimizer.build(loop.trainable_variables)
rows = tf.data.Dataset.from_tensor_slices((x, y)).batch(4)
@tf.function
def epoch():
    for a, b in rows:
        step(loop, optimizer, a, b)
epoch()

class Own(keras.Model):
    def __init__(self):
        super().__init__(name="own")
        self.dense = layers.Dense(2, name="late")
    def call(self, x):
        return 2 * self.dense(x)
    def train_step(self, data):
        x, y = data
        with tf.GradientTape() as tape:
            loss = self.compute_loss(y=y, y_pred=self(x, training=True))
        weights = self.trainable_variables
        self.optimizer.apply(tape.gradient(loss, weights), weights)
        return {"loss": loss}

own = Own()
own.compile("sgd", "mse", steps_per_execution=2)
own.fit(rows, epochs=1, verbose=0)

embedding = keras.Sequential([layers.Embedding(5, 2, name="table"), layers.Flatten()])
embedding.compile("sgd", "mse", run_eagerly=True)
embedding.train_on_batch(np.array([[1], [3]]), y[:2], sample_weight=np.ones(2))
"""
)


@pytest.fixture(scope="module")
def loops(tmp_path_factory):
    """Own loops of every kind."""
    return traced(tmp_path_factory.mktemp("loops") / "run", LOOPS, "tensorflow")


@pytest.mark.parametrize(
    ("name", "steps"), [("eager", (1, 2)), ("graph", (3, 4)), ("loop", (5, 6))]
)
def test_an_own_loop_is_seen_step_by_step(loops, name, steps):
    """A loop with a tape, in a function or not, is told as a fit would be."""
    assert loops.answer["state"] == "ok", loops.answer
    kernel = f"{name}/{name}_a/kernel"
    for step in steps:
        kinds = [one["kind"] for one in loops.events if one["step"] == step]
        kinds = [one for one in kinds if one != "initial weight"]
        told = ["input batch", *["activation"] * 2, "loss"]
        assert kinds == [*told, *["gradient"] * 4, *["weight"] * 4]
    before = loops.value("initial weight", kernel, steps[0] - 1)
    for step in steps:
        after = loops.value("weight", kernel, step)
        if name != "graph":  # which has Adam
            gradient = loops.value("gradient", kernel, step)
            np.testing.assert_allclose(after, before - 0.1 * gradient, rtol=1e-5)
        assert not np.array_equal(after, before)
        before = after


def test_batches_of_a_pipeline_are_those_that_it_gives(loops):
    """What a loop in a function takes from a pipeline is told in the rows' order."""
    whole = loops.value("input batch", "x", 1)
    parts = [loops.value("input batch", "x", step) for step in (5, 6)]
    np.testing.assert_array_equal(np.concatenate(parts), whole)


def test_xla_of_own_functions_is_switched_off_and_noted(loops):
    """A function of the program's that XLA would compile runs without it, noted."""
    assert [one for one in loops.answer["notes"] if "jit_compile" in one]


def test_a_train_step_of_a_models_own_is_seen(loops):
    """Two steps in one execution are two steps, with what the model itself computes."""
    for step in (7, 8):
        assert loops.names("activation", step) == ["own/late", "own"]
        inner = loops.value("activation", "own/late", step)
        np.testing.assert_array_equal(loops.value("activation", "own", step), 2 * inner)
        assert "own/late/kernel" in loops.names("gradient", step)


def test_weights_made_in_the_first_step_have_a_beginning(loops):
    """Variables that are made while the first step is traced are told as they began."""
    assert loops.only("initial weight", 6, "own/late/kernel")
    bias = loops.value("initial weight", "own/late/bias", 6)
    np.testing.assert_array_equal(bias, np.zeros(2))


def test_gradients_of_few_rows_are_told_with_their_rows(loops):
    """A gradient for some rows of a table is told as those rows and their numbers."""
    (name,) = [one for one in loops.names("gradient", 9) if one.endswith("indices")]
    rows = loops.value("gradient", name, 9)
    np.testing.assert_array_equal(rows, [1, 3])
    values = loops.value("gradient", name.removesuffix("/indices"), 9)
    assert values.shape == (2, 2)
    assert "sample_weight" in loops.names("input batch", 9)


PIPELINES = (
    START.replace("keras.utils.set_random_seed(1)", "np.random.seed(1)")
    + """
flip = layers.RandomFlip(seed=3)
images = tf.data.Dataset.from_tensor_slices(np.random.rand(6, 4, 4, 1))
images = images.map(lambda a: (flip(a), 1.0), num_parallel_calls=2)
images = images.shuffle(6, seed=2).batch(3)
mixed = tf.data.Dataset.range(6).map(lambda a: a, 2, deterministic=False)
mixed = mixed.shuffle(6)
options = tf.data.Options()
options.deterministic = False
mixed = mixed.with_options(options)
tf.random.uniform((2,))
tf.random.uniform((2,), seed=4)
model = keras.Sequential([layers.Flatten(), layers.Dense(1)])
model.compile("sgd", "mse")
model.fit(images, verbose=0)
tf.random.set_seed(1)
tf.random.uniform((2,))
"""
)


@pytest.fixture(scope="module")
def pipelines(tmp_path_factory):
    """Pipelines with and without seeds and order."""
    return traced(tmp_path_factory.mktemp("pipes") / "run", PIPELINES, "tensorflow")


def test_what_gives_up_order_or_seeds_is_told_with_its_place(pipelines):
    """Pipelines without order and operations without a seed are told by their line."""
    names = [one["name"] for one in pipelines.only("random")]
    assert [re.sub(r".*script.py:\d+: ", "", name) for name in names] == [
        "map() with deterministic=False in tf.data",
        "mixed.shuffle() without a seed",
        "mixed.with_options() with deterministic=False in tf.data",
        "tf.random.uniform() without a seed",
    ]


def test_layers_in_a_pipeline_are_left_alone_and_noted(pipelines):
    """What layers compute in a pipeline, in any order, is no event but a note."""
    layers = {one.partition("/")[2] for one in pipelines.kinds()["activation"]}
    assert layers == {"flatten", "dense"}
    assert (
        "What layers compute in tf.data was not compared."
        in (pipelines.answer["notes"])
    )


@pytest.fixture(scope="module")
def by_xla(tmp_path_factory):
    """A model that XLA compiles: looked at, step by step, and left alone."""
    folder = tmp_path_factory.mktemp("xla")
    text = RICH.replace("JIT", "jit_compile=True,")
    steps = traced(folder / "steps", text, "tensorflow", depth="steps")
    inside = traced(folder / "inside", text, "tensorflow")
    return inside, steps, untraced(folder / "steps", "tensorflow")


def test_steps_leave_xla_as_it_is(by_xla):
    """At the depth of steps, XLA compiles the steps, and weights end bit by bit."""
    _, steps, plain = by_xla
    assert last_weights(steps.output) == last_weights(plain)
    assert steps.answer["notes"] == []
    assert len(steps.only("weight", 6)) > 0


def test_inside_xla_is_switched_off_and_noted(by_xla):
    """To look inside, the model runs without XLA, which a note says."""
    inside, _, _ = by_xla
    assert [one for one in inside.answer["notes"] if "jit_compile" in one]
    assert inside.only("gradient", 6)


def test_xla_takes_no_calls_back_to_python():
    """TensorFlow's XLA can't hold a call to Python: why it is switched off."""
    import tensorflow as tf

    @tf.function(jit_compile=True)
    def compiled(x):
        tf.numpy_function(lambda one: None, [x], [])
        return x + 1

    with pytest.raises(tf.errors.InvalidArgumentError, match="PyFunc"):
        compiled(tf.ones(2))
