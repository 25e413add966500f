"""Programs with a planted cause: the first tensor that differs, and why, are named.

Each plant draws on the clock, on the system's entropy or on hashes, so that two runs
that are the same by chance are not to be feared.
"""

import json
import textwrap

import pytest
from torch_kit import torch  # noqa: F401 -- a fixture

from kerasplug import check_reproducible

pytestmark = [pytest.mark.engine, pytest.mark.slow]

#: What each program is made of; a plant replaces one of these pieces.
SEED = "keras.utils.set_random_seed(7)"
#: The same on JAX, without the import of TensorFlow that `set_random_seed` costs.
SEED_JAX = "random.seed(7), np.random.seed(7)"
X = "x = np.random.default_rng(1).standard_normal((24, 4)).astype('float32')"
MIDDLE = "keras.layers.Dropout(0.4, seed=3, name='middle')"
FIT = "model.fit(x, y, batch_size=8, epochs=1, shuffle=False, verbose=0)"

PROGRAM = """
import os, queue, random, sys, threading, time
import keras
import numpy as np

{seed}

class Shift(keras.layers.Layer):
    def call(self, inputs):
        return inputs + {shift}

{x}
y = x.sum(axis=1, keepdims=True)
model = keras.Sequential(
    [
        keras.Input((4,)),
        keras.layers.Dense(6, activation="relu", name="inner", {weights}),
        {middle},
        keras.layers.Dense(1, name="outer", {weights}),
    ],
    name="mlp",
)
model.compile("sgd", "mse")
{fit}
"""

#: Weights that need no other seed.
FIXED = "kernel_initializer=keras.initializers.GlorotUniform(seed=5)"

#: Runs a script on the other Python, and prints what came of it.
_ELSEWHERE = """
import json, sys
from kerasplug import check_reproducible
found = check_reproducible(sys.argv[1], **json.loads(sys.argv[2]))
print(json.dumps(found.as_dict()))
"""


@pytest.fixture
def checked(tmp_path, request):
    """A function that writes a program with a plant, and checks it on a backend."""

    def check(backend, *, options=None, **plant):
        seed = SEED_JAX if backend == "jax" else SEED
        pieces = {"seed": seed, "x": X, "middle": MIDDLE, "fit": FIT, "weights": ""}
        pieces |= {"shift": "0.0", **plant}
        path = tmp_path / "program.py"
        path.write_text(PROGRAM.format(**pieces), encoding="utf-8")
        options = {"backend": backend, **(options or {})}
        if backend != "torch":
            return check_reproducible(path, **options).as_dict()
        elsewhere = request.getfixturevalue("torch")
        return elsewhere.run(_ELSEWHERE, path, json.dumps(options))

    return check


def place(found):
    first = found["first"]
    return first["kind"], first["name"], first["step"]


def block(source):
    return textwrap.dedent(source).strip()


# --- the same ---


@pytest.mark.parametrize("backend", ["tensorflow", "jax", "torch"])
def test_a_seeded_program_is_the_same(checked, backend):
    """A program that seeds all it uses gives the same, watched inside its steps."""
    found = checked(backend, options={"depth": "inside"})

    assert found["same"], found["first"]
    assert (found["steps"], found["backend"]) == (3, backend)
    assert found["tensors"] > 40
    assert found["causes"] == []


# --- what nobody seeded ---


def test_no_seed_at_all_is_named(checked):
    """Without a seed the first weight that is made differs, and a seed is advised."""
    found = checked("jax", seed="")

    assert place(found) == ("initial weight", "mlp/inner/kernel", 0)
    assert found["causes"][0].startswith("No seed was set, so the initial weights")
    assert "use_session_with_seed" in found["causes"][0]


def test_an_unseeded_random_in_a_layer_is_named(checked):
    """Python's `random` in a layer is found at the layer's activation."""
    found = checked(
        "torch",
        seed="np.random.seed(1)",
        weights=FIXED,
        middle="Shift(name='middle')",
        shift="random.random()",
    )

    assert place(found) == ("activation", "mlp/middle", 1)
    assert found["causes"][0].startswith("Python's random")
    assert "not seeded: with all generators seeded" in found["causes"][0]


def test_an_unseeded_generator_in_a_layer_is_named(checked):
    """NumPy's generator without a seed in a layer is told with its file and line."""
    found = checked(
        "tensorflow",
        middle="Shift(name='middle')",
        shift="float(np.random.default_rng().normal())",
    )

    assert place(found) == ("activation", "mlp/middle", 1)
    assert "program.py:10: np.random.default_rng()" in found["causes"][0]


