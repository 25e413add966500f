"""What replicas leave in a model but for weights, and what is refused; on PyTorch."""

import numpy as np
import torch
from torch_parallel_kit import apart, error_of, keras, layers, numbers, on, tell


def normalized():
    """Statistics after a step of batch normalization, and the slices' own."""
    layer = layers.BatchNormalization(momentum=0.9)
    many = on(keras.Sequential([keras.Input((2,)), layer]), 3)
    x = numbers(7, 2) * 3 + 1
    many(x, training=True)
    parts = [x[0:2], x[2:4], x[4:7]]
    variance = sum(len(one) / 7 * one.var(axis=0) for one in parts)
    return {
        "mean": apart(np.array(layer.moving_mean), 0.1 * x.mean(axis=0)),
        "variance": apart(np.array(layer.moving_variance), 0.9 + 0.1 * variance),
    }


def aggregated():
    """What becomes of variables of each kind, once replicas have assigned them."""

    class Notes(layers.Layer):
        def build(self, shape):
            for kind in ("none", "sum", "mean", "only_first_replica"):
                options = {"aggregation": kind, "trainable": False, "name": kind}
                setattr(self, kind, self.add_weight((), "ones", **options))
            self.count = self.add_weight(
                (), "ones", dtype="int32", trainable=False, name="count"
            )

        def call(self, inputs):
            for kind in ("none", "sum", "mean", "only_first_replica"):
                variable = getattr(self, kind)
                variable.assign(variable + keras.ops.sum(inputs))
            self.count.assign(self.count + 1)
            return inputs

    layer = Notes()
    many = on(keras.Sequential([keras.Input((1,)), layer]), 3)
    many(np.array([[1.0], [2.0], [3.0], [4.0], [6.0]]))  # sums 1, 5 and 10
    return {one.path.rpartition("/")[2]: float(one.numpy()) for one in layer.weights}


def drawn():
    """Which rows a dropout with a seed lets through, and how often it drew."""
    layer = layers.Dropout(0.5, seed=5)
    many = on(keras.Sequential([keras.Input((64,)), layer]), 4)
    rows = np.array(many(np.ones((4, 64)), training=True))
    state = layer.seed_generator.state
    once = int(np.array(state)[1])
    many(np.ones((2, 64)), training=True)
    return {
        "different": len({row.tobytes() for row in rows}),
        "draws": [once, int(np.array(state)[1])],
    }


def remembered():
    """A stateful layer over some batches: how far outputs and states are."""

    def made():
        keras.utils.set_random_seed(1)
        cells = [layers.LSTM(3, stateful=True, return_sequences=True)]
        cells.append(layers.Bidirectional(layers.GRU(2, stateful=True)))
        return keras.Sequential([keras.Input(batch_shape=(5, 4, 2)), *cells])

    alone, template = made(), made()
    many = on(template, 3)
    batches = numbers(3, 5, 4, 2)
    outputs = [apart(alone(one), many(one)) for one in batches]
    states = [
        [np.array(one) for one in model.layers[0].states] for model in (alone, template)
    ]
    kept = template.layers[0].states
    return {
        "outputs": max(outputs),
        "states": apart(*states),
        "kept": [type(one).__name__ for one in kept],
        "other rows": error_of(lambda: many(batches[0][:4])),
    }


def half_done():
    """An error in the second replica: statistics afterwards, and a good call."""

    class Strict(layers.Layer):
        def call(self, inputs):
            if float(keras.ops.max(inputs)) > 8:
                message = "too large"
                raise ValueError(message)
            return inputs

    layer = layers.BatchNormalization()
    inputs = keras.Input((1,))
    many = on(keras.Model(inputs, [layer(inputs), Strict()(inputs)]), 2)
    said = error_of(lambda: many(np.array([[1.0], [9.0]]), training=True))
    untouched = np.array(layer.moving_mean).tolist()
    many(np.array([[1.0], [3.0]]), training=True)
    return {
        "said": said,
        "untouched": untouched,
        "afterwards": np.array(layer.moving_mean).tolist(),
    }


def refused():
    """What can't be equal, by name: the error."""

    def model(*parts):
        return keras.Sequential([keras.Input((2,)), *parts])

    scalar = model(layers.Lambda(lambda one: keras.ops.sum(one, axis=0)))
    foreign = model(layers.TorchModuleWrapper(torch.nn.Linear(2, 1)))
    plain = model(layers.Dense(1))
    batch = np.ones((6, 2))
    return {
        "statistics": error_of(lambda: on(plain, 2, sync_batch_norm=True)),
        "compiled": error_of(lambda: on(plain, 2).compile("sgd", jit_compile=True)),
        "rows": error_of(lambda: on(scalar, 2)(batch)),
        "module": error_of(lambda: on(foreign, 2)),
    }


if __name__ == "__main__":
    tell(globals())
