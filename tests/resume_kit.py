"""Training models of every kind, to be cut in two by saving and loading.

python tests/resume_kit.py start FOLDER   # train, save, train on: what comes of it
python tests/resume_kit.py go-on FOLDER   # load what was saved, train on: the same
"""

import hashlib
import json
import sys
import warnings
from pathlib import Path

__all__ = ["FORMATS", "STEPS", "cases"]

FORMATS = ("keras", "h5")
#: Steps of training before the cut, and after it.
STEPS = 4

#: Optimizer, whether there is a Dropout, and how the model is compiled.
CASES = {
    "adam": ("adam", False, "names"),
    "adam, dropout": ("adam", True, "names"),
    "adamw": ("adamw", False, "objects"),
    "adamw, dropout": ("adamw", True, "objects"),
    "rmsprop": ("rmsprop", False, "names"),
    "rmsprop, dropout": ("rmsprop", True, "objects"),
    "momentum": ("momentum", False, "objects"),
    "momentum, dropout": ("momentum", True, "names"),
    "adagrad": ("adagrad", False, "names"),
    "adagrad, dropout": ("adagrad", True, "objects"),
    "nadam": ("nadam", False, "objects"),
    "nadam, dropout": ("nadam", True, "names"),
    "lion": ("lion", False, "names"),
    "lion, dropout": ("lion", True, "objects"),
    "schedule": ("schedule", False, "names"),
    "schedule, dropout": ("schedule", True, "objects"),
    "averaged": ("averaged", True, "names"),
}


#: JAX can't fit twice with averaged weights (Keras 3.15.1); Keras 2 has no Lion.
_LACKING = {"jax": {"averaged"}, "tf_keras": {"lion", "lion, dropout"}}


def cases(engine):
    """The names of what an engine can do; `tf_keras` is one of them here."""
    return [name for name in CASES if name not in _LACKING.get(engine, ())]


def _engine(keras):
    legacy = keras.__version__.startswith("2.")
    return "tf_keras" if legacy else keras.backend.backend()


def _optimizer(keras, name):
    optimizers = keras.optimizers
    schedule = optimizers.schedules.CosineDecay(0.02, decay_steps=9, warmup_steps=3)
    made = {
        "adamw": lambda: optimizers.AdamW(0.01, weight_decay=0.1),
        "momentum": lambda: optimizers.SGD(0.01, momentum=0.9, nesterov=True),
        "schedule": lambda: optimizers.Adam(schedule, clipnorm=1.0),
        "averaged": lambda: optimizers.SGD(0.01, use_ema=True, momentum=0.5),
    }
    return made[name]() if name in made else name


def _model(keras, name):
    optimizer, dropout, how = CASES[name]
    layers = keras.layers
    # Without a seed of its own, PyTorch's Dropout draws from PyTorch's generator.
    seed = 5 if _engine(keras) == "torch" else None
    inputs = keras.Input((5,))
    hidden = layers.Dense(8, activation="relu")(inputs)
    hidden = layers.Dropout(0.3, seed=seed)(hidden) if dropout else hidden
    hidden = layers.BatchNormalization()(hidden)
    hidden = layers.GaussianNoise(0.1)(hidden) if dropout else hidden
    model = keras.Model(inputs, layers.Dense(1)(hidden))
    if how == "names":
        arguments = {"loss": "mse", "metrics": ["mae", "mse", "accuracy"]}
    else:
        arguments = {
            "loss": keras.losses.LogCosh(),
            "metrics": [keras.metrics.MeanSquaredError(name="error")],
        }
    model.compile(_optimizer(keras, optimizer), **arguments)
    return model


def _train(model, part):
    import numpy as np

    x = np.random.default_rng(0).normal(size=(2 * STEPS * 8, 5)).astype("float32")
    y = x.sum(axis=1, keepdims=True)
    start = part * STEPS * 8
    cut = slice(start, start + STEPS * 8)
    model.fit(x[cut], y[cut], batch_size=8, shuffle=False, verbose=0)


def _bits(model):
    """Everything that training has changed, to the last bit."""
    digest = hashlib.sha256()
    for value in model.get_weights():
        digest.update(value.tobytes())
    return f"{int(model.optimizer.iterations)} {digest.hexdigest()}"


def _start(keras, folder):
    import kerasplug

    for number, name in enumerate(cases(_engine(keras))):
        keras.utils.set_random_seed(number)
        model = _model(keras, name)
        _train(model, 0)
        for suffix in FORMATS:
            kerasplug.save_model(model, folder / f"{name}.{suffix}")
        _train(model, 1)  # also: saving has left the live model as it was
        yield name, _bits(model)


def _go_on(keras, folder):
    import kerasplug

    for name in cases(_engine(keras)):
        for suffix in FORMATS:
            model = kerasplug.load_model(folder / f"{name}.{suffix}")
            _train(model, 1)
            yield f"{name}.{suffix}", _bits(model)


def _main(what, folder):
    import kerasplug

    warnings.simplefilter("ignore", DeprecationWarning)
    keras = kerasplug.implementation()
    if _engine(keras) != "tf_keras":  # which warns of its loader each time
        warnings.simplefilter("error", kerasplug.KerasplugWarning)
    run = _start if what == "start" else _go_on
    found = dict(run(keras, Path(folder)))
    sys.stdout.write(json.dumps(found) + "\n")


if __name__ == "__main__":
    _main(*sys.argv[1:])