def test_an_unseeded_generator_of_the_data_is_named(checked):
    """NumPy's generator without a seed in the data is found at the first batch."""
    found = checked("jax", x=X.replace("default_rng(1)", "default_rng()"))

    assert place(found) == ("input batch", "x", 1)
    assert "program.py:12: np.random.default_rng()" in found["causes"][0]
    assert found["first"]["index"] == [0, 0]
    assert found["first"]["largest"] > 0


def test_a_dropout_with_a_seed_of_the_system_is_named(checked):
    """A dropout whose seed is the system's entropy is named, and the line of that."""
    seed = "int.from_bytes(os.urandom(3), 'little')"
    found = checked("tensorflow", middle=MIDDLE.replace("seed=3", f"seed={seed}"))

    assert found["first"]["kind"] == "seed state"
    assert found["first"]["step"] == 0
    assert "os.urandom()" in found["causes"][0]
    effect = "the first that was made of it: activation of "
    [note] = [one for one in found["notes"] if one.startswith(effect)]
    assert "middle in step 1" in note


# --- the order of things ---


def test_the_order_of_hashes_is_named(checked):
    """Data that are made in the order of a set differ, until hashes are the same."""
    found = checked(
        "jax",
        x=block("""
            words = {f"word-{number}" for number in range(96)}
            numbers = [float(word.partition("-")[2]) for word in words]
            x = np.array(numbers, "float32").reshape(24, 4) / 96
        """),
    )

    assert place(found) == ("input batch", "x", 1)
    assert len(found["causes"]) == 1
    assert "PYTHONHASHSEED" in found["causes"][0]


TF_DATA = block("""
    import tensorflow as tf

    def late(row):
        time.sleep(time.time_ns() // 1000 % 20 / 1000)
        return row

    def part(start):
        rows = tf.data.Dataset.from_tensor_slices(x).skip(start * 6).take(6)
        return rows.map(lambda row: tf.ensure_shape(
            tf.numpy_function(late, [row], tf.float32), (4,)))

    rows = tf.data.Dataset.range(4).interleave(
        part, cycle_length=4, num_parallel_calls=4, deterministic=False)
    rows = rows.map(lambda row: (row, tf.reduce_sum(row, keepdims=True)))
    model.fit(rows.batch(8), epochs=1, verbose=0)
""")


def test_tf_data_that_gave_up_its_order_is_named(checked):
    """Rows that tf.data interleaves as they come are told as another order."""
    found = checked("tensorflow", fit=TF_DATA)

    assert place(found)[:2] == ("input batch", "x")
    text = "\n".join(found["causes"] + found["notes"])
    assert "The same rows came in another order" in text
    assert "tf.data gives up the order of its elements" in text
    assert "program.py:35" in text


RACE = block("""
    batches = queue.Queue()

    def feed(start):
        for number in range(start, 24, 4):
            time.sleep(time.time_ns() // 1000 % 10 / 1000)
            batches.put(number)
        done.wait()

    done = threading.Event()
    feeders = [
        threading.Thread(target=feed, args=(start,), name=f"feeder-{start}")
        for start in range(4)
    ]
    for one in feeders:
        one.start()
    for _ in range(24):
        number = batches.get()
        model.train_on_batch(x[number : number + 1], y[number : number + 1])
    done.set()
""")


def test_a_race_of_threads_is_named(checked):
    """Threads that race to feed batches are named, and the batch that came first."""
    found = checked("jax", fit=RACE)

    assert place(found)[:2] == ("input batch", "x")
    text = "\n".join(found["causes"])
    assert "feeder-" in text
    assert "The same rows came in another order, spread over the batches" in text


# --- later ---


LATE = block("""
    for step in range(1, 6):
        if step == 3:
            x[5, 2] += time.time_ns() % 1_000_000_007 / 1e9 + 1e-6
        model.train_on_batch(x, y)
""")


def test_what_differs_late_is_told_with_its_step(checked):
    """A number of the clock in the third step is found in the third step."""
    found = checked("torch", fit=LATE, options={"explain": False})

    assert place(found) == ("input batch", "x", 3)
    assert found["first"]["index"] == [5, 2]
    assert found["causes"] == []
