"""Which layers both have, and what becomes of each of their arguments: tables, no code.

The keys are those that Keras 3.15 writes into a configuration. An argument that stands
nowhere here is refused, whatever its value. `docs/plaidml-layers.md` is made from it.

Source: `get_config` of keras 3.15.1 and the constructors of Keras 2.2.4; which of them
PlaidML 0.7.0 computes rightly was measured, see `tests/test_translating_parity.py`.
"""

from collections.abc import Mapping
from typing import Any, Final, NamedTuple

__all__ = [
    "CELLS",
    "DIRECTED",
    "EVERY",
    "GONE",
    "MERGES",
    "RECURRENT",
    "REGULARIZED",
    "ROWS",
    "STACKED",
    "WHOLE",
    "WRAPPERS",
    "Argument",
    "argument_of",
]


class Argument(NamedTuple):
    """What becomes of one argument of a layer.

    Attributes:
        there: its name there; empty: it is not written there.
        only: the values that it may have; None: any.
        why: why others, or the argument itself, are not carried over.
    """

    there: str = ""
    only: tuple[Any, ...] | None = None
    why: str = ""


Row = Mapping[str, Argument]


def _kept(*names: str) -> dict[str, Argument]:
    return {name: Argument(name) for name in names}


def _among(name: str, *values: Any, why: str) -> dict[str, Argument]:
    """Written there, and refused unless it is one of these."""
    return {name: Argument(name, values, why)}


def _only(name: str, *values: Any, why: str = "") -> dict[str, Argument]:
    """Not written there, and refused unless it is one of these."""
    return {name: Argument("", values, why or "Keras 2.2.4 has no such argument")}


def _idle(*names: str, why: str) -> dict[str, Argument]:
    """Not written there, whatever it is: it changes nothing that is computed."""
    return {name: Argument("", None, why) for name in names}


_SEED: Final = _idle("seed", why="the random numbers are others there anyway")
_LISTS: Final = "a list was not measured"
_NOISE: Final = _only("noise_shape", None, why="it was not measured")
_RATE: Final = _kept("rate")
_LAST: Final = _among(
    "data_format", "channels_last", why="PlaidML computes some others wrongly"
)
_LAST_1D: Final = _only("data_format", "channels_last")
_KEEPDIMS: Final = _only("keepdims", False)

#: Arguments that any layer may have; what ends with a role is in `values`.
EVERY: Final[Row] = {
    **_kept("name", "trainable"),
    **_idle("dtype", why="it is checked by itself: everything is float32"),
    **_only(
        "activity_regularizer",
        None,
        why="Keras 2.2.4 has no such argument; use ActivityRegularization behind it",
    ),
    **_only("lora_rank", None),
    **_only("lora_alpha", None),
    **_only("quantization_config", None),
}


def _values(*names: str) -> dict[str, Argument]:
    """Initializer, regularizer and constraint of each of these weights."""
    return {
        key: argument_of(key) or Argument()
        for name in names
        for key in (f"{name}_initializer", f"{name}_regularizer", f"{name}_constraint")
    }


def _initial(*names: str) -> dict[str, Argument]:
    """The initializer of each of these, which are not trained."""
    keys = [f"{name}_initializer" for name in names]
    return {key: argument_of(key) or Argument() for key in keys}


def argument_of(key: str) -> Argument | None:
    """What becomes of an argument that holds an object, by the end of its name.

    Example:
        >>> argument_of("kernel_regularizer").there
        'kernel_regularizer'
        >>> argument_of("units") is None
        True
    """
    if key.endswith("_initializer"):
        return Argument(key, None, "the weights themselves are carried over")
    if key.endswith("_regularizer"):
        return Argument(key, None, "L1, L2 and L1L2; not those of frozen layers")
    if key.endswith("_constraint"):
        return Argument(key, None, "MaxNorm, MinMaxNorm, NonNeg, UnitNorm")
    return Argument(key) if key.endswith("activation") else None


