"""What is wrong in Keras 3.15.1 itself, so that a check rightly fails.

Each reason was reproduced with Keras alone.
"""

__all__ = ["BY_CHANCE", "EXPECTED"]

_SAYS = "compute_output_spec() says"
_STATIC = (
    "in a traced call with unknown sizes it raises, though symbolic inputs may have "
    "them: model.predict() fails at the second size of images"
)
_FLASH = "get_config() leaves out flash_attention"
_COUNTS = f"{_SAYS} float32; the counts are integers"
_BOXES = (
    "densify_bounding_boxes() makes float32 of boxes under every policy, the symbolic "
    "output has the compute dtype"
)
_TEXTS = (
    "for a shape (batch, 1) call() drops the axis of one, compute_output_shape() "
    "and compute_output_spec() keep it"
)
_UNCROPPED = (
    "in inference call() gives the images back as they are, neither cropped nor "
    "resized, against compute_output_shape() and the documentation"
)
_UNTYPED = "as call() leaves the images alone in inference, they stay in float32"
_ADVANCED = (
    "its operations are chosen with Python's own random module: seed does not seed "
    "them, and no variable holds their state"
)
_LOSSES = "the output is cast to self.dtype, which is the dtype of variables: float32"
_REVERSED = (
    "Embedding sets autocast=False: the inputs stay in float32 and so do the logits, "
    f"{_SAYS} the compute dtype"
)

_SIMPLE = (
    "get_config() leaves out seed, and activity_regularizer is accepted, dropped, and "
    "None in the configuration"
)
_UNROLLED = (
    "unrolled, it raises in a traced call with unknown time, though symbolic inputs "
    "may have it: model.predict() fails at the second length"
)

_TRACED = (
    "build() keeps tensors of the trace in which it runs as its mean and variance: a "
    "subclassed model that is first built by fit() raises ever after"
)

_PICKLED = (
    "get_config() gives value_range as Keras' own tracked list, which leads back to "
    "the layer: the copy that saving as .h5 makes raises, cannot pickle 'module' object"
)

_CONSTANT = "the gradient of the stretched contrast of a constant image is NaN"

_SPARSE = "get_config() leaves out sparse"

_NUMBERS = "in call() it makes Python's numbers of tensors, which JAX can't trace"

#: On every backend.
_BOTH: dict[str, dict[str, str]] = {
    "Attention": {
        "fresh_h5_file": "score_mode='dot' is read from .h5 as the function "
        "keras.ops.dot, which __init__ refuses"
    },
    "AugMix": {
        "seeded_randomness_repeats": _ADVANCED,
        "random_state_is_saved": _ADVANCED,
    },
    "AutoContrast": {"gradients_finite_at_zero": _CONSTANT},
    "CategoryEncoding": {
        "config_holds_arguments": _SPARSE,
        "policy_mixed_float16": _LOSSES,
        "policy_mixed_bfloat16": _LOSSES,
    },
    "CategoryEncoding-one-hot": {
        "config_holds_arguments": _SPARSE,
        "policy_mixed_float16": _LOSSES,
        "policy_mixed_bfloat16": _LOSSES,
        "unknown_sizes": "call() drops a last axis of size 1, the symbolic output "
        "keeps one of unknown size",
    },
    "Equalization": {
        "in_functional": "a symbolic call gives its input back as the output: no "
        "functional model can be made of it"
    },
    "Dense-lora": {
        "policy_float64": "lora_kernel_a and lora_kernel_b are float32 under every "
        "policy, float64 too",
    },
    "GroupNormalization": {
        "masked_steps_do_not_leak": "supports_masking is True, and mean and variance "
        "are those of all steps, the masked ones too"
    },
    "GroupQueryAttention": {"config_holds_arguments": _FLASH},
    "IntegerLookup-multi-hot": dict.fromkeys(
        ("symbolic_equals_eager", "compute_output_spec_is_right"), _COUNTS
    ),
    "JaxLayer": {
        "config_holds_arguments": "get_config() leaves out seed",
        "fresh_h5_file": "JaxLayer is not among the classes that the reader of .h5 "
        "knows: Unknown layer",
    },
    "MaxNumBoundingBoxes": {
        "config_holds_arguments": "get_config() leaves out fill_value",
        "policy_mixed_float16": _BOXES,
        "policy_mixed_bfloat16": _BOXES,
        "policy_float64": _BOXES,
    },
    "MultiHeadAttention": {"config_holds_arguments": _FLASH},
    "Normalization": {"in_subclassed": _TRACED},
    "Normalization-invert": {"in_subclassed": _TRACED},
    "Pipeline": {
        "mask_as_declared": "call() takes a mask and supports_masking is False: Keras "
        "warns that the mask is destroyed"
    },
    "RandomBrightness": {"fresh_h5_file": _PICKLED},
    "RandomColorDegeneration": {"fresh_h5_file": _PICKLED},
    "RandomGrayscale": {"config_holds_arguments": "get_config() leaves out seed"},
    "RandomPosterization": {"fresh_h5_file": _PICKLED},
    "RandomSaturation": {"fresh_h5_file": _PICKLED},
    "RandomSharpness": {"fresh_h5_file": _PICKLED},
    "RandomShear": {
        "config_round_trip": "get_config() gives x_factor=0.4 as (-0.4, 0.4), which "
        "__init__ refuses: from_config() raises"
    },
    "Solarization": {"fresh_h5_file": _PICKLED},
    "RandomCrop": {
        "symbolic_equals_eager": _UNCROPPED,
        "compute_output_shape_is_right": _UNCROPPED,
        "compute_output_spec_is_right": _UNCROPPED,
        "policy_mixed_float16": _UNTYPED,
        "policy_mixed_bfloat16": _UNTYPED,
    },
    "ReversibleEmbedding-reverse": dict.fromkeys(
        ("policy_mixed_float16", "policy_mixed_bfloat16"), _REVERSED
    ),
    "STFTSpectrogram": {
        "policy_mixed_bfloat16": "call() raises: its STFT takes no bfloat16, and it "
        "casts nothing, as MelSpectrogram does"
    },
    "SimpleRNN": {"config_holds_arguments": _SIMPLE},
    "SimpleRNN-recurrent-dropout": {"config_holds_arguments": _SIMPLE},
    "SpectralNormalization": {
        "trainable_false_freezes_all": "call() in training assigns the normalised "
        "kernel, frozen or not"
    },
    "StringLookup-count": dict.fromkeys(
        ("symbolic_equals_eager", "compute_output_spec_is_right"), _COUNTS
    ),
    "TextVectorization-multi-hot": dict.fromkeys(
        (
            "symbolic_equals_eager",
            "compute_output_shape_is_right",
            "compute_output_spec_is_right",
        ),
        _TEXTS,
    ),
    "TextVectorization-count": dict.fromkeys(
        ("symbolic_equals_eager", "compute_output_spec_is_right"), _COUNTS
    ),
}

