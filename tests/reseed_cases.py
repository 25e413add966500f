"""What `reseed` does to models, on the backend of this process: answers as JSON.

`test_reseed.py` runs it on each engine.
"""

import hashlib
import json
import sys

import numpy as np

import kerasplug
from kerasplug.errors import KerasplugError
from kerasplug.seeding.layers import capture_layers, reseed

keras = kerasplug.implementation("keras")
layers = keras.layers
X = np.arange(8, dtype="float32").reshape(2, 4) / 8
SERIES = np.arange(24, dtype="float32").reshape(2, 3, 4) / 24
IMAGES = np.arange(2 * 6 * 6 * 3, dtype="float32").reshape(2, 6, 6, 3)


class Noisy(layers.Layer):
    """A layer with generators in a list and in a dictionary; one has a seed."""

    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        make = keras.random.SeedGenerator
        self.several = [make(), make(7)]
        self.named = {"other": make()}

    def call(self, inputs, training=None):
        """Add what each of them draws."""
        for one in (*self.several, self.named["other"]):
            inputs += keras.random.normal((1, 1), seed=one)
        return inputs


class Written(keras.Model):
    """A model with a call of its own, layers in a list, and a generator."""

    def __init__(self):
        super().__init__()
        self.first = layers.Dropout(0.5)
        self.rest = [layers.Dense(4), layers.GaussianNoise(0.1)]
        self.generator = keras.random.SeedGenerator()

    def call(self, inputs, training=None):
        """The layers, one after the other, and noise."""
        x = self.first(inputs, training=training)
        for one in self.rest:
            x = one(x)
        return x + keras.random.normal((1, 1), seed=self.generator)


def sequential(*parts, shape=(4,)):
    """A built Sequential."""
    return keras.Sequential([keras.Input(shape), *parts])


def functional():
    """A graph with two branches."""
    inputs = keras.Input((4,))
    left, right = layers.Dropout(0.5)(inputs), layers.GaussianDropout(0.5)(inputs)
    return keras.Model(inputs, layers.Add()([left, right]))


def nested():
    """A model in a model in a model."""
    inner = sequential(layers.Dropout(0.5), shape=(3, 4))
    outer = sequential(inner, layers.SpatialDropout1D(0.5), shape=(3, 4))
    inputs = keras.Input((3, 4))
    return keras.Model(inputs, layers.AlphaDropout(0.5)(outer(inputs)))


def recurrent():
    """A layer with a cell, and one with two cells in another layer."""
    cells = [layers.LSTMCell(2, dropout=0.5), layers.GRUCell(2, recurrent_dropout=0.5)]
    return sequential(
        layers.GRU(3, dropout=0.5, return_sequences=True),
        layers.Bidirectional(layers.RNN(cells)),
        shape=(3, 4),
    )


def attention():
    """A layer that holds a Dropout, called with one input twice."""
    inputs = keras.Input((3, 4))
    layer = layers.MultiHeadAttention(2, 2, dropout=0.5)
    return keras.Model(inputs, layer(inputs, inputs))


def images():
    """Layers that change images; one of them holds many."""
    return sequential(
        layers.RandomFlip(),
        layers.RandomRotation(0.2),
        layers.RandomCrop(4, 4),
        layers.RandomGrayscale(),
        shape=(6, 6, 3),
    )


def written():
    """The model with a call of its own, built."""
    model = Written()
    model(X)
    return model


#: Name -> (a model, its input, how many generators it has).
MODELS = {
    "sequential": (lambda: sequential(layers.Dropout(0.5)), X, 1),
    "functional": (functional, X, 2),
    "nested": (nested, SERIES, 3),
    "recurrent": (recurrent, SERIES, None),
    "attention": (attention, SERIES, None),
    "images": (images, IMAGES, 4),
    "custom": (lambda: sequential(Noisy()), X, 3),
    "written": (written, X, 3),
}


def digest(*arrays):
    """One text for the bits of all."""
    found = hashlib.sha256()
    for one in arrays:
        found.update(np.ascontiguousarray(keras.ops.convert_to_numpy(one)).tobytes())
    return found.hexdigest()[:16]


def states(model):
    """What `kerasplug` has nothing to do with: Keras' own list of variables."""
    found = {id(one): one for one in model.variables if "seed" in one.path}
    return [[int(two) for two in one.value] for one in found.values()]


def drawn(model, data):
    """Two calls in training."""
    return digest(*(model(data, training=True) for _ in range(2)))


def of_model(make, data):
    """What reseeding does to one model."""
    model = make()
    first, *plain, again, other = (
        seeded_draws(model, data, seed) for seed in (1, None, None, 1, 2)
    )
    return {
        "counts": [reseed([model], 1), reseed(model, 1)],
        "all": len(states(model)),
        "states": [first[0], again[0]],
        "same": first == again,
        "other": first[1] != other[1],
        "plain repeats": plain[0][1] == plain[1][1],
    }


