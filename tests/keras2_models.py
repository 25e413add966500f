"""Whole models that Keras 2 builds: sequences, graphs, shared and nested parts.

Each function takes Keras 2 and gives a model and the arrays that it is fed.
"""

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from keras2_kit import shake

__all__ = ["MODELS", "model_row", "write_models"]

_Made = tuple[Any, list[Any]]
MODELS: dict[str, Callable[[Any], _Made]] = {}


def model_row(function: Callable[[Any], _Made]) -> Callable[[Any], _Made]:
    """Put a function into the table, under its name."""
    MODELS[function.__name__] = function
    return function


def _numbers(*shape: int) -> Any:
    return np.random.default_rng(len(shape)).normal(size=shape).astype("float32")


@model_row
def sequential(k: Any) -> _Made:
    """With the shape at the first layer."""
    of = k.layers
    layers = [
        of.Dense(3, activation="relu", input_shape=(4,)),
        of.Dropout(0.5),
        of.Dense(2),
    ]
    return k.Sequential(layers), [_numbers(2, 4)]


@model_row
def sequential_late(k: Any) -> _Made:
    """Whose shape is known from its first batch only."""
    model = k.Sequential([k.layers.Dense(3), k.layers.BatchNormalization()])
    model(np.zeros((1, 4), "float32"))
    return model, [_numbers(2, 4)]


@model_row
def sequential_of_ids(k: Any) -> _Made:
    """That begins with an embedding."""
    layers = [k.layers.Embedding(9, 3, input_length=4), k.layers.LSTM(2)]
    return k.Sequential(layers), [np.arange(8).reshape(2, 4)]


@model_row
def transfer(k: Any) -> _Made:
    """A base model and a head, as a sequence."""
    start = k.Input((8, 8, 3))
    x = k.layers.Conv2D(2, 3, use_bias=False)(start)
    x = k.layers.BatchNormalization(axis=[3])(x)
    base = k.Model(start, k.layers.ReLU(6.0)(x), name="base")
    base.trainable = False
    head = [base, k.layers.GlobalAveragePooling2D(), k.layers.Dense(2)]
    return k.Sequential(head), [_numbers(2, 8, 8, 3)]


@model_row
def shared(k: Any) -> _Made:
    """One layer is called twice, with masks and a residual."""
    a, b = k.Input((4, 3), name="a"), k.Input((4, 3), name="b")
    masking, lstm = k.layers.Masking(), k.layers.LSTM(2)
    left, right = lstm(masking(a)), lstm(masking(b))
    out = k.layers.Add()([left, right, left])
    data = _numbers(2, 4, 3)
    data[0, 2:] = 0
    return k.Model([a, b], [out, right]), [data, data[::-1].copy()]


@model_row
def siamese(k: Any) -> _Made:
    """One model is a layer, and is called twice; its outputs are those of the whole."""
    inside = k.Input((4,))
    tower = k.Model(inside, k.layers.Dense(3, activation="tanh")(inside), name="tower")
    a, b = k.Input((4,)), k.Input((4,))
    left, right = tower(a), tower(b)
    out = k.layers.Dot(1, normalize=True)([left, right])
    return k.Model([a, b], [out, right, left]), [_numbers(2, 4), _numbers(2, 4) + 1]


@model_row
def nested_sequences(k: Any) -> _Made:
    """Sequences in a graph; of one of them the outputs are those of the whole."""
    of = k.layers
    first = k.Sequential([of.Dense(3, input_shape=(4,)), of.ReLU()], name="first")
    late = k.Sequential([of.Dense(2), of.ELU()], name="late")
    x = k.Input((4,))
    once, twice = first(x), first(of.Rescaling(2.0)(x))
    joined = late(of.Concatenate()([once, twice]))
    return k.Model(x, [joined, twice, once]), [_numbers(2, 4)]


@model_row
def deep(k: Any) -> _Made:
    """A model in a model in a model."""
    model = None
    for depth in range(4):
        x = k.Input((3,))
        y = k.layers.Dense(3, name=f"dense_{depth}")(x if model is None else model(x))
        model = k.Model(x, y, name=f"depth_{depth}")
    return model, [_numbers(2, 3)]


@model_row
def translator(k: Any) -> _Made:
    """An encoder whose states start a decoder."""
    of = k.layers
    source, target = k.Input((4, 3), name="source"), k.Input((5, 2), name="target")
    _, h, c = of.LSTM(3, return_state=True)(source)
    out = of.LSTM(3, return_sequences=True)(target, initial_state=[h, c])
    return k.Model([source, target], of.Dense(2)(out)), [
        _numbers(2, 4, 3),
        _numbers(2, 5, 2),
    ]


@model_row
def both_ways(k: Any) -> _Made:
    """Bidirectional layers with states, stacked and distributed over time."""
    of = k.layers
    x = k.Input((4, 3))
    y, *states = of.Bidirectional(of.GRU(2, return_sequences=True, return_state=True))(
        x
    )
    y = of.Bidirectional(of.GRU(2, return_sequences=True))(y, initial_state=states)
    y = of.TimeDistributed(of.Dense(3, activation="softmax"))(y)
    return k.Model(x, y), [_numbers(2, 4, 3)]


