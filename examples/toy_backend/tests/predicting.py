"""Builds, runs, saves and loads four models on a backend; a program, not a test.

    python predicting.py BACKEND FOLDER

Writes the predictions to FOLDER/BACKEND.npz, and prints as JSON what it saw.
"""

import json
import sys
from pathlib import Path

import kerasplug


def models(layers):
    """Inputs' shape and layers, for each model."""
    attention = layers.MultiHeadAttention(num_heads=2, key_dim=3)
    return {
        "dense": ((5,), [layers.Dense(7, activation="gelu"), layers.Dense(2)]),
        "conv": (
            (8, 8, 3),
            [
                layers.Conv2D(4, 3, activation="relu"),
                layers.MaxPooling2D(),
                layers.BatchNormalization(),
                layers.Flatten(),
            ],
        ),
        "lstm": ((6, 3), [layers.LSTM(4)]),
        "attention": ((6, 4), [lambda x: attention(x, x)]),
    }


def built(keras, shape, steps):
    """A model of these steps, its weights drawn from the seed of the process."""
    inputs = outputs = keras.Input(shape)
    for step in steps:
        outputs = step(outputs)
    return keras.Model(inputs, outputs)


def main(backend, folder):
    """Run all on one backend."""
    kerasplug.use_backend(backend)
    import keras
    import numpy as np

    keras.utils.set_random_seed(7)
    predictions, same = {}, {}
    for name, (shape, steps) in models(keras.layers).items():
        x = np.random.default_rng(1).normal(size=(3, *shape)).astype("float32")
        model = built(keras, shape, steps)
        predictions[name] = model.predict(x, verbose=0)
        file = folder / f"{backend}-{name}.keras"
        model.save(file)
        loaded = keras.models.load_model(file)
        same[name] = bool((loaded.predict(x, verbose=0) == predictions[name]).all())
    np.savez(folder / f"{backend}.npz", **predictions)
    counts = {}
    if backend == "toy":
        import keras_toy

        counts = keras_toy.calls()
    print(  # noqa: T201 -- the answer
        json.dumps({"backend": keras.backend.backend(), "same": same, "calls": counts})
    )


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]))
