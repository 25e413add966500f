"""A training with all that draws random numbers, and the hash of what comes out of it.

Run by programs of `test_seeding_proof.py`, which seed before they import this.
"""

import hashlib

import keras
import numpy as np

__all__ = ["trained"]

ROWS = 192


def trained(epochs=3):
    """The SHA-256 of all weights, in their order, after a training."""
    pictures = np.random.rand(ROWS, 14, 14, 1).astype("float32")  # noqa: NPY002 -- what is seeded
    words = np.random.randint(0, 20, (ROWS, 6))  # noqa: NPY002 -- what is seeded
    labels = np.random.randint(0, 4, ROWS)  # noqa: NPY002 -- what is seeded
    model = _model()
    model.compile("adam", "sparse_categorical_crossentropy")
    before = _hash(model)
    options = {"batch_size": 32, "shuffle": True, "verbose": 0}
    model.fit([pictures, words], labels, epochs=epochs, **options)
    assert _hash(model) != before
    return _hash(model)


def _model():
    """Convolutions over pictures and an embedding of words, with dropout."""
    layers = keras.layers
    picture = keras.Input((14, 14, 1))
    word = keras.Input((6,), dtype="int32")
    seen = layers.Conv2D(8, 3, activation="relu")(picture)
    seen = layers.MaxPooling2D()(seen)
    seen = layers.Conv2D(16, 3, activation="relu")(seen)
    seen = layers.Flatten()(layers.SpatialDropout2D(0.2)(seen))
    read = layers.GlobalAveragePooling1D()(layers.Embedding(20, 8)(word))
    both = layers.Dense(32, activation="relu")(layers.concatenate([seen, read]))
    said = layers.Dense(4, activation="softmax")(layers.Dropout(0.5)(both))
    return keras.Model([picture, word], said)


def _hash(model):
    digest = hashlib.sha256()
    for weight in model.get_weights():
        digest.update(np.ascontiguousarray(weight).tobytes())
    return digest.hexdigest()
