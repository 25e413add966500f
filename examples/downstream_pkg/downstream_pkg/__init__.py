"""A complete example of a package that extends Keras through kerasplug.

Importing it imports no Keras: each public name is loaded on its first use.
"""

from typing import TYPE_CHECKING

import kerasplug

if TYPE_CHECKING:
    from downstream_pkg.activations import squared_relu as squared_relu
    from downstream_pkg.applications import tiny_mlp as tiny_mlp
    from downstream_pkg.callbacks import BestKeeper as BestKeeper
    from downstream_pkg.datasets import two_spirals as two_spirals
    from downstream_pkg.layers import GatedDense as GatedDense
    from downstream_pkg.layers import RunningNorm as RunningNorm
    from downstream_pkg.wrappers import layer_gated_dense as layer_gated_dense
    from downstream_pkg.wrappers import layer_running_norm as layer_running_norm

kerasplug.lazy_exports(
    __name__,
    {
        "BestKeeper": ".callbacks",
        "GatedDense": ".layers",
        "RunningNorm": ".layers",
        "layer_gated_dense": ".wrappers",
        "layer_running_norm": ".wrappers",
        "squared_relu": ".activations",
        "tiny_mlp": ".applications",
        "two_spirals": ".datasets",
    },
)
