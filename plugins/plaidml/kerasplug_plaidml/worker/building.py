"""The model that this process holds: built from its config, its weights by path."""

from __future__ import annotations

import types
from typing import Any

import computing
import graphs
import numpy as np
import randomness
from keras import backend as K  # noqa: N812 -- as everybody calls it
from keras.engine.network import Network
from keras.models import model_from_config
from keras.utils import CustomObjectScope
from normalization import BatchNormalization
from plaidml.keras import backend as engine

__all__ = ["Built", "check_arrays", "checked_rows", "value_of"]


class Built:
    """A model of Keras 2.2.4, and what has been compiled for it.

    Args:
        config: `{"class_name": ..., "config": ...}` as Keras 2.2.4 writes it.
        code: name of a class -> source of the module that has it.
        seed: of what it draws at random; None: another one each time.

    Raises:
        ValueError: it is no model with inputs, or a source lacks its class.

    Attributes:
        model: Keras' own. Its weights are zeros until they are set.
        random: where its random numbers come from.
        weights: path of a layer, through nested models -> its variables.
    """

    def __init__(self, config: Any, code: Any, seed: Any = None) -> None:
        self.random = randomness.Source(seed)
        known = dict(_classes(code), BatchNormalization=BatchNormalization)
        K.set_learning_phase(0)
        with self.random.drawing("built"), CustomObjectScope(known):
            self.model = model_from_config(config, custom_objects=known)
        if not getattr(self.model, "inputs", None):
            message = "the model has no inputs: its first layer needs batch_input_shape"
            raise ValueError(message)
        self.weights = dict(_weights_of(self.model, ""))
        self._graphs: dict[bool, graphs.Graph] = {}
        self._predicting: dict[int, computing.Function] = {}

    def graph(self, *, training: bool) -> graphs.Graph:
        """The model's outputs, in training or not; made once."""
        if training not in self._graphs:
            name = "training" if training else "inference"
            with self.random.drawing(name):
                self._graphs[training] = graphs.graph_of(self.model, training=training)
        return self._graphs[training]

    def parameters(self) -> int:
        """How many numbers all its weights have, shared ones once."""
        unique = {id(each): each for some in self.weights.values() for each in some}
        return sum(int(np.prod(K.int_shape(each))) for each in unique.values())

    def variables(self) -> dict[str, Any]:
        """The name of each weight, such as "encoder/dense_1:0" -> its variable."""
        return {
            f"{path}:{at}": each
            for path, some in self.weights.items()
            for at, each in enumerate(some)
        }

    def get(self) -> dict[str, np.ndarray[Any, Any]]:
        """All weights."""
        return {name: value_of(each) for name, each in self.variables().items()}

    def set(self, arrays: Any) -> None:
        """Set all weights, or none.

        Args:
            arrays: an array for each name of `variables`.

        Raises:
            ValueError: one is missing, is not known, or has another shape.
        """
        variables = self.variables()
        shapes = {name: K.int_shape(each) for name, each in variables.items()}
        check_arrays("no weights were", shapes, arrays)
        for name, variable in variables.items():
            K.set_value(variable, np.asarray(arrays[name], K.dtype(variable)))

    def inputs(self, arrays: Any) -> list[np.ndarray[Any, Any]]:
        """The arrays `x0`, `x1`, … as the model takes them.

        Raises:
            ValueError: there are too few or too many, or they have other shapes.
        """
        tensors = self.model.inputs
        found = sorted(name for name in arrays if name.startswith("x"))
        if found != sorted(f"x{at}" for at in range(len(tensors))):
            came = ", ".join(found) or "none"
            message = f"the model has {len(tensors)} inputs; what came is {came}"
            raise ValueError(message)
        taken = []
        for at, tensor in enumerate(tensors):
            array = arrays[f"x{at}"]
            _check_shape(f"x{at}", array.shape, K.int_shape(tensor))
            taken.append(np.asarray(array, K.dtype(tensor)))
        return taken

    def predict(self, arrays: Any, batch: int) -> list[np.ndarray[Any, Any]]:
        """The outputs for any number of rows.

        Args:
            arrays: `x0`, `x1`, …
            batch: rows that are computed at once.
        """
        taken = self.inputs(arrays)
        rows = checked_rows({f"x{at}": each for at, each in enumerate(taken)})
        outputs = self.graph(training=False).outputs
        if not rows:
            return [
                np.zeros([size or 0 for size in (0, *K.int_shape(each)[1:])], "float32")
                for each in outputs
            ]
        if batch not in self._predicting:
            self._predicting[batch] = computing.Function(self.model.inputs, outputs)
        return computing.in_pieces(self._predicting[batch], taken, batch, len(outputs))


def value_of(variable: Any) -> np.ndarray[Any, Any]:
    """What a variable is; Keras' own way compiles a function for each of them."""
    return np.array(variable.var.as_ndarray(engine._ctx))  # noqa: SLF001 -- no other way


def check_arrays(what: str, shapes: Any, arrays: Any) -> None:
    """Nothing, where there is an array of the right shape for each name.

    Args:
        what: what is not going to be set otherwise, such as "no weights were".
        shapes: name -> shape.
        arrays: name -> array.

    Raises:
        ValueError: one is missing, is not known, or has another shape.
    """
    missing, strange = set(shapes) - set(arrays), set(arrays) - set(shapes)
    if missing or strange:
        message = (
            f"{what} set: {len(missing)} are missing ({_few(missing)}), "
            f"{len(strange)} are not known ({_few(strange)})"
        )
        raise ValueError(message)
    for name, wanted in shapes.items():
        found = tuple(arrays[name].shape)
        if found != wanted:
            message = f"{what} set: {name} has the shape {found}, it needs {wanted}"
            raise ValueError(message)


def checked_rows(arrays: Any) -> int:
    """How many rows the arrays have, all of them equally many.

    Raises:
        ValueError: they differ.
    """
    rows = {name: len(each) for name, each in arrays.items()}
    if len(set(rows.values())) > 1:
        told = ", ".join(f"{name} {count}" for name, count in sorted(rows.items()))
        message = f"the arrays have different numbers of rows: {told}"
        raise ValueError(message)
    return next(iter(rows.values()))


def _few(names: Any) -> str:
    return ", ".join(sorted(names)[:3]) or "none"


def _check_shape(name: str, found: Any, wanted: Any) -> None:
    fits = len(found) == len(wanted) and all(
        size is None or size == there
        for size, there in zip(wanted[1:], found[1:])  # noqa: B905 -- Python 3.7 has no `strict`
    )
    if not fits:
        message = (
            f"{name} has rows of shape {tuple(found[1:])}; the model takes {wanted[1:]}"
        )
        raise ValueError(message)


def _classes(code: Any) -> dict[str, Any]:
    """Classes out of the sources of modules; equal sources are run once."""
    modules: dict[str, Any] = {}
    found = {}
    for name, source in code.items():
        if source not in modules:
            module = types.ModuleType(f"kerasplug_code_{len(modules)}")
            exec(compile(source, f"<source of {name}>", "exec"), module.__dict__)  # noqa: S102 -- the source is an installed plugin's
            modules[source] = module
        if not hasattr(modules[source], name):
            message = f"the source that came for {name} has no class of that name"
            raise ValueError(message)
        found[name] = getattr(modules[source], name)
    return found


def _weights_of(model: Any, prefix: str) -> Any:
    """Pairs of a layer's path and its variables, for layers that have some."""
    for layer in model.layers:
        path = prefix + layer.name
        if isinstance(layer, Network):
            yield from _weights_of(layer, path + "/")
        elif layer.weights:
            yield path, list(layer.weights)
