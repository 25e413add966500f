"""Each measure of `use_session_with_seed`: what breaks without it, and nothing else.

Programs run twice in fresh processes with all measures but one. What differs then is
what that measure is for; with all of them nothing differs.
"""

import concurrent.futures
import os

import pytest
import seeding_kit
import torch_kit

pytestmark = [pytest.mark.engine, pytest.mark.slow]

engines = seeding_kit.engines  # a fixture
torch = torch_kit.torch  # a fixture
ON_EACH = seeding_kit.ON_EACH

#: A call that leaves out the sources and steps that WITHOUT names.
SEEDING = """
def seed_but(*names, **options):
    from kerasplug.seeding import session, states
    kept = [one for one in states.SOURCES if one.name not in names]
    states.SOURCES = tuple(kept)
    if "late engines" in names:
        session.seed_when_loaded = lambda seed: lambda: None
    if "session" in names:
        session._clear = lambda: None
    options = {"quiet": True, "hash_seed": "ignore", **options}
    return kp.use_session_with_seed(42, **options)

def sha(*arrays):
    import hashlib
    digest = hashlib.sha256()
    for one in arrays:
        digest.update(one.tobytes())
    return digest.hexdigest()

WITHOUT = [one for one in os.environ.get("WITHOUT", "").split(",") if one]
"""

#: All that draws, each by itself: data, initial weights, dropout, and orders of data,
#: which training shows. The layers that are trained begin with ones.
DRAWS = (
    SEEDING
    + """
seed_but(*WITHOUT)
import random
import keras
import numpy as np

given = np.random.default_rng(1)
x, y = (given.random((32, 4)).astype("float32") for _ in range(2))
y = y[:, :1]

class Batches(keras.utils.PyDataset):
    def __len__(self):
        return 8

    def __getitem__(self, index):
        rows = slice(4 * index, 4 * index + 4)
        return x[rows], y[rows]

def trained(*data, **options):
    layers = [keras.Input((4,)), keras.layers.Dense(1, kernel_initializer="ones")]
    model = keras.Sequential(layers)
    model.compile("sgd", "mse")
    model.fit(*data, epochs=2, verbose=0, **options)
    return sha(*model.get_weights())

numbers = keras.ops.convert_to_numpy
said["python's numbers"] = random.random()
said["numpy's numbers"] = np.random.rand()
said["initial weights"] = sha(numbers(keras.layers.Dense(3)(x)))
ones = np.ones((8, 8), "float32")
said["dropout"] = sha(numbers(keras.layers.Dropout(0.5)(ones, training=True)))
said["noise"] = sha(numbers(keras.layers.GaussianNoise(0.5)(ones, training=True)))
said["keras.random"] = sha(numbers(keras.random.normal((4,))))
said["order of arrays"] = trained(x, y, batch_size=4)
said["order of a PyDataset"] = trained(Batches())
try:
    import tensorflow as tf
except ImportError:
    import torch
    rows = torch.utils.data.TensorDataset(torch.tensor(x), torch.tensor(y))
    data = torch.utils.data.DataLoader(rows, batch_size=4, shuffle=True)
    said["torch's numbers"] = torch.rand(2).tolist()
    said["order of a DataLoader"] = trained(data, shuffle=False)
else:
    said["tensorflow's numbers"] = tf.random.uniform((2,)).numpy().tolist()
    data = tf.data.Dataset.from_tensor_slices((x, y)).shuffle(32).batch(4)
    said["order of a tf.data.Dataset"] = trained(data)
"""
)
OF_PYTHON = {
    "python's numbers",
    "initial weights",
    "noise",
    "keras.random",
    "order of a PyDataset",
}
OF_TENSORFLOW = {"tensorflow's numbers", "order of a tf.data.Dataset"}
OF_TORCH = {"torch's numbers", "order of a DataLoader"}
ARRAYS = {"order of arrays"}
#: On PyTorch Dropout without a seed of its own draws with PyTorch's generator.
DROPOUT = {"dropout"}


