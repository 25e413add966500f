"""The backend computes what Keras' own NumPy backend does, and says how often."""

import pytest

pytestmark = pytest.mark.engine

MODELS = ["dense", "conv", "lstm", "attention"]


def test_the_processes_ran_on_their_backends(predicted):
    """One process computed on the toy backend, the other one on Keras' own."""
    assert {name: said["backend"] for name, (_, said) in predicted.items()} == {
        "toy": "toy",
        "numpy": "numpy",
    }


@pytest.mark.parametrize("name", MODELS)
def test_predictions_are_the_numpy_backends(predicted, name):
    """A model predicts, bit for bit, what it predicts on the NumPy backend."""
    import numpy as np

    ours, theirs = (np.load(predicted[one][0])[name] for one in ("toy", "numpy"))

    assert ours.dtype == theirs.dtype
    assert ours.tobytes() == theirs.tobytes()
    assert ours.any()


@pytest.mark.parametrize("name", MODELS)
def test_a_saved_model_predicts_the_same(predicted, name):
    """A model read from its `.keras` file predicts what it did before."""
    assert predicted["toy"][1]["same"][name]


def test_models_are_computed_by_the_backend(predicted):
    """What the four models consist of was asked of the backend, and as often."""
    calls = predicted["toy"][1]["calls"]

    asked = {"numpy.matmul", "nn.conv", "nn.batch_normalization", "rnn.rnn"}
    assert asked | {"nn.dot_product_attention"} <= calls.keys()
    # Each model predicts twice; the LSTM has four gates and six steps.
    assert calls["numpy.tanh"] >= 2 * 6 * 2
    assert calls["nn.conv"] == 2


def test_counts_are_the_calls_made(ask):
    """Three additions are three calls, and a reset forgets them."""
    first, second = ask("""
x = keras.ops.ones((2,))
keras_toy.reset_calls()
for _ in range(3):
    x = keras.ops.add(x, x)
first = keras_toy.calls()
keras_toy.reset_calls()
say([first, keras_toy.calls()])
""")

    assert first["numpy.add"] == 3
    assert second == {}


def test_counts_survive_set_backend(ask):
    """`keras.config.set_backend` drops the package, and no count."""
    before, after, fresh = ask("""
import warnings
warnings.simplefilter("ignore")
keras.ops.add(1, 2)
before, old = keras_toy.calls(), keras_toy
keras.config.set_backend("toy")
import keras_toy
say([before, keras_toy.calls(), keras_toy is not old])
""")

    assert fresh
    assert before["numpy.add"] >= 1
    assert all(after[name] >= count for name, count in before.items())


@pytest.mark.parametrize("method", ["fit", "train_on_batch"])
def test_training_is_refused(ask, method):
    """Training is a NotImplementedError that says what can train."""
    said = ask(f"""
model = keras.Sequential([keras.Input((2,)), keras.layers.Dense(1)])
model.compile("sgd", "mse")
x = keras.ops.convert_to_numpy(keras.ops.ones((4, 2)))
loss = float(model.evaluate(x, x[:, :1], verbose=0))
try:
    model.{method}(x, x[:, :1])
except NotImplementedError as error:
    say([loss, str(error)])
""")

    assert said[0] >= 0
    assert "can't train" in said[1]
    assert "choose tensorflow, jax or torch" in said[1]
