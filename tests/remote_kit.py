"""A toy engine in a process of its own, and models that it understands."""

import contextlib
import sys
from pathlib import Path

import numpy as np

import kerasplug
from kerasplug import Carried, Translation, WorkerEngine
from kerasplug.errors import TranslationError

PROGRAM = Path(__file__).parent / "toy_engine" / "program.py"


class ToyEngine(WorkerEngine):
    """Dense layers in NumPy."""

    name = "toyengine"
    program = str(PROGRAM)
    #: What goes wrong there: see the program.
    fault = ""
    #: Seconds that it says it takes to compile.
    seconds = 0.0
    unrolled = 0
    mixes_rows = ()
    #: Whether the optimizer goes on there with what it has learned here.
    carries = False

    def variables(self, devices):
        """What goes wrong, and the devices."""
        return {"TOY_FAULT": self.fault, "TOY_DEVICES": ",".join(devices)}

    def translate(self, model):
        """Layers in their order, each with those that it takes from."""
        made, carried = [], {}
        names = {id(one): one.name for one in model.inputs}
        made += [
            {"name": one.name, "kind": "input", "from": []} for one in model.inputs
        ]
        for layer in model.layers:
            if not isinstance(layer, _input_layer()):
                given = layer.input if isinstance(layer.input, list) else [layer.input]
                made.append(
                    {**_words(layer), "from": [names[id(one)] for one in given]}
                )
                names[id(layer.output)] = layer.name
                carried[layer.name] = Carried(layer)
        config = {"layers": made, "outputs": [names[id(one)] for one in model.outputs]}
        return Translation(
            config=config,
            layers=carried,
            unrolled=self.unrolled,
            mixes_rows=self.mixes_rows,
        )

    def translate_training(self, model):
        """Losses, their weights, and plain SGD."""
        optimizer = model.optimizer
        if type(optimizer).__name__ != "SGD":
            message = f"The toy does not know {optimizer.name}."
            raise TranslationError(message)
        names = getattr(model, "output_names", None) or [model.layers[-1].name]
        said = model.get_compile_config()
        losses = _by_output(said["loss"], names)
        weights = _by_output(said.get("loss_weights") or 1.0, names)
        return {
            "losses": [one and _loss(one) for one in losses],
            "loss_weights": weights,
            "optimizer": {"name": "sgd", "momentum": optimizer.momentum},
        }

    def optimizer_state(self, model, translation):
        """The momenta, where it carries them."""
        if not self.carries:
            return None
        optimizer, trained = model.optimizer, model.trainable_variables
        if not optimizer.built:
            optimizer.build(trained)
        held = {one.name: one for one in optimizer.momentums}
        learns = {id(one) for one in trained}
        return {
            f"momentum:{path}:{number}": held[f"{one.path.replace('/', '_')}_momentum"]
            for path, carried in translation.layers.items()
            for number, one in enumerate(carried.layer.weights)
            if optimizer.momentum and id(one) in learns
        }

    def cost(self, translation, batch_size):
        """What it was told to say."""
        return self.seconds


def _input_layer():
    return kerasplug.implementation("keras").layers.InputLayer


def _words(layer):
    kind = type(layer).__name__.lower()
    if kind not in ("dense", "concatenate"):
        message = f"The toy does not know the layer {layer.name}."
        raise TranslationError(message)
    if kind == "concatenate":
        return {"name": layer.name, "kind": kind}
    regularizer = layer.kernel_regularizer
    return {
        "name": layer.name,
        "kind": kind,
        "activation": layer.activation.__name__,
        "shapes": [list(one.shape) for one in layer.weights],
        "l2": float(regularizer.l2) if regularizer else 0.0,
        "trainable": layer.trainable,
    }


def _by_output(said, names):
    if isinstance(said, dict) and "class_name" not in said:
        return [said.get(name) for name in names]
    return list(said) if isinstance(said, list) else [said] * len(names)


