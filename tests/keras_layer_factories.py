"""Layers that take layers or functions: each call makes them new. Loads no Keras.

Each factory takes the arguments of its class, and has a default for those that are
layers, since one instance must not be shared between the layers that a check makes.
"""

from typing import Any

from kerasplug.implementation import implementation

__all__ = [
    "bidirectional",
    "double",
    "jax_layer",
    "lambda_layer",
    "pipeline",
    "rnn",
    "rnn_of_stacked_cells",
    "scale_of",
    "scaled",
    "spectral_normalization",
    "stacked_rnn_cells",
    "time_distributed",
]


def _layers() -> Any:
    return implementation().layers


def _made(name: str, default: str, inner: Any, arguments: dict[str, Any]) -> Any:
    if default not in arguments:
        arguments = {default: inner(), **arguments}
    return getattr(_layers(), name)(**arguments)


def bidirectional(**arguments: Any) -> Any:
    """A `Bidirectional` LSTM."""
    return _made("Bidirectional", "layer", lambda: _layers().LSTM(3), arguments)


def time_distributed(**arguments: Any) -> Any:
    """A `TimeDistributed` Dense."""
    return _made("TimeDistributed", "layer", lambda: _layers().Dense(3), arguments)


def spectral_normalization(**arguments: Any) -> Any:
    """A `SpectralNormalization` of a Dense."""
    return _made(
        "SpectralNormalization", "layer", lambda: _layers().Dense(3), arguments
    )


def rnn(**arguments: Any) -> Any:
    """An `RNN` over one cell."""
    return _made("RNN", "cell", lambda: _layers().GRUCell(3), arguments)


def rnn_of_stacked_cells(**arguments: Any) -> Any:
    """An `RNN` over several cells."""
    return _made("RNN", "cell", stacked_rnn_cells, arguments)


def _two_cells() -> list[Any]:
    return [_layers().SimpleRNNCell(3), _layers().GRUCell(2)]


def stacked_rnn_cells(**arguments: Any) -> Any:
    """`StackedRNNCells` of two kinds."""
    return _made("StackedRNNCells", "cells", _two_cells, arguments)


def _two_steps() -> list[Any]:
    return [_layers().Rescaling(2.0), _layers().RandomFlip(seed=1)]


def pipeline(**arguments: Any) -> Any:
    """A `Pipeline` of two steps."""
    return _made("Pipeline", "layers", _two_steps, arguments)


def double(inputs: Any) -> Any:
    """Twice the inputs: what a `Lambda` computes."""
    return inputs * 2.0


def lambda_layer(**arguments: Any) -> Any:
    """A `Lambda` of a function."""
    return _made("Lambda", "function", lambda: double, arguments)


def scaled(params: Any, inputs: Any) -> Any:
    """The inputs times a parameter: what a `JaxLayer` computes."""
    return inputs * params["scale"]


def scale_of(rng: Any, inputs: Any) -> Any:
    """The parameter of `scaled`."""
    import jax

    return {"scale": 1.0 + jax.random.uniform(rng, inputs.shape[-1:])}


def jax_layer(**arguments: Any) -> Any:
    """A `JaxLayer` of two functions."""
    given = {"init_fn": scale_of, **arguments}
    return _made("JaxLayer", "call_fn", lambda: scaled, given)
