"""Layers in use, each a branch of a model, and models with random weights."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import keras
import numpy as np
from keras import layers
from kerasplug_plaidml.engine import PlaidML
from kerasplug_plaidml.translating.training import translate_training

from kerasplug import Translation
from kerasplug.engines.workers.process import Worker

Branch = Callable[[Any], Any]

#: float32 on both sides: sums of some dozen products of numbers about 1 differ by less.
CLOSE = 1e-5

#: Shape of one row of each input that the branches take.
SHAPES: dict[str, tuple[int, ...]] = {
    "vector": (6,),
    "sequence": (5, 4),
    "image": (7, 6, 3),
    "volume": (5, 4, 5, 2),
    "words": (5,),
    "film": (3, 5, 5, 2),
}


def _twice(layer: Any) -> Branch:
    """A merge of an input with what a tanh makes of it."""
    return lambda x: layer([x, layers.Activation("tanh")(x)])


def _from_states(layer: Any, states: int) -> Branch:
    """An RNN whose first states come from another layer."""

    def branch(x: Any) -> Any:
        first = layers.GlobalMaxPooling1D()(x)
        given = [layers.Dense(layer.units)(first) for _ in range(states)]
        return layer(x, initial_state=given)

    return branch


def _vectors() -> dict[str, Branch]:
    l2 = keras.regularizers.L2(0.01)
    branches: dict[str, Branch] = {
        f"Activation {name}": layers.Activation(name)
        for name in (
            "elu",
            "exponential",
            "linear",
            "relu",
            "selu",
            "sigmoid",
            "softmax",
            "softplus",
            "softsign",
            "tanh",
        )
    }
    return branches | {
        "Dense": layers.Dense(3, activation="relu", kernel_regularizer=l2),
        "Dense without bias": layers.Dense(2, use_bias=False),
        "Dense constrained": layers.Dense(2, kernel_constraint="non_neg"),
        "BatchNormalization": layers.BatchNormalization(momentum=0.9),
        "BatchNormalization plain": layers.BatchNormalization(
            center=False, scale=False
        ),
        "Dense paying for its outputs": layers.Dense(2, activity_regularizer=l2),
        "ActivityRegularization": layers.ActivityRegularization(0.1, 0.2),
        "Dropout": layers.Dropout(0.5, seed=3),
        "AlphaDropout": layers.AlphaDropout(0.5),
        "GaussianDropout": layers.GaussianDropout(0.5),
        "GaussianNoise": layers.GaussianNoise(0.5),
        "ELU": layers.ELU(0.7),
        "LeakyReLU": layers.LeakyReLU(0.2),
        "PReLU": layers.PReLU(),
        "ReLU": layers.ReLU(max_value=0.8, negative_slope=0.1, threshold=0.2),
        "ReLU plain": layers.ReLU(),
        "Softmax": layers.Softmax(),
        "Rescaling": layers.Rescaling(0.5, offset=-1),
        "RepeatVector": layers.RepeatVector(3),
        "Reshape": layers.Reshape((2, -1)),
        "Add": _twice(layers.Add()),
        "Average": _twice(layers.Average()),
        "Concatenate": _twice(layers.Concatenate()),
        "Dot": _twice(layers.Dot(1)),
        "Dot normalized": _twice(layers.Dot(-1, normalize=True)),
        "Maximum": _twice(layers.Maximum()),
        "Minimum": _twice(layers.Minimum()),
        "Multiply": _twice(layers.Multiply()),
        "Subtract": _twice(layers.Subtract()),
    }


def _sequences() -> dict[str, Branch]:
    return {
        "Dense on sequences": layers.Dense(3),
        "Conv1D": layers.Conv1D(3, 2, padding="causal", dilation_rate=2),
        "Conv1D strided": layers.Conv1D(3, 3, strides=2, padding="same"),
        "SeparableConv1D": layers.SeparableConv1D(3, 2, depth_multiplier=2),
        "AveragePooling1D": layers.AveragePooling1D(2, padding="same"),
        "MaxPooling1D": layers.MaxPooling1D(3, strides=2),
        "GlobalAveragePooling1D": layers.GlobalAveragePooling1D(),
        "GlobalMaxPooling1D": layers.GlobalMaxPooling1D(),
        "UpSampling1D": layers.UpSampling1D(2),
        "ZeroPadding1D": layers.ZeroPadding1D((1, 2)),
        "Masking": layers.Masking(0.5),
        "Cropping1D": layers.Cropping1D((1, 2)),
        "Flatten": layers.Flatten(),
        "Permute": layers.Permute((2, 1)),
        "SpatialDropout1D": layers.SpatialDropout1D(0.5),
        "PReLU shared": layers.PReLU(shared_axes=[1]),
        "Softmax over time": layers.Softmax(axis=1),
        "BatchNormalization of sequences": layers.BatchNormalization(axis=1),
        "Concatenate over time": _twice(layers.Concatenate(axis=1)),
        "Dot of sequences": _twice(layers.Dot((2, 2))),
        "TimeDistributed": layers.TimeDistributed(layers.Dense(3, "tanh")),
    }


def _recurrent() -> dict[str, Branch]:
    return {
        "GRU": layers.GRU(3),
        "GRU reset before": layers.GRU(2, reset_after=False, go_backwards=True),
        "LSTM": layers.LSTM(2, return_sequences=True, dropout=0.2),
        "LSTM with states": lambda x: layers.Concatenate()(
            layers.LSTM(2, return_state=True)(x)
        ),
        "SimpleRNN": layers.SimpleRNN(2, unroll=True),
        "LSTM from states": _from_states(layers.LSTM(2), 2),
        "GRU from a state": _from_states(layers.GRU(2, recurrent_dropout=0.2), 1),
        "RNN": layers.RNN(layers.GRUCell(2)),
        "RNN of cells": layers.RNN(
            [layers.LSTMCell(2), layers.SimpleRNNCell(3)], return_sequences=True
        ),
        "Bidirectional": layers.Bidirectional(
            layers.LSTM(2, return_sequences=True), merge_mode="ave"
        ),
        "Bidirectional GRU": layers.Bidirectional(layers.GRU(2)),
    }


def _images() -> dict[str, Branch]:
    return {
        "Conv2D": layers.Conv2D(4, 3, activation="relu"),
        "Conv2D strided": layers.Conv2D(2, (2, 3), strides=(2, 1), padding="same"),
        "Conv2D dilated": layers.Conv2D(2, 2, dilation_rate=2, use_bias=False),
        "Conv2DTranspose": layers.Conv2DTranspose(2, 3, strides=2, padding="same"),
        "Conv2DTranspose padded": layers.Conv2DTranspose(
            2, 3, strides=2, output_padding=1
        ),
        "DepthwiseConv2D": layers.DepthwiseConv2D(2, depth_multiplier=2),
        "SeparableConv2D": layers.SeparableConv2D(4, 3, padding="same"),
        "AveragePooling2D": layers.AveragePooling2D(2, padding="same"),
        "MaxPooling2D": layers.MaxPooling2D((2, 3), strides=1),
        "GlobalAveragePooling2D": layers.GlobalAveragePooling2D(),
        "GlobalMaxPooling2D": layers.GlobalMaxPooling2D(),
        "UpSampling2D": layers.UpSampling2D((2, 1)),
        "ZeroPadding2D": layers.ZeroPadding2D(((1, 0), (2, 1))),
        "Cropping2D": layers.Cropping2D(((1, 0), (2, 1))),
        "Flatten images": layers.Flatten(),
        "SpatialDropout2D": layers.SpatialDropout2D(0.5),
        "BatchNormalization of images": layers.BatchNormalization(),
        "Reshape images": layers.Reshape((6, 7, 3)),
        "Permute images": layers.Permute((3, 1, 2)),
    }


def _volumes() -> dict[str, Branch]:
    return {
        "Conv3D": layers.Conv3D(2, 2, strides=2, padding="same"),
        "Conv3DTranspose": layers.Conv3DTranspose(2, 2, strides=2),
        "AveragePooling3D": layers.AveragePooling3D(2, padding="same"),
        "MaxPooling3D": layers.MaxPooling3D(2),
        "GlobalAveragePooling3D": layers.GlobalAveragePooling3D(),
        "GlobalMaxPooling3D": layers.GlobalMaxPooling3D(),
        "UpSampling3D": layers.UpSampling3D((1, 2, 1)),
        "ZeroPadding3D": layers.ZeroPadding3D(1),
        "Cropping3D": layers.Cropping3D(((1, 1), (0, 1), (2, 1))),
        "SpatialDropout3D": layers.SpatialDropout3D(0.5),
    }


def branches() -> dict[str, dict[str, Branch]]:
    """What input -> what to do with it: at least one for each layer that both have."""
    film = layers.ConvLSTM2D(2, 2, padding="same", return_sequences=True)
    each_image = keras.Sequential(
        [keras.Input((5, 5, 2)), layers.Conv2D(2, 2), layers.Flatten()]
    )
    return {
        "vector": _vectors(),
        "sequence": _sequences() | _recurrent(),
        "image": _images(),
        "volume": _volumes(),
        "words": {"Embedding": layers.Embedding(9, 3)},
        "film": {
            "ConvLSTM2D": film,
            "TimeDistributed model": layers.TimeDistributed(each_image),
        },
    }


def model_of(kind: str, made: dict[str, Branch]) -> Any:
    """One model with an output for each branch, and random weights.

    Args:
        kind: of the input.
        made: name -> what is done with it.
    """
    dtype = "int32" if kind == "words" else "float32"
    x = keras.Input(SHAPES[kind], dtype=dtype, name="x")
    model = keras.Model(x, [branch(x) for branch in made.values()], name=kind)
    randomize(model)
    return model


def randomize(model: Any, seed: int = 0) -> None:
    """Give a model weights that are far from those that it starts with."""
    random = np.random.default_rng(seed)
    weights = [
        random.uniform(0.1, 0.6, one.shape)
        if "variance" in one.name
        else random.uniform(-0.5, 0.5, one.shape)
        for one in model.weights
    ]
    model.set_weights(weights)


def rows_of(kind: str, count: int = 3) -> Any:
    """Random rows of an input."""
    random = np.random.default_rng(1)
    shape = (count, *SHAPES[kind])
    if kind == "words":
        return random.integers(0, 9, shape).astype("int32")
    return random.normal(size=shape).astype("float32")


@contextmanager
def started(python: Path) -> Iterator[Worker]:
    """A worker with PlaidML, which is closed at the end.

    Args:
        python: the interpreter of its environment.
    """
    worker = Worker.start(PlaidML(), str(python))
    try:
        yield worker
    finally:
        worker.close()


def there(worker: Worker, model: Any, *inputs: Any) -> list[Any]:
    """What a model gives on PlaidML, with the weights that it has here.

    It is checked on the way that the weights lie where the translation says, and come
    back as they went.

    Args:
        worker: where it is built.
        model: of Keras 3.
        inputs: an array for each of its inputs.
    """
    translation = PlaidML().translate(model)
    config, code = dict(translation.config), dict(translation.code)
    built, _ = worker.ask("build", config=config, code=code)
    weights = carried(translation)
    shapes = {
        f"{path}:{place}": tuple(shape)
        for path, held in built["weights"].items()
        for place, shape in enumerate(held)
    }
    assert {name: one.shape for name, one in weights.items()} == shapes
    worker.ask("set", weights)
    _, back = worker.ask("get")
    assert all(np.array_equal(back[name], one) for name, one in weights.items())
    arrays = {f"x{place}": one for place, one in enumerate(inputs)}
    _, given = worker.ask("predict", arrays, batch=4)
    return [given[f"y{place}"] for place in range(len(given))]


def carried(translation: Translation) -> dict[str, Any]:
    """The weights that a model has here, as they are named and lie there."""
    return {
        f"{path}:{place}": array
        for path, one in translation.layers.items()
        for place, array in enumerate((one.there or list)(one.layer.get_weights()))
    }


def here(model: Any, *inputs: Any) -> list[Any]:
    """What it gives here."""
    given = model.predict_on_batch(list(inputs) if len(inputs) > 1 else inputs[0])
    return [np.asarray(one) for one in keras.tree.flatten(given)]


def apart(one: Any, other: Any) -> float:
    """The largest difference of two arrays; infinite where the shapes differ."""
    return float(np.abs(one - other).max()) if one.shape == other.shape else np.inf


def check_step(worker: Worker, model: Any, *inputs: Any, weights: Any = None) -> None:
    """Both give the same, have the same losses, and go the same step of SGD.

    The batch is filled up there to 8 rows.

    Args:
        worker: where it is built.
        model: of Keras 3; it gets random weights, and is compiled.
        inputs: an array for each of its inputs.
        weights: of rows, for a model with one output, which is a sequence.
    """
    randomize(model)
    given, wanted = there(worker, model, *inputs), here(model, *inputs)
    assert max(map(apart, given, wanted)) < CLOSE
    random = np.random.default_rng(4)
    targets = [random.normal(size=one.shape).astype("float32") for one in wanted]
    model.compile(keras.optimizers.SGD(0.1), "mse", run_eagerly=True)
    worker.ask("compile", training=translate_training(model))
    arrays = {f"x{at}": one for at, one in enumerate(inputs)}
    arrays |= {f"t{at}": one for at, one in enumerate(targets)}
    x = list(inputs) if len(inputs) > 1 else inputs[0]
    y = targets if len(targets) > 1 else targets[0]
    said: dict[str, Any] = {"return_dict": True}
    if weights is not None:
        arrays["w0"] = weights
        said["sample_weight"] = weights[:, None]  # else Keras can't multiply them
    for do, own in (("test", model.test_on_batch), ("train", model.train_on_batch)):
        reply, _ = worker.ask(do, arrays, batch=8, rate=0.1)
        loss = own(x, y, **said)["loss"]
        assert abs(reply["loss"] - loss) <= CLOSE * abs(loss)
    _, found = worker.ask("get")
    for name, value in carried(PlaidML().translate(model)).items():
        assert apart(found[name], value) < CLOSE, name