def _loss(said):
    keras = kerasplug.implementation("keras")
    loss = keras.losses.get(said)
    if isinstance(said, str):
        short = {"mse": "mean_squared_error"}
        return {"name": short.get(said, said), "reduction": "sum_over_batch_size"}
    return {key: loss.get_config()[key] for key in ("name", "reduction")}


@contextlib.contextmanager
def toy(monkeypatch, **attributes):
    """The toy as an engine of an installed plugin, with some attributes.

    Its name is `toyengine`; it runs in the interpreter of the tests.
    """
    monkeypatch.setenv("KERASPLUG_TOYENGINE_PYTHON", sys.executable)
    for name, value in attributes.items():
        monkeypatch.setattr(ToyEngine, name, value)
    record = kerasplug.BackendRecord(
        name="toyengine", target="remote_kit:ToyEngine", engine="worker"
    )
    handle = kerasplug.register(record, name="toy-engines")
    try:
        yield
    finally:
        kerasplug.unregister(handle)


def seen(remote, do="train"):
    """(batch size, rate) of each such command that the worker was asked."""
    reply, _ = remote._session.ask("seen")
    return [(batch, rate) for name, batch, rate in reply["seen"] if name == do]


# --- models and data ---

RANDOM = np.random.default_rng(11)
X = RANDOM.normal(size=(50, 4)).astype("float32")
CLASSES = RANDOM.integers(0, 3, 50)
HOT = np.eye(3, dtype="float32")[CLASSES]
NUMBERS = RANDOM.normal(size=(50, 1)).astype("float32")
WEIGHTS = RANDOM.uniform(0, 2, 50).astype("float32")


def classifier(keras, *, seed=5, l2=None, **compiled):
    """Two dense layers that tell three classes apart; the same weights each time."""
    keras.utils.set_random_seed(seed)
    regularizer = keras.regularizers.L2(l2) if l2 else None
    model = keras.Sequential(
        [
            keras.Input((4,)),
            keras.layers.Dense(
                8, activation="relu", name="hidden", kernel_regularizer=regularizer
            ),
            keras.layers.Dense(3, activation="softmax", name="scores"),
        ]
    )
    given = {
        "optimizer": keras.optimizers.SGD(0.1),
        "loss": "sparse_categorical_crossentropy",
        "metrics": ["accuracy"],
        "run_eagerly": True,  # few batches: making a graph would take longer
    }
    model.compile(**(given | compiled))
    return model


def two_headed(keras, *, seed=6, nested=False, **compiled):
    """Two inputs and two outputs: classes, and a number."""
    keras.utils.set_random_seed(seed)
    left, right = keras.Input((4,), name="left"), keras.Input((2,), name="right")
    both = keras.layers.Concatenate(name="both")([left, right])
    hidden = keras.layers.Dense(6, activation="relu", name="hidden")(both)
    scores = keras.layers.Dense(3, activation="softmax", name="scores")(hidden)
    number = keras.layers.Dense(1, name="number")(hidden)
    inputs, outputs = [left, right], [scores, number]
    if nested:
        inputs = {"left": left, "right": right}
        outputs = {"scores": scores, "number": number}
    model = keras.Model(inputs, outputs)
    given = {
        "optimizer": keras.optimizers.SGD(0.05, momentum=0.9),
        "loss": {"scores": "sparse_categorical_crossentropy", "number": "mse"},
        "loss_weights": {"scores": 1.0, "number": 0.3},
        "metrics": {"scores": ["accuracy"], "number": ["mae"]},
        "run_eagerly": True,
    }
    model.compile(**(given | compiled))
    return model


def same_weights(one, other, *, exactly=False):
    """Whether two models, or lists of arrays, have the same weights."""
    pairs = zip(_weights(one), _weights(other), strict=True)
    if exactly:
        return all(np.array_equal(a, b) for a, b in pairs)
    return all(np.allclose(a, b, rtol=1e-4, atol=1e-5) for a, b in pairs)


def _weights(model):
    return model if isinstance(model, list) else model.get_weights()
