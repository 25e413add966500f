"""Models that the other Keras, version 2, writes: one small model for each layer.

`write_all` runs in a process of its own, with `tf_keras` and nothing of Keras 3. For
each row it saves the model as JSON, HDF5 and `.keras`, with inputs and its outputs.
"""

import json
import sys
from pathlib import Path
from typing import Any

__all__ = ["REFUSED", "ROWS", "shake", "write_all"]

#: A row: the shapes of its inputs without the batch, and the layer as an expression,
#: where L are the layers and k is Keras; further words describe the inputs' values.
Row = tuple[Any, ...]

_SERIES, _IMAGE, _VOLUME = (6, 3), (5, 6, 3), (4, 4, 4, 2)
_IDS = {"dtype": "int32", "below": 5}

#: What both have, and must compute the same.
ROWS: dict[str, Row] = {
    "Activation": ((4,), "L.Activation('tanh')"),
    "Activation-hard_sigmoid": ((4,), "L.Activation('hard_sigmoid')"),
    "ActivityRegularization": ((4,), "L.ActivityRegularization(l1=0.1, l2=0.01)"),
    "Dense": ((4,), "L.Dense(3, activation='gelu')"),
    "Dense-hard_sigmoid": ((4,), "L.Dense(3, activation='hard_sigmoid')"),
    "Dense-leaky": ((4,), "L.Dense(3, activation='leaky_relu')"),
    "Dense-swish": ((4,), "L.Dense(3, activation='swish', bias_constraint='non_neg')"),
    "Dense-elu": (
        (3, 4),
        "L.Dense(3, 'elu', kernel_regularizer=k.regularizers.L1L2())",
    ),
    "Dense-mish": ((4,), "L.Dense(3, 'mish', kernel_regularizer='l2')"),
    "Dense-float16": (
        (4,),
        "L.Dense(3, dtype=k.mixed_precision.Policy('mixed_float16'))",
    ),
    "Dense-frozen": ((4,), "L.Dense(3, trainable=False)"),
    "ELU": ((4,), "L.ELU(0.7)"),
    "EinsumDense": ((3, 4), "L.EinsumDense('abc,cd->abd', (None, 5), bias_axes='d')"),
    "Embedding": ((5,), "L.Embedding(7, 3, input_length=5, mask_zero=True)", _IDS),
    "Input-ragged": ((None,), "L.Embedding(5, 2)", {**_IDS, "ragged": True}),
    "Identity": ((4,), "L.Identity()"),
    "LeakyReLU": ((4,), "L.LeakyReLU(0.2)"),
    "Masking": ((5, 3), "L.Masking()"),
    "PReLU": ((3, 4), "L.PReLU(shared_axes=[1])"),
    "ReLU": ((4,), "L.ReLU(max_value=2.0, negative_slope=0.1, threshold=0.2)"),
    "Softmax": ((4,), "L.Softmax()"),
    "Softmax-axes": ((3, 4), "L.Softmax(axis=[1, 2])"),
    "AlphaDropout": ((8,), "L.AlphaDropout(0.4, noise_shape=(None, 1))"),
    "Dropout": ((8,), "L.Dropout(0.4, seed=1)"),
    "GaussianDropout": ((8,), "L.GaussianDropout(0.4)"),
    "GaussianNoise": ((8,), "L.GaussianNoise(0.4)"),
    "SpatialDropout1D": ((5, 8), "L.SpatialDropout1D(0.4)"),
    "SpatialDropout2D": ((3, 3, 8), "L.SpatialDropout2D(0.4)"),
    "SpatialDropout3D": ((2, 2, 2, 8), "L.SpatialDropout3D(0.4)"),
    "BatchNormalization": ((4,), "L.BatchNormalization()"),
    "BatchNormalization-image": ((3, 3, 4), "L.BatchNormalization(scale=False)"),
    "BatchNormalization-renorm": ((4,), "older('BatchNormalization')(renorm=True)"),
    "BatchNormalization-sync": ((4,), "L.BatchNormalization(synchronized=True)"),
    "GroupNormalization": ((3, 4), "L.GroupNormalization(2)"),
    "LayerNormalization": ((3, 4), "L.LayerNormalization(axis=[1, 2])"),
    "UnitNormalization": ((4,), "L.UnitNormalization()"),
    "Add": ([(4,), (4,), (4,)], "L.Add()"),
    "Average": ([(4,), (4,)], "L.Average()"),
    "Concatenate": ([(3, 4), (5, 4)], "L.Concatenate(axis=1)"),
    "Dot": ([(3, 4), (5, 4)], "L.Dot(axes=2, normalize=True)"),
    "Maximum": ([(4,), (4,)], "L.Maximum()"),
    "Minimum": ([(4,), (4,)], "L.Minimum()"),
    "Multiply": ([(4,), (4,)], "L.Multiply()"),
    "Subtract": ([(4,), (4,)], "L.Subtract()"),
    "Cropping1D": (_SERIES, "L.Cropping1D()"),
    "Cropping2D": (_IMAGE, "L.Cropping2D(((1, 1), (0, 2)))"),
    "Cropping3D": (_VOLUME, "L.Cropping3D()"),
    "Flatten": ((3, 4), "L.Flatten()"),
    "Permute": ((3, 4), "L.Permute((2, 1))"),
    "RepeatVector": ((4,), "L.RepeatVector(3)"),
    "Reshape": ((3, 4), "L.Reshape((-1, 2))"),
    "UpSampling1D": (_SERIES, "L.UpSampling1D()"),
    "UpSampling2D": (_IMAGE, "L.UpSampling2D(interpolation='bilinear')"),
    "UpSampling3D": (_VOLUME, "L.UpSampling3D()"),
    "ZeroPadding1D": (_SERIES, "L.ZeroPadding1D()"),
    "ZeroPadding2D": (_IMAGE, "L.ZeroPadding2D(((1, 0), (0, 2)))"),
    "ZeroPadding3D": (_VOLUME, "L.ZeroPadding3D()"),
    "Conv1D": (_SERIES, "L.Conv1D(2, 3, padding='causal', dilation_rate=2)"),
    "Conv2D": ((5, 6, 4), "L.Conv2D(4, 2, groups=2, padding='same')"),
    "Conv3D": (_VOLUME, "L.Conv3D(2, 2)"),
    "Conv1DTranspose": (_SERIES, "L.Conv1DTranspose(2, 3, strides=2)"),
    "Conv2DTranspose": (_IMAGE, "L.Conv2DTranspose(2, 3, strides=2, padding='same')"),
    "Conv2DTranspose-output_padding": (
        _IMAGE,
        "L.Conv2DTranspose(2, 3, strides=2, output_padding=(1, 1))",
    ),
    "Conv3DTranspose": (_VOLUME, "L.Conv3DTranspose(2, 2, strides=2)"),
    "DepthwiseConv1D": (_SERIES, "L.DepthwiseConv1D(2, depth_multiplier=2)"),
    "DepthwiseConv2D": (_IMAGE, "L.DepthwiseConv2D(2, padding='same')"),
    "SeparableConv1D": (_SERIES, "L.SeparableConv1D(2, 2)"),
    "SeparableConv2D": (_IMAGE, "L.SeparableConv2D(2, 2, strides=2)"),
    **{
        f"{kind}Pooling{n}D": (shape, f"L.{kind}Pooling{n}D(2, padding='same')")
        for n, shape in ((1, _SERIES), (2, _IMAGE), (3, _VOLUME))
        for kind in ("Average", "Max")
    },
    **{
        f"Global{kind}Pooling{n}D": (shape, f"L.Global{kind}Pooling{n}D(keepdims=True)")
        for n, shape in ((1, _SERIES), (2, _IMAGE), (3, _VOLUME))
        for kind in ("Average", "Max")
    },
    "AdditiveAttention": ([(3, 4), (5, 4)], "L.AdditiveAttention()"),
    "Attention": ([(3, 4), (5, 4)], "L.Attention(use_scale=True, dropout=0.2)"),
    "Attention-concat": ([(3, 4), (5, 4)], "L.Attention(score_mode='concat')"),
    "MultiHeadAttention": (
        [(3, 4), (5, 4)],
        "lambda x: L.MultiHeadAttention(2, 3, dropout=0.2)(x[0], x[1])",
    ),
    "MultiHeadAttention-keys": (
        [(3, 4), (5, 4), (5, 4)],
        "lambda x: L.MultiHeadAttention(2, 3)(x[0], value=x[1], key=x[2])",
    ),
    "GRU": (_SERIES, "L.GRU(3, reset_after=False)"),
    "GRU-default": (_SERIES, "L.GRU(3, return_sequences=True, return_state=True)"),
    "LSTM": (_SERIES, "L.LSTM(3, unit_forget_bias=False)"),
    "LSTM-hard_sigmoid": (_SERIES, "L.LSTM(3, recurrent_activation='hard_sigmoid')"),
    "LSTM-backwards": (_SERIES, "L.LSTM(3, go_backwards=True, implementation=1)"),
    "SimpleRNN": (_SERIES, "L.SimpleRNN(3, return_sequences=True, dropout=0.2)"),
    "RNN": (_SERIES, "L.RNN(L.GRUCell(3))"),
    "RNN-lstm": (_SERIES, "L.RNN(L.LSTMCell(3), return_sequences=True)"),
    "RNN-simple": (_SERIES, "L.RNN(L.SimpleRNNCell(3), unroll=True)"),
    "RNN-stacked": (_SERIES, "L.RNN([L.LSTMCell(3), L.GRUCell(2)])"),
    "Bidirectional": (_SERIES, "L.Bidirectional(L.LSTM(3), merge_mode='sum')"),
    "Bidirectional-both": (
        _SERIES,
        "L.Bidirectional(L.GRU(3), backward_layer=L.LSTM(3, go_backwards=True))",
    ),
    "TimeDistributed": (_SERIES, "L.TimeDistributed(L.Dense(3))"),
    "ConvLSTM1D": ((3, 5, 2), "L.ConvLSTM1D(2, 2)"),
    "ConvLSTM2D": ((3, 4, 4, 2), "L.ConvLSTM2D(2, 2, return_sequences=True)"),
    "ConvLSTM3D": ((2, 3, 3, 3, 1), "L.ConvLSTM3D(2, 2)"),
    "CategoryEncoding": ((3,), "L.CategoryEncoding(5, 'multi_hot')", _IDS),
    "CenterCrop": (_IMAGE, "L.CenterCrop(3, 4)"),
    "Discretization": ((3,), "L.Discretization([-0.5, 0.0, 0.5])"),
    "HashedCrossing": ([(1,), (1,)], "L.HashedCrossing(5)", _IDS),
    "Hashing": ((3,), "L.Hashing(5)", _IDS),
    "IntegerLookup": ((3,), "L.IntegerLookup(vocabulary=[1, 2, 4])", _IDS),
    "Normalization": (
        (3,),
        "L.Normalization(mean=[0.0, 1.0, 2.0], variance=[1.0] * 3)",
    ),
    "Normalization-adapted": ((3,), "adapted(L.Normalization())"),
    "RandomBrightness": (_IMAGE, "L.RandomBrightness(0.4)"),
    "RandomContrast": (_IMAGE, "L.RandomContrast(0.4)"),
    "RandomFlip": (_IMAGE, "L.RandomFlip()"),
    "RandomRotation": (_IMAGE, "L.RandomRotation(0.4)"),
    "RandomTranslation": (_IMAGE, "L.RandomTranslation(0.3, 0.3)"),
    "RandomZoom": (_IMAGE, "L.RandomZoom(0.3)"),
    "Rescaling": ((3,), "L.Rescaling(0.5, offset=1.0)"),
    "Resizing": (_IMAGE, "L.Resizing(3, 4)"),
    "StringLookup": (
        (2,),
        "L.StringLookup(vocabulary=['a', 'b'])",
        {"dtype": "string"},
    ),
    "TextVectorization": (
        (1,),
        "L.TextVectorization(vocabulary=['a', 'b'])",
        {"dtype": "string"},
    ),
}