def seeded_draws(model, data, seed):
    """The states after seeding, and the draws; without a seed only as Keras seeds.

    That alone reaches PyTorch's own state, from which Keras draws there in places.
    """
    keras.utils.set_random_seed(1)
    if seed is not None:
        reseed([model], seed)
    return states(model), drawn(model, data)


def trainable():
    """A compiled model with random layers of several kinds."""
    noise = layers.GaussianNoise(0.1, seed=4)
    model = sequential(
        layers.Dense(8), layers.Dropout(0.5), noise, Noisy(), layers.Dense(1)
    )
    model.compile("sgd", "mse")
    return model


def trained(model, weights, seed):
    """The weights after training from the same weights, reseeded or not."""
    model.set_weights(weights)
    keras.utils.set_random_seed(1)
    if seed is not None:
        reseed([model], seed)
    model.compile("sgd", "mse")
    x = np.arange(64, dtype="float32").reshape(16, 4) / 64
    model.fit(x, x[:, :1], epochs=2, batch_size=4, shuffle=False, verbose=0)
    return digest(*model.get_weights())


def trainings():
    """Weights after five trainings."""
    model = trainable()
    weights = model.get_weights()
    return [trained(model, weights, seed) for seed in (1, 1, None, None, 2)]


def own_seeds():
    """States after reseeding, where authors gave seeds; and without those seeds."""
    one = sequential(layers.Dropout(0.5), layers.Dropout(0.5, seed=7), Noisy())
    two = sequential(layers.Dropout(0.5), layers.Dropout(0.5), Noisy())
    for model in (one, two):
        model(X, training=True)
        reseed([model], 3)
    return [states(one), states(two)]


class Sharing(layers.Layer):
    """A layer that draws with another one's generator."""

    def __init__(self, other, **kwargs):
        super().__init__(**kwargs)
        self.theirs = other.seed_generator

    def call(self, inputs):
        """Noise."""
        return inputs + keras.random.normal((1, 4), seed=self.theirs)


def shared():
    """A layer in two models, and a generator in two layers."""
    layer = layers.Dropout(0.5)
    other = Sharing(layer)
    one, two = sequential(layer, other), sequential(layer)
    return [reseed([one, two, one], 1), *states(one), *states(two)]


def restored():
    """States before, after reseeding, and after putting them back."""
    model = sequential(layers.Dropout(0.5), Noisy())
    model(X, training=True)
    restore = capture_layers([model])
    before = states(model)
    reseed([model], 1)
    between = states(model)
    restore()
    return [before, between, states(model)]


def blocks():
    """Draws in two blocks, and states before and after them."""
    model = sequential(layers.Dropout(0.5), Noisy())
    found = []
    for _ in range(2):
        before = states(model)
        with kerasplug.seeded(5, models=[model]):
            found.append(drawn(model, X))
        found.append(before == states(model))
        model(X, training=True)
    return found


def refusals():
    """Name -> (the error, whether a good model beside it was left alone)."""
    good = sequential(layers.Dropout(0.5))
    bad = {
        "no model": "a model",
        "a layer": layers.Dropout(0.5),
        "a class": keras.Sequential,
        "unbuilt": keras.Sequential([layers.Dropout(0.5)]),
        "unbuilt of its own": Written(),
        "no seed": good,
    }
    found = {}
    for name, one in bad.items():
        before = states(good)
        try:
            reseed([good, one], -1 if name == "no seed" else 1)
        except KerasplugError as error:
            said = f"{type(error).__name__}: {error}"
        found[name] = [said, states(good) == before]
    return found


def pipelines():
    """Images from two runs of a tf.data pipeline, with the states before and after."""
    import tensorflow as tf

    flip, crop = layers.RandomFlip(), layers.RandomCrop(4, 4)
    model = sequential(flip, crop, layers.Dropout(0.5), shape=(6, 6, 3))

    def changed(image):
        return crop(flip(image, training=True), training=True)

    found = [reseed([model], 9), states(model)]
    data = tf.data.Dataset.from_tensors(IMAGES).repeat(3).map(changed)
    list(data)
    for _ in range(2):
        found.append(reseed([model], 9))
        found.append(states(model))
        found.append([digest(one.numpy()) for one in data])
    return found


def main():
    """All answers."""
    answers = {name: of_model(*of[:2]) for name, of in MODELS.items()}
    for call in (trainings, own_seeds, shared, restored, blocks, refusals):
        answers[call.__name__] = call()
    if keras.backend.backend() != "torch":  # TensorFlow is not there
        answers["pipelines"] = pipelines()
    sys.stdout.write(json.dumps(answers) + "\n")


if __name__ == "__main__":
    sys.exit(main())
