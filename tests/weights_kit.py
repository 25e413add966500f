"""Models whose weights are saved and loaded, on every Keras; and a program for JAX.

python tests/weights_kit.py FOLDER   # on the engine in use: one line of JSON
"""

import json
import sys
import zipfile
from pathlib import Path

import h5py
import numpy as np

from kerasplug.saving.weights import load_model_weights_hdf5, save_model_weights_hdf5

__all__ = [
    "FORMATS",
    "chain",
    "different",
    "mixed",
    "parts_layer",
    "same",
    "same_layer",
    "same_outputs",
    "saved",
    "without_names",
]

#: How a file is written, by the name that it gets.
FORMATS = {
    "m.keras": "whole",
    "m.weights.h5": "keras3",
    "m.weights.json": "shards",
    "whole.h5": "whole",
    "m.hdf5": "ours",
    "any.name": "ours",
    "ours.weights.h5": "ours",
}
#: A shard for almost every weight: in GB, as Keras has it.
_TINY = 3e-7


def parts_layer(keras):
    """A class of layers with a weight of its own, and layers within it."""

    class Parts(keras.layers.Layer):
        def __init__(self, **kwargs):
            super().__init__(**kwargs)
            self.first = keras.layers.Dense(3)
            self.others = [keras.layers.Dense(3), keras.layers.Dense(3)]

        def build(self, shape):
            self.scale = self.add_weight(
                shape=(3,), initializer="random_normal", name="scale"
            )
            self.first.build(shape)
            for one in self.others:
                one.build((None, 3))
            super().build(shape)

        def call(self, inputs):
            hidden = self.first(inputs) * self.scale
            for one in self.others:
                hidden = one(hidden)
            return hidden

    return Parts


def mixed(keras, *, rename="", parts=True):
    """A model with models, wrappers, cells and layers of layers in it."""
    layers = keras.layers
    base = keras.Sequential(
        [
            keras.Input((4,)),
            layers.Dense(3, name="b1"),
            layers.BatchNormalization(name="bn"),
            layers.Dense(3, name="b2"),
        ],
        name="base" + rename,
    )
    inputs = keras.Input((5, 4))
    hidden = layers.TimeDistributed(base, name="spread")(inputs)
    hidden = layers.Bidirectional(
        layers.LSTM(2, return_sequences=True), name="both" + rename
    )(hidden)
    hidden = layers.MultiHeadAttention(2, 3, name="look")(hidden, hidden)
    hidden = layers.RNN([layers.LSTMCell(2), layers.GRUCell(3)], name="cells")(hidden)
    hidden = layers.Dropout(0.2)(hidden)
    outer = keras.Input((3,))
    inner = keras.Model(outer, layers.Dense(3, name="i1")(outer), name="inner")
    hidden = inner(hidden)
    if parts:
        hidden = parts_layer(keras)(name="parts")(hidden)
    model = keras.Model(inputs, layers.Dense(2, name="out")(hidden))
    rng = np.random.default_rng()
    # Positive, since some of them are variances.
    weights = [rng.uniform(0.1, 1, size=one.shape) for one in model.get_weights()]
    model.set_weights(weights)
    return model


def chain(keras, *names, units=4, last=None, **arguments):
    """A Sequential of dense layers with these names, and weights of their own."""
    sizes = [units] * (len(names) - 1) + [last or units]
    layers = [
        keras.layers.Dense(
            size, name=name, bias_initializer="random_normal", **arguments
        )
        for name, size in zip(names, sizes, strict=True)
    ]
    return keras.Sequential([keras.Input((4,)), *layers])


def saved(model, folder, name):
    """The path of a file with the model's weights, written in the way of its name."""
    path, way = Path(folder) / name, FORMATS[name]
    if way == "whole":
        model.save(path)
    elif way == "keras3":
        model.save_weights(path)
    elif way == "shards":
        model.save_weights(path, max_shard_size=_TINY)
    else:
        save_model_weights_hdf5(model, path)
    return path


def same(one, other):
    """Whether two models have the same weights, bit by bit."""
    pairs = zip(one.get_weights(), other.get_weights(), strict=True)
    return all(np.array_equal(*pair) for pair in pairs)