_TENSORFLOW: dict[str, dict[str, str]] = {
    **{
        f"Adaptive{kind}Pooling{number}D": {"unknown_sizes": _STATIC}
        for kind in ("Average", "Max")
        for number in (1, 2, 3)
    },
    "ContrastLimitedAdaptiveHistogramEqualization": {"unknown_sizes": _STATIC},
    "CutMix": {
        "policy_mixed_bfloat16": "call() in training raises: random.beta() takes no "
        "bfloat16 tensor as alpha"
    },
    "GRU-unrolled": {"unknown_sizes": _UNROLLED},
    "JaxLayer": {
        "batch_sizes": "built with a known number of rows, it is compiled for this "
        "number: called with another one it raises",
        "policy_float64": "JAX computes in float32 unless jax_enable_x64 is set, and "
        "the layer hands that out",
    },
    "MelSpectrogram": {
        "policy_float64": "call() raises: power_to_db subtracts a float32 logarithm "
        "from float64"
    },
    "MixUp": {
        "compiled_equals_eager": "random.beta() can't be compiled by XLA, and it is "
        "drawn in inference too; supports_jit is True"
    },
    "TimeDistributed": {
        "unknown_sizes": "traced with unknown time it gives two steps, whatever the "
        "length: model.predict() cuts sequences once it has met a second length"
    },
    "UpSampling2D-bilinear": {"unknown_sizes": _STATIC},
}

_JAX: dict[str, dict[str, str]] = {
    "UnitNormalization": {
        "gradients_finite_at_zero": "the gradient of normalize() is NaN for a row of "
        "zeros, on JAX"
    },
    "ConvLSTM3D": {
        "masked_steps_do_not_leak": "a mask of shape (batch, 1) is broadcast from the "
        "last axis of the states on: for images of one size it masks other places, "
        "ConvLSTM1D and ConvLSTM2D raise"
    },
    "LSTM-stateful": {
        "traced_equals_eager": "the states are no variables that stateless_call() "
        "hands out: traced, each call starts anew"
    },
    "MaxNumBoundingBoxes": {"traced_equals_eager": _NUMBERS},
    "MelSpectrogram": {
        "gradients_finite_at_zero": "the gradient of the magnitude of a spectrum of "
        "zeros is NaN, on JAX"
    },
    "RandomElasticTransform": {
        "traced_equals_eager": _NUMBERS,
        "loss_falls": _NUMBERS,
    },
    "Dot-normalized": {
        "gradients_finite_at_zero": "the gradient of normalize() is NaN for a row of "
        "zeros, on JAX"
    },
}


#: What a check says of a row is chance: these draw by Python's own random module.
BY_CHANCE = {
    "AugMix": {"fit_updates_state": _ADVANCED},
    "RandAugment": {"gradients_finite_at_zero": _CONSTANT},
}


def _with_both(own: dict[str, dict[str, str]]) -> dict[str, dict[str, str]]:
    rows = sorted({*_BOTH, *own})
    return {row: _BOTH.get(row, {}) | own.get(row, {}) for row in rows}


#: By backend and row of the table: by check what exactly is wrong.
EXPECTED = {"tensorflow": _with_both(_TENSORFLOW), "jax": _with_both(_JAX)}
