"""All public layers of Keras 3, each with arguments and inputs that make sense for it.

Light: loads no Keras. `TABLE` has the rows, `LEFT_OUT` what has none and why,
`ALIASES` further names of one class. What fails in Keras itself is in
`keras_layer_faults.py`.
"""

from typing import Any

import keras_layer_factories as made
import numpy as np

__all__ = ["ALIASES", "LEFT_OUT", "TABLE", "layer_of"]

#: The options of a `LayerCase`, without the layer where the row has its name.
Row = dict[str, Any]

TABLE: dict[str, Row] = {}

#: Public names that have no row.
LEFT_OUT = {
    "FlaxLayer": "needs Flax, which is neither Keras' nor kerasplug's dependency",
    "Input": "a function that makes a symbolic tensor",
    "InputLayer": "stands for an input of a functional model, and is never called",
    "InputSpec": "no layer: what a layer says of its inputs",
    "Layer": "the abstract base: has no call()",
    "TFSMLayer": "wraps a SavedModel on the disk: neither code nor weights are its own",
    "TorchModuleWrapper": "PyTorch only",
    "Wrapper": "the abstract base of wrappers: has no call()",
    "deserialize": "a function on configurations",
    "serialize": "a function on layers",
    **dict.fromkeys(
        (
            "add",
            "average",
            "concatenate",
            "dot",
            "maximum",
            "minimum",
            "multiply",
            "subtract",
        ),
        "a function that calls the layer of its name",
    ),
}

#: Further public names of the same class.
ALIASES = {
    **{f"AvgPool{n}D": f"AveragePooling{n}D" for n in (1, 2, 3)},
    **{f"MaxPool{n}D": f"MaxPooling{n}D" for n in (1, 2, 3)},
    **{f"GlobalAvgPool{n}D": f"GlobalAveragePooling{n}D" for n in (1, 2, 3)},
    **{f"GlobalMaxPool{n}D": f"GlobalMaxPooling{n}D" for n in (1, 2, 3)},
    **{f"Convolution{n}D": f"Conv{n}D" for n in (1, 2, 3)},
    **{f"Convolution{n}DTranspose": f"Conv{n}DTranspose" for n in (1, 2, 3)},
    **{f"SeparableConvolution{n}D": f"SeparableConv{n}D" for n in (1, 2)},
}


def layer_of(row: str) -> str:
    """The public name of the layer that a row is about: what is before a hyphen."""
    return row.partition("-")[0]


def add(row: str, shape: Any = None, /, init: Any = None, **options: Any) -> None:
    """Put a row in the table."""
    assert row not in TABLE, row
    if shape is not None:
        options["input_shape"] = shape
    TABLE[row] = {"init_kwargs": init or {}, **options}


# --- core and activations ---

add("Activation", (2, 4), {"activation": "tanh"})
add("ActivityRegularization", (2, 4), {"l1": 0.1, "l2": 0.01})
add("Dense", (2, 4), {"units": 3, "activation": "tanh"})
add("Dense-lora", (2, 4), {"units": 3, "lora_rank": 2})
add("Dense-regularized", (2, 3, 4), {"units": 3, "kernel_regularizer": "l2"})
add("ELU", (2, 4))
add(
    "EinsumDense",
    (2, 3, 4),
    {"equation": "abc,cd->abd", "output_shape": (None, 5), "bias_axes": "d"},
)
add("Embedding", (2, 5), {"input_dim": 7, "output_dim": 3}, input_dtype="int32")
TABLE["Embedding"]["input_bounds"] = (0, 7)
TABLE["Embedding-mask"] = {
    **TABLE["Embedding"],
    "init_kwargs": {"input_dim": 7, "output_dim": 3, "mask_zero": True},
}
TABLE["ReversibleEmbedding"] = TABLE["Embedding"]
add(
    "ReversibleEmbedding-reverse",
    (2, 5, 3),
    {"input_dim": 7, "output_dim": 3},
    call_kwargs={"reverse": True},
)
add("Identity", (2, 4))
add(
    "JaxLayer",
    (2, 4),
    layer=made.jax_layer,
    custom_objects={"scaled": made.scaled, "scale_of": made.scale_of},
)
add(
    "Lambda",
    (2, 4),
    layer=made.lambda_layer,
    custom_objects={"double": made.double},
)
add("LeakyReLU", (2, 4))
add("Masking", (2, 5, 3))
add("PReLU", (2, 3, 4), {"shared_axes": [1]})
add("ReLU", (2, 4), {"max_value": 2.0, "negative_slope": 0.1})
add("Softmax", (2, 4))

# --- regularizing ---

