"""Layers as functions that compose. Importing this module loads no Keras."""

import kerasplug

__all__ = ["layer_gated_dense", "layer_running_norm"]

#: `layer_gated_dense(x, units=8)` calls the layer; without `x` it is a step of a pipe.
layer_gated_dense = kerasplug.create_layer_wrapper("downstream_pkg.layers:GatedDense")

#: Alike for the running norm.
layer_running_norm = kerasplug.create_layer_wrapper("downstream_pkg.layers:RunningNorm")