def same_outputs(one, other):
    """Whether two models of `mixed` compute the same, of whatever Keras they are."""
    x = np.random.default_rng(0).normal(size=(3, 5, 4)).astype("float32")
    outputs = [model.predict(x, verbose=0) for model in (one, other)]
    return np.isfinite(outputs[0]).all() and np.allclose(*outputs, rtol=1e-4)


def same_layer(one, other):
    """Whether two layers have the same weights."""
    return same(one, other)


def different(before, model):
    """For each weight, whether it is another than before."""
    return [
        not np.array_equal(old, new)
        for old, new in zip(before, model.get_weights(), strict=True)
    ]


def without_names(path):
    """Take the names of layers out of a file, as older versions of Keras wrote it."""

    def strip(file):
        def forget(_, item):
            item.attrs.pop("name", None)

        file.visititems(forget)

    if not zipfile.is_zipfile(path):
        with h5py.File(path, "r+") as file:
            strip(file)
        return path
    inner = Path(path).with_suffix(".inner")
    with zipfile.ZipFile(path) as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    inner.write_bytes(members["model.weights.h5"])
    members["model.weights.h5"] = without_names(inner).read_bytes()
    with zipfile.ZipFile(path, "w") as archive:
        for name, data in members.items():
            archive.writestr(name, data)
    return path


def _checks(keras, folder):
    """Name -> whether it is so, for what has to hold on each engine."""
    model = mixed(keras)
    for name in FORMATS:
        path = saved(model, folder, name)
        for by_name in (False, True):
            other = mixed(keras)
            load_model_weights_hdf5(other, path, by_name=by_name)
            yield f"{name}, by_name={by_name}", same(model, other)
    yield from _training(keras, folder)
    yield from _failing(keras, folder)


def _training(keras, folder):
    """Weights that were taken over from the file's buffers are the model's own."""
    big = chain(keras, "one", "two", units=600)
    path = saved(big, folder, "m.keras")
    other = chain(keras, "one", "two", units=600)
    load_model_weights_hdf5(other, path)
    path.write_bytes(b"\0" * path.stat().st_size)
    yield "the file is not needed any more", same(big, other)
    x, y = np.ones((8, 4), "float32"), np.zeros((8, 600), "float32")
    for one in (big, other):
        one.compile("adam", "mse")
        one.fit(x, y, verbose=0, epochs=2)
    yield "training goes on as with the original", same(big, other)
    yield (
        "and has changed something",
        not same(big, chain(keras, "one", "two", units=600)),
    )


def _failing(keras, folder):
    """A model is put back, with weights that are large enough to be taken over."""
    refusing = refusing_layer(keras)

    def make():
        return keras.Sequential(
            [
                keras.Input((4,)),
                keras.layers.Dense(600, bias_initializer="random_normal"),
                keras.layers.Dense(600, bias_initializer="random_normal"),
                refusing(),
            ]
        )

    path = saved(make(), folder, "m.weights.h5")
    model = make()
    before = model.get_weights()
    try:
        load_model_weights_hdf5(model, path)
        yield "a layer refuses", False
    except ValueError:
        yield "a layer refuses", not any(different(before, model))
    report = load_model_weights_hdf5(model, path, skip_mismatch=True)
    yield "it is skipped", len(report.loaded) == 2 and len(report.skipped) == 1
    yield "and is as it was", different(before, model) == [True] * 4 + [False] * 2


def refusing_layer(keras, error=ValueError):
    """A class of layers that take one of two weights, and then raise."""

    class Refusing(keras.layers.Layer):
        def build(self, shape):
            for name in ("first", "second"):
                weight = self.add_weight(
                    shape=(shape[-1],), initializer="random_normal", name=name
                )
                setattr(self, name, weight)

        def call(self, inputs):
            return inputs * self.first + self.second

        def load_own_variables(self, store):
            self.first.assign(store["0"])
            message = "no more of it"
            raise error(message)

    return Refusing


def main(folder):
    """Print what holds on the engine in use."""
    import keras

    found = dict(_checks(keras, Path(folder)))
    sys.stdout.write(json.dumps([keras.backend.backend(), found]) + "\n")


if __name__ == "__main__":
    main(sys.argv[1])