def pair(engines, backend, program, *each, **env):
    """What two fresh processes say.

    Args:
        engines: the fixture.
        backend: tensorflow, jax or torch.
        program: source text.
        *each: variables of the first one and of the second one, where they differ.
        **env: variables of both.
    """

    def run(more):
        return engines.told(backend, program, **env, **more)

    engines.told(backend, "pass")  # skips here, where there is no PyTorch
    with concurrent.futures.ThreadPoolExecutor(2) as pool:
        return list(pool.map(run, each or ({}, {})))


def differing(first, second):
    """The names of what differs."""
    assert first.keys() == second.keys()
    return {name for name in first if first[name] != second[name]}


@ON_EACH
def test_with_all_measures_nothing_differs(engines, backend):
    """The program that shows what breaks gives the same in two processes."""
    said = pair(engines, backend, DRAWS)

    assert differing(*said) == set()
    assert len(said[0]) == 10


@ON_EACH
def test_without_python_s_seed_keras_own_seeds_differ(engines, backend):
    """Initial weights, random layers and orders of a PyDataset come from `random`."""
    said = pair(engines, backend, DRAWS, WITHOUT="python")

    assert differing(*said) == OF_PYTHON | (DROPOUT if backend != "torch" else set())


@ON_EACH
def test_without_numpy_s_seed_data_differ_and_on_jax_the_order(engines, backend):
    """On JAX `fit` shuffles arrays with NumPy; elsewhere only one's own data differ."""
    said = pair(engines, backend, DRAWS, WITHOUT="numpy")

    on_jax = ARRAYS if backend == "jax" else set()
    assert differing(*said) == {"numpy's numbers"} | on_jax


@pytest.mark.parametrize(
    ("backend", "expected"),
    [
        ("tensorflow", OF_TENSORFLOW | ARRAYS),
        ("torch", OF_TORCH | ARRAYS | DROPOUT),
    ],
)
def test_without_the_engine_s_seed_orders_differ(engines, backend, expected):
    """TensorFlow and PyTorch shuffle what `fit` is given, and their own data sets."""
    said = pair(engines, backend, DRAWS, WITHOUT=backend)

    assert differing(*said) == expected


def test_without_late_engines_tensorflow_beside_jax_differs(engines):
    """TensorFlow, imported after the call for its data sets, would not be seeded."""
    said = pair(engines, "jax", DRAWS, WITHOUT="late engines")

    assert differing(*said) == OF_TENSORFLOW


@ON_EACH
def test_without_a_cleared_session_keras_goes_on(engines, backend):
    """Names of layers begin anew; so does Keras' generator, as by its own seed."""
    program = f"""{SEEDING}
import keras

def draw():
    name = keras.layers.Dense(1).name
    drawn = keras.ops.convert_to_numpy(keras.random.uniform((3,))).tolist()
    return name, drawn

def twice(*names):
    seed_but(*names)
    first = draw()
    seed_but(*names)
    second = draw()
    return [one == two for one, two in zip(first, second)]

said["both"] = twice()
said["no seed of Keras"] = twice("keras")
said["not cleared"] = twice("keras", "session")
said["names"] = keras.layers.Dense(1).name
"""
    said = engines.told(backend, program)

    assert said["both"] == said["no seed of Keras"] == [True, True]
    assert said["not cleared"] == [False, False]


@ON_EACH
def test_without_its_own_seed_keras_does_not_know_that_there_is_one(engines, backend):
    """On JAX with several processes Keras asks for it, and else draws one."""
    program = f"""{SEEDING}
from keras.src.utils.rng_utils import get_random_seed
seed_but("keras")
said["without"] = get_random_seed()
"""
    seeded = program.replace('seed_but("keras")', "seed_but()")

    assert engines.told(backend, program)["without"] is None
    assert engines.told(backend, seeded)["without"] == 42


