"""A model that learns in stages, and the same training by hand."""

import numpy as np
from training_kit import X, Y

from kerasplug import freeze_weights, recompile, unfreeze_weights

FIT = {"batch_size": 8, "shuffle": False, "verbose": 0}
NAMES = ("a", "norm", "b", "c")
#: What is due at first, and what later.
SCHEDULE = {2: "b", 4: "norm"}


def staged(keras, optimizer="adam", policy="float32", metrics=("mae",), **options):
    """Layers of which only the last learns, compiled; the same weights each time."""
    keras.utils.set_random_seed(3)
    before = keras.config.dtype_policy()
    keras.config.set_dtype_policy(policy)
    try:
        model = keras.Sequential(
            [
                keras.Input((3,)),
                keras.layers.Dense(3, name="a"),
                keras.layers.BatchNormalization(name="norm"),
                keras.layers.Dropout(0.3),
                keras.layers.Dense(3, name="b"),
                keras.layers.Dense(1, name="c"),
            ]
        )
    finally:
        keras.config.set_dtype_policy(before)
    freeze_weights(model, to="b")
    model.compile(optimizer, "mse", metrics=[*metrics], **options)
    return model


def by_hand(model, schedule, epochs, **options):
    """A `fit` for each stage, and between them what one has to do; the numbers."""
    begins = sorted({0, *schedule})
    numbers = {}
    for begin, end in zip(begins, [*begins[1:], epochs], strict=True):
        if begin in schedule:
            unfreeze_weights(model, schedule[begin], others="keep", on_stale="ignore")
            recompile(model)
        history = model.fit(X, Y, initial_epoch=begin, epochs=end, **FIT, **options)
        for name, values in history.history.items():
            numbers[name] = numbers.get(name, []) + values
    return numbers


def arrays(keras, variables):
    """Copies of their values."""
    return [np.array(keras.ops.convert_to_numpy(one)) for one in variables]


def weights(model):
    """Copies of the weights of each layer, by its name."""
    return {
        name: [np.array(one) for one in model.get_layer(name).get_weights()]
        for name in NAMES
    }


def moved(before, after):
    """The names of the layers of which a weight has another value."""
    return [name for name in NAMES if any(map(different, before[name], after[name]))]


def different(one, other):
    return not np.array_equal(one, other)