add("AlphaDropout", (2, 8), {"rate": 0.4, "seed": 1})
add("Dropout", (2, 8), {"rate": 0.4, "seed": 1})
add("Dropout-unseeded", (2, 8), {"rate": 0.4})
add("GaussianDropout", (2, 8), {"rate": 0.4, "seed": 1})
add("GaussianNoise", (2, 8), {"stddev": 0.4, "seed": 1})
add("SpatialDropout1D", (2, 5, 8), {"rate": 0.4, "seed": 1})
add("SpatialDropout2D", (2, 3, 3, 8), {"rate": 0.4, "seed": 1})
add("SpatialDropout3D", (2, 2, 2, 2, 8), {"rate": 0.4, "seed": 1})

# --- normalizing ---

add("BatchNormalization", (3, 4))
add("BatchNormalization-image", (2, 3, 3, 4), {"axis": -1, "renorm": False})
add("BatchNormalization-renorm", (3, 4), {"renorm": True})
add("GroupNormalization", (2, 3, 4), {"groups": 2})
add("LayerNormalization", (2, 3, 4))
add("RMSNormalization", (2, 3, 4))
add("SpectralNormalization", (2, 4), layer=made.spectral_normalization)
add("UnitNormalization", (2, 4))

# --- merging ---

for _name in ("Add", "Average", "Concatenate", "Maximum", "Minimum", "Multiply"):
    add(_name, [(2, 4), (2, 4), (2, 4)])
add("Subtract", [(2, 4), (2, 4)])
add("Concatenate-axis", [(2, 3, 4), (2, 5, 4)], {"axis": 1})
add("Dot", [(2, 4), (2, 4)], {"axes": 1})
add("Dot-normalized", [(2, 3, 4), (2, 5, 4)], {"axes": 2, "normalize": True})

# --- reshaping ---

_VOLUME = (2, 4, 4, 4, 2)
_IMAGE = (2, 5, 6, 3)
_SERIES = (2, 6, 3)

add("Cropping1D", _SERIES)
add("Cropping2D", _IMAGE, {"cropping": ((1, 1), (0, 2))})
add("Cropping3D", _VOLUME)
add("Flatten", (2, 3, 4))
add("Permute", (2, 3, 4), {"dims": (2, 1)})
add("RepeatVector", (2, 4), {"n": 3})
add("Reshape", (2, 3, 4), {"target_shape": (2, 6)})
add("Reshape-open", (2, 3, 4), {"target_shape": (-1, 2)})
add("UpSampling1D", _SERIES)
add("UpSampling2D", _IMAGE)
add("UpSampling2D-bilinear", _IMAGE, {"interpolation": "bilinear"})
add("UpSampling3D", (2, 2, 2, 2, 2))
add("ZeroPadding1D", _SERIES)
add("ZeroPadding2D", _IMAGE, {"padding": ((1, 0), (0, 2))})
add("ZeroPadding3D", (2, 2, 2, 2, 2))

# --- convolutions and pooling ---

add("Conv1D", _SERIES, {"filters": 2, "kernel_size": 3, "strides": 2})
add("Conv1D-causal", _SERIES, {"filters": 2, "kernel_size": 3, "padding": "causal"})
add("Conv2D", _IMAGE, {"filters": 2, "kernel_size": 2, "padding": "same"})
add("Conv3D", _VOLUME, {"filters": 2, "kernel_size": 2})
add("Conv1DTranspose", _SERIES, {"filters": 2, "kernel_size": 3, "strides": 2})
add("Conv2DTranspose", _IMAGE, {"filters": 2, "kernel_size": 2, "padding": "same"})
add("Conv3DTranspose", (2, 2, 2, 2, 2), {"filters": 2, "kernel_size": 2})
add("DepthwiseConv1D", _SERIES, {"kernel_size": 2, "depth_multiplier": 2})
add("DepthwiseConv2D", _IMAGE, {"kernel_size": 2})
add("SeparableConv1D", _SERIES, {"filters": 2, "kernel_size": 2})
add("SeparableConv2D", _IMAGE, {"filters": 2, "kernel_size": 2})

for _number, _shape in ((1, _SERIES), (2, _IMAGE), (3, _VOLUME)):
    add(f"AveragePooling{_number}D", _shape, {"pool_size": 2})
    add(f"MaxPooling{_number}D", _shape, {"pool_size": 2, "padding": "same"})
    add(f"GlobalAveragePooling{_number}D", _shape)
    add(f"GlobalMaxPooling{_number}D", _shape, {"keepdims": True})
    add(f"AdaptiveAveragePooling{_number}D", _shape, {"output_size": 2})
    add(f"AdaptiveMaxPooling{_number}D", _shape, {"output_size": 2})

# --- attention ---

_ATTENTION = [(2, 3, 4), (2, 5, 4)]
_QUERY = {"query": (2, 3, 4), "value": (2, 5, 4)}

