"""Layers of published packages, and what the conformance suite finds in them.

Light: loads no Keras. Each entry of `expected` was verified by hand, with plain Keras
and without kerasplug; `docs/conformance-of-packages.md` has the programs.
"""

from typing import Any, NamedTuple

__all__ = ["PACKAGES", "Layer", "Package"]


class Layer(NamedTuple):
    """A layer of a package.

    `options`: the arguments of `LayerCase`. `expected`: why a check fails, by its id.
    """

    target: str
    options: dict[str, Any]
    expected: dict[str, str] = {}  # noqa: RUF012 -- a default that nobody changes

    @property
    def name(self) -> str:
        """The name of the class."""
        return self.target.rpartition(":")[2]


class Package(NamedTuple):
    """A distribution and the Keras with which its layers are checked.

    `legacy`: whether it is written for Keras 2, which is tf_keras here. `needs`: what
    it imports and does not declare.
    """

    name: str
    version: str
    backend: str
    layers: tuple[Layer, ...]
    legacy: bool = False
    needs: tuple[str, ...] = ()

    @property
    def requirements(self) -> list[str]:
        """What its private environment is made of, kerasplug aside."""
        keras = "tf-keras==2.21.0" if self.legacy else "keras==3.15.1"
        # Some import TensorFlow whatever the backend.
        engines = ["tensorflow-cpu==2.21.0", *(["jax==0.10.2"] * (not self.legacy))]
        own = f"{self.name}=={self.version}"
        return [own, keras, *engines, "h5py", "pyyaml", *self.needs]


#: Sublayers, or weights, of the dtype that is Keras' default, and not of the layer's.
_IN_FLOAT32 = (
    "{} without the layer's dtype: with dtype='{}' it says so and goes on in float32"
)


def _policies(where: str) -> dict[str, str]:
    """What fails where a layer hands its dtype on to nothing that it is made of."""
    names = ("mixed_float16", "mixed_bfloat16", "float64")
    return {f"policy_{name}": _IN_FLOAT32.format(where, name) for name in names}


def _unregistered(where: str) -> dict[str, str]:
    """What fails where the class is not registered."""
    reason = f"{where} is not registered: its files need custom_objects to be loaded"
    return {"registered_under_own_package": reason}