#: What only Keras 2 has, or has in another way.
REFUSED: dict[str, Row] = {
    "RandomCrop": ((8, 8, 3), "L.RandomCrop(4, 4)"),
    "LocallyConnected1D": (_SERIES, "L.LocallyConnected1D(2, 2)"),
    "LocallyConnected2D": (_IMAGE, "L.LocallyConnected2D(2, 2)"),
    "ThresholdedReLU": ((4,), "L.ThresholdedReLU()"),
    "RandomHeight": (_IMAGE, "L.RandomHeight(0.1)"),
    "RandomWidth": (_IMAGE, "L.RandomWidth(0.1)"),
    "LSTM-time_major": (_SERIES, "L.LSTM(3, time_major=True)"),
    "RNN-time_major": (_SERIES, "L.RNN(L.GRUCell(3), time_major=True)"),
    "RandomFourierFeatures": ((4,), "L.experimental.RandomFourierFeatures(3)"),
    "TFOpLambda": ((4,), "lambda x: x * 2.0 + 1.0"),
    "SlicingOpLambda": ((4,), "lambda x: x[:, :2]"),
    "Dropout-always": ((4,), "lambda x: L.Dropout(0.5)(x, training=True)"),
    "Add-constant": ((2,), "lambda x: L.Add()([x, k.backend.constant([[1.0, 2.0]])])"),
    "BatchNormalization-virtual": (
        (4,),
        "older('BatchNormalization')(virtual_batch_size=1)",
    ),
    "Dense-radial": (
        (3, 3, 2),
        "L.Conv2D(2, 2, kernel_constraint='radial_constraint')",
    ),
}


