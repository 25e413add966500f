"""How the layers of Keras 2 say what those of Keras 3 say: tables, no code.

Found by comparing what tf_keras 2.21 writes with what Keras 3.15.1 takes, layer by
layer; `tests/test_keras2_files.py` does so again for each of them.
"""

from typing import Any, Final

__all__ = [
    "ANY",
    "DROPPED",
    "GONE",
    "GRAPH_OPS",
    "LAYERS",
    "MODELS",
    "RECURRENT",
    "RENAMED",
    "ROLES",
]

#: Every value of a key is without meaning in Keras 3.
ANY: Final = object()

#: The layers that both have.
LAYERS: Final = frozenset(
    """
    Activation ActivityRegularization Add AdditiveAttention AlphaDropout Attention
    Average AveragePooling1D AveragePooling2D AveragePooling3D AvgPool1D AvgPool2D
    AvgPool3D BatchNormalization Bidirectional CategoryEncoding CenterCrop Concatenate
    Conv1D Conv1DTranspose Conv2D Conv2DTranspose Conv3D Conv3DTranspose ConvLSTM1D
    ConvLSTM2D ConvLSTM3D Convolution1D Convolution1DTranspose Convolution2D
    Convolution2DTranspose Convolution3D Convolution3DTranspose Cropping1D Cropping2D
    Cropping3D Dense DepthwiseConv1D DepthwiseConv2D Discretization Dot Dropout ELU
    EinsumDense Embedding Flatten GRU GRUCell GaussianDropout GaussianNoise
    GlobalAveragePooling1D GlobalAveragePooling2D GlobalAveragePooling3D
    GlobalAvgPool1D GlobalAvgPool2D GlobalAvgPool3D GlobalMaxPool1D GlobalMaxPool2D
    GlobalMaxPool3D GlobalMaxPooling1D GlobalMaxPooling2D GlobalMaxPooling3D
    GroupNormalization HashedCrossing Hashing Identity InputLayer IntegerLookup LSTM
    LSTMCell Lambda LayerNormalization LeakyReLU Masking MaxPool1D MaxPool2D MaxPool3D
    MaxPooling1D MaxPooling2D MaxPooling3D Maximum Minimum MultiHeadAttention Multiply
    Normalization PReLU Permute RNN RandomBrightness RandomContrast RandomFlip
    RandomRotation RandomTranslation RandomZoom ReLU RepeatVector Rescaling
    Reshape Resizing SeparableConv1D SeparableConv2D SeparableConvolution1D
    SeparableConvolution2D SimpleRNN SimpleRNNCell Softmax SpatialDropout1D
    SpatialDropout2D SpatialDropout3D SpectralNormalization StackedRNNCells
    StringLookup Subtract TextVectorization TimeDistributed UnitNormalization
    UpSampling1D UpSampling2D UpSampling3D ZeroPadding1D ZeroPadding2D ZeroPadding3D
    """.split()  # noqa: SIM905 -- a list of 126 quoted names would fill three pages
)

#: Models that are described by their layers.
MODELS: Final = frozenset(("Functional", "Model", "Sequential"))

#: What a model is made of when operators and functions of TensorFlow are used on
#: symbolic tensors: a layer for each.
GRAPH_OPS: Final = frozenset(
    (
        "ClassMethod",
        "InstanceMethod",
        "InstanceProperty",
        "SlicingOpLambda",
        "TFOpLambda",
        "TensorFlowOpLayer",
    )
)

_REMOVED: Final = "this layer was removed"
#: Layers that Keras 3 has not, and why.
GONE: Final[dict[str, str]] = {
    "AbstractRNNCell": _REMOVED,
    "CuDNNGRU": "use a file that has the layer GRU",
    "CuDNNLSTM": "use a file that has the layer LSTM",
    "DenseFeatures": "feature columns were removed",
    "DynamicEmbedding": _REMOVED,
    "DynamicLookup": _REMOVED,
    "LocallyConnected1D": _REMOVED,
    "LocallyConnected2D": _REMOVED,
    "RandomFourierFeatures": _REMOVED,
    "RandomCrop": "when it does not train, it crops no more",
    "RandomHeight": _REMOVED,
    "RandomWidth": _REMOVED,
    "SequenceFeatures": "feature columns were removed",
    "ThresholdedReLU": _REMOVED,
}

_CELLS: Final = ("GRU", "LSTM", "SimpleRNN")
_SPATIAL: Final = tuple(f"SpatialDropout{n}D" for n in (1, 2, 3))
_MOVING: Final = (
    *(f"Conv{n}DTranspose" for n in (1, 2, 3)),
    *(f"Convolution{n}DTranspose" for n in (1, 2, 3)),
    *(f"DepthwiseConv{n}D" for n in (1, 2)),
)
_SEPARABLE: Final = (
    *(f"SeparableConv{n}D" for n in (1, 2)),
    *(f"SeparableConvolution{n}D" for n in (1, 2)),
)
_RANDOM: Final = tuple(
    f"Random{one}"
    for one in (
        "Brightness",
        "Contrast",
        "Flip",
        "Rotation",
        "Translation",
        "Zoom",
    )
)

#: Layers that take their first states as further inputs.
RECURRENT: Final = frozenset(
    (*_CELLS, "Bidirectional", "RNN", *(f"ConvLSTM{n}D" for n in (1, 2, 3)))
)

_NORMAL: Final[dict[str, Any]] = {
    "adjustment": (None,),
    "fused": ANY,
    "virtual_batch_size": (None,),
}

#: Keys that Keras 3 does not take: for each layer those values that mean nothing
#: there. With any other value the layer would compute something else, and is refused.
DROPPED: Final[dict[str, dict[str, Any]]] = {
    **{name: {"implementation": ANY} for name in (f"{one}Cell" for one in _CELLS)},
    **{name: {"time_major": (False, None)} for name in RECURRENT},
    **{name: {"implementation": ANY, "time_major": (False, None)} for name in _CELLS},
    **{name: {"groups": (1,)} for name in _MOVING},
    **{
        name: {
            "groups": (1,),
            "kernel_constraint": (None,),
            "kernel_initializer": ANY,
            "kernel_regularizer": (None,),
        }
        for name in _SEPARABLE
    },
    **{name: {"noise_shape": (None,), "trainable": ANY} for name in _SPATIAL},
    **{name: {"rng_type": ANY} for name in _RANDOM},
    "Attention": {"causal": (False,)},
    "AdditiveAttention": {"causal": (False,)},
    "BatchNormalization": _NORMAL,
    "Discretization": {"bins": (None,), "trainable": ANY},
    "Embedding": {"input_length": ANY, "sparse": ANY},
    "IntegerLookup": {"vocabulary_size": ANY},
    "MultiHeadAttention": {
        "key_shape": ANY,
        "query_shape": ANY,
        "softmax_robust_masking": (False,),
        "value_shape": ANY,
    },
    "RNN": {"num_constants": (None, 0), "time_major": (False, None)},
    "Softmax": {"robust_masking": (False,)},
    "StringLookup": {"vocabulary_size": ANY},
    "TextVectorization": {"vocabulary_size": ANY},
}

#: Keys that have another name.
RENAMED: Final[dict[str, dict[str, str]]] = {
    "InputLayer": {"batch_input_shape": "batch_shape"},
    "LeakyReLU": {"alpha": "negative_slope"},
}

#: The end of a key that holds something else than a layer, and where that lives.
ROLES: Final = {
    "constraint": "constraints",
    "initializer": "initializers",
    "regularizer": "regularizers",
}
