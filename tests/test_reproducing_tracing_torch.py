"""What is seen of programs on PyTorch: loops with optimizers of either kind."""

import numpy as np
import pytest
from reproducing_kit import traced
from torch_kit import torch  # noqa: F401 -- a fixture

pytestmark = pytest.mark.engine

PROGRAM = """
import numpy as np, torch, keras
from keras import layers
keras.utils.set_random_seed(1)
x, y = torch.randn(8, 4), torch.randn(8, 2)
mse = keras.losses.MeanSquaredError()
def made(name):
    parts = [keras.Input((4,)), layers.Dense(3, name=name + "_a"), layers.Dense(2)]
    return keras.Sequential(parts, name=name)

def step(model, update):
    model.zero_grad()
    mse(y, model(x, training=True)).backward()
    update()

theirs = made("theirs")
optimizer = torch.optim.SGD(theirs.parameters(), 0.1)
for _ in range(2):
    step(theirs, optimizer.step)

ours = made("ours")
other = keras.optimizers.SGD(0.1)
def update():
    weights = ours.trainable_variables
    with torch.no_grad():
        other.apply([one.value.grad for one in weights], weights)
for _ in range(2):
    step(ours, update)

net = torch.nn.Linear(4, 2)
last = torch.optim.SGD(net.parameters(), 0.1)
((net(x) - y) ** 2).mean().backward()
last.step()

class Own(keras.Model):
    def __init__(self):
        super().__init__(name="own")
        self.dense = layers.Dense(2, name="late")
    def call(self, x):
        return 2 * self.dense(x)
    def train_step(self, data):
        x, y = data
        self.zero_grad()
        loss = self.compute_loss(y=y, y_pred=self(x, training=True))
        loss.backward()
        self.inner.step()
        return {"loss": loss}

own = Own()
with torch.no_grad():
    own(x)
own.inner = torch.optim.SGD(own.parameters(), 0.1)
own.compile(None, "mse", jit_compile=True)
rows = torch.utils.data.TensorDataset(x, y)
own.fit(torch.utils.data.DataLoader(rows, batch_size=4), verbose=0)
own.predict(x, verbose=0)
torch.seed()
"""


@pytest.fixture(scope="module")
def run(torch, tmp_path_factory):  # noqa: F811 -- the fixture
    """Own loops and a fit with PyTorch's own loader and optimizer."""
    folder = tmp_path_factory.mktemp("torch") / "run"
    return traced(folder, PROGRAM, "torch", python=torch.python)


@pytest.mark.parametrize(("name", "steps"), [("theirs", (1, 2)), ("ours", (3, 4))])
def test_an_own_loop_is_seen_step_by_step(run, name, steps):
    """A loop with PyTorch's or Keras' optimizer is told as a fit would be."""
    assert run.answer["state"] == "ok", run.answer
    kernel = f"{name}/{name}_a/kernel"
    for step in steps:
        kinds = [one["kind"] for one in run.events if one["step"] == step]
        kinds = [one for one in kinds if one != "initial weight"]
        told = ["input batch", *["activation"] * 2, "loss"]
        assert kinds == [*told, *["gradient"] * 4, *["weight"] * 4]
    before = run.value("initial weight", kernel, steps[0] - 1)
    for step in steps:
        after = run.value("weight", kernel, step)
        gradient = run.value("gradient", kernel, step)
        np.testing.assert_allclose(after, before - 0.1 * gradient, rtol=1e-5)
        before = after


def test_parameters_outside_of_keras_are_named_by_their_place(run):
    """What isn't Keras' is named by its group and number in the optimizer."""
    names = ["parameter/0/0", "parameter/0/1"]
    assert run.names("gradient", 5) == names
    assert run.names("weight", 5) == names


def test_a_fit_with_an_own_step_and_pytorchs_loader_is_seen(run):
    """Each batch of a loader is a step, whatever optimizer the model has."""
    for step in (6, 7):
        assert run.names("input batch", step) == ["x", "y"]
        assert run.names("activation", step)[:2] == ["own/late", "own"]
        assert set(run.names("gradient", step)) == {"own/late/kernel", "own/late/bias"}
        assert set(run.names("weight", step)) == {"own/late/kernel", "own/late/bias"}
    assert run.only("weight", 8) == []


def test_compiling_is_switched_off_and_noted(run):
    """To look inside, the model runs without PyTorch's compiler, which a note says."""
    assert [one for one in run.answer["notes"] if "jit_compile" in one]


def test_a_seed_from_the_system_is_told(run):
    """A seed that PyTorch takes from the system is told with its place."""
    (random,) = run.only("random")
    assert random["name"].endswith(": torch.seed()")