add("AdditiveAttention", _ATTENTION)
add("Attention", _ATTENTION, {"use_scale": True, "dropout": 0.2, "seed": 1})
add(
    "GroupQueryAttention",
    _QUERY,
    {"head_dim": 3, "num_query_heads": 2, "num_key_value_heads": 1},
)
add("MultiHeadAttention", _QUERY, {"num_heads": 2, "key_dim": 3})
add(
    "MultiHeadAttention-dropout",
    _QUERY,
    {"num_heads": 2, "key_dim": 3, "dropout": 0.3, "seed": 1},
    call_kwargs={"use_causal_mask": True},
)

# --- recurrent ---

_STEPS = (2, 4, 3)

for _name in ("GRU", "LSTM", "SimpleRNN"):
    add(_name, _STEPS, {"units": 3})
add("GRU-dropout", _STEPS, {"units": 3, "dropout": 0.3, "seed": 1})
add("GRU-unrolled", _STEPS, {"units": 3, "unroll": True})
add("LSTM-sequences", _STEPS, {"units": 3, "return_sequences": True})
add("LSTM-state", _STEPS, {"units": 3, "return_state": True})
add("LSTM-stateful", _STEPS, {"units": 3, "stateful": True})
add("LSTM-backwards", _STEPS, {"units": 3, "go_backwards": True, "dropout": 0.2})
add("SimpleRNN-recurrent-dropout", _STEPS, {"units": 3, "recurrent_dropout": 0.3})

add("GRUCell", {"inputs": (2, 4), "states": [(2, 3)]}, {"units": 3})
add("LSTMCell", {"inputs": (2, 4), "states": [(2, 3), (2, 3)]}, {"units": 3})
add("SimpleRNNCell", {"sequence": (2, 4), "states": [(2, 3)]}, {"units": 3})
add(
    "StackedRNNCells",
    {"inputs": (2, 4), "states": [[(2, 3)], [(2, 2)]]},
    layer=made.stacked_rnn_cells,
)
add("RNN", _STEPS, layer=made.rnn)
add("RNN-stacked", _STEPS, layer=made.rnn_of_stacked_cells)
add("Bidirectional", _STEPS, layer=made.bidirectional)
add("Bidirectional-sum", _STEPS, {"merge_mode": "sum"}, layer=made.bidirectional)
add("TimeDistributed", _STEPS, layer=made.time_distributed)
add("ConvLSTM1D", (2, 3, 5, 2), {"filters": 2, "kernel_size": 2})
add("ConvLSTM2D", (2, 3, 4, 4, 2), {"filters": 2, "kernel_size": 2})
add("ConvLSTM3D", (2, 2, 3, 3, 3, 1), {"filters": 2, "kernel_size": 2})

# --- preprocessing numbers and words ---

_WORDS = ["a", "b", "c"]
_TEXT = {"input_data": np.array([["a", "x"], ["b", "c"]])}
_SENTENCES = {"input_data": np.array([["a b"], ["c, b a"]])}
_INTEGERS = {"input_dtype": "int64", "input_bounds": (0, 5)}

add("CategoryEncoding", (2, 3), {"num_tokens": 5}, **_INTEGERS)
add(
    "CategoryEncoding-one-hot",
    (2, 1),
    {"num_tokens": 5, "output_mode": "one_hot"},
    **_INTEGERS,
)
add("Discretization", (2, 3), {"bin_boundaries": [-0.5, 0.0, 0.5]})
add(
    "Discretization-one-hot",
    (2, 1),
    {"bin_boundaries": [-0.5, 0.0, 0.5], "output_mode": "one_hot"},
)
add("HashedCrossing", [(2,), (2,)], {"num_bins": 5}, **_INTEGERS)
add("Hashing", (2, 3), {"num_bins": 5}, **_INTEGERS)
add("Hashing-words", None, {"num_bins": 5, "salt": 3}, **_TEXT)
add("IntegerLookup", (2, 3), {"vocabulary": [1, 2, 4]}, **_INTEGERS)
add(
    "IntegerLookup-multi-hot",
    (2, 3),
    {"vocabulary": [1, 2, 4], "output_mode": "multi_hot"},
    **_INTEGERS,
)
add("StringLookup", None, {"vocabulary": _WORDS}, **_TEXT)
add(
    "StringLookup-count",
    None,
    {"vocabulary": _WORDS, "output_mode": "count"},
    **_TEXT,
)
add("TextVectorization", None, {"vocabulary": _WORDS}, **_SENTENCES)
add(
    "TextVectorization-multi-hot",
    None,
    {"vocabulary": _WORDS, "output_mode": "multi_hot"},
    **_SENTENCES,
)
add(
    "TextVectorization-count",
    None,
    {"vocabulary": _WORDS, "output_mode": "count"},
    input_data=np.array(["a b", "c, b a"]),
)
add("Normalization", (2, 3), {"mean": [0.0, 1.0, 2.0], "variance": [1.0, 2.0, 3.0]})
add("Normalization-invert", (2, 3), {"mean": 1.0, "variance": 4.0, "invert": True})
add("Rescaling", (2, 3), {"scale": 0.5, "offset": 1.0})
add("Pipeline", (2, 4, 4, 3), layer=made.pipeline)
add("MelSpectrogram", (2, 64), {"fft_length": 16, "sequence_stride": 8})
TABLE["MelSpectrogram"]["init_kwargs"] |= {"num_mel_bins": 4, "sampling_rate": 100}
add("STFTSpectrogram", (2, 32, 2), {"frame_length": 8, "frame_step": 4})