@model_row
def attention(k: Any) -> _Made:
    """A transformer's block: tensors as keyword arguments, several outputs."""
    of = k.layers
    x, memory = k.Input((4, 6)), k.Input((5, 6))
    y, scores = of.MultiHeadAttention(2, 3)(
        query=x, value=memory, key=memory, return_attention_scores=True
    )
    y = of.LayerNormalization(epsilon=1e-6)(of.Add()([x, of.Dropout(0.1)(y)]))
    y = of.MultiHeadAttention(2, 3)(y, y, use_causal_mask=True)
    return k.Model([x, memory], [y, scores]), [_numbers(2, 4, 6), _numbers(2, 5, 6)]


@model_row
def named(k: Any) -> _Made:
    """Outputs have names, and inputs are given as a dict."""
    inputs = {"a": k.Input((4,), name="a"), "b": k.Input((3,), name="b")}
    x = k.layers.Concatenate()([inputs["a"], inputs["b"]])
    outputs = {
        "one": k.layers.Dense(1, name="one")(x),
        "two": k.layers.Dense(2, name="two")(x),
    }
    return k.Model(inputs, outputs), [_numbers(2, 4), _numbers(2, 3)]


@model_row
def frozen(k: Any) -> _Made:
    """A layer is called with `training=False` for good."""
    x = k.Input((4,))
    y = k.layers.BatchNormalization(momentum=0.5)(k.layers.Dense(3)(x), training=False)
    return k.Model(x, y), [_numbers(6, 4)]


@model_row
def spoken_names(k: Any) -> _Made:
    """Layers bear the names of functions, classes and strange things."""
    x = k.Input((4,), name="relu")
    y = k.layers.Dense(3, name="Dense")(x)
    y = k.layers.Dense(3, name="hard_sigmoid")(y)
    return k.Model(x, k.layers.ReLU(name="yes")(y), name="on"), [_numbers(2, 4)]


@model_row
def plugged(k: Any) -> _Made:
    """With a layer of a plugin, at the top and in a wrapper."""
    scale = _scale(k)
    layers = [scale(2.0, input_shape=(4, 3)), k.layers.TimeDistributed(scale(3.0))]
    return k.Sequential(layers), [_numbers(2, 4, 3)]


def _scale(k: Any) -> Any:
    """The layer of `saving_plugin`, as its author had it for Keras 2."""

    @k.saving.register_keras_serializable("demo_plug")
    class Scale(k.layers.Layer):
        """Multiplies by a learned factor for each feature."""

        def __init__(self, start: float = 2.0, **kwargs: Any) -> None:
            super().__init__(**kwargs)
            self.start = start

        def build(self, shape: Any) -> None:
            """One factor for each feature."""
            first = k.initializers.Constant(self.start)
            self.factor = self.add_weight(shape=(shape[-1],), initializer=first)

        def call(self, inputs: Any) -> Any:
            """The inputs times the factors."""
            return inputs * self.factor

        def get_config(self) -> dict[str, Any]:
            """With the start."""
            return {**super().get_config(), "start": self.start}

    return Scale


@model_row
def wide(k: Any) -> _Made:
    """So many layers that names no longer fit into one attribute of HDF5."""
    x = y = k.Input((2,))
    for place in range(120):
        y = k.layers.Dense(2, name=f"{'a_rather_long_name_' * 30}{place}")(y)
    return k.Model(x, y), [_numbers(2, 2)]


def _write(k: Any, name: str, function: Callable[[Any], _Made], folder: Path) -> None:
    k.backend.clear_session()
    model, data = function(k)
    shake(model)
    outputs = model.predict(data if len(data) > 1 else data[0], verbose=0)
    if isinstance(outputs, dict):
        outputs = [outputs[key] for key in sorted(outputs)]
    flat = outputs if isinstance(outputs, list) else [outputs]
    arrays = {f"x{n}": one for n, one in enumerate(data)}
    arrays |= {f"y{n}": np.asarray(one) for n, one in enumerate(flat)}
    np.savez(folder / f"{name}.npz", **arrays)
    (folder / f"{name}.json").write_text(model.to_json())
    model.save(folder / f"{name}.h5")
    model.save(folder / f"{name}.keras")


def _lambda(k: Any) -> _Made:
    """With a Lambda layer; it is in no table, since its code is refused."""
    x = k.Input((4,))
    return k.Model(x, k.layers.Lambda(lambda one: one * 2.0)(x)), [_numbers(2, 4)]


def write_models(folder: Path, *names: str) -> None:
    """Write these models, or every one, as `keras2_kit.write_all` does."""
    import tf_keras as k

    every = {**MODELS, "code": _lambda}
    for name in names or every:
        _write(k, name, every[name], folder)


if __name__ == "__main__":
    write_models(Path(sys.argv[1]), *sys.argv[2:])
