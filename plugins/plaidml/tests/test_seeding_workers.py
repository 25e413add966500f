"""What PlaidML draws at random comes from seeds of the host."""

import contextlib
import os
import random
import signal
import subprocess
import sys
from pathlib import Path

import kerasplug_plaidml
import numpy as np
import program_kit
import proof_kit
import pytest

import kerasplug as kp
from kerasplug.engines.workers.process import Worker
from kerasplug.errors import WorkerError
from kerasplug.registry.calling import call_hook

pytestmark = pytest.mark.engine

plaidml = proof_kit.plaidml  # a fixture
worker = program_kit.worker  # a fixture

X = np.random.default_rng(0).normal(size=(48, 6)).astype("float32")
Y = X[:, :2].copy()

#: Trains with dropout and noise, and prints a digest of the weights.
_SCRIPT = """
import hashlib, sys
import numpy as np
import kerasplug as kp

keras = kp.implementation()
keras.utils.set_random_seed(7)
layers = keras.layers
model = keras.Sequential(
    [
        keras.Input((6,)),
        layers.Dense(12, activation="relu"),
        layers.Dropout(0.5),
        layers.GaussianNoise(0.1),
        layers.Dense(2),
    ]
)
model.compile("adam", "mse")
x = np.random.default_rng(0).normal(size=(48, 6)).astype("float32")
with kp.to_backend(model, "plaidml", batch_size=16, probe=False) as remote:
    remote.fit(x, x[:, :2], batch_size=16, epochs=3, verbose=0)
weights = b"".join(one.tobytes() for one in model.get_weights())
print(hashlib.sha256(weights).hexdigest())
"""

#: A layer of a plugin, which draws from NumPy when its graph is made.
_DRAWING = """
import numpy as np
from keras.layers import Layer


class Drawing(Layer):
    def call(self, inputs):
        return inputs * float(np.random.uniform(1, 2))
"""


def words(*layers):
    """A Sequential model in the worker's words, of rows of 6."""
    made = [
        {"class_name": name, "config": {"name": f"layer_{at}", **said}}
        for at, (name, said) in enumerate(layers)
    ]
    made[0]["config"].update(batch_input_shape=[None, 6], dtype="float32")
    return {"class_name": "Sequential", "config": {"name": "top", "layers": made}}


#: What draws in Keras 2.2.4: layers and their arguments.
RANDOM = {
    "dropout": [("Dropout", {"rate": 0.5})],
    "factors": [("GaussianDropout", {"rate": 0.5})],
    "noise": [("GaussianNoise", {"stddev": 0.5})],
    "alpha": [("AlphaDropout", {"rate": 0.5})],
    "recurrent": [
        ("Reshape", {"target_shape": [3, 2]}),
        ("LSTM", {"units": 4, "dropout": 0.5, "recurrent_dropout": 0.5}),
    ],
}
TRAINING = {
    "losses": [{"name": "mean_squared_error"}],
    "loss_weights": [1.0],
    "optimizer": {"name": "sgd"},
}


def begin(there, *layers, seed=None, code=None):
    """Build such a model there, with a dense layer behind, and compile it."""
    config = words(*layers, ("Dense", {"units": 2}))
    more = {} if seed is None else {"seed": seed}
    there.ask("build", config=config, code=code or {}, **more)
    _, zeros = there.ask("get")
    kernels = np.random.default_rng(1)
    there.ask("set", {name: kernels.normal(size=z.shape) for name, z in zeros.items()})
    there.ask("compile", training=TRAINING)


def losses(there, *, batch=16, steps=3):
    """The losses of some steps that change nothing, so that only masks differ."""
    arrays = {"x0": X[:batch], "t0": Y[:batch]}
    return [
        there.ask("train", arrays, batch=batch, rate=0.0, outputs=False)[0]["loss"]
        for _ in range(steps)
    ]


@pytest.mark.parametrize("name", RANDOM)
def test_what_a_layer_draws_comes_from_the_seed(worker, name):
    """The same seed gives the same numbers, another one or none gives others."""
    found = []
    for seed in (5, 5, 6, None, None):
        begin(worker, *RANDOM[name], seed=seed)
        found.append(losses(worker))

    assert found[0] == found[1]
    assert len({tuple(one) for one in found}) == 4
    assert len(set(found[0])) == 3  # each step draws anew


