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
                ),
                Layer(
                    "bayesflow.networks.summary.transformers.attention:SetAttention",
                    {
                        "init_kwargs": {"embed_dim": 8, "num_heads": 2},
                        "input_shape": (2, 5, 8),
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
                    "keras_hub.layers:PositionEmbedding",
                    {"init_kwargs": {"sequence_length": 7}, "input_shape": (2, 5, 4)},
                ),
                Layer(
                    "keras_hub.layers:RotaryEmbedding",
                    {"input_shape": (2, 5, 4)},
                ),
                Layer(
                    "keras_hub.layers:SinePositionEncoding",
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
                ),
                Layer(
                    "kgcnn.layers.mlp:MLP",
                    {
                        "init_kwargs": {"units": [4, 3], "activation": "relu"},
                        "input_shape": (2, 4),
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
                ),
                Layer(
                    "ncps.keras:LTC",
                    {"init_kwargs": {"units": 4}, "input_shape": (2, 5, 3)},
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
                ),
                Layer(
                    "keras_self_attention:SeqWeightedAttention",
                    {"input_shape": (2, 5, 4)},
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
                        "input_shape": (2, 4),
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
                ),
            ),
            legacy=True,
        ),
    )
}