PACKAGES = {
    one.name: one
    for one in (
        Package(
            "bayesflow",
            "2.0.12",
            "jax",
            (
                Layer(
                    "bayesflow.networks.helpers.embeddings:FiLM",
                    {"init_kwargs": {"units": 4}, "input_shape": [(2, 4), (2, 3)]},
                    {
                        **_policies("featurewise_linear_modulation.py:22-23, Dense"),
                        "config_holds_arguments": "featurewise_linear_modulation.py:59 "
                        "takes activity_regularizer out of the configuration",
                    },
                ),
                Layer(
                    "bayesflow.networks.summary.transformers.attention:SetAttention",
                    {
                        "init_kwargs": {"embed_dim": 8, "num_heads": 2},
                        "input_shape": (2, 5, 8),
                    },
                    {
                        **_policies("set_attention.py:68, sublayers"),
                        "config_holds_arguments": "set_attention.py:57, __init__() "
                        "takes activity_regularizer and drops it",
                    },
                ),
            ),
        ),
        Package(
            "keras-efficient-kan",
            "0.1.10",
            "jax",
            (
                Layer(
                    "keras_efficient_kan:KANLinear",
                    {"init_kwargs": {"units": 3}, "input_shape": (2, 4)},
                    _policies("kan.py:67-76, sublayers and weights"),
                ),
            ),
        ),
        Package(
            "keras-hub",
            "0.32.0",
            "jax",
            (
                Layer(
                    "keras_hub.layers:FNetEncoder",
                    {"init_kwargs": {"intermediate_dim": 8}, "input_shape": (2, 5, 4)},
                ),
                Layer(
                    "keras_hub.layers:RotaryEmbedding",
                    {"input_shape": (2, 5, 4)},
                ),
                Layer(
                    "keras_hub.layers:TokenAndPositionEmbedding",
                    {
                        "init_kwargs": {
                            "vocabulary_size": 10,
                            "sequence_length": 7,
                            "embedding_dim": 4,
                        },
                        "input_shape": (2, 5),
                        "input_dtype": "int32",
                        "input_bounds": (0, 10),
                    },
                ),
                Layer(
                    "keras_hub.layers:TransformerEncoder",
                    {
                        "init_kwargs": {"intermediate_dim": 8, "num_heads": 2},
                        "input_shape": (2, 5, 4),
                    },
                ),
            ),
        ),
        Package(
            "keras-mdn-layer",
            "1.0.0",
            "jax",
            (
                Layer(
                    "keras_mdn_layer:MDN",
                    {
                        "init_kwargs": {"output_dimension": 2, "num_mixtures": 3},
                        "input_shape": (2, 4),
                    },
                    {
                        **_policies("__init__.py:40-42, Dense layers"),
                        **_unregistered("MDN (__init__.py:26)"),
                    },
                ),
            ),
        ),
        Package(
            "keras-rs",
            "0.4.0",
            "jax",
            (
                Layer(
                    "keras_rs.layers:DotInteraction",
                    {"input_shape": [(2, 4), (2, 4), (2, 4)]},
                ),
                Layer(
                    "keras_rs.layers:FeatureCross",
                    {"init_kwargs": {"projection_dim": 2}, "input_shape": (2, 4)},
                    {
                        "build_equals_call": "feature_cross.py:130, build() makes its "
                        "Dense layers and builds none of them: a call does",
                        "deepcopy_equal": "a copy is built and its Dense layers are "
                        "not (feature_cross.py:130): it can't take the weights",
                    },
                ),
            ),
        ),
        Package(
            "keras-tcn",
            "3.5.6",
            "tensorflow",
            (
                Layer(
                    "tcn:TCN",
                    {
                        "init_kwargs": {"nb_filters": 4, "dilations": [1, 2]},
                        "input_shape": (2, 6, 3),
                    },
                    {
                        **_policies("tcn.py:295, residual blocks"),
                        "unknown_batch": "tcn.py:334, compute_output_shape() gives the "
                        "rows that build() was told, whatever it is asked",
                        "threads_agree": "tcn.py:349-350, call() keeps what it has so "
                        "far in self.layers_outputs and self.skip_connections",
                        "registered_under_own_package": "tcn.py:187, no package is "
                        "named, so it is 'Custom>TCN'",
                        "fresh_h5_file": "tcn.py:34, ResidualBlock, of which TCN is "
                        "made, is not registered: the model can't be saved as .h5",
                    },
                ),
            ),
        ),
        Package(
            "kgcnn",
            "4.0.2",
            "jax",
            (
                Layer(
                    "kgcnn.layers.activ:Swish",
                    {"init_kwargs": {"trainable": True}, "input_shape": (2, 4)},
                    {
                        "trainable_false_freezes_all": "activ.py:104, trainable says "
                        "it of a weight alone, so layer.trainable = True thaws nothing",
                    },
                ),
                Layer(
                    "kgcnn.layers.mlp:MLP",
                    {
                        "init_kwargs": {"units": [4, 3], "activation": "relu"},
                        "input_shape": (2, 4),
                    },
                    {
                        **_policies("mlp.py:283, Dense layers"),
                        **_unregistered("MLP (mlp.py:245)"),
                        **dict.fromkeys(
                            (
                                "deepcopy_equal",
                                "pickle_equal",
                                "fresh_keras_file",
                                "fresh_weights_file",
                                "fresh_json",
                            ),
                            "mlp.py:309-310, build() takes the shape that Keras has "
                            "stored, a list, for several: no copy, no file can be read",
                        ),
                    },
                ),
            ),
            needs=("dm-tree",),
        ),
        Package(
            "ncps",
            "1.0.1",
            "jax",
            (
                Layer(
                    "ncps.keras:CfC",
                    {"init_kwargs": {"units": 4}, "input_shape": (2, 5, 3)},
                    {
                        "config_round_trip": "cfc.py:123, from_config() makes a new "
                        "cell in place of the one in the configuration, of a new name",
                        "policy_float64": "cfc.py:88, the cell is made without dtype",
                    },
                ),
                Layer(
                    "ncps.keras:LTC",
                    {"init_kwargs": {"units": 4}, "input_shape": (2, 5, 3)},
                    {
                        "config_round_trip": "ltc.py:116, get_config() gives a Wiring "
                        "itself and from_config() (ltc.py:125) wants a dict",
                        "in_subclassed": "ltc_cell.py:211-215, build() makes tensors: "
                        "built in a compiled call on jax, they are gone after it",
                        "policy_mixed_float16": "ltc_cell.py:142-244, weights are made "
                        "as float32: the call raises",
                        "policy_mixed_bfloat16": "ltc_cell.py:142-244, weights made "
                        "as float32: the call raises",
                        "policy_float64": "ltc_cell.py:142-244, weights are float32",
                        "gradients_finite_at_zero": "on jax gradients can't be taken, "
                        "fit() raises",
                    },
                ),
            ),
        ),
        Package(
            "tkan",
            "0.4.3",
            "jax",
            (
                Layer(
                    "tkan:TKAN",
                    {"init_kwargs": {"units": 4}, "input_shape": (2, 5, 3)},
                    {
                        "config_holds_arguments": "tkan.py:553, seed is not in the "
                        "configuration: it comes back as the time of the day",
                        "from_config_is_pure": "tkan.py:17, the constructor asks the "
                        "environment for KERAS_BACKEND and not Keras for its backend",
                        "policy_float64": "the cell is made without the layer's dtype",
                    },
                ),
            ),
        ),
        Package(
            "deel-lip",
            "1.5.0",
            "tensorflow",
            (
                Layer(
                    "deel.lip.layers:SpectralDense",
                    {"init_kwargs": {"units": 3}, "input_shape": (2, 4)},
                    {
                        "policy_mixed_float16": "dense.py:151, wbar is a float32 "
                        "variable: the call raises",
                        "policy_mixed_bfloat16": "dense.py:151, wbar is a float32 "
                        "variable: the call raises",
                        "fresh_h5_file": "tf_keras 2.21.0 loads no initializer that is "
                        "registered under a package from .h5; its default is one",
                    },
                ),
                Layer(
                    "deel.lip.activations:GroupSort",
                    {"init_kwargs": {"n": 2}, "input_shape": (2, 4)},
                ),
            ),
            legacy=True,
        ),
        Package(
            "keras-self-attention",
            "0.51.0",
            "tensorflow",
            (
                Layer(
                    "keras_self_attention:SeqSelfAttention",
                    {"init_kwargs": {"units": 3}, "input_shape": (2, 5, 4)},
                    {
                        **_unregistered("SeqSelfAttention (seq_self_attention.py:5)"),
                        "masked_steps_do_not_leak": "seq_self_attention.py:175, only "
                        "what is masked itself is kept from masked steps",
                    },
                ),
                Layer(
                    "keras_self_attention:SeqWeightedAttention",
                    {"input_shape": (2, 5, 4)},
                    _unregistered("SeqWeightedAttention (seq_weighted_attention.py:5)"),
                ),
            ),
            legacy=True,
        ),
        Package(
            "keras-spiking",
            "0.3.0",
            "tensorflow",
            (
                Layer(
                    "keras_spiking:Lowpass",
                    {"init_kwargs": {"tau_initializer": 0.1}, "input_shape": (2, 5, 4)},
                    {
                        **_policies("layers.py:156, the cell"),
                        **_unregistered("Lowpass (layers.py:643)"),
                    },
                ),
            ),
            legacy=True,
        ),
        Package(
            "qkeras",
            "0.9.0",
            "tensorflow",
            (
                Layer(
                    "qkeras:QDense",
                    {
                        "init_kwargs": {
                            "units": 3,
                            "kernel_quantizer": "quantized_bits(4,0,1)",
                        },
                        "alternatives": {"kernel_quantizer": "quantized_bits(8,0,1)"},
                        "input_shape": (2, 4),
                    },
                    {
                        "policy_mixed_float16": "qlayers.py:629-632, a float32 kernel "
                        "is multiplied with float16 inputs: the call raises",
                        "policy_mixed_bfloat16": "qlayers.py:638, float32 and bfloat16 "
                        "are mixed: the call raises",
                        "policy_float64": "qlayers.py:629-632, a float32 kernel "
                        "is multiplied with float64 inputs: the call raises",
                        **_unregistered("QDense (qlayers.py:544)"),
                    },
                ),
            ),
            legacy=True,
            needs=("pyparsing",),
        ),
        Package(
            "spektral",
            "1.3.1",
            "tensorflow",
            (
                Layer(
                    "spektral.layers:GCNConv",
                    {
                        "init_kwargs": {"channels": 3},
                        "input_shape": [(2, 5, 4), (2, 5, 5)],
                    },
                    {
                        "config_holds_arguments": "conv.py, get_config() leaves "
                        "activity_regularizer out",
                        **_unregistered("GCNConv (gcn_conv.py:8)"),
                        "mask_as_declared": "gcn_conv.py:106, it multiplies with "
                        "the mask as it is: one of Keras' shape does not fit",
                    },
                ),
            ),
            legacy=True,
        ),
    )
}