def test_the_order_in_which_graphs_are_made_does_not_matter(worker):
    """Predicting, evaluating or compiling before training changes no mask."""
    layers = [("Dropout", {"rate": 0.5}), ("GaussianNoise", {"stddev": 0.5})]
    arrays = {"x0": X[:8], "t0": Y[:8]}
    begin(worker, *layers, seed=5)
    expected = losses(worker)

    begin(worker, *layers, seed=5)
    worker.ask("predict", {"x0": X[:8]}, batch=8)
    worker.ask("test", arrays, batch=8, outputs=False)
    worker.ask("compile", training=TRAINING)
    worker.ask("check")

    assert losses(worker) == expected


def test_a_seed_begins_anew_whatever_was_drawn(worker):
    """After the command `seed` a model draws what it would draw when built with it."""
    layers = [("Dropout", {"rate": 0.5}), ("GaussianNoise", {"stddev": 0.5})]
    begin(worker, *layers, seed=5)
    expected = losses(worker)
    begin(worker, *layers, seed=6)
    losses(worker)

    reply, _ = worker.ask("seed", seed=5)

    # Keras makes a graph of its own when it builds; the one that trains is another.
    assert reply["states"] >= 2
    assert losses(worker) == expected
    worker.ask("seed", seed=2**40 + 5)
    assert losses(worker) != expected


def test_a_seed_holds_for_graphs_that_are_made_later(worker):
    """A model that was seeded before it was compiled draws from that seed."""
    layers = [("Dropout", {"rate": 0.5})]
    begin(worker, *layers, seed=5)
    expected = losses(worker)
    begin(worker, *layers, seed=6)
    worker.ask("seed", seed=5)

    assert losses(worker) == expected


def test_a_seed_of_the_layer_itself_stays(worker):
    """Keras 2.2.4 takes a seed for one layer, which draws from that in any case."""
    layers = [("Dropout", {"rate": 0.5, "seed": 11})]
    found = []
    for seed in (5, 6):
        begin(worker, *layers, seed=seed)
        found.append(losses(worker))
    worker.ask("seed", seed=9)

    assert found[0] == found[1] == losses(worker)


def test_code_that_draws_from_numpy_is_repeatable(worker):
    """A plugin's layer may draw when its graph is made, in whatever order that is."""
    found = []
    for seed, early in ((5, False), (5, True), (6, False)):
        begin(worker, ("Drawing", {}), seed=seed, code={"Drawing": _DRAWING})
        if early:
            worker.ask("predict", {"x0": X[:8]}, batch=8)
        found.append(losses(worker, steps=1))

    assert found[0] == found[1] != found[2]


@pytest.mark.usefixtures("plaidml")
def test_seeding_needs_a_model():
    """A worker without a model says so, and goes on."""
    python = os.environ["KERASPLUG_PLAIDML_PYTHON"]
    fresh = Worker.start(program_kit.PlaidML(), python)
    with contextlib.closing(fresh):
        with pytest.raises(WorkerError, match="there is no model yet"):
            fresh.ask("seed", seed=5)
        fresh.ask("check")


@pytest.mark.usefixtures("plaidml")
def test_two_fresh_processes_train_to_the_same_bits():
    """With `keras.utils.set_random_seed`, dropout included, in fresh processes."""
    found = {
        subprocess.run(
            [sys.executable, "-c", _SCRIPT],
            env={**os.environ, "PYTHONHASHSEED": hashes},
            check=True,
            capture_output=True,
            text=True,
        ).stdout
        for hashes in ("1", "2")
    }

    assert len(found) == 1


def dropping(seed=7):
    """A model of Keras 3 with dropout, always with the same weights."""
    keras = kp.implementation()
    keras.utils.set_random_seed(seed)
    layers = keras.layers
    model = keras.Sequential(
        [keras.Input((6,)), layers.Dense(8), layers.Dropout(0.5), layers.Dense(2)],
        name="dropping",
    )
    model.compile("sgd", "mse")
    return model


