"""What a check says to Keras and its backend, whichever they are.

A check says `engine.run(...)` or `engine.gradients(...)` and never names a backend.
"""

import contextlib
import sys
from collections.abc import Callable, Iterable, Iterator
from typing import Any, NamedTuple

from kerasplug.testing.conformance import arrays
from kerasplug.testing.conformance.check import NotApplicable
from kerasplug.testing.conformance.structures import flatten, mapped

__all__ = ["Call", "Engine", "Gradients"]

#: What a layer is run by: it takes the inputs and gives the outputs.
Call = Callable[[Any], Any]


class Gradients(NamedTuple):
    """Gradients of the projected outputs.

    Args:
        value: the projected outputs, one number.
        weights: for each asked variable its gradient, or None where there is none.
        inputs: the same for each float input, in the order of `flatten`.
    """

    value: float
    weights: list[Any]
    inputs: list[Any]


class Engine:
    """A Keras with its backend: as it is, one that runs eagerly, without gradients.

    Args:
        keras: the Keras module in use.
        name: its backend.
        legacy: whether it is Keras 2.
    """

    #: Whether tensors can hold strings.
    has_strings = False
    #: Whether what is traced is compiled as well.
    tracing_compiles = False
    #: Whether it can trace with sizes that are not known yet.
    traces_unknown = False
    #: Why it does not trace, has no XLA, has no gradients; empty where it does.
    untraced = uncompiled = "this backend runs eagerly only"
    no_gradients = "this backend has no gradients"

    def __init__(self, keras: Any, name: str, *, legacy: bool) -> None:
        self.keras = keras
        self.name = name
        self.legacy = legacy

    # --- tensors -------------------------------------------------------------------

    def tensor(self, array: Any) -> Any:
        """A tensor of the backend; what it has no dtype for stays as it is."""
        if arrays.kind(array) in "SUO":
            return array
        return self.keras.ops.convert_to_tensor(array)

    def fed(self, array: Any) -> Any:
        """An array as `predict` and `fit` take it."""
        return array

    def tensors(self, structure: Any) -> Any:
        """A structure of tensors."""
        return mapped(self.tensor, structure)

    def array(self, tensor: Any) -> Any:
        """A NumPy array of a tensor; bfloat16 comes as float32; dense where sparse."""
        if "bfloat16" in str(getattr(tensor, "dtype", "")):
            tensor = self.keras.ops.cast(tensor, "float32")
        return arrays.as_array(self.keras.ops.convert_to_numpy(tensor))

    def arrays(self, structure: Any) -> Any:
        """A structure of NumPy arrays."""
        return mapped(self.array, structure)

    def dtype(self, tensor: Any) -> str:
        """The dtype's name, of a tensor, a symbolic one or a variable."""
        return str(self.keras.backend.standardize_dtype(tensor.dtype))

    def available(self, dtype: str) -> str:
        """What a tensor gets that is asked for with a dtype."""
        return dtype

    def shape(self, tensor: Any) -> tuple[int | None, ...]:
        """The static shape: None where it is not known."""
        return tuple(None if one is None else int(one) for one in tensor.shape)

    def symbolic(self, batch_shape: tuple[int | None, ...], dtype: str) -> Any:
        """A symbolic input."""
        return self.keras.Input(batch_shape=batch_shape, dtype=dtype)

    def copy(self, tensor: Any) -> Any:
        """A copy of a tensor, symbolic or not."""
        return self.keras.ops.copy(tensor)

    def cast(self, tensor: Any, dtype: str) -> Any:
        """A tensor, or a symbolic one, of another dtype."""
        return self.keras.ops.cast(tensor, dtype)

    def is_tensor(self, value: Any) -> bool:
        """Whether a value is a tensor with values."""
        return bool(self.keras.ops.is_tensor(value))

    # --- variables -----------------------------------------------------------------

    def is_variable(self, value: Any) -> bool:
        """Whether a value is a variable."""
        return isinstance(value, self.keras.Variable)

    def is_layer(self, value: Any) -> bool:
        """Whether a value is a layer."""
        return isinstance(value, self.keras.layers.Layer)

    def layers(self, layer: Any) -> list[Any]:
        """A layer and all layers that it is known to have, at any depth."""
        return list(layer._flatten_layers())  # noqa: SLF001 -- no public way in Keras 2 and 3

    def is_foreign_variable(self, value: Any) -> bool:  # noqa: ARG002 -- of no backend
        """Whether a value is a variable of the backend, which Keras does not track."""
        return False

    def label(self, variable: Any) -> str:
        """What a variable is called in messages."""
        return str(getattr(variable, "path", None) or variable.name)

    def values(self, layer: Any) -> list[Any]:
        """The values of all variables of a layer, the states of its seeds too."""
        return [self.array(one) for one in layer.variables]

    def assign(self, layer: Any, values: list[Any]) -> None:
        """Give all variables of a layer these values."""
        for variable, value in zip(layer.variables, values, strict=True):
            variable.assign(value)

    @contextlib.contextmanager
    def global_policy(self, policy: str) -> Iterator[None]:
        """Inside, this dtype policy is the one of layers that are given none."""
        config = self.keras.config
        before = config.dtype_policy()
        config.set_dtype_policy(policy)
        try:
            yield
        finally:
            config.set_dtype_policy(before)

    # --- computing -----------------------------------------------------------------

    def seed(self, seed: int) -> None:
        """Seed Python, NumPy and the backend."""
        self.keras.utils.set_random_seed(seed)

    def seed_lightly(self, seed: int) -> None:
        """Seed Python and NumPy, on which Keras' initializers and generators draw."""
        arrays.seed(seed)

    def run(self, call: Call, layer: Any, inputs: Any, how: str = "eager") -> Any:
        """The outputs of `call(inputs)`, variables updated as the call does it.

        Args:
            call: what to run; it uses no variables but those of `layer`.
            layer: whose variables these are.
            inputs: a structure of tensors.
            how: `"eager"`; `"traced"` by what the backend traces with; `"xla"`.

        Raises:
            NotApplicable: this backend has no such thing.
        """
        if how == "eager":
            return call(inputs)
        if how == "xla" and self.uncompiled:
            raise NotApplicable(self.uncompiled)
        return self._compiled(call, layer, inputs, how)

    def _compiled(self, *_: Any, **__: Any) -> Any:
        raise NotApplicable(self.untraced)

    def traced(
        self, call: Call, layer: Any, inputs: Any, free: Iterable[int] = ()
    ) -> Call:
        """`call`, traced at its first use and then only where it has to be.

        Args:
            call: what to run; it uses no variables but those of `layer`.
            layer: whose variables these are.
            inputs: a structure of tensors such as it will be called on.
            free: the axes whose sizes are unknown when it is traced, on a backend that
                has such.

        Raises:
            NotApplicable: this backend does not trace.
        """
        return self._traced(call, layer, inputs, set(free))

    def _traced(self, *_: Any, **__: Any) -> Call:
        raise NotApplicable(self.untraced)

    def gradients(
        self, call: Call, layer: Any, inputs: Any, weights: list[Any] | None = None
    ) -> Gradients:
        """The gradients of the outputs, each multiplied by fixed random numbers.

        Args:
            call: takes the inputs and gives the outputs, a structure of tensors.
            layer: whose variables are used.
            inputs: a structure of tensors.
            weights: with respect to these. Default: the trainable ones.

        Raises:
            NotApplicable: the backend has no gradients, or no output is a float.
        """
        chosen = layer.trainable_variables if weights is None else weights
        return self._gradients(call, layer, inputs, chosen)

    def _gradients(self, *_: Any, **__: Any) -> Gradients:
        raise NotApplicable(self.no_gradients)

    def projected(self, outputs: Any) -> Any:
        """One number: the float outputs, each times a fixed random number, summed.

        Raises:
            NotApplicable: no output is a float.
        """
        floats = [one for one in flatten(outputs) if arrays.is_float(self.dtype(one))]
        if not floats:
            reason = "no output is a float"
            raise NotApplicable(reason)
        return sum(self._weighted(one, number) for number, one in enumerate(floats))

    def _weighted(self, output: Any, number: int) -> Any:
        dtype = "float64" if self.dtype(output) == "float64" else "float32"
        weights = arrays.projection(self.shape(output), dtype, number)
        ops = self.keras.ops
        return ops.sum(ops.cast(output, dtype) * ops.convert_to_tensor(weights))

    def value(self, call: Call, inputs: Any) -> float:
        """The projected outputs of `call(inputs)`, without gradients."""
        return float(self.array(self.projected(call(inputs))))

    @contextlib.contextmanager
    def double(self) -> Iterator[None]:
        """Inside, float64 is computed as float64.

        On JAX and PyTorch Keras itself makes float32 of it in many operations, by a
        table. What a layer does is told apart from that by another table.
        """
        module = sys.modules.get("keras.src.backend.common.dtypes")
        table = getattr(module, "BIT64_TO_BIT32_DTYPE", {})
        before = dict(table)
        if "float64" in table:
            table["float64"] = "float64"
        try:
            yield
        finally:
            table.update(before)