def _adapted(layer: Any) -> Any:
    import numpy as np

    layer.adapt(np.arange(12, dtype="float32").reshape(4, 3))
    return layer


def _older(name: str) -> Any:
    """A layer of TensorFlow 1, which Keras 2 still has."""
    from tf_keras.src.layers.normalization import batch_normalization_v1

    return getattr(batch_normalization_v1, name)


def _inputs(shape: Any, options: dict[str, Any], rng: Any) -> Any:
    import numpy as np

    kind = options.get("dtype", "float32")
    full = (2, *(one or 3 for one in shape))
    if kind == "string":
        return np.array(["a", "b"])[rng.integers(0, 2, full)].astype(object)
    if "below" in options:
        return rng.integers(0, options["below"], full).astype(kind)
    return rng.normal(size=full).astype(kind)


def model_of(k: Any, row: Row) -> Any:
    """The row's model."""
    shapes, text = row[:2]
    options = row[2] if len(row) > 2 else {}
    several = isinstance(shapes, list)
    names = {"k": k, "L": k.layers, "adapted": _adapted, "older": _older}
    layer = eval(text, names)  # noqa: S307 -- the table above
    kind = options.get("dtype", "float32")
    ragged = options.get("ragged", False)
    inputs = [
        k.Input(one, dtype=kind, ragged=ragged)
        for one in (shapes if several else [shapes])
    ]
    return k.Model(inputs, layer(inputs if several else inputs[0]))