def trained(remote):
    """The model's weights after training there, as bytes."""
    remote.fit(X, Y, batch_size=16, epochs=2, shuffle=False, verbose=0)
    return b"".join(one.tobytes() for one in remote.host.get_weights())


@pytest.mark.usefixtures("plaidml")
def test_without_a_seed_two_workers_draw_otherwise():
    """What nobody seeds is other each time."""
    found = set()
    for _ in range(2):
        model = dropping()
        random.seed()
        with kp.to_backend(model, "plaidml", batch_size=16, probe=False) as remote:
            found.add(trained(remote))

    assert len(found) == 2


@pytest.mark.usefixtures("plaidml")
def test_setting_a_seed_reseeds_workers_that_are_alive():
    """Training again, from the same weights and after the same seed, gives the same."""
    model = dropping()
    start, found = model.get_weights(), []
    with kp.to_backend(model, "plaidml", batch_size=16, probe=False) as remote:
        trained(remote)
        for seed in (3, 3, 4):
            model.set_weights(start)
            (told,) = told_by_plaidml(seed)
            assert told == "plaidml: 1 worker"
            found.append(trained(remote))

    assert found[0] == found[1] != found[2]


def told_by_plaidml(seed):
    """What the plugin says in the report of a seed."""
    (answer,) = [
        one
        for one in call_hook("kerasplug_after_seed", seed=seed)
        if one.plugin == "kerasplug-plaidml"
    ]
    assert answer.fault is None
    return answer.value


@pytest.mark.usefixtures("plaidml")
def test_a_worker_that_is_dead_is_said_to_be():
    """The seeding goes on; without workers there is nothing to say."""
    remote = kp.to_backend(dropping(), "plaidml", batch_size=16, probe=False)
    os.kill(remote._session.worker.pid, signal.SIGKILL)

    assert told_by_plaidml(3) == ("plaidml: 1 worker not seeded: it has ended",)
    assert told_by_plaidml(3) is None


def test_the_hooks_stay_light():
    """The hook module brings no NumPy and no Keras, also when it is called."""
    code = (
        "import sys, kerasplug_plaidml.hooks as hooks\n"
        "assert hooks.kerasplug_after_seed(3) == []\n"
        "print({'numpy', 'keras', 'tensorflow'} & set(sys.modules))"
    )
    command = [sys.executable, "-c", code]
    done = subprocess.run(command, check=True, capture_output=True, text=True)

    assert done.stdout.strip() == "set()"


#: Keras 2.2.4 on PlaidML as they come: what two dropouts start from.
_UPSTREAM = """
import sys

sys.path.insert(0, sys.argv[1])
import compat

compat.mend_python()
import numpy as np
from keras import backend as K
from plaidml.keras import backend as engine


def state(seed=None):
    dropped = K.dropout(K.placeholder(shape=(4, 4)), 0.5, seed=seed)
    ((variable, _),) = dropped.source.op.side_effects
    return variable.var.as_ndarray(engine._ctx).tolist()


np.random.seed(1)
first = state()
drawn = np.random.uniform()
np.random.seed(1)
assert drawn != np.random.uniform(), "it draws nothing from NumPy's generator"
np.random.seed(1)
assert state() == first, "it draws from elsewhere"
np.random.seed(1)
state(seed=5)
assert np.random.uniform() != drawn, "a layer's seed leaves NumPy's generator alone"
"""


@pytest.mark.usefixtures("plaidml")
def test_upstream_draws_from_what_nobody_seeds():
    """PlaidML fills each state from NumPy's global generator when a graph is made."""
    folder = Path(kerasplug_plaidml.__file__).parent
    python = os.environ["KERASPLUG_PLAIDML_PYTHON"]
    settings = {
        key: value or "" for key, value in program_kit.PlaidML().variables(()).items()
    }
    done = subprocess.run(
        [python, "-W", "ignore", "-c", _UPSTREAM, str(folder)],
        env={**os.environ, **settings},
        capture_output=True,
        text=True,
        check=False,
    )
    assert not done.returncode, done.stderr