# --- preprocessing images ---

#: Pixels in the range that the layers are told.
_PIXELS = {"input_bounds": (0.0, 1.0)}
_RANGE = {"value_range": (0.0, 1.0)}
_SEEDED = {**_RANGE, "seed": 1}
_LARGE = (2, 8, 8, 3)

add("AugMix", _LARGE, {**_SEEDED, "num_chains": 1, "chain_depth": 1}, **_PIXELS)
add("AutoContrast", _IMAGE, _RANGE, **_PIXELS)
add("CenterCrop", _IMAGE, {"height": 3, "width": 4}, **_PIXELS)
add(
    "ContrastLimitedAdaptiveHistogramEqualization",
    _LARGE,
    {**_RANGE, "tile_grid_size": (2, 2)},
    **_PIXELS,
)
add("CutMix", _LARGE, {"seed": 1}, **_PIXELS)
add("Equalization", _IMAGE, _RANGE, **_PIXELS)
add(
    "MaxNumBoundingBoxes",
    {
        "images": (2, 4, 4, 3),
        "bounding_boxes": {"boxes": (2, 3, 4), "labels": (2, 3)},
    },
    {"max_number": 2, "bounding_box_format": "xyxy"},
    **_PIXELS,
)
add("MixUp", _IMAGE, {"alpha": 1.0, "seed": 1}, **_PIXELS)
add("RandAugment", _LARGE, {**_SEEDED, "num_ops": 1}, **_PIXELS)
add("RandomBrightness", _IMAGE, {"factor": 0.4, **_SEEDED}, **_PIXELS)
add("RandomColorDegeneration", _IMAGE, {"factor": 0.8, **_SEEDED}, **_PIXELS)
add(
    "RandomColorJitter",
    _IMAGE,
    {"brightness_factor": 0.3, "saturation_factor": 0.4, **_SEEDED},
    **_PIXELS,
)
add("RandomContrast", _IMAGE, {"factor": 0.5, **_SEEDED}, **_PIXELS)
add("RandomCrop", _IMAGE, {"height": 3, "width": 4, "seed": 1}, **_PIXELS)
add("RandomElasticTransform", _LARGE, _SEEDED, **_PIXELS)
add("RandomErasing", _LARGE, {"scale": (0.3, 0.5), **_SEEDED}, **_PIXELS)
add("RandomFlip", _IMAGE, {"seed": 1}, **_PIXELS)
add("RandomGaussianBlur", _IMAGE, _SEEDED, **_PIXELS)
add("RandomGrayscale", _IMAGE, {"seed": 1}, **_PIXELS)
add("RandomHue", _IMAGE, {"factor": 0.5, **_SEEDED}, **_PIXELS)
add("RandomInvert", _IMAGE, {"factor": 0.5, **_SEEDED}, **_PIXELS)
add("RandomPerspective", _LARGE, {"seed": 1}, **_PIXELS)
add("RandomPosterization", _IMAGE, {"factor": 4, **_SEEDED}, **_PIXELS)
add("RandomRotation", _IMAGE, {"factor": 0.3, "seed": 1}, **_PIXELS)
add("RandomSaturation", _IMAGE, {"factor": 0.8, **_SEEDED}, **_PIXELS)
add("RandomSharpness", _IMAGE, {"factor": 0.8, **_SEEDED}, **_PIXELS)
add("RandomShear", _IMAGE, {"x_factor": 0.4, "y_factor": 0.3, "seed": 1}, **_PIXELS)
add(
    "RandomTranslation",
    _IMAGE,
    {"height_factor": 0.3, "width_factor": 0.3, "seed": 1},
    **_PIXELS,
)
add("RandomZoom", _IMAGE, {"height_factor": 0.4, "seed": 1}, **_PIXELS)
add("Resizing", _IMAGE, {"height": 3, "width": 4}, **_PIXELS)
add("Solarization", _IMAGE, {"threshold_factor": 0.5, **_SEEDED}, **_PIXELS)