def shake(model: Any) -> None:
    """Other weights than the initial ones, so that a lost one is seen."""
    import numpy as np

    rng = np.random.default_rng(5)
    for weight in model.weights:
        if weight.dtype.is_floating:
            weight.assign(weight + rng.uniform(0.1, 0.5, weight.shape))


def _write(k: Any, name: str, row: Row, folder: Path) -> None:
    import numpy as np

    k.backend.clear_session()
    rng = np.random.default_rng(7)
    model = model_of(k, row)
    if "adapt" not in row[1]:
        shake(model)
    shapes = row[0] if isinstance(row[0], list) else [row[0]]
    data = [_inputs(one, row[2] if len(row) > 2 else {}, rng) for one in shapes]
    outputs = model(data if len(data) > 1 else data[0], training=False)
    flat = outputs if isinstance(outputs, list | tuple) else [outputs]
    arrays = {f"x{n}": one for n, one in enumerate(data)}
    arrays |= {f"y{n}": np.asarray(one) for n, one in enumerate(flat)}
    np.savez(folder / f"{name}.npz", **arrays)
    (folder / f"{name}.json").write_text(model.to_json())
    shapes = [list(weight.shape) for weight in model.weights]
    (folder / f"{name}.shapes").write_text(json.dumps(shapes))
    for suffix in (".h5", ".keras"):
        try:
            model.save(folder / (name + suffix))
        except Exception as error:  # noqa: BLE001 -- Keras 2 can't save it: noted
            Path(folder, f"{name}{suffix}.fault").write_text(repr(error)[:500])


def write_all(folder: Path) -> None:
    """Write everything; what Keras 2 itself can't make gets a `.fault` file."""
    import tf_keras as k

    for name, row in {**ROWS, **REFUSED}.items():
        try:
            _write(k, name, row, folder)
        except Exception as error:  # noqa: BLE001 -- noted, and seen by the test
            Path(folder, f"{name}.fault").write_text(repr(error)[:500])


if __name__ == "__main__":
    write_all(Path(sys.argv[1]))
