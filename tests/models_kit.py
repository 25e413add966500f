"""Small models for the tests of `kerasplug.models`, of either Keras."""

import numpy as np

#: Data to train with.
X = np.linspace(-1, 1, 32 * 4, dtype="float32").reshape(32, 4)
Y = X.sum(axis=1, keepdims=True) ** 2
#: Names of three layers.
NAMES = ("a", "b", "c")


def trained(keras):
    """Three dense layers, trained once."""
    made = mlp(keras, *NAMES)
    made.compile(optimizer="adam", loss="mse", metrics=["mae"])
    fit(made)
    return made


def input_layer(keras, *shape, name=None):
    """A layer that says the shape, as each Keras wants it."""
    if keras.__name__.startswith("tf_keras"):
        return keras.layers.InputLayer(shape, name=name)
    return keras.layers.InputLayer(shape=shape, name=name)


def mlp(keras, *names, width=3, columns=4, last=1, model=None):
    """A Sequential of dense layers with these names."""
    sizes = [width] * (len(names) - 1) + [last]
    layers = [
        keras.layers.Dense(size, name=name)
        for size, name in zip(sizes, names, strict=True)
    ]
    return keras.Sequential([input_layer(keras, columns), *layers], name=model)


def nested(keras):
    """A model around a model around a model, with a wrapper in it."""
    deep = keras.Sequential(
        [input_layer(keras, 3), keras.layers.Dense(3, name="deepest")], name="deep"
    )
    x = inputs = keras.Input((3,))
    x = deep(keras.layers.Dense(3, name="first")(x))
    base = keras.Model(inputs, x, name="base")
    x = inputs = keras.Input((5, 3))
    x = keras.layers.TimeDistributed(base, name="each")(x)
    x = keras.layers.Bidirectional(keras.layers.LSTM(2, name="lstm"), name="both")(x)
    return keras.Model(inputs, keras.layers.Dense(1, name="out")(x), name="whole")


def flags(model):
    """Which of the direct layers are trainable."""
    return [layer.trainable for layer in model.layers]


def values(model):
    """Copies of the weights."""
    return [np.array(one) for one in model.get_weights()]


def changed(before, model):
    """Which weights are others than before."""
    pairs = zip(before, model.get_weights(), strict=True)
    return [not np.array_equal(one, other) for one, other in pairs]


def fit(model, epochs=1):
    """Train it, always in the same way."""
    model.fit(X, Y, batch_size=16, epochs=epochs, shuffle=False, verbose=0)