@ON_EACH
def test_without_models_layers_that_exist_go_on(engines, backend):
    """Random layers of a model that was built before draw on from where they are."""
    program = f"""{SEEDING}
import keras
import numpy as np
kp.use_session_with_seed(1, quiet=True, hash_seed="ignore")
inputs = keras.Input((64,))
layers = [keras.layers.Dropout(0.5)(inputs), keras.layers.GaussianNoise(1)(inputs)]
model = keras.Model(inputs, layers)

def drawn(**options):
    seed_but(**options)
    both = model(np.ones((1, 64), "float32"), training=True)
    return [keras.ops.convert_to_numpy(one).tolist() for one in both]

for name, options in {{"without": {{}}, "with": {{"models": [model]}}}}.items():
    first, second = drawn(**options), drawn(**options)
    said[name] = [one == two for one, two in zip(first, second)]
"""
    said = engines.told(backend, program)

    # Upstream: Dropout without a seed of its own draws with PyTorch's generator.
    assert said["without"] == [backend == "torch", False]
    assert said["with"] == [True, True]


def test_without_a_hash_seed_what_comes_from_sets_differs(engines):
    """A model whose branches come from a set is another one with other hashes.

    With PYTHONHASHSEED=0 it is not, and beginning anew gives the same as that.
    """
    program = f"""{SEEDING}
seed_but(hash_seed=os.environ["MODE"])
import keras
import numpy as np
names = {{"red", "green", "blue", "alpha", "depth", "heat"}}
said["layers"] = [keras.layers.Dense(2, name=one).name for one in names]
inputs = keras.Input((3,))
branches = [keras.layers.Dense(2, name=one)(inputs) for one in names]
model = keras.Model(inputs, keras.layers.concatenate(branches))
said["by name"] = {{
    one: sha(*model.get_layer(one).get_weights()) for one in sorted(names)
}}
"""
    others = {"PYTHONHASHSEED": "1"}, {"PYTHONHASHSEED": "2"}
    fixed = {"PYTHONHASHSEED": "0", "MODE": "ignore"}
    anew = {"PYTHONHASHSEED": "", "MODE": "reexec"}
    differ = pair(engines, "jax", program, *others, MODE="ignore")
    same = pair(engines, "jax", program, fixed, anew)

    assert differing(*differ) == {"layers", "by name"}
    assert differing(*same) == set()


needs_two = pytest.mark.skipif(
    not hasattr(os, "sched_setaffinity") or (os.cpu_count() or 1) < 2,
    reason="this machine can't show one processor and then several",
)

#: What several threads add up in another order. Keras' backends find as many
#: processors as there are.
SUMS = f"""{SEEDING}
os.environ.pop("OMP_NUM_THREADS", None)
if os.environ["PROCESSORS"] == "1":
    os.sched_setaffinity(0, {{min(os.sched_getaffinity(0))}})
seed_but(disable_parallel_cpu=os.environ["SINGLE"] == "1")
import keras
import numpy as np
given = np.random.default_rng(1)
rows = given.standard_normal((1000000, 2), dtype="float32")
pictures = given.standard_normal((16, 24, 24, 8), dtype="float32")
layers = [keras.Input((24, 24, 8)), keras.layers.Conv2D(16, 3), keras.layers.Flatten()]
model = keras.Sequential([*layers, keras.layers.Dense(1)])
model.compile("sgd", "mse")
model.fit(pictures, np.ones((16, 1)), batch_size=16, shuffle=False, verbose=0)
said["a sum"] = float(keras.ops.sum(keras.ops.convert_to_tensor(rows)))
said["a convolution's weights"] = sha(*model.get_weights())
"""


@needs_two
@ON_EACH
def test_without_one_thread_other_numbers_of_processors_differ(engines, backend):
    """One thread gives the same with one processor and with several; several do not."""
    each = {"PROCESSORS": "1"}, {"PROCESSORS": "all"}
    single = pair(engines, backend, SUMS, *each, SINGLE="1")
    several = pair(engines, backend, SUMS, *each, SINGLE="0")

    assert differing(*single) == set()
    assert "a convolution's weights" in differing(*several)