_DENSE: Final[Row] = {
    **_kept("units", "activation", "use_bias"),
    **_values("kernel", "bias"),
}
_CONV: Final[Row] = {
    **_kept("kernel_size", "strides", "padding", "dilation_rate"),
    **_kept("activation", "use_bias"),
    **_LAST,
}
_FILTERS: Final[Row] = {**_CONV, **_kept("filters"), **_values("kernel", "bias")}
_GROUPS: Final = _only("groups", 1)
_FLAT: Final = _only("dilation_rate", (1, 1, 1))
_PLAIN: Final[Row] = {**_FILTERS, **_GROUPS}
_SEPARABLE: Final[Row] = {
    **_CONV,
    **_kept("filters", "depth_multiplier"),
    **_values("depthwise", "pointwise", "bias"),
}
_POOL: Final[Row] = {**_kept("pool_size", "strides", "padding"), **_LAST}
_GLOBAL: Final[Row] = {**_LAST, **_KEEPDIMS}
_MASKED: Final = _idle("zero_output_for_mask", why="with it, a mask is refused")
_RNN: Final[Row] = {
    **_kept("return_sequences", "return_state", "go_backwards"),
    **_only("stateful", False, why="PlaidML keeps no states between batches"),
    **_MASKED,
    **_idle("unroll", why="PlaidML unrolls always"),
}
_CELL: Final[Row] = {
    **_kept("units", "activation", "use_bias", "dropout", "recurrent_dropout"),
    **_values("kernel", "recurrent", "bias"),
}
_GATED: Final[Row] = {**_CELL, **_kept("recurrent_activation"), **_SEED}
_CONV_RNN: Final[Row] = {
    **_FILTERS,
    **_values("recurrent"),
    **_kept("dropout"),
    **_only("recurrent_dropout", 0.0, 0, why="it was not measured"),
    **_kept("return_sequences", "go_backwards"),
    **_only("return_state", False, why="it was not measured"),
    **_only("stateful", False, why="PlaidML keeps no states between batches"),
    **_MASKED,
    **_idle("unroll", why="PlaidML unrolls always"),
    **_SEED,
    **_idle("unit_forget_bias", why="it is for the initial bias only"),
}
_FORGET: Final = _idle("unit_forget_bias", why="it is for the initial bias only")
_AFTER: Final = _kept("reset_after")
_SPATIAL: Final[Row] = {**_RATE, **_SEED}

