"""Real models: inspecting says what Keras says, and finds nothing dangerous in them."""

import pytest

from kerasplug.errors import SaveWarning
from kerasplug.saving import inspect_model, save_model
from kerasplug.saving.limits import Limits
from kerasplug.saving.safe_reading import read_safely

pytestmark = pytest.mark.engine


def plain(keras):
    """Dense layers, compiled and trained for a step: with the state of an optimizer."""
    import numpy as np

    model = keras.Sequential(
        [
            keras.Input((4,)),
            keras.layers.Dense(3, activation="relu"),
            keras.layers.BatchNormalization(),
            keras.layers.Dropout(0.5),
            keras.layers.Dense(1),
        ]
    )
    model.compile("adam", "mse", metrics=["mae"])
    model.fit(np.ones((4, 4)), np.ones((4, 1)), verbose=0)
    return model


def nested(keras):
    """A model in a model, and layers in layers."""
    inner = keras.Sequential([keras.Input((4,)), keras.layers.Dense(2)], name="inner")
    start = keras.Input((5, 4))
    out = keras.layers.TimeDistributed(inner)(start)
    out = keras.layers.Bidirectional(keras.layers.LSTM(3, return_sequences=True))(out)
    out = keras.layers.MultiHeadAttention(2, 3)(out, out)
    return keras.Model(start, out)


def wide(keras):
    """More layers than fit into one node of a group."""
    layers = [keras.layers.Dense(2) for _ in range(60)]
    return keras.Sequential([keras.Input((2,)), *layers])


def images(keras):
    """Convolutions of all sorts, one of them in groups, and an embedding."""
    layers = keras.layers
    return keras.Sequential(
        [
            keras.Input((8, 8, 4)),
            layers.Conv2D(8, 3, groups=2),
            layers.DepthwiseConv2D(2),
            layers.SeparableConv2D(4, 3),
            layers.GlobalAveragePooling2D(),
        ]
    )


def words(keras):
    """A vocabulary in the model's assets, and an embedding."""
    lookup = keras.layers.StringLookup(vocabulary=["a", "<b>", "c>d"])
    layers = [keras.Input((2,), dtype="string"), lookup, keras.layers.Embedding(5, 3)]
    return keras.Sequential(layers)


def halves(keras):
    """Weights of two bytes, which HDF5 has no name for."""
    layer = keras.layers.Dense(3, dtype="bfloat16")
    return keras.Sequential([keras.Input((2,)), layer])


def quantized(keras):
    """Weights of one byte, with their scales."""
    model = keras.Sequential([keras.Input((2,)), keras.layers.Dense(3)])
    model.layers[0].quantize("int8")
    return model


MODELS = [plain, nested, wide, images, words, halves, quantized]
#: What the older format can hold as well.
CASES = [
    *((make, ".keras") for make in MODELS),
    *((make, ".h5") for make in (plain, nested, wide, images)),
]


@pytest.mark.parametrize(
    ("make", "suffix"), CASES, ids=[f"{make.__name__}{name}" for make, name in CASES]
)
def test_inspecting_says_what_keras_says(keras, tmp_path, make, suffix):
    """The same layers in the same order, the same parameters, and no danger."""
    model = make(keras)
    path = tmp_path / f"m{suffix}"
    save_model(model, path)

    found = inspect_model(path)
    assert found.dangers == ()
    assert read_safely(path)[0].format == found.format
    assert [one.name for one in found.layers if one.depth == 1] == [
        layer.name for layer in model._layers
    ]
    assert found.layers[0].name == model.name
    if make is not quantized:
        assert found.parameters == model.count_params()


def test_a_file_of_keras_2_is_inspected(legacy, tmp_path):
    """What the older Keras wrote is as plain."""
    model = legacy.Sequential(
        [legacy.layers.Input((4,)), legacy.layers.Dense(3), legacy.layers.Dense(2)]
    )
    model.compile("adam", "mse")
    with pytest.warns(UserWarning, match="considered legacy"):
        model.save(tmp_path / "m.h5")
    model.save(tmp_path / "m.keras")

    for name in ("m.h5", "m.keras"):
        found = inspect_model(tmp_path / name)
        assert found.dangers == ()
        assert found.parameters == model.count_params()
        assert len([one for one in found.layers if one.depth == 1]) == 3


def test_an_infinite_number_is_refused_with_the_way_out(keras, tmp_path):
    """Keras writes what is no JSON; a caller who knows it says so."""
    limit = keras.constraints.MaxNorm(float("inf"))
    layer = keras.layers.Dense(1, kernel_constraint=limit)
    model = keras.Sequential([keras.Input((2,)), layer])
    with pytest.warns(SaveWarning, match="not-finite"):
        save_model(model, tmp_path / "m.keras")

    (danger,) = inspect_model(tmp_path / "m.keras").dangers
    assert danger.kind == "not-finite"
    assert "Limits(not_finite=True)" in danger.mend
    limits = Limits(not_finite=True)
    assert read_safely(tmp_path / "m.keras", limits=limits)[1]