#: Additions to the same places, whose order is that of the threads, many times.
RACES = {
    "tensorflow": "tf.math.bincount(places, weights=values, minlength=50).numpy()",
    "torch": "drawn_from(places, values)",
}
RACE = f"""{SEEDING}
determinism = os.environ["DETERMINISM"] == "1"
seed_but(
    disable_parallel_cpu=os.environ["SINGLE"] == "1", op_determinism=determinism
)
import keras
import numpy as np
given = np.random.default_rng(1)
values = given.standard_normal(400000, dtype="float32")
places = given.integers(0, 50, 400000)

def drawn_from(places, values):
    import torch
    table = torch.ones(50, requires_grad=True)
    (table[torch.tensor(places)] * torch.tensor(values)).sum().backward()
    return table.grad.numpy()

if kp.backend() == "tensorflow":
    import tensorflow as tf
results = set()
for _ in range(1000 if os.environ["PATIENT"] == "1" else 40):
    results.add(sha(RACE))
    if len(results) > 1:
        break
said["different"] = len(results)
"""


@needs_two
@pytest.mark.parametrize("backend", RACES)
def test_without_one_thread_threads_race(engines, backend):
    """Weighted counts and gradients of indexing are sums in the threads' order."""
    program = RACE.replace("RACE", RACES[backend])
    each = {"SINGLE": "1", "PATIENT": "0"}, {"SINGLE": "0", "PATIENT": "1"}
    single, several = pair(engines, backend, program, *each, DETERMINISM="0")

    assert single["different"] == 1 < several["different"]


@needs_two
def test_without_op_determinism_pytorch_s_threads_race(engines):
    """With several threads, deterministic operations are what keeps the order."""
    program = RACE.replace("RACE", RACES["torch"])
    each = {"DETERMINISM": "1", "PATIENT": "0"}, {"DETERMINISM": "0", "PATIENT": "1"}
    with_it, without = pair(engines, "torch", program, *each, SINGLE="0")

    assert with_it["different"] == 1 < without["different"]


def test_without_op_determinism_parallel_data_come_in_any_order(engines):
    """`tf.data` with several calls at a time: one thread for operations is no help."""
    program = f"""{SEEDING}
import random, time
seed_but(op_determinism=os.environ["DETERMINISM"] == "1")
import tensorflow as tf
chance = random.SystemRandom()

def late(number):
    time.sleep(chance.random() / 200)
    return number

def slowly(number):
    number = tf.numpy_function(late, [number], tf.int64)
    with tf.control_dependencies([number]):
        return number, tf.random.uniform([])

data = tf.data.Dataset.range(24)
any_order = data.map(slowly, num_parallel_calls=8, deterministic=False)
said["order"] = [int(one) for one, _ in any_order]
in_order = data.map(slowly, num_parallel_calls=8)
said["numbers"] = [float(one) for _, one in in_order]
"""
    without = pair(engines, "tensorflow", program, DETERMINISM="0")
    with_it = pair(engines, "tensorflow", program, DETERMINISM="1")

    assert differing(*without) == {"order", "numbers"}
    assert differing(*with_it) == set()
    assert with_it[0]["order"] == list(range(24))


def test_without_op_determinism_pytorch_refuses_nothing(engines):
    """With it, operations raise that have no deterministic way, on a processor too."""
    program = f"""{SEEDING}
seed_but(op_determinism=os.environ["DETERMINISM"] == "1")
import torch
pool = torch.nn.functional
pooled, places = pool.max_pool2d(torch.rand(1, 1, 4, 4), 2, return_indices=True)
said["error"] = error(pool.max_unpool2d, pooled, places, 2)
"""
    each = {"DETERMINISM": "0"}, {"DETERMINISM": "1"}
    without, with_it = pair(engines, "torch", program, *each)

    assert without["error"] is None
    assert "does not have a deterministic implementation" in with_it["error"]