#: Name of a layer in keras.layers -> its arguments.
ROWS: Final[Mapping[str, Row]] = {
    "Activation": _kept("activation"),
    "ActivityRegularization": _kept("l1", "l2"),
    "Add": {},
    "AlphaDropout": {**_RATE, **_SEED, **_NOISE},
    "Average": {},
    "AveragePooling1D": _POOL,
    "AveragePooling2D": _POOL,
    "AveragePooling3D": _POOL,
    "BatchNormalization": {
        **_kept("axis", "momentum", "epsilon", "center", "scale"),
        **_values("beta", "gamma"),
        **_initial("moving_mean", "moving_variance"),
        **_only("renorm", False),
        **_idle("renorm_clipping", "renorm_momentum", why="they belong to renorm"),
        **_only("synchronized", False),
    },
    "Bidirectional": {
        **_among(
            "merge_mode", "concat", "sum", "mul", "ave", why="a list was not measured"
        ),
        **_kept("layer"),
        **_idle("backward_layer", why="it is the other one, backwards, or refused"),
    },
    "Concatenate": _kept("axis"),
    "Conv1D": _PLAIN,
    "Conv2D": _PLAIN,
    "Conv2DTranspose": {**_FILTERS, **_kept("output_padding")},
    "Conv3D": _PLAIN,
    "Conv3DTranspose": {**_FILTERS, **_kept("output_padding"), **_FLAT},
    "ConvLSTM2D": {**_CONV_RNN, **_kept("recurrent_activation")},
    "Cropping1D": _kept("cropping"),
    "Cropping2D": {**_kept("cropping"), **_LAST},
    "Cropping3D": {**_kept("cropping"), **_LAST},
    "Dense": _DENSE,
    "DepthwiseConv2D": {
        **_CONV,
        **_kept("depth_multiplier"),
        **_values("depthwise", "bias"),
    },
    "Dot": _kept("axes", "normalize"),
    "Dropout": {**_RATE, **_SEED, **_NOISE},
    "ELU": _kept("alpha"),
    "Embedding": {
        **_kept("input_dim", "output_dim"),
        **_values("embeddings"),
        **_kept("mask_zero"),
    },
    "Flatten": _LAST,
    "GRU": {**_GATED, **_RNN, **_AFTER},
    "GaussianDropout": {**_RATE, **_SEED},
    "GaussianNoise": {**_kept("stddev"), **_SEED},
    "GlobalAveragePooling1D": _GLOBAL,
    "GlobalAveragePooling2D": _GLOBAL,
    "GlobalAveragePooling3D": _GLOBAL,
    "GlobalMaxPooling1D": _GLOBAL,
    "GlobalMaxPooling2D": _GLOBAL,
    "GlobalMaxPooling3D": _GLOBAL,
    "LSTM": {**_GATED, **_RNN, **_FORGET},
    "LeakyReLU": {"negative_slope": Argument("alpha")},
    "Masking": _kept("mask_value"),
    "MaxPooling1D": _POOL,
    "MaxPooling2D": _POOL,
    "MaxPooling3D": _POOL,
    "Maximum": {},
    "Minimum": {},
    "Multiply": {},
    "PReLU": {**_kept("shared_axes"), **_values("alpha")},
    "Permute": _kept("dims"),
    "RNN": {**_RNN, **_kept("cell")},
    "ReLU": _kept("max_value", "negative_slope", "threshold"),
    "RepeatVector": _kept("n"),
    "Rescaling": _kept("scale", "offset"),
    "Reshape": _kept("target_shape"),
    "SeparableConv1D": _SEPARABLE,
    "SeparableConv2D": _SEPARABLE,
    "SimpleRNN": {**_CELL, **_RNN},
    "Softmax": _kept("axis"),
    "SpatialDropout1D": _SPATIAL,
    "SpatialDropout2D": {**_SPATIAL, **_LAST},
    "SpatialDropout3D": {**_SPATIAL, **_LAST},
    "Subtract": {},
    "TimeDistributed": _kept("layer"),
    "UpSampling1D": _kept("size"),
    "UpSampling2D": {
        **_kept("size"),
        **_LAST,
        **_among("interpolation", "nearest", why="PlaidML aligns the others otherwise"),
    },
    "UpSampling3D": {**_kept("size"), **_LAST},
    "ZeroPadding1D": {**_kept("padding"), **_LAST_1D},
    "ZeroPadding2D": {**_kept("padding"), **_LAST},
    "ZeroPadding3D": {**_kept("padding"), **_LAST},
}

#: Name of a cell in keras.layers -> its arguments.
CELLS: Final[Mapping[str, Row]] = {
    "GRUCell": {**_GATED, **_AFTER},
    "LSTMCell": {**_GATED, **_FORGET},
    "SimpleRNNCell": {**_CELL, **_SEED},
    "StackedRNNCells": _kept("cells"),
}
STACKED: Final = "StackedRNNCells"

#: Layers whose steps of time PlaidML compiles one by one.
RECURRENT: Final = ("ConvLSTM2D", "GRU", "LSTM", "RNN", "SimpleRNN")
#: Layers whose outputs may be regularized.
REGULARIZED: Final = (
    "Conv1D",
    "Conv2D",
    "Conv2DTranspose",
    "Conv3D",
    "Conv3DTranspose",
    "ConvLSTM2D",
    "Dense",
    "DepthwiseConv2D",
    "Embedding",
    "GRU",
    "LSTM",
    "SeparableConv1D",
    "SeparableConv2D",
    "SimpleRNN",
)
#: Layers that hold others.
WRAPPERS: Final = ("Bidirectional", "RNN", "TimeDistributed")
#: Layers that take integers.
WHOLE: Final = ("Embedding", "Rescaling")
#: What a Bidirectional may hold.
DIRECTED: Final = ("GRU", "LSTM", "SimpleRNN")
#: Layers that take a list of tensors.
MERGES: Final = (
    "Add",
    "Average",
    "Concatenate",
    "Dot",
    "Maximum",
    "Minimum",
    "Multiply",
    "Subtract",
)

#: Layers of Keras 3 that are refused, and why; all others are as well: Keras 2.2.4 has
#: them not.
GONE: Final[Mapping[str, str]] = {
    "Lambda": "its function is Python code for another Keras",
}
